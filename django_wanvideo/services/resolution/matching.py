"""Unconfirmed tasks and EvoLink's list beside each other: which video can only come from which request."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from django_wanvideo.choices import AttemptState
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.models import Attempt
from django_wanvideo.services.provider import provider
from django_wanvideo.services.tracking.mismatch import CLOCK_SKEW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from django_wanvideo.evolink.types import TaskSnapshot
    from django_wanvideo.models import VideoTask

logger = logging.getLogger(__name__)

#: Seconds that EvoLink has for one page of its list.
TIMEOUT = 5.0
#: Pages of the list that are read at most.
MOST_PAGES = 4
#: Videos begun later than this after a request hardly come from it.
WINDOW = dt.timedelta(minutes=30)
_OPEN = (AttemptState.CLAIMED, AttemptState.UNCONFIRMED)


@dataclass(frozen=True, slots=True)
class Match:
    """One unconfirmed task, and the videos on EvoLink's list that may come from its request."""

    task: VideoTask
    attempt: Attempt | None
    candidates: tuple[TaskSnapshot, ...] = ()
    #: Other open requests of this site that the only candidate may come from as well.
    rivals: int = 0
    #: Whether the list was read back to the request; if not, nothing follows from what is not on it.
    is_whole: bool = False

    @property
    def only(self) -> TaskSnapshot | None:
        """The video that can only come from this request, where this request also can only have made that video."""
        return self.candidates[0] if self.is_whole and len(self.candidates) == 1 and not self.rivals else None


def match(tasks: Sequence[VideoTask]) -> list[Match]:
    """Return a match for each unconfirmed task, in order. EvoLink's list is read once for each model; never raises."""
    attempts = {
        attempt.task_id: attempt
        for attempt in Attempt.objects.filter(task__in=tasks, state=AttemptState.UNCONFIRMED, sent_at__isnull=False)
    }
    by_model: dict[str, list[VideoTask]] = defaultdict(list)
    for task in tasks:
        if task.pk in attempts:
            by_model[model_of(attempts[task.pk], task)].append(task)
    found: dict[object, Match] = {}
    for model, group in by_model.items():
        found |= _match_model(model, group, [attempts[task.pk] for task in group])
    return [found.get(task.pk) or Match(task, attempts.get(task.pk)) for task in tasks]


def _match_model(model: str, tasks: list[VideoTask], attempts: list[Attempt]) -> dict[object, Match]:
    since = min(attempt.claimed_at for attempt in attempts) - CLOCK_SKEW
    try:
        client = provider.client(timeout=TIMEOUT)
        items, back_to = provider.read_list(client, model, since, most_pages=MOST_PAGES)
    except provider.ProviderUnavailable:
        return {}
    except EvoLinkError as error:
        logger.warning("EvoLink's list could not be read: %s", error)
        provider.handle_error(error)
        return {}
    items = provider.unknown_here(items)
    open_ = Attempt.objects.filter(state__in=_OPEN, sent_at__isnull=False, claimed_at__gte=since - WINDOW)
    all_open = [attempt for attempt in open_.select_related("task") if model_of(attempt, attempt.task) == model]
    matches: dict[object, Match] = {}
    for task, attempt in zip(tasks, attempts, strict=True):
        candidates = tuple(item for item in items if fits_in_time(attempt, item.created))
        others = [other for other in all_open if other.pk != attempt.pk] if candidates else []
        rivals = sum(fits_in_time(other, candidates[0].created) for other in others)
        is_whole = back_to <= attempt.claimed_at - CLOCK_SKEW
        matches[task.pk] = Match(task, attempt, candidates, rivals, is_whole)
    return matches


def open_requests(attempt: Attempt) -> QuerySet[Attempt]:
    """Return the other requests of this site, of the same model and about the same time, whose answers were lost too.

    A request that is being sent at this moment is one of them: its answer may be lost yet.
    """
    sent_at = attempt.sent_at or attempt.claimed_at
    model = model_of(attempt, attempt.task)
    found = Attempt.objects.filter(
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
