"""Where files of tasks are kept."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from django.core.files.storage import Storage, storages
from django.utils import timezone

from django_wanvideo.conf import conf

if TYPE_CHECKING:
    import datetime as dt


class TaskStorage(Storage):
    """The storage that the setting ``STORAGE`` names, looked up at each use.

    Django asks for a field's storage when the models are loaded; a wrong name must not stop the site before a system
    check can say so.
    """

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__") and name != "__class__":
            return super().__getattribute__(name)
        # ``__class__`` too: whether files are in a local folder is asked with ``isinstance``.
        return getattr(storages[conf.STORAGE], name)


def task_storage() -> Storage:
    """Return the storage that the setting ``STORAGE`` names, whatever it is set to later."""
    return TaskStorage()


def upload_to(instance: Any, filename: str) -> str:
    """Return the name inside the storage for a video, by the setting ``UPLOAD_TO``."""
    target = conf.UPLOAD_TO
    if callable(target):
        return target(instance, filename)
    return posixpath.join(_dated(target), posixpath.basename(filename))


def input_upload_to(instance: Any, filename: str) -> str:
    """Return the name inside the storage for an input: beside the videos, in a folder of its own."""
    target = conf.UPLOAD_TO
    base = "wanvideo/%Y/%m/" if callable(target) else target
    return posixpath.join(_dated(base), "inputs", posixpath.basename(filename))


def _dated(pattern: str) -> str:
    now: dt.datetime = timezone.now()
    return now.strftime(pattern)
