"""Checks of addresses that somebody gives as an input."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.words import SURROGATE, shown

#: Characters, as for EvoLink's other addresses.
MAX_URL_LENGTH = 2048

#: urlsplit drops some of these silently, so what was checked would not be what is sent.
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\\<>\"]")


def check_url(url: object) -> None:
    """Raise ValidationError, with what to do, unless ``url`` is an http or https address that can be passed on.

    Whether anything answers there is for EvoLink to find out. No message repeats a password.
    """
    if not isinstance(url, str):
        raise ValidationError(_("Give the link as text; got %(value)s."), "invalid", {"value": shown(url)})
    if not url:
        raise ValidationError(_("Give a link that begins with https://."), "required")
    if len(url) > MAX_URL_LENGTH:
        raise ValidationError(
            _("The link has %(length)s characters; at most %(limit)s can be sent. Upload the file instead."),
            "max_length",
            {"length": len(url), "limit": MAX_URL_LENGTH},
        )
    if _UNSENDABLE.search(url) or SURROGATE.search(url):
        raise ValidationError(
            _("The link contains spaces or characters that no link can have. Copy it again, or upload the file."),
            "invalid_characters",
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValidationError(_("This is no complete link. Copy it again, or upload the file."), "invalid") from None
    if parts.scheme not in {"http", "https"}:
        raise ValidationError(_("The link must begin with https:// or http://. Upload the file otherwise."), "scheme")
    if not host.strip(".") or port == 0:
        raise ValidationError(_("The link names no site. It must look like https://example.com/picture.jpg."), "host")
    if "@" in parts.netloc:
        raise ValidationError(
            _("The link contains a name or password. Use a link that anyone can open, or upload the file."),
            "credentials",
        )
