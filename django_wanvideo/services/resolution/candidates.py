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
    from django_wanvideo.models import VideoTask

#: Videos begun later than this after a request hardly come from it.
WINDOW = dt.timedelta(minutes=30)


def open_requests(attempt: Attempt) -> QuerySet[Attempt]:
    """Return the other requests of this site, of the same model and about the same time, whose answers were lost too.

    A request that is being sent at this moment is one of them: its answer may be lost yet.
    """
    sent_at = attempt.sent_at or attempt.claimed_at
    model = model_of(attempt, attempt.task)
    found: QuerySet[Attempt] = Attempt.objects.filter(
        Q(state=AttemptState.UNCONFIRMED) | Q(state=AttemptState.CLAIMED, sent_at__isnull=False),
        sent_at__range=(sent_at - WINDOW - CLOCK_SKEW, sent_at + WINDOW + CLOCK_SKEW),
        request__model=model,
    )
    return found.exclude(pk=attempt.pk).select_related("task").order_by("sent_at")


def also_fitting(attempt: Attempt, snapshot: TaskSnapshot) -> list[Attempt]:
    """Return the other open requests that EvoLink's video may come from, by all that EvoLink tells about it."""
    others = [other for other in open_requests(attempt) if fits_in_time(other, snapshot.created)]
    if not snapshot.prompt or snapshot.prompt != attempt.request.get("prompt"):
        return others
    return [other for other in others if other.request.get("prompt") == snapshot.prompt]


def fits_in_time(attempt: Attempt, created: dt.datetime | None) -> bool:
    """Tell whether a video that EvoLink began at ``created`` may come from a request."""
    if created is None:
        return True
    sent_at = attempt.sent_at or attempt.claimed_at
    return attempt.claimed_at - CLOCK_SKEW <= created <= sent_at + WINDOW


def model_of(attempt: Attempt, task: VideoTask) -> str:
    """Return the model that a request was made for."""
    return str(attempt.request.get("model") or task.model)
