"""Errors that host projects may meet. Errors of EvoLink's API live in ``evolink.errors``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from decimal import Decimal


class WanVideoError(Exception):
    """Base of everything that this app raises on purpose."""


class NotPossible(WanVideoError):  # noqa: N818 - reads as a sentence: except NotPossible
    """The task's present status does not allow what was asked. The message says why and what to do."""


class ConfigurationError(WanVideoError):
    """A setting that this step needs is missing or wrong. The message names the setting."""


class BudgetExceeded(WanVideoError):  # noqa: N818 - reads as a sentence: except BudgetExceeded
    """A limit on credits does not let a task be sent. The message says which and what to do.

    ``limit`` and ``used`` are credits; ``used`` includes what waits in the queue. ``resets_at`` is when the limit begins
    anew, ``None`` where the price is more than it allows at all. ``period`` is ``day``, ``week`` or ``month``, ``scope``
    is ``site`` or ``user``.
    """

    def __init__(
        self, message: str, limit: Decimal, used: Decimal, resets_at: dt.datetime | None, period: str, scope: str
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.used = used
        self.resets_at = resets_at
        self.period = period
        self.scope = scope

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the figures where the error travels between processes."""
        return type(self), (str(self), self.limit, self.used, self.resets_at, self.period, self.scope)
