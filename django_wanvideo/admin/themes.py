"""Which admin the pages stand in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.contrib import admin
from django.template.loader import get_template

if TYPE_CHECKING:
    from django.http import HttpRequest


def is_stock() -> bool:
    """Tell whether the pages stand in Django's own admin rather than in a theme with parts of its own."""
    template: Any = get_template("admin/base.html")
    return Path(admin.__file__).parent in Path(template.origin.name).parents


def frame(model_admin: Any, request: HttpRequest, title: str) -> dict[str, Any]:
    """Return what each page of our own needs to stand in the admin."""
    return {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "media": model_admin.media,
        # Django 6.1 made a list of the links above a page.
        "wanvideo": {"is_stock": is_stock(), "crumbs_are_a_list": django.VERSION >= (6, 1)},
    }
