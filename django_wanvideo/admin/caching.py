"""What several pages in a row may share for some seconds; a cache that is away costs time and breaks nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.cache import cache
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: Whether the site's cache was last seen away. It is logged once each time: lists are opened often.
_is_away = False


def cached(key: str, seconds: int, make: Callable[[], T], *, anew: bool = False) -> T:
    """Return what ``make`` returned in the last ``seconds`` under ``key``, or make it now, as ``anew`` asks."""
    # With the time, because a clock that was ahead would have it kept for longer than was meant.
    kept = None if anew else _try(lambda: cache.get(key))
    if kept is not None and abs(timezone.now().timestamp() - kept[0]) <= seconds + 1:
        found: T = kept[1]
        return found
    value = make()
    keep(key, value, seconds)
    return value


def keep(key: str, value: Any, seconds: int) -> None:
    """Keep ``value`` under ``key`` for others, if that is possible."""
    _try(lambda: cache.set(key, (timezone.now().timestamp(), value), seconds), is_proof=True)


def once(request: HttpRequest, name: str, make: Callable[[], T]) -> T:
    """Return what ``make`` returned earlier for this request, or make it now."""
    kept: dict[str, T] = vars(request).setdefault("wanvideo", {})
    if name not in kept:
        kept[name] = make()
    return kept[name]


def _try(ask: Callable[[], Any], *, is_proof: bool = False) -> Any:
    global _is_away  # noqa: PLW0603 - one mark for the process
    try:
        answer = ask()
    except Exception as error:
        if not _is_away:
            logger.warning("The site’s cache does not answer; the admin goes on without it.", exc_info=error)
        _is_away = True
        return None
    _is_away = _is_away and not is_proof
    return answer
