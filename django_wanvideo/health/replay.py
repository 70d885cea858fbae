"""Replaying the histories of tasks: whether the lifecycle allows what they say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django_wanvideo.choices import FINISHED_STATUSES, EventKind, TaskStatus
from django_wanvideo.models import VideoTask
from django_wanvideo.models.lifecycle import ALLOWED_FROM, NOTIFIED_KINDS

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Iterable, Iterator

#: To which status the event of an outcome leads.
OUTCOMES = {
    EventKind.STORED: TaskStatus.COMPLETED,
    EventKind.FAILED: TaskStatus.FAILED,
    EventKind.CANCELLED: TaskStatus.CANCELLED,
}
#: What stands for work on a task, so that it has no place after the end of one.
PROGRESS = frozenset({EventKind.CLAIMED, EventKind.ACCEPTED, EventKind.PROGRESS, EventKind.GENERATED, *OUTCOMES})
#: Where a history begins: made here, or found at EvoLink.
BEGINNINGS = frozenset({TaskStatus.DRAFT, TaskStatus.PENDING})
#: Moves whose lines ``wanvideo_prune`` takes out of the histories of tasks that have ended.
PRUNED_MOVES = frozenset(
    {
        (TaskStatus.PENDING, TaskStatus.PROCESSING),
        (TaskStatus.SUBMITTING, TaskStatus.QUEUED),
        (TaskStatus.UNCONFIRMED, TaskStatus.QUEUED),
    }
)
#: So many tasks are read at once, with their events.
CHUNK = 500
_COLUMNS = tuple(
    f"events__{name}" for name in ("pk", "kind", "from_status", "to_status", "attempt_id", "notify_at", "notified_at")
)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a history, as far as replaying it needs."""

    pk: int
    kind: str
    from_status: str = ""
    to_status: str = ""
    attempt_id: uuid.UUID | None = None
    notify_at: dt.datetime | None = None
    notified_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one event of a task; without an event, with the history as a whole."""

    rule: str
    message: str
    event: int | None = None
    task_id: uuid.UUID | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"task": str(self.task_id), "rule": self.rule, "event": self.event, "message": self.message}

    def __str__(self) -> str:
        event = f"event {self.event}" if self.event is not None else "history"
        return f"{self.task_id}  {event}: {self.message} ({self.rule})"


def problems(steps: Iterable[Step], *, status: str | None = None, pruned: bool = False) -> list[Problem]:
    """Return what is wrong with the events of one task.

    Args:
        steps: in the order of their keys.
        status: where the task stands now, if the history is to lead there.
        pruned: whether lines of passing things may have been deleted.
    """
    replay = _Replay(pruned=pruned)
    found = [problem for step in steps for problem in replay.take(step)]
    if status is not None and status != replay.at:
        words = f"the history ends at {replay.at or 'nothing'}, and the task is {status}"
        found.append(Problem("status", words))
    return found


class _Replay:
    """Where a history has come to."""

    def __init__(self, *, pruned: bool) -> None:
        self.at = ""
        self._pruned = pruned
        self._claimed: set[uuid.UUID] = set()
        self._outcome: EventKind | None = None

    def take(self, step: Step) -> Iterator[Problem]:
        for rule, message in (*self._move(step), *self._work(step), *self._telling(step)):
            yield Problem(rule, message, step.pk)

    def _move(self, step: Step) -> Iterator[tuple[str, str]]:
        at, to = step.from_status, step.to_status
        if not to:
            if at:
                yield "move", f"it leaves {at} and comes nowhere"
            return
        if not at:
            if self.at:
                yield "beginning", f"it begins a second time, at {to}, while it is {self.at}"
            elif to not in BEGINNINGS:
                yield "beginning", f"it begins at {to}"
        else:
            if not self.at:
                yield "beginning", f"it begins with a move from {at}"
            elif at != self.at and not self._is_pruned(at):
                yield "gap", f"it leaves {at}, and was {self.at}"
            if at not in ALLOWED_FROM.get(TaskStatus(to), ()) if to in TaskStatus.values else True:
                yield "move", f"no task goes from {at} to {to}"
        if to not in FINISHED_STATUSES:
            self._outcome = None
        self.at = to

    def _work(self, step: Step) -> Iterator[tuple[str, str]]:
        kind = step.kind
        if kind in PROGRESS and not step.to_status:
            if self.at in FINISHED_STATUSES:
                yield "after_end", f"{kind} comes after the end, while it is {self.at}"
            else:
                yield "move", f"{kind} moves nothing"
        if kind == EventKind.CLAIMED and step.attempt_id is not None:
            if step.attempt_id in self._claimed:
                yield "claimed_twice", f"attempt {step.attempt_id} is claimed a second time"
            self._claimed.add(step.attempt_id)
        wanted = OUTCOMES.get(EventKind(kind)) if kind in EventKind.values else None
        if wanted is None:
            if step.to_status in FINISHED_STATUSES:
                yield "outcome", f"{step.to_status} is told as {kind}"
            return
        if step.to_status and step.to_status != wanted:
            yield "outcome", f"{kind} leads to {step.to_status}"
        if self._outcome is not None:
            yield "two_outcomes", f"{kind} is told after {self._outcome}, and nothing happened between"
        self._outcome = EventKind(kind)

    def _telling(self, step: Step) -> Iterator[tuple[str, str]]:
        if step.kind in NOTIFIED_KINDS and step.notify_at is None and step.notified_at is None:
            yield "untold", f"{step.kind} is neither told nor waits to be"
        if step.notify_at is not None and step.notified_at is not None:
            yield "told_again", f"{step.kind} has been told and waits to be told once more"

    def _is_pruned(self, to: str) -> bool:
        """Tell whether lines that are taken out lead from where it was to ``to``."""
        return self._pruned and (self.at, to) in PRUNED_MOVES


@dataclass
class Counts:
    tasks: int = 0
    events: int = 0
    problems: int = 0


def stored_problems(counts: Counts | None = None, *, pruned: bool = True) -> Iterator[Problem]:
    """Yield what is wrong with any task's history, task by task.

    Args:
        counts: is counted up on the way.
        pruned: whether ``wanvideo_prune`` may have been at work.
    """
    counts = Counts() if counts is None else counts
    last: uuid.UUID | None = None
    while chunk := _read(last):
        last = next(reversed(chunk))
        for task_id, (status, steps) in chunk.items():
            counts.tasks += 1
            counts.events += len(steps)
            may_lack = pruned and status in FINISHED_STATUSES
            for problem in problems(steps, status=status, pruned=may_lack):
                counts.problems += 1
                yield replace(problem, task_id=task_id)


def _read(last: uuid.UUID | None) -> dict[uuid.UUID, tuple[str, list[Step]]]:
    """Read the next tasks by key, each with its status and events."""
    rows = VideoTask.objects.order_by("pk")
    if last is not None:
        rows = rows.filter(pk__gt=last)
    upto = list(rows.values_list("pk", flat=True)[:CHUNK])
    if not upto:
        return {}
    # One statement, so that a task that moves on at this moment does not look different from its history.
    lines = rows.filter(pk__lte=upto[-1]).order_by("pk", "events__pk").values_list("pk", "status", *_COLUMNS)
    found: dict[uuid.UUID, tuple[str, list[Step]]] = {}
    for task_id, status, event, *columns in lines.iterator(chunk_size=CHUNK):
        steps = found.setdefault(task_id, (status, []))[1]
        if event is not None:
            steps.append(Step(event, *columns))
    return found
