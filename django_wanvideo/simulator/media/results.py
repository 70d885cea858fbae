"""The files behind result links: drawn when first asked for, kept by what they show."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from . import video

if TYPE_CHECKING:
    from .storage import Blobs

#: Two at a time: more would only take the processor from each other.
_DRAWERS = threading.Semaphore(2)


class Results:
    """The videos of one simulator."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._own: dict[str, Path] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def replace(self, task_id: str, path: str | Path) -> None:
        """Serve a file of one's own as a task's video."""
        with self._lock:
            self._own[task_id] = Path(path)

    def file(self, task_id: str, scene: video.Scene) -> Path:
        """A task's MP4, drawn if need be; DrawingUnavailableError without PyAV."""
        target = self._blobs.path(scene.digest, ".mp4")
        with self._lock:
            own = self._own.get(task_id)
            lock = self._locks.setdefault(scene.digest, threading.Lock())
        if own is not None:
            return own
        with lock:
            if not target.exists():
                self._draw(scene, target)
        return target

    def _draw(self, scene: video.Scene, target: Path) -> None:
        partial = target.with_suffix(".part")
        picture = self._blobs.path(scene.picture_digest)
        with _DRAWERS:
            video.draw(scene, picture.read_bytes() if picture.exists() else None, partial)
        os.replace(partial, target)
