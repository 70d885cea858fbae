"""What was made a moment ago and is asked for again: the person is told, keeps what was typed, and decides.

A page carries a key: what is sent again from the same page is the same wish, and makes nothing twice.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_wanvideo.exceptions import IdempotencyConflict
    from django_wanvideo.models import VideoTask

#: The hidden field with the key.
FIELD = "idempotency_key"
_ANOTHER = "another-"
#: Buttons whose value may be the key under which another one is made.
_BUTTONS = ("_generate", "_save", "_another")


def posted_key(data: Mapping[str, Any]) -> str:
    """Return the key that came with a request, the pressed button's first; an empty text when there is none."""
    pressed = [str(data.get(name) or "") for name in _BUTTONS]
    return next((key for key in pressed if key.startswith(_ANOTHER)), str(data.get(FIELD) or ""))


def key_of(data: Mapping[str, Any]) -> str:
    """Return the key that came with a request, or a new one."""
    return posted_key(data) or f"form-{secrets.token_hex(16)}"


def key_of_part(key: str, part: int | str) -> str:
    """Return the key of one of several tasks that a page makes together, or by one of several buttons."""
    return f"{hashlib.sha256(key.encode()).hexdigest()[:40]}-{part}"


def key_for_another(than: Any, wanted: Any) -> str:
    """Return the key for one more task beside ``than`` (an id): the same each time for the same ``wanted``."""
    return _ANOTHER + hashlib.sha256(f"{than}:{wanted}".encode()).hexdigest()[:40]


def is_another(data: Mapping[str, Any]) -> bool:
    """Tell whether the person has seen what is there already, and wants another one."""
    return posted_key(data).startswith(_ANOTHER)


class SentAlready(Exception):  # noqa: N818 - not an error: what was asked for is there
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


def of_task(task: VideoTask, wanted: Any) -> Repeated:
    """Return what to say where the same wish came a moment ago."""
    ago = {"time": formats.seconds_since(task.queued_at or task.created_at)}
    words = (
        _("You made this draft %(time)s ago.") if task.status == TaskStatus.DRAFT else _("You sent this %(time)s ago.")
    )
    return Repeated(Repeat(f"{words % ago} {_state(task)}", key_for_another(task.pk, wanted), task))


def of_conflict(conflict: IdempotencyConflict, wanted: Any, labels: Iterable[str] = ()) -> Repeated:
    """Return what to say where the same page was sent before and made something else."""
    key = key_for_another(conflict.task_id, wanted)
    ago = {"time": formats.seconds_since(conflict.created_at)}
    if conflict.task is None:
        text = _("You sent this page %(time)s ago already; what came of it was deleted.") % ago
        return Repeated(Repeat(text, key))
    text = _("You sent this page %(time)s ago already, with something else in it.") % ago
    if names := ", ".join(labels):
        text = _("You sent this page %(time)s ago already. Different now: %(fields)s.") % {**ago, "fields": names}
    return Repeated(Repeat(f"{text} {_state(conflict.task)}", key, conflict.task))


def _state(task: VideoTask) -> str:
    if task.status == TaskStatus.DRAFT:
        return _("Nothing was made or sent a second time.")
    status = TaskStatus(task.status).label
    return _("It is %(status)s. Nothing was made or sent a second time.") % {"status": status}
