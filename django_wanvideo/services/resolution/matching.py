"""EvoLink's tasks and this site's requests beside each other: which can, and which can only, come from which."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from django_wanvideo.choices import AttemptState, EventKind, EventSource
from django_wanvideo.db import database, timestamps
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.models import Attempt, lifecycle
from django_wanvideo.services.provider import provider

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
#: Seconds that EvoLink's clock may be behind ours.
CLOCK_SKEW = dt.timedelta(seconds=120)
#: Of EvoLink's tasks that seem older than an attempt, so many are written into its history.
MOST_OLDER = 5
_OPEN = (AttemptState.CLAIMED, AttemptState.UNCONFIRMED)


class Mismatch(StrEnum):
    """Why one of EvoLink's tasks is not taken for what an attempt paid for."""

    #: Only this one may be a mistake: of a clock.
    CREATED_EARLIER = "older_than_attempt"
    OTHER_MODEL = "other_model"
    #: Another attempt of this site has it.
    TAKEN = "taken"


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
    lost = Attempt.objects.filter(task__in=tasks, state=AttemptState.UNCONFIRMED, sent_at__isnull=False)
    attempts = {attempt.task_id: attempt for attempt in lost}
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


def mismatch_of(attempt: Attempt, snapshot: TaskSnapshot) -> Mismatch | None:
    """Return why EvoLink's task cannot have come from this attempt, its age last; ``None`` if it can."""
    if snapshot.model and snapshot.model != attempt.request.get("model"):
        return Mismatch.OTHER_MODEL
    other = Attempt.objects.filter(provider_task_id=snapshot.id).exclude(pk=attempt.pk).select_related("task").first()
    if other is not None and not is_duplicate(attempt, other):
        return Mismatch.TAKEN
    # An id that the attempt has from EvoLink's own answer is its own, whatever the clocks say; and a claim that lies
    # ahead of now was written by a clock that says nothing.
    known = snapshot.id == attempt.provider_task_id or attempt.claimed_at > timezone.now() + timestamps.SKEW
    if not known and snapshot.created is not None and snapshot.created < attempt.claimed_at - CLOCK_SKEW:
        return Mismatch.CREATED_EARLIER
    return None


@database.in_transaction
def record_earlier(attempt: Attempt, snapshot: TaskSnapshot) -> None:
    """Write into the history, once, what a person may bind although a callback may not: it may be a clock's mistake."""
    # One reader at a time, or two copies of one callback would be written down twice.
    Attempt.objects.select_for_update().filter(pk=attempt.pk).first()
    noted = attempt.events.filter(kind=EventKind.CALLBACK, detail__reason=Mismatch.CREATED_EARLIER)
    ids = list(noted.values_list("detail__provider_task_id", flat=True))
    if snapshot.id in ids or len(ids) >= MOST_OLDER or snapshot.created is None:
        return
    detail = {"reason": Mismatch.CREATED_EARLIER, "provider_task_id": snapshot.id}
    detail |= {"created": snapshot.created.isoformat(), "claimed_at": attempt.claimed_at.isoformat()}
    lifecycle.record(attempt.task_id, EventKind.CALLBACK, EventSource.CALLBACK, attempt=attempt, detail=detail)


def is_duplicate(attempt: Attempt, other: Attempt) -> bool:
    return other.task.parent_id == attempt.task_id and other.idempotency_key == attempt.idempotency_key
