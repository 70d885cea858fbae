"""Taking a copied or restored database over: what waits is looked up first, so that nothing is sent twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Max
from django.utils import timezone

from django_wanvideo.choices import IN_FLIGHT_STATUSES, AttemptState, CreditOutcome, EventKind, EventSource, TaskStatus
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.models import Attempt, CallbackReceipt, CreditEntry, TaskEvent, VideoTask, lifecycle
from django_wanvideo.services.attempts import settlement
from django_wanvideo.services.installation import installation
from django_wanvideo.services.provider import provider
from django_wanvideo.services.resolution.matching import CLOCK_SKEW
from django_wanvideo.services.tracking import unmatched

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from django_wanvideo.evolink.types import TaskSnapshot
    from django_wanvideo.services.installation.installation import Guard

#: Pages of EvoLink's list that are read at most for one model.
MOST_PAGES = 40


class NotLookedUp(Exception):  # noqa: N818 - says what could not be done, and why
    """EvoLink could not be asked what it has, so nobody knows what was sent."""


@dataclass
class Plan:
    """What taking the database over would do."""

    guard: Guard
    #: Nothing speaks for their having been sent.
    unsent: list[VideoTask] = field(default_factory=list)
    #: May have been sent; with the number of the attempt that the database has forgotten.
    doubtful: list[tuple[VideoTask, int]] = field(default_factory=list)
    #: Why EvoLink could not be asked; empty when it was.
    not_looked_up: str = ""
    #: How many tasks are, or may be, at EvoLink and would be followed.
    followed: int = 0
    storing: int = 0
    untold: int = 0

    @property
    def credits(self) -> Decimal:
        """The price of what would be sent."""
        return sum((task.credits_estimated or Decimal(0) for task in self.unsent), Decimal(0))

    @property
    def is_copy(self) -> bool:
        """Whether the rows were made by another installation."""
        return self.guard.is_foreign or self.guard.others_until is not None


def plan() -> Plan:
    """Look up, free of charge, every task that waits to be sent or was about to be; changes nothing."""
    made = Plan(installation.look_before_sending())
    tasks = list(
        VideoTask.objects.filter(status__in=[TaskStatus.QUEUED, TaskStatus.SUBMITTING])
        .annotate(last=Max("attempts__number"))
        .order_by("queued_at", "created_at")
    )
    try:
        listed = _unknown_at_evolink(tasks)
    except NotLookedUp as error:
        made.not_looked_up, listed = str(error), None
    for task in tasks:
        if number := _sent_as(task, listed):
            made.doubtful.append((task, number))
        else:
            made.unsent.append(task)
    statuses = VideoTask.objects.order_by().values_list("status", flat=True)
    made.followed = statuses.filter(status__in=IN_FLIGHT_STATUSES - {TaskStatus.SUBMITTING}).count()
    made.storing = statuses.filter(status=TaskStatus.STORING).count()
    made.untold = TaskEvent.objects.filter(notify_at__isnull=False).count()
    return made


def carry_out(made: Plan, *, hold: bool) -> None:
    """Settle what may have been sent, then make the database this installation's own.

    Args:
        hold: turn all that is queued into drafts, so that nothing is sent before somebody says so again.

    Raises:
        NotLookedUp: EvoLink could not be asked, and nothing is held.
    """
    if made.not_looked_up and not hold:
        raise NotLookedUp(made.not_looked_up)
    for task, number in [*made.doubtful, *((task, 0) for task in made.unsent if hold)]:
        if task.status == TaskStatus.SUBMITTING:
            _unconfirm(task)
        elif hold:
            _make_draft(task, may_have_been_sent=bool(number))
        else:
            attempt = unmatched.give_back(task.pk, number, source=EventSource.APPLICATION)
            if attempt is not None:
                # What EvoLink has called about it meanwhile is read again, now that there is something to tie it to.
                CallbackReceipt.objects.filter(attempt_id=attempt.pk).update(process_at=timezone.now())
    installation.take_over(is_copy=made.is_copy)


def _unconfirm(task: VideoTask) -> None:
    attempt = Attempt.objects.filter(task=task, state=AttemptState.CLAIMED).select_related("task").first()
    if attempt is not None:
        settlement.mark_unconfirmed(attempt, RuntimeError("forgotten"))


def _make_draft(task: VideoTask, *, may_have_been_sent: bool) -> None:
    lifecycle.advance(
        task,
        TaskStatus.DRAFT,
        kind=EventKind.NOTE,
        detail={"reason": "adopted"} | ({"may_have_been_sent": True} if may_have_been_sent else {}),
        queued_at=None,
        next_action_at=None,
        delayed_until=None,
        delay_reason="",
    )


def _sent_as(task: VideoTask, listed: dict[str, list[TaskSnapshot]] | None) -> int:
    """Return the number of the attempt as which a task may have been sent; 0 when nothing speaks for that."""
    last = task.last or 0  # type: ignore[attr-defined]  # annotated
    if task.status == TaskStatus.SUBMITTING:
        claimed = Attempt.objects.filter(task=task, state=AttemptState.CLAIMED).first()
        if claimed is None or claimed.sent_at is not None:
            return last
        since = claimed.claimed_at
    else:
        since = task.queued_at or task.created_at
        ids = unmatched.forgotten_ids(task.pk, last)
        if (known := _heard_of(ids)) is not None:
            return ids[known]
        last += 1
    if listed is None:
        return last
    begun = [item.created for item in listed.get(task.model, [])]
    return last if any(created is None or created >= since - CLOCK_SKEW for created in begun) else 0


def _heard_of(ids: dict[uuid.UUID, int]) -> uuid.UUID | None:
    """Return which of a task's attempts EvoLink has called about, or the ledger remembers as sent."""
    called = CallbackReceipt.objects.filter(attempt_id__in=ids).values_list("attempt_id", flat=True).first()
    entries = CreditEntry.objects.filter(pk__in=ids).exclude(outcome=CreditOutcome.RELEASED)
    return called or entries.values_list("pk", flat=True).first()


def _unknown_at_evolink(tasks: list[VideoTask]) -> dict[str, list[TaskSnapshot]]:
    """Return, by model, the videos at EvoLink that no task here knows, back to when the first of ``tasks`` was queued."""
    first: dict[str, dt.datetime] = {}
    for task in tasks:
        since = task.queued_at or task.created_at
        first[task.model] = min(since, first.get(task.model, since))
    try:
        found = {model: _list(model, since) for model, since in first.items()}
    except (provider.ProviderUnavailable, EvoLinkError) as error:
        raise NotLookedUp(str(error)) from error
    return {model: provider.unknown_here(items) for model, items in found.items()}


def _list(model: str, since: dt.datetime) -> list[TaskSnapshot]:
    found, back_to = provider.read_list(provider.client(), model, since - CLOCK_SKEW, most_pages=MOST_PAGES)
    if back_to >= since - CLOCK_SKEW:
        raise NotLookedUp(f"its list was not read back to {timezone.localtime(since):%Y-%m-%d %H:%M}; it is too long")
    return found
