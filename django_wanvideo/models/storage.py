"""Where files of tasks are kept."""

from __future__ import annotations

import inspect
import posixpath
import re
from typing import Any

from django.apps import apps
from django.core.files.storage import Storage, storages
from django.utils import timezone

from django_wanvideo.conf import conf

#: Characters that a file's column holds, less those that a storage adds where a name is taken.
MAX_NAME_LENGTH = 255 - 10


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


class UnusableNameError(ValueError):
    """``UPLOAD_TO`` gives names that no storage takes."""


def try_upload_to() -> None:
    """Ask ``UPLOAD_TO`` for the names of a task that has nothing but its id, as when its files are stored.

    Raises UnusableNameError for a name that no file can ever have, and whatever a site's own function raises.
    """
    target = conf.UPLOAD_TO
    if callable(target):
        try:
            inspect.signature(target).bind(None, "")
        except TypeError as error:
            raise UnusableNameError(f"the callable takes (task, file name), but {error}") from error
        except ValueError:
            # A function that does not tell what it takes is tried all the same.
            pass
    elif not isinstance(target, str):
        raise UnusableNameError(f"it is {type(target).__name__}")
    task = apps.get_model("wanvideo", "VideoTask")()
    file_name = f"{task.pk}.mp4"
    _check_name(upload_to(task, file_name) if callable(target) else _by_date(target, file_name))


def _by_date(pattern: str, file_name: str) -> str:
    if "\x00" in pattern:
        raise UnusableNameError("it contains a character that no file can have")
    try:
        return posixpath.join(_dated(pattern), "inputs", file_name)
    except ValueError as error:
        raise UnusableNameError(f"it is no pattern of dates ({error})") from error


def _check_name(name: Any) -> None:
    """Raise UnusableNameError unless Django and any storage take ``name``."""
    if not isinstance(name, str):
        raise UnusableNameError(f"the callable returned {type(name).__name__}, not a name")
    if len(name) > MAX_NAME_LENGTH:
        raise UnusableNameError(f"its names have {len(name)} characters; {MAX_NAME_LENGTH} can be kept")
    if not name.isprintable():
        raise UnusableNameError(f"its names, such as {name!r}, contain characters that no file can have")
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or re.match(r"[A-Za-z]:", name):
        raise UnusableNameError(f"its names, such as {name!r}, lead out of the storage")
    if parts[-1] in {"", "."}:
        raise UnusableNameError(f"its names, such as {name!r}, end with no file")


def input_upload_to(instance: Any, filename: str) -> str:
    """Return the name inside the storage for an input: beside the videos, in a folder of its own."""
    return _beside_videos("inputs", filename)


def poster_upload_to(instance: Any, filename: str) -> str:
    """Return the name inside the storage for a poster: beside the videos, in a folder of its own."""
    return _beside_videos("posters", filename)


def film_upload_to(instance: Any, filename: str) -> str:
    """Return the name inside the storage for a film: beside the videos, in a folder of its own."""
    return _beside_videos("films", filename)


def _beside_videos(folder: str, filename: str) -> str:
    target = conf.UPLOAD_TO
    base = "wanvideo/%Y/%m/" if callable(target) else target
    return posixpath.join(_dated(base), folder, posixpath.basename(filename))


def _dated(pattern: str) -> str:
    return str(timezone.now().strftime(pattern))
