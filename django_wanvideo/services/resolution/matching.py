"""Unconfirmed tasks and EvoLink's list beside each other: which video can only come from which request."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django_wanvideo.choices import AttemptState
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import Attempt
from django_wanvideo.services.provider import provider
from django_wanvideo.services.tracking.callbacks import CLOCK_SKEW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.evolink.types import TaskSnapshot
    from django_wanvideo.models import VideoTask

logger = logging.getLogger(__name__)

#: Seconds that EvoLink has for one page of its list.
PATIENCE = 5.0
PAGE_SIZE, MOST_PAGES = 50, 4
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
            by_model[_model(attempts[task.pk], task)].append(task)
    found: dict[object, Match] = {}
    for model, group in by_model.items():
        found |= _match_model(model, group, [attempts[task.pk] for task in group])
    return [found.get(task.pk) or Match(task, attempts.get(task.pk)) for task in tasks]


def _match_model(model: str, tasks: list[VideoTask], attempts: list[Attempt]) -> dict[object, Match]:
    since = min(attempt.claimed_at for attempt in attempts) - CLOCK_SKEW
    try:
        if provider.paused_until() is not None:
            return {}
        items, back_to = _list(provider.client(patience=PATIENCE), model, since)
    except ConfigurationError:
        return {}
    except EvoLinkError as error:
        logger.warning("EvoLink's list could not be read: %s", error)
        provider.heed(error)
        return {}
    items = _unknown_here(items)
    open_ = Attempt.objects.filter(state__in=_OPEN, sent_at__isnull=False, claimed_at__gte=since - WINDOW)
    all_open = [attempt for attempt in open_.select_related("task") if _model(attempt, attempt.task) == model]
    matches: dict[object, Match] = {}
    for task, attempt in zip(tasks, attempts, strict=True):
        candidates = tuple(item for item in items if _fits(attempt, item))
        rivals = sum(_fits(other, candidates[0]) for other in all_open if other.pk != attempt.pk) if candidates else 0
        is_whole = back_to is None or back_to <= attempt.claimed_at - CLOCK_SKEW
        matches[task.pk] = Match(task, attempt, candidates, rivals, is_whole)
    return matches


def _list(client: EvoLinkClient, model: str, since: dt.datetime) -> tuple[list[TaskSnapshot], dt.datetime | None]:
    """Return EvoLink's list, newest first, and the time that it was read back to; ``None`` for its very end."""
    found: list[TaskSnapshot] = []
    back_to = dt.datetime.max.replace(tzinfo=dt.UTC)
    for page in range(1, MOST_PAGES + 1):
        rows = client.list_tasks(model=model, page=page, page_size=PAGE_SIZE)
        found += rows
        if len(rows) < PAGE_SIZE:
            return found, None
        back_to = min((row.created for row in rows if row.created is not None), default=back_to)
        if back_to < since:
            break
    return found, back_to


def _unknown_here(items: Iterable[TaskSnapshot]) -> list[TaskSnapshot]:
    """Leave out what another request of this site has, and what came twice while the list was moving."""
    unique = {item.id: item for item in items}
    known = set(Attempt.objects.filter(provider_task_id__in=list(unique)).values_list("provider_task_id", flat=True))
    return [item for pk, item in unique.items() if pk not in known]


def _fits(attempt: Attempt, item: TaskSnapshot) -> bool:
    if item.created is None:
        return True
    sent_at = attempt.sent_at or attempt.claimed_at
    return attempt.claimed_at - CLOCK_SKEW <= item.created <= sent_at + WINDOW


def _model(attempt: Attempt, task: VideoTask) -> str:
    return str(attempt.request.get("model") or task.model)
