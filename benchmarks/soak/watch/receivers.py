"""Receivers of every signal: one writes it down, one always fails, which must harm nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_wanvideo import signals

if TYPE_CHECKING:
    from django_wanvideo.models import TaskEvent, VideoTask

NAMES = (
    "video_submitted",
    "video_completed",
    "video_failed",
    "video_cancelled",
    "video_needs_decision",
    "video_finished",
)


def listen() -> None:
    """Connect the receivers in this process."""
    for name in NAMES:
        getattr(signals, name).connect(_writer(name), weak=False, dispatch_uid=f"soak-{name}")
    signals.video_cancelled.connect(_fail, dispatch_uid="soak-fails")


def _writer(name: str) -> Any:
    def write(sender: Any, task: VideoTask, event: TaskEvent, **_: Any) -> None:
        from benchmarks.soak.watch.models import Told

        Told.objects.create(signal=name, task_id=task.pk, event_id=event.pk)

    return write


def _fail(sender: Any, **_: Any) -> None:
    raise RuntimeError("This receiver always fails.")
