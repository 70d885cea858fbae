"""What this process calls the installation that it belongs to."""

from __future__ import annotations

from urllib.parse import urlsplit

from django_wanvideo.conf import conf


def name() -> str:
    """Return the name that the site has given; empty when there is none."""
    return str(conf.INSTALLATION or "").strip()


def host() -> str:
    """Return the host of ``CALLBACK_BASE_URL``, without its port; empty when there is none."""
    try:
        return (urlsplit(str(conf.CALLBACK_BASE_URL or "")).hostname or "").lower()[:255]
    except ValueError:
        return ""


def here() -> str:
    """Return what people are told of this process."""
    return name() or host() or "a process without INSTALLATION"
