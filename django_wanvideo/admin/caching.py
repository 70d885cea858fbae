"""What several pages in a row may share for some seconds; a cache that is away costs time and breaks nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.cache import cache
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
logger = logging.getLogger(__name__)


class _Shared:
    """The site's cache, and whether it was last seen away."""

    is_away = False

    def get(self, key: str) -> Any:
        """Return what is kept, or ``None``."""
        try:
            value = cache.get(key)
        except Exception as error:
            self._note(error)
            return None
        if value is not None:
            self.is_away = False
        return value

    def set(self, key: str, value: Any, seconds: int) -> None:
        """Keep a value, if that is possible."""
        try:
            cache.set(key, value, seconds)
        except Exception as error:
            self._note(error)
        else:
            self.is_away = False

    def _note(self, error: Exception) -> None:
        """Log once for each time that it goes away: lists are opened often."""
        if not self.is_away:
            logger.warning("The site’s cache does not answer; the admin goes on without it.", exc_info=error)
        self.is_away = True


_shared = _Shared()


def remembered(key: str, seconds: int, look: Callable[[], T], *, anew: bool = False) -> T:
    """Return what ``look`` returned lately under ``key``, or look now, as ``anew`` asks. ``None`` is never remembered."""
    value: T | None = None if anew else _shared.get(key)
    if value is None or _is_stale(_shared.get(_time_of(key)), seconds):
        value = look()
        _shared.set(key, value, seconds)
        _shared.set(_time_of(key), timezone.now().timestamp(), seconds)
    return value


def _time_of(key: str) -> str:
    return f"{key}:at"


def _is_stale(written: Any, seconds: int) -> bool:
    """Tell whether a clock that was ahead has kept something for longer than was meant."""
    return isinstance(written, float) and abs(timezone.now().timestamp() - written) > seconds + 1
