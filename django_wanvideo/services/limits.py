"""The site's own limits on sending: how many at once, how many a minute, how many credits a day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from django_wanvideo import timestamps
from django_wanvideo.choices import AttemptState
from django_wanvideo.conf import conf
from django_wanvideo.models import Attempt, SiteState, VideoTask

if TYPE_CHECKING:
    from django.db.models import QuerySet

GATE = "submission_gate"
_SOON = dt.timedelta(seconds=15)


@dataclass(frozen=True)
class Held:
    """Why a task must wait, and until when."""

    reason: str
    until: dt.datetime


def hold_for(task: VideoTask) -> Held | None:
    """Say whether a limit keeps ``task`` back; to be called inside the transaction that claims it.

    Where any limit is set, claims pass one gate, a locked row, so that several workers together keep it.
    """
    if not any(
        limit is not None
        for limit in (
            conf.MAX_IN_FLIGHT,
            conf.MAX_SUBMITS_PER_MINUTE,
            conf.DAILY_CREDIT_LIMIT,
            conf.USER_DAILY_CREDIT_LIMIT,
        )
    ):
        return None
    SiteState.objects.get_or_create(name=GATE)
    SiteState.objects.select_for_update().get(name=GATE)
    now = timezone.now()
    return _in_flight(now) or _per_minute(now) or _per_day(task, now)


def free_places() -> int | None:
    """Return how many more tasks may be in flight, or ``None`` where there is no such limit."""
    if conf.MAX_IN_FLIGHT is None:
        return None
    in_flight: int = VideoTask.objects.in_flight().count()
    return max(conf.MAX_IN_FLIGHT - in_flight, 0)


def _in_flight(now: dt.datetime) -> Held | None:
    return Held("max_in_flight", now + _SOON) if free_places() == 0 else None


def _per_minute(now: dt.datetime) -> Held | None:
    if conf.MAX_SUBMITS_PER_MINUTE is None:
        return None
    since = now - dt.timedelta(minutes=1)
    # A claim that has not been sent yet counts: it will be in a moment.
    lately = Q(sent_at__gte=since, sent_at__lte=now + timestamps.SKEW)
    recent = Attempt.objects.filter(lately | Q(sent_at=None, state=AttemptState.CLAIMED))
    if recent.count() < conf.MAX_SUBMITS_PER_MINUTE:
        return None
    return Held("max_per_minute", now + _SOON)


def _per_day(task: VideoTask, now: dt.datetime) -> Held | None:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = midnight + dt.timedelta(days=1)
    cost = task.credits_estimated or Decimal(0)
    today = _charged_since(midnight)
    if conf.DAILY_CREDIT_LIMIT is not None and _sum(today) + cost > Decimal(str(conf.DAILY_CREDIT_LIMIT)):
        return Held("daily_credit_limit", tomorrow)
    if conf.USER_DAILY_CREDIT_LIMIT is not None and task.owner_id is not None:
        mine = today.filter(task__owner_id=task.owner_id)
        if _sum(mine) + cost > Decimal(str(conf.USER_DAILY_CREDIT_LIMIT)):
            return Held("user_daily_credit_limit", tomorrow)
    return None


def _charged_since(start: dt.datetime) -> QuerySet[Attempt]:
    """Attempts of today that cost or may cost: not those that EvoLink certainly did not accept."""
    return Attempt.objects.filter(claimed_at__gte=start).exclude(state=AttemptState.NOT_ACCEPTED)


def _sum(attempts: QuerySet[Attempt]) -> Decimal:
    cost = Coalesce("task__credits_used", "task__credits_reserved", "task__credits_estimated", Decimal(0))
    total: Decimal | None = attempts.aggregate(total=Sum(cost))["total"]
    return total or Decimal(0)
