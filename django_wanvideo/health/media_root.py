"""Whether videos land in a folder of the site, and whether browsers find them there."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django.core.files.storage import FileSystemStorage
from django.urls import get_script_prefix

from django_wanvideo.conf import conf
from django_wanvideo.models.storage import task_storage

FOLDER_HINT = 'Set MEDIA_ROOT to an absolute path, such as BASE_DIR / "media", the same for the site and its workers.'
ADDRESS_HINT = 'Set MEDIA_URL, for example to "media/", and serve MEDIA_ROOT there.'


def backend() -> str:
    """Return the class that keeps videos, and its alias in ``STORAGES``."""
    # ``type()`` would name the wrapper that looks the storage up.
    return f"{task_storage().__class__.__name__} ({conf.STORAGE})"


def folder_problem() -> str:
    """Say that videos would be kept in whatever folder a process was started in; empty where they are not."""
    storage = _local()
    if storage is None or PurePath(str(storage.base_location)).is_absolute():
        return ""
    return f"{backend()} has no absolute MEDIA_ROOT: each process keeps files in the folder that it was started in."


def address_problem() -> str:
    """Say that stored videos have no address of their own; empty where they have, or are shown in another way."""
    storage = _local()
    # What Django makes of a MEDIA_URL that nobody has set.
    if storage is None or storage.base_url is None or str(storage.base_url) not in {"", "/", get_script_prefix()}:
        return ""
    return f"{backend()} has no MEDIA_URL: stored videos cannot be shown."


def _local() -> Any:
    """Return the storage if it is a folder of this machine."""
    try:
        storage: Any = task_storage()
        return storage if isinstance(storage, FileSystemStorage) else None
    except Exception:
        # A storage that cannot be made is what another check, and the doctor's attempt to use it, say.
        return None
