"""Links that are given as inputs, judged by how they are written; nothing is looked up or opened."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address
from socket import inet_aton
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.catalog import urls
from django_wanvideo.conf import conf
from django_wanvideo.downloads.urls import is_public

#: What tells a link from a path; a single letter is a drive.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
#: Ends of names that mean something in one network only.
_PRIVATE_END = re.compile(r"\.(localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa)\Z")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
#: What a name that is looked up can consist of.
_NAME = re.compile(r"[a-z0-9_.-]+")


def checked(given: str) -> str:
    """Return a link as it is kept. Raises ValidationError for one that EvoLink could not open."""
    url = given.strip()
    if url and not _SCHEME.match(url):
        message = _(
            "The link must begin with https:// or http://. In Python, give a file opened for reading, or its path as "
            "pathlib.Path."
        )
        raise ValidationError(message, code="scheme")
    urls.check_url(url)
    check_public(url)
    return url


def check_public(url: str) -> None:
    """Raise ValidationError for a link to this machine or to a private network, however its address is written.

    It is judged by its name alone, nothing is looked up. ``ALLOW_PRIVATE_HOSTS`` lets all pass.
    """
    if conf.ALLOW_PRIVATE_HOSTS:
        return
    # A name may become another one when its odd dots and digits are read.
    name = urls.ascii_host(unquote(urlsplit(url).hostname or "")).rstrip(".")
    try:
        is_open = _is_open(name)
    except (ValueError, OSError):
        message = _("The link’s site has an address that no site can have. Copy the link again, or upload the file.")
        raise ValidationError(message, code="host") from None
    if not is_open:
        message = _(
            "The link leads to this machine or a private network, where EvoLink cannot read it. Upload the file."
        )
        raise ValidationError(message, code="private_host")


def _is_open(name: str) -> bool:
    if ":" in name:
        return is_public(ip_address(name))
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        if not all(map(_NUMBER.fullmatch, labels)):
            raise ValueError(name)
        # One to four numbers, each decimal, octal or hexadecimal.
        return is_public(IPv4Address(inet_aton(name)))
    if not _NAME.fullmatch(name) or "" in labels:
        raise ValueError(name)
    return len(labels) > 1 and not _PRIVATE_END.search(f".{name}")
