"""How long the videos of a batch will take, by what this site has seen."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F

from django_wanvideo.choices import TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.models import VideoTask

#: Of so many of the newest videos the time is measured; with fewer than the least there is no estimate.
NEWEST, LEAST = 200, 20


@dataclass(frozen=True)
class Duration:
    """``each`` is the time of one video, ``at_once`` how many are made at a time; 0 where nothing limits that."""

    total: dt.timedelta
    each: dt.timedelta
    at_once: int


def estimate(count: int) -> Duration | None:
    """Return how long ``count`` videos take together; ``None`` where too few were made here to tell."""
    newest = VideoTask.objects.filter(status=TaskStatus.COMPLETED, accepted_at__isnull=False).order_by("-created_at")
    took = ExpressionWrapper(F("finished_at") - F("accepted_at"), output_field=DurationField())
    rows = VideoTask.objects.filter(pk__in=list(newest.values_list("pk", flat=True)[:NEWEST])).order_by()
    seen = rows.aggregate(number=Count("pk"), each=Avg(took))
    if seen["number"] < LEAST or seen["each"] is None:
        return None
    at_once = conf.MAX_IN_FLIGHT or 0
    rounds = -(-count // at_once) if at_once else 1
    total = seen["each"] * rounds
    if conf.MAX_SUBMITS_PER_MINUTE:
        total = max(total, dt.timedelta(minutes=count / conf.MAX_SUBMITS_PER_MINUTE) + seen["each"])
    return Duration(total, seen["each"], at_once)
