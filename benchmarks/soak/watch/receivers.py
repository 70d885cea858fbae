"""Receivers of every signal: one writes it down, one always fails, which must harm nobody."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.soak import trouble
from django_wanvideo import signals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.models import TaskEvent, VideoTask

NAMES = (
    "video_submitted",
    "video_completed",
    "video_failed",
    "video_cancelled",
    "video_needs_attention",
    "video_finished",
)


class Told(NamedTuple):
    """One signal that the writer got. A restored database gives an event's number again, but not its time.

    ``age``: how many times the database had been restored by then.
    """

    signal: str
    event: int
    created_at: str
    age: int
    pid: int


def listen() -> None:
    """Connect the receivers in this process."""
    for name in NAMES:
        getattr(signals, name).connect(_writer(name), weak=False, dispatch_uid=f"soak-{name}")
    signals.video_cancelled.connect(_fail, dispatch_uid="soak-fails")


def heard() -> Iterator[Told]:
    """Yield all that was told, in order."""
    path = trouble.folder() / "told.jsonl"
    if path.exists():
        with path.open() as lines:
            yield from (Told(*json.loads(line)) for line in lines)


def _writer(name: str) -> Any:
    def write(sender: Any, task: VideoTask, event: TaskEvent, **_: Any) -> None:
        told = Told(name, event.pk, event.created_at.isoformat(), trouble.now().get("age", 0), os.getpid())
        # One short line at the end of a file is written as a whole.
        with (trouble.folder() / "told.jsonl").open("a") as lines:
            lines.write(json.dumps(told) + "\n")

    return write


def _fail(sender: Any, **_: Any) -> None:
    raise RuntimeError("This receiver always fails.")
