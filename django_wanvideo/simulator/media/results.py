"""The videos behind result links: drawn when first asked for, kept by what they show."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import caption, video
from .tasks import Link, Task

if TYPE_CHECKING:
    from .options import Options
    from .storage import Blobs

#: Two at a time: more would only take the processor from each other.
_DRAWERS = threading.Semaphore(2)


@dataclass(frozen=True)
class Found:
    """A result link's task and its end (seconds since 1970)."""

    task: Task
    expires_at: float


class Results:
    """Result links and the files behind them."""

    def __init__(self, options: Options, blobs: Blobs) -> None:
        self._options = options
        self._blobs = blobs
        self._links: dict[str, Found] = {}
        self._own: dict[str, Path] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def link(self, task: Task, now: float) -> Link:
        """A new, unguessable link to a task's video, valid for `Options.link_seconds`."""
        path = f"/results/{task.account.id}/videos/file_{secrets.token_hex(16)}.mp4"
        link = Link(path, now + self._options.link_seconds)
        with self._lock:
            self._links[path] = Found(task, link.expires_at)
        return link

    def find(self, path: str) -> Found | None:
        """What is behind a link, dead or alive."""
        with self._lock:
            return self._links.get(path)

    def replace(self, task: Task, path: str | Path) -> None:
        """Serve a file of one's own as a task's video."""
        with self._lock:
            self._own[task.id] = Path(path)

    def file(self, task: Task) -> Path:
        """The task's MP4, drawn if need be; DrawingUnavailableError without PyAV."""
        with self._lock:
            own = self._own.get(task.id)
        if own is not None:
            return own
        scene = self._scene(task)
        target = self._blobs.path(scene.digest, ".mp4")
        if target.exists():
            return target
        with self._lock:
            lock = self._locks.setdefault(scene.digest, threading.Lock())
        with lock:
            if not target.exists():
                self._draw(scene, task.picture_digest, target)
        return target

    def _draw(self, scene: video.Scene, digest: str | None, target: Path) -> None:
        partial = target.with_suffix(".part")
        picture = self._blobs.path(digest).read_bytes() if digest is not None else None
        with _DRAWERS:
            video.draw(scene, picture, partial)
        os.replace(partial, target)

    def _scene(self, task: Task) -> video.Scene:
        wide, _, high = str(task.body.get("aspect_ratio", "")).partition(":")
        ratio = int(wide) / int(high) if wide.isdigit() and high.isdigit() else 16 / 9
        source = task.picture_digest or _placeholder_digest(task, captions=self._options.captions)
        return video.Scene(
            seconds=task.seconds,
            quality=task.quality,
            audio=task.audio,
            caption=caption.first_words(task.prompt) if self._options.captions else "",
            ratio=ratio,
            scale=self._options.scale,
            fps=self._options.video_fps,
            picture_digest=source,
        )


def _placeholder_digest(task: Task, *, captions: bool) -> str:
    return hashlib.sha256((task.prompt if captions else task.model).encode("utf-8", "replace")).hexdigest()
