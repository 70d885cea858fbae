"""Looks at what a site has after its workers have worked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage

if TYPE_CHECKING:
    from django.core.files.storage import Storage

    from django_wanvideo.models import VideoTask


def videos(storage: Storage = default_storage) -> list[str]:
    """Names of all files of a storage, pictures left out; what an unfinished copy leaves is among them."""
    names: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop()
        inner, files = storage.listdir(folder or ".")
        names += [f"{folder}/{name}".lstrip("/") for name in files if not name.endswith((".jpg", ".jpeg"))]
        folders += [f"{folder}/{name}".lstrip("/") for name in inner]
    return names


def kinds(task: VideoTask) -> list[str]:
    """The kinds of a task's events, in order."""
    return list(task.events.order_by("id").values_list("kind", flat=True))


def is_whole(task: VideoTask) -> bool:
    """Whether the stored file is the one that the row describes."""
    with task.video.storage.open(task.video.name) as stored:
        content = stored.read()
    return (len(content), hashlib.sha256(content).hexdigest()) == (task.video_size, task.video_sha256)
