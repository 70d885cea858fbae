"""Which other requests of this site one of EvoLink's videos may come from as well."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db.models import Q

from django_wanvideo.choices import AttemptState
from django_wanvideo.models import Attempt
from django_wanvideo.services.tracking.mismatch import CLOCK_SKEW

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from django_wanvideo.evolink.types import TaskSnapshot

#: Videos begun later than this after a request hardly come from it.
WINDOW = dt.timedelta(minutes=30)


def open_requests(attempt: Attempt) -> QuerySet[Attempt]:
    """Return the other requests of this site, of the same model and about the same time, whose answers were lost too.

    A request that is being sent at this moment is one of them: its answer may be lost yet.
    """
    sent_at = attempt.sent_at or attempt.claimed_at
    model = str(attempt.request.get("model") or attempt.task.model)
    found: QuerySet[Attempt] = Attempt.objects.filter(
        Q(state=AttemptState.UNCONFIRMED) | Q(state=AttemptState.CLAIMED, sent_at__isnull=False),
        sent_at__range=(sent_at - WINDOW - CLOCK_SKEW, sent_at + WINDOW + CLOCK_SKEW),
        request__model=model,
    )
    return found.exclude(pk=attempt.pk).select_related("task").order_by("sent_at")


def also_fitting(attempt: Attempt, snapshot: TaskSnapshot) -> list[Attempt]:
    """Return the other open requests that EvoLink's video may come from, by all that EvoLink tells about it."""
    others = [other for other in open_requests(attempt) if _fits_in_time(other, snapshot.created)]
    if not snapshot.prompt or snapshot.prompt != attempt.request.get("prompt"):
        return others
    return [other for other in others if other.request.get("prompt") == snapshot.prompt]


def _fits_in_time(other: Attempt, created: dt.datetime | None) -> bool:
    if created is None:
        return True
    sent_at = other.sent_at or other.claimed_at
    return other.claimed_at - CLOCK_SKEW <= created <= sent_at + WINDOW
