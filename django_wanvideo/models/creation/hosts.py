"""Whether EvoLink can reach the site of a link, judged by its name alone: nothing is looked up."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.catalog import urls
from django_wanvideo.conf import conf
from django_wanvideo.downloads.urls import is_public

#: Ends of names that mean something in one network only.
_PRIVATE_ENDS = (
    ".localhost",
    ".localdomain",
    ".local",
    ".internal",
    ".intranet",
    ".private",
    ".corp",
    ".home",
    ".lan",
    ".home.arpa",
)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
#: What a name that is looked up can consist of.
_NAME = re.compile(r"[a-z0-9_.-]+")


def check_public(url: str) -> None:
    """Raise ValidationError for a link to this machine or to a private network, however its address is written.

    ``ALLOW_PRIVATE_HOSTS`` lets them pass.
    """
    if conf.ALLOW_PRIVATE_HOSTS:
        return
    host = urls.ascii_host(unquote(urlsplit(url).hostname or ""))
    # A name may become another one when its odd dots and digits are read.
    name = host.rstrip(".")
    try:
        is_open = _is_open(name)
    except ValueError:
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
        return is_public(_ipv4(labels))
    if not _NAME.fullmatch(name) or "" in labels:
        raise ValueError(name)
    return len(labels) > 1 and not f".{name}".endswith(_PRIVATE_ENDS)


def _ipv4(labels: list[str]) -> IPv4Address:
    """Return the address that one to four numbers stand for; they may be decimal, octal or hexadecimal.

    Raises ValueError.
    """
    if len(labels) > 4:
        raise ValueError(labels)
    *high, low = [_number(label) for label in labels]
    if any(number > 255 for number in high) or low >= 256 ** (4 - len(high)):
        raise ValueError(labels)
    return IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(high)) + low)


def _number(label: str) -> int:
    if not _NUMBER.fullmatch(label) or len(label) > 20:
        raise ValueError(label)
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if len(label) > 1 and label.startswith("0") else 10)
