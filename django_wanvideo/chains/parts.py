"""Which videos a film consists of, in order: of takes the picked one, else a completed one that fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from django_wanvideo.choices import InputRole, TaskStatus
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.takes import takes_of

if TYPE_CHECKING:
    import uuid

#: Parts of one film.
MOST = 100


@dataclass(frozen=True)
class Part:
    """One part of a film."""

    task: VideoTask
    #: The part before it; ``None`` for the first.
    previous: VideoTask | None
    #: Whether the part after it was made from the clip itself, and so begins with all of it.
    is_in_next: bool = False

    @property
    def begins_elsewhere(self) -> bool:
        """Whether it was made from another frame than the part before it ends with, such as that of another take."""
        return self.previous is not None and self.task.continues_id != self.previous.pk

    @property
    def is_ready(self) -> bool:
        """Whether its video is stored."""
        return self.task.status == TaskStatus.COMPLETED and bool(self.task.video)


def parts_of(task: VideoTask) -> list[Part]:
    """Return the parts of the film that ``task`` is in; none for a video by itself.

    What comes before it is what it was made from, with takes in the place of those that were not picked. Where a video is
    gone on from more than once, the film goes on with a take that is picked, else with one that is completed, fits, is gone
    on from itself, and with the newest of these.
    """
    line, parts = _line_to(task), list[Part]()
    candidates = _takes(line[0])
    while candidates and len(parts) < MOST:
        stored = [candidate.pk for candidate in candidates if candidate.status == TaskStatus.COMPLETED]
        following = list(VideoTask.objects.filter(continues__in=stored)) if stored else []
        previous = parts[-1].task if parts else None
        chosen = _choose(candidates, previous, {other.continues_id for other in following})
        parts.append(Part(chosen, previous))
        # Up to the task itself the way is known.
        candidates = _takes(line[len(parts)]) if len(parts) < len(line) else following
    return _marked(parts) if len(parts) > 1 else []


def _marked(parts: list[Part]) -> list[Part]:
    ids = [part.task.pk for part in parts]
    clips = MediaInput.objects.filter(task__in=ids, role=InputRole.SOURCE_VIDEO)
    from_clip = set(clips.values_list("task_id", flat=True))
    return [
        replace(part, is_in_next=following is not None and following.task.pk in from_clip)
        for part, following in zip_longest(parts, parts[1:])
    ]


def _line_to(task: VideoTask) -> list[VideoTask]:
    """Return what a task goes on from, the first one first, and the task."""
    line = [task]
    while line[0].continues_id is not None and len(line) < MOST:
        before = VideoTask.objects.filter(pk=line[0].continues_id).first()
        if before is None:
            break
        line.insert(0, before)
    return line


def _takes(task: VideoTask) -> list[VideoTask]:
    return [task] if task.take_group is None else list(takes_of(task))


def _choose(candidates: list[VideoTask], previous: VideoTask | None, continued: set[uuid.UUID | None]) -> VideoTask:
    def rank(task: VideoTask) -> tuple[object, ...]:
        fits = previous is None or task.continues_id == previous.pk
        is_completed = task.status == TaskStatus.COMPLETED
        return bool(task.picked), is_completed, fits, task.pk in continued, task.created_at, task.pk

    return max(candidates, key=rank)
