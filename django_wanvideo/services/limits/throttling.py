"""The site's own limits on sending: how many at once, how many a minute, how many credits in a day, week or month."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.db import timestamps
from django_wanvideo.exceptions import BudgetExceeded, ConfigurationError
from django_wanvideo.models import Attempt, CreditEntry, VideoTask
from django_wanvideo.services.holds import lock
from django_wanvideo.services.holds.lock import Delay
from django_wanvideo.services.limits import budget, credit_limits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from django.db.models import QuerySet

    from django_wanvideo.models import SiteState
    from django_wanvideo.services.limits.credit_limits import CreditLimit

_SOON = dt.timedelta(seconds=15)
#: How soon a limit that cannot be read is read again.
_MISREAD = dt.timedelta(seconds=60)
#: Queued tasks that are counted one by one; more are too many to promise a time anyway.
MOST_QUEUED = 10_000
#: Times that limits begin anew which a forecast looks at.
HORIZON = 62
#: Tasks waiting for credits that one pass of the sweep looks at.
RECONSIDERED = 500


@dataclass(frozen=True)
class Forecast:
    """How many of some tasks fit into the limits on credits now, and when the others go."""

    count: int
    fits_now: int
    #: Tasks of which each costs more than a limit allows at all, and the first such limit.
    never: int = 0
    too_low: CreditLimit | None = None
    #: When the first and the last of the others go; the last ``None`` beyond what can be told.
    next_at: dt.datetime | None = None
    last_at: dt.datetime | None = None

    @property
    def waits(self) -> int:
        """How many wait in the queue."""
        return self.count - self.fits_now - self.never


def check_limits(task: VideoTask) -> Delay | None:
    """Say whether a limit keeps ``task`` back; to be called inside the transaction that claims it.

    Where any limit is set, claims take one lock, a row, so that several workers together keep it.
    """
    rates = (conf.MAX_IN_FLIGHT, conf.MAX_SUBMITS_PER_MINUTE)
    if not credit_limits.are_set() and not any(limit is not None for limit in rates):
        return None
    lock.lock()
    now = timezone.now()
    if available_slots() == 0:
        return Delay("max_in_flight", now + _SOON)
    return _per_minute(now) or check_credits(task, now)


def check_credits(task: VideoTask, now: dt.datetime | None = None) -> Delay | None:
    """Say whether ``task`` must wait for credits, from the ledger as it stands; without the lock, a first look only."""
    if not credit_limits.are_set():
        return None
    now = now or timezone.now()
    try:
        short = budget.Room(now).shortage(task.credits_estimated, task.owner_id)
    except ConfigurationError:
        return Delay("misconfigured", now + _MISREAD)
    return Delay(short.reason, short.resets_at) if short is not None else None


def waiting_for_credits(now: dt.datetime | None = None) -> QuerySet[VideoTask]:
    """Return the queued tasks that wait for credits until a time that has not come."""
    queued = VideoTask.objects.filter(status=TaskStatus.QUEUED, delay_reason__in=credit_limits.REASONS)
    return queued.filter(next_action_at__gt=now or timezone.now())


def reconsider(state: SiteState, *, some_wait: bool) -> int:
    """Make tasks due that wait for credits which are there again, by a correction or a changed setting; return how many.

    Once an hour it is all of them, however long the wait: what stands against them may be gone.

    The hour is kept in ``state``, the sweep's own row; ``some_wait`` tells whether a task waits for the site's own limits.
    """
    now = timezone.now()
    note = state.value.get("budgets") or {}
    if not timestamps.stands(parse_datetime(str(note.get("until", ""))), timestamps.BUDGET_LOOK):
        state.value["budgets"] = {"until": (now + timestamps.BUDGET_LOOK).isoformat()}
        later = VideoTask.objects.filter(status=TaskStatus.QUEUED, next_action_at__gt=now)
        return later.filter(delay_reason__in=timestamps.BUDGET_REASONS).update(next_action_at=now)
    if not some_wait:
        return 0
    waiting = waiting_for_credits(now).order_by("queued_at")
    room = budget.Room(now)
    try:
        fitting = [
            pk
            for pk, price, owner_id in waiting.values_list("pk", "credits_estimated", "owner_id")[:RECONSIDERED]
            if room.take(price, owner_id) is None
        ]
    except ConfigurationError:
        return 0
    return waiting.filter(pk__in=fitting).order_by().update(next_action_at=now) if fitting else 0


def admit(price: Decimal | None, owner_id: Any, *, wait: bool) -> None:
    """Refuse what can never be sent under the limits on credits and, with ``wait=False``, what cannot be sent now.

    For ``wait=False`` it is to be called inside the transaction that queues the task: it takes the lock that claims
    take, and what waits in the queue already counts.

    Raises:
        BudgetExceeded: it does not fit.
        ConfigurationError: with ``wait=False``, the limits cannot be read.
    """
    if not credit_limits.are_set():
        return
    try:
        if wait and all((price or 0) <= limit.credits for limit in credit_limits.limits_for(owner_id)):
            return
        if not wait:
            lock.lock()
        room = budget.Room()
        for other in () if wait else _queued():
            room.add(*other)
        short = room.shortage(price, owner_id)
    except ConfigurationError:
        if wait:
            # The worker holds it with that reason; nothing is lost by queueing it.
            return
        raise
    if short is not None and (short.is_lasting or not wait):
        raise BudgetExceeded(
            budget.exceeded_words(short),
            limit=short.limit.credits,
            used=short.used,
            resets_at=None if short.is_lasting else short.resets_at,
            period=short.limit.period,
            scope=short.limit.scope,
        )


def forecast(costs: Iterable[tuple[Decimal | None, Any]]) -> Forecast | None:
    """Say how many of some tasks fit now, and when the others go; ``None`` where credits are not limited.

    Args:
        costs: price and owner's key of each task, in the order in which they are sent.

    What waits in the queue is taken to go first. Limits that cannot be read make no forecast.
    """
    if not credit_limits.are_set():
        return None
    room = budget.Room()
    pending = [(price, owner_id, False) for price, owner_id in _queued()]
    pending += [(price, owner_id, True) for price, owner_id in costs]
    count = sum(mine for *_cost, mine in pending)
    fits_now = never = 0
    too_low = next_at = last_at = None
    try:
        for round_ in range(HORIZON):
            left, went = [], 0
            for price, owner_id, mine in pending:
                short = room.take(price, owner_id)
                if short is None:
                    went += mine
                elif short.is_lasting:
                    never, too_low = never + mine, too_low or (short.limit if mine else None)
                else:
                    left.append((price, owner_id, mine))
            pending = left
            if round_ == 0:
                fits_now = went
            elif went:
                next_at, last_at = next_at or room.now, room.now
            if not any(mine for *_cost, mine in pending):
                return Forecast(count, fits_now, never, too_low, next_at, last_at)
            room.move_to(room.next_reset())
    except ConfigurationError:
        return None
    return Forecast(count, fits_now, never, too_low, next_at, None)


def available_slots() -> int | None:
    """Return how many more tasks may be in flight, or ``None`` where there is no such limit."""
    if conf.MAX_IN_FLIGHT is None:
        return None
    return max(conf.MAX_IN_FLIGHT - VideoTask.objects.in_flight().count(), 0)


def _queued() -> Iterable[tuple[Decimal | None, Any]]:
    """Price and owner of what waits in the queue, in its order."""
    rows = VideoTask.objects.filter(status=TaskStatus.QUEUED).order_by("queued_at")
    return rows.values_list("credits_estimated", "owner_id")[:MOST_QUEUED]


def _per_minute(now: dt.datetime) -> Delay | None:
    if conf.MAX_SUBMITS_PER_MINUTE is None:
        return None
    since = now - dt.timedelta(minutes=1)
    # A claim that has not been sent yet counts: it will be in a moment.
    lately = Q(sent_at__gte=since, sent_at__lte=now + timestamps.SKEW)
    recent = Attempt.objects.filter(lately | Q(sent_at=None, state=AttemptState.CLAIMED))
    # One whose task was deleted since may have been sent as well.
    gone = CreditEntry.objects.filter(~Exists(Attempt.objects.filter(pk=OuterRef("pk"))), claimed_at__gte=since)
    if recent.count() + gone.count() < conf.MAX_SUBMITS_PER_MINUTE:
        return None
    return Delay("max_per_minute", now + _SOON)
