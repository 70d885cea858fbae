"""Errors that host projects may meet. Errors of EvoLink's API live in ``evolink.exceptions``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Sequence
    from decimal import Decimal

    from django_wanvideo.models import Approval, VideoTask


class WanVideoError(Exception):
    """Base of everything that this app raises on purpose."""


class TransitionNotAllowed(WanVideoError):  # noqa: N818 - what django-fsm calls it
    """The task's present status does not allow what was asked. The message says why and what to do.

    ``action`` names what was asked (``submit``, ``cancel``, …) and ``status`` is the task's as it was read; both are empty
    where they play no part.
    """

    def __init__(self, message: str, *, status: str = "", action: str = "") -> None:
        super().__init__(message)
        self.status = str(status)
        self.action = action

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep what was asked where the error travels between processes."""
        return partial(type(self), status=self.status, action=self.action), (str(self),)


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


class ApprovalRequired(WanVideoError):  # noqa: N818 - reads as a sentence: except ApprovalRequired
    """It costs more than is sent without a second person (``APPROVAL_ABOVE``). Nothing was sent; it waits for approval.

    ``approval`` is what was asked for; in a transaction that this error ends it is not kept. ``credits`` is what one
    press or call would have sent together, ``limit`` what may be sent without anybody else.
    """

    def __init__(self, message: str, approval: Approval) -> None:
        super().__init__(message)
        self.approval = approval
        self.credits: Decimal = approval.credits
        self.limit: Decimal = approval.limit

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep what was asked for where the error travels between processes."""
        return type(self), (str(self), self.approval)


class IdempotencyConflict(WanVideoError):  # noqa: N818 - what payments call it
    """A caller's key has made a task already, and not the one that is asked for now. Nothing was made.

    ``task`` is the one that the key has made, and ``fields`` are the names of what differs. Where that task was deleted
    ``task`` is ``None``, and ``created_at`` and ``deleted_at`` say when it was made and deleted.
    """

    def __init__(
        self,
        message: str,
        *,
        task_id: uuid.UUID,
        created_at: dt.datetime,
        task: VideoTask | None = None,
        fields: Sequence[str] = (),
        deleted_at: dt.datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.task_id = task_id
        self.task = task
        self.fields = list(fields)
        self.created_at = created_at
        self.deleted_at = deleted_at


class EditConflict(WanVideoError):  # noqa: N818 - what it is: two edits of one draft
    """What was to be changed is not any more what the caller saw when it began: a draft, or the pick of several takes.

    Nothing was changed.
    """
