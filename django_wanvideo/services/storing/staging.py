"""The file that a video is copied into before it is whole and checked, and its name in the storage after that.

Where the storage is a folder of this machine, that file lies on the storage's own disk and has no name until it is
whole; it is then moved and not copied again, and nothing is left of it when its worker dies. Elsewhere, and where the
system or the disk cannot do that, it is a temporary file that the storage reads in chunks.

A file in the storage is only ever deleted when no row refers to it, since on a storage that overwrites, and where a site
chooses names of its own, two copies may have the same name.
"""

from __future__ import annotations

import logging
import os
import posixpath
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from rq.timeouts import BaseTimeoutException

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from django.core.files.storage import Storage

logger = logging.getLogger(__name__)

_OWN_FILES = "/proc/self/fd"


class StagedFile:
    """A file to write a video into; ``content`` hands it to the storage."""

    def __init__(self, file: BinaryIO, path: str | None) -> None:
        self.file = file
        self._path = path

    def content(self, name: str) -> File[Any]:
        """Return what ``Storage.save`` takes; ``name`` is the one that is wanted inside the storage."""
        self.file.flush()
        self.file.seek(0)
        if self._path is not None:
            try:
                _give_name(self.file.fileno(), self._path)
            except OSError as error:
                logger.info("A finished copy cannot be moved into place (%s); it is copied.", error.strerror)
            else:
                return _MovableFile(self.file, self._path, name)
        return File(self.file, name=name)


class _MovableFile(File):  # type: ignore[type-arg]  # not generic when it runs
    """A file that Django's file system storage moves, as it does with large uploads."""

    def __init__(self, file: BinaryIO, path: str, name: str) -> None:
        super().__init__(file, name=name)
        self._path = path

    def temporary_file_path(self) -> str:
        return self._path


@contextmanager
def staged_file(storage: Storage, key: str) -> Iterator[StagedFile]:
    """Open a copy on its way to ``storage``; it is gone after the block, unless the storage has moved it.

    ``key`` names the copy while it is moved, so that what a dead worker left in that instant is replaced by the next.
    """
    folder = os.fspath(storage.location) if isinstance(storage, FileSystemStorage) else None
    file = _unnamed(folder)
    if file is None or folder is None:
        with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as temporary:
            yield StagedFile(cast("BinaryIO", temporary), None)
        return
    path = os.path.join(folder, f".{key}.part")
    try:
        with file:
            yield StagedFile(file, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)


def _unnamed(folder: str | None) -> BinaryIO | None:
    """Open a file without a name, with the permissions of any other new file; ``None`` where that cannot be done."""
    if folder is None:
        return None
    try:
        return os.fdopen(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666), "w+b")
    except (AttributeError, OSError):
        # Not Linux, a disk of another machine, or a folder that is not there yet.
        return None


def _give_name(descriptor: int, path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
    folder = os.open(_OWN_FILES, os.O_RDONLY)
    try:
        # Only with a folder does Python follow the link to the open file itself.
        os.link(str(descriptor), path, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def file_name(task: VideoTask) -> str:
    """Return a name that no other attempt's video ever has; the same attempt's next worker finds what is left of it."""
    attempt = Attempt.objects.filter(task=task).order_by("-number").values_list("pk", flat=True).first()
    return f"{task.pk}-{attempt.hex[:16]}.mp4" if attempt else files.unique_name(str(task.pk), ".mp4")


def available_name(storage: Storage, wanted: str, task_id: uuid.UUID) -> str:
    """Return ``wanted``, or a name like it where a row refers to that file already; the storage may change it once more.

    What a worker left there that died before its row said so is deleted, if the task's id in the name shows whose it is.
    """
    if not _may_exist(storage, wanted):
        return wanted
    if files.referred([wanted]):
        folder, name = posixpath.split(wanted)
        return posixpath.join(folder, storage.get_alternative_name(*posixpath.splitext(name)))
    if str(task_id) in wanted or task_id.hex in wanted:
        files.delete_unreferenced(storage, wanted)
    return wanted


def delete_if_superseded(storage: Storage, name: str, task_id: uuid.UUID) -> None:
    """Delete a task's copy that came too late, unless it is, or may become, the only one."""
    status = VideoTask.objects.filter(pk=task_id).values_list("status", flat=True).first()
    if status in {TaskStatus.COMPLETED, None}:
        files.delete_unreferenced(storage, name)
    else:
        # Another worker may be about to name this very file, or nobody else has got the video at all.
        logger.warning("A late copy of the video of task %s, which is %s, stays at %s.", task_id, status, name)


def _may_exist(storage: Storage, name: str) -> bool:
    try:
        return storage.exists(name)
    except BaseTimeoutException:
        raise
    except Exception:
        # Some sites may only write.
        logger.info("The storage does not say whether it has a file %s.", name, exc_info=True)
        return True
