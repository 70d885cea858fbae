"""Where videos are kept: whether files can be written and shown there, and whether there is room."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.urls import get_script_prefix
from django.utils.translation import gettext as _

from django_wanvideo.conf import conf
from django_wanvideo.health.results import CheckResult, error, ok, warning
from django_wanvideo.models import VideoTask
from django_wanvideo.models.storage import task_storage, upload_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.storage import Storage

FOLDER_HINT = 'Set MEDIA_ROOT to an absolute path, such as BASE_DIR / "media", the same for the site and its workers.'
ADDRESS_HINT = 'Set MEDIA_URL, for example to "media/", and serve MEDIA_ROOT there.'


def check_storage() -> Iterator[CheckResult]:
    """Write a small file where videos go, read it back, delete it; and look at the room on the disks."""
    storage = task_storage()
    word = backend()
    content = uuid.uuid4().bytes
    wanted = upload_to(VideoTask(), f"doctor-{uuid.uuid4().hex}.txt")
    name = storage.save(wanted, ContentFile(content))
    try:
        with storage.open(name) as stored:
            same = stored.read() == content
    finally:
        storage.delete(name)
    if not same:
        yield error(_("%(storage)s gives back other bytes than it was given.") % {"storage": word}, "")
    elif storage.exists(name):
        yield warning(
            _("%(storage)s takes files but does not delete them.") % {"storage": word},
            _("Allow deleting, or files of deleted tasks stay. Left behind: %(name)s") % {"name": name},
        )
    elif problem := folder_problem():
        yield warning(problem, FOLDER_HINT)
    elif problem := address_problem():
        yield warning(problem, ADDRESS_HINT)
    else:
        yield ok(_("%(storage)s: written, read and deleted.") % {"storage": word})
    yield from _room(storage)


def _room(storage: Storage) -> Iterator[CheckResult]:
    """Videos pass through a temporary file on their way to the storage."""
    places = {_("temporary files"): settings.FILE_UPLOAD_TEMP_DIR or tempfile.gettempdir()}
    with contextlib.suppress(NotImplementedError):  # not on a disk of this machine
        places[_("videos")] = storage.path("")
    for purpose, folder in places.items():
        free = shutil.disk_usage(folder).free
        if free < conf.MAX_VIDEO_BYTES:
            yield warning(
                _("%(n)d MiB are free for %(purpose)s; one video may have %(most)d MiB.")
                % {"n": free // 2**20, "purpose": purpose, "most": conf.MAX_VIDEO_BYTES // 2**20},
                _("Make room, or lower WANVIDEO['MAX_VIDEO_BYTES']."),
            )


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
