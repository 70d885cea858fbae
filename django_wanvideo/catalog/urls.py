"""Checks of addresses that somebody gives as an input, and the form in which they are sent."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from urllib.parse import quote, urlsplit, urlunsplit

import idna
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.text import SURROGATE, wrong_kind

#: Characters, as for EvoLink's other addresses.
MAX_URL_LENGTH = 2048

#: urlsplit drops some of these silently, so what was checked would not be what is sent.
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\<>\"]")
#: Drawn as nothing although they count as letters, marks or symbols.
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0")
_PATH_SAFE = "!$%&'()*+,/:;=@~"
_QUERY_SAFE = _PATH_SAFE + "?[]"


def check_url(url: object) -> None:
    """Raise ValidationError, with what to do, unless ``url`` is an http or https address that can be passed on.

    Whether anything answers there is for EvoLink to find out. No message repeats a password.
    """
    if not isinstance(url, str):
        raise wrong_kind(_("Give the link as text; got %(value)s."), url)
    if not url:
        raise ValidationError(_("Give a link that begins with https://."), "required")
    _check_characters(url)
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
        message = _("The link contains a name or password. Use a link that anyone can open, or upload the file.")
        raise ValidationError(message, "credentials")
    length = len(sendable(url))
    if length > MAX_URL_LENGTH:
        message = _("The link has %(length)s characters; at most %(limit)s can be sent. Upload the file instead.")
        raise ValidationError(message, "max_length", {"length": length, "limit": MAX_URL_LENGTH})


def sendable(url: str) -> str:
    """Return a link as machines read it: the site's name in punycode, all else beyond ASCII percent-encoded.

    What is ASCII already stays as it is, since the link may be signed. Raises ValidationError for a name that no site
    can have.
    """
    if url.isascii():
        return url
    parts = urlsplit(url)
    name = ascii_host(parts.hostname or "")
    host = f"[{name}]" if ":" in name else name
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    rest = (quote(part, safe=_QUERY_SAFE) for part in (parts.query, parts.fragment))
    return urlunsplit((parts.scheme, netloc, quote(parts.path, safe=_PATH_SAFE), *rest))


def ascii_host(host: str) -> str:
    """Return the name of a site in punycode and lower case. Raises ValidationError for one that no site can have."""
    if host.isascii():
        return host.lower()
    with suppress(UnicodeError):
        return idna.encode(host, uts46=True).decode("ascii")
    try:
        # An older standard, which has names of symbols that the newer one leaves out and some sites still have.
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        message = _("The link’s site has a name that no site can have. Copy the link again, or upload the file.")
        raise ValidationError(message, "host") from None


def _check_characters(url: str) -> None:
    for place, character in enumerate(url, start=1):
        kind = unicodedata.category(character)
        if kind in {"Zs", "Zl", "Zp"}:
            message = _("The link contains a space, at character %(place)s. Copy it again: in a link a space is %%20.")
        elif kind == "Cf" or character in _BLANK_LETTERS:
            message = _(
                "The link contains a character that cannot be seen (%(code)s), at character %(place)s. Copy it again "
                "from the page itself, or upload the file."
            )
        elif _UNSENDABLE.match(character) or SURROGATE.match(character):
            message = _("The link contains characters that no link can have. Copy it again, or upload the file.")
        else:
            continue
        raise ValidationError(message, "invalid_characters", {"place": place, "code": f"U+{ord(character):04X}"})
