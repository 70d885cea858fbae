"""What was made a moment ago and is asked for again: the person is told, keeps what was typed, and decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.admin.forms import idempotency
from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_wanvideo.exceptions import IdempotencyConflict
    from django_wanvideo.models import VideoTask


class SentAlready(Exception):  # noqa: N818 - not an error: what was asked for is there
    """The same page was sent before, with the same content."""

    def __init__(self, task: VideoTask) -> None:
        super().__init__(str(task.pk))
        self.task = task


class Repeated(Exception):  # noqa: N818 - a question to the person
    """Something like it was made a moment ago, or the same page was sent with other content."""

    def __init__(self, repeat: Repeat) -> None:
        super().__init__(repeat.text)
        self.repeat = repeat


@dataclass(frozen=True)
class Repeat:
    """What the page says about what is there already. ``another`` is the key under which one more is made."""

    text: str
    another: str
    task: VideoTask | None = None


def of_task(task: VideoTask, wanted: Any) -> Repeat:
    """Return what to say where the same wish came a moment ago."""
    return Repeat(text=f"{_age_words(task)} {_state(task)}", another=idempotency.another(task.pk, wanted), task=task)


def of_conflict(conflict: IdempotencyConflict, wanted: Any, labels: Iterable[str] = ()) -> Repeat:
    """Return what to say where the same page was sent before and made something else."""
    key = idempotency.another(conflict.task_id, wanted)
    ago = formats.seconds_in_words((timezone.now() - conflict.created_at).total_seconds())
    if conflict.task is None:
        text = _("You sent this page %(time)s ago already; what came of it was deleted.") % {"time": ago}
        return Repeat(text=text, another=key)
    text = _("You sent this page %(time)s ago already, with something else in it.") % {"time": ago}
    if names := ", ".join(labels):
        text = _("You sent this page %(time)s ago already. Different now: %(fields)s.") % {"time": ago, "fields": names}
    return Repeat(text=f"{text} {_state(conflict.task)}", another=key, task=conflict.task)


def _age_words(task: VideoTask) -> str:
    moment = task.queued_at or task.created_at
    ago = {"time": formats.seconds_in_words((timezone.now() - moment).total_seconds())}
    if task.status == TaskStatus.DRAFT:
        return _("You made this draft %(time)s ago.") % ago
    return _("You sent this %(time)s ago.") % ago


def _state(task: VideoTask) -> str:
    if task.status == TaskStatus.DRAFT:
        return _("Nothing was made or sent a second time.")
    status = TaskStatus(task.status).label
    return _("It is %(status)s. Nothing was made or sent a second time.") % {"status": status}
