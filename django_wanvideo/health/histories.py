"""All histories of this site, replayed in chunks: memory does not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django_wanvideo.choices import FINISHED_STATUSES
from django_wanvideo.health import replay
from django_wanvideo.health.replay import Problem, Step
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

#: So many tasks are read at once, with their events.
CHUNK = 500
_COLUMNS = tuple(
    f"events__{name}" for name in ("pk", "kind", "from_status", "to_status", "attempt_id", "notify_at", "notified_at")
)


@dataclass(frozen=True, slots=True)
class TaskProblem:
    """What is wrong with the history of one task."""

    task_id: uuid.UUID
    problem: Problem

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"task": str(self.task_id), **self.problem.as_dict()}

    def __str__(self) -> str:
        event = f"event {self.problem.event}" if self.problem.event is not None else "history"
        return f"{self.task_id}  {event}: {self.problem.message} ({self.problem.rule})"


@dataclass
class Counts:
    """How much was replayed so far."""

    tasks: int = 0
    events: int = 0
    problems: int = 0


def problems(counts: Counts | None = None, *, pruned: bool = True) -> Iterator[TaskProblem]:
    """Yield what is wrong with any task's history, task by task.

    Args:
        counts: is counted up on the way.
        pruned: whether ``wanvideo_prune`` may have been at work.
    """
    counts = Counts() if counts is None else counts
    last: uuid.UUID | None = None
    while True:
        chunk = _read(last)
        if not chunk:
            return
        last = next(reversed(chunk))
        for task_id, (status, steps) in chunk.items():
            counts.tasks += 1
            counts.events += len(steps)
            may_lack = pruned and status in FINISHED_STATUSES
            for problem in replay.problems(steps, status=status, pruned=may_lack):
                counts.problems += 1
                yield TaskProblem(task_id, problem)


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
