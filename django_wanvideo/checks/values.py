"""Checks of each setting's value by itself."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error

from django_wanvideo.conf import conf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A host name, or with "." or "*." before it all names that end so; an address of IPv6 stands without brackets.
_HOST = re.compile(r"(\*?\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) and 0 < float(value) < float("inf")


def _is_positive_whole(value: Any) -> bool:
    return isinstance(value, int) and _is_positive(value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 100


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) and item for item in value)


def _or_none(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_right(value)


_SECONDS = _is_positive, "a positive number of seconds"
_COUNT = _or_none(_is_positive_whole), "a positive whole number or None"
_CREDITS = _or_none(_is_positive), "a positive number of credits or None"
_SWITCH = _is_switch, "True or False"
_TEXTS = _are_texts, "a list of strings"
#: By setting: whether a value is right, and what it must be.
VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "INSTALLATION": (_or_none(_is_name), 'a name of at most 100 characters, such as "production"'),
    "NOTIFY": (_or_none(callable), "a callable that takes an event and returns users or None"),
    "CONNECT_TIMEOUT": _SECONDS,
    "READ_TIMEOUT": _SECONDS,
    "POLL_INTERVAL": _SECONDS,
    "POLL_DEADLINE": _SECONDS,
    "UNCONFIRMED_DEADLINE": _SECONDS,
    "DOWNLOAD_DEADLINE": _SECONDS,
    "MAX_VIDEO_BYTES": (_is_positive_whole, "a positive whole number of bytes"),
    "MAX_IN_FLIGHT": _COUNT,
    "MAX_SUBMITS_PER_MINUTE": _COUNT,
    "DAILY_CREDIT_LIMIT": _CREDITS,
    "USER_DAILY_CREDIT_LIMIT": _CREDITS,
    "VERIFY_CALLBACKS": _SWITCH,
    "ALLOW_PRIVATE_HOSTS": _SWITCH,
    "TRUST_IDEMPOTENCY_KEY": _SWITCH,
    "BATCH_READ": _SWITCH,
    "CALLBACK_KEYS": _TEXTS,
    "RESULT_HOSTS": _TEXTS,
}


def values() -> Iterator[CheckMessage]:
    """Yield an error for each value that cannot be used."""
    for name, (is_right, wanted) in VALUES.items():
        if not is_right(getattr(conf, name)):
            yield bad_value(name, wanted)
    if _are_texts(conf.RESULT_HOSTS):
        for host in conf.RESULT_HOSTS:
            if not _HOST.fullmatch(host):
                yield bad_value("RESULT_HOSTS", f'a list of host names such as ".evolink.ai", which {host!r} is not')


def credit_limits() -> Iterator[CheckMessage]:
    """Yield an error for limits that cannot be read."""
    # The services need the models, which are not there yet when checks are registered.
    from django_wanvideo.services.limits import credit_limits

    if callable(conf.CREDIT_LIMITS):
        return
    try:
        credit_limits.parse(conf.CREDIT_LIMITS)
    except ValueError as error:
        shape = '{"site": {"month": 5000}, "user": {"week": 200}}'
        yield bad_value("CREDIT_LIMITS", f"credits by period, such as {shape}, or a callable of the user; {error}")


def bad_value(name: str, wanted: str) -> CheckMessage:
    """Say what a setting must be."""
    return Error(f"WANVIDEO['{name}'] must be {wanted}.", hint="Leave it out to use the default.", id="wanvideo.E011")
