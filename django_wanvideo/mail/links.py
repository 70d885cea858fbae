"""Absolute addresses of pages, for mails."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse

from django_wanvideo.conf import conf


def page(name: str, *args: Any) -> str:
    """Return the public address of a page of the admin; empty where the site has none, or has not said where it is."""
    base = conf.SITE_URL or conf.CALLBACK_BASE_URL
    if not base:
        return ""
    try:
        return base.rstrip("/") + reverse(f"admin:wanvideo_{name}", args=args)
    except NoReverseMatch:
        return ""
