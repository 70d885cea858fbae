"""The file that a video is copied into before it is whole and checked.

Where the storage is a folder of this machine, that file lies on the storage's own disk and has no name until it is
whole; it is then moved and not copied again, and nothing is left of it when its worker dies. Elsewhere, and where the
system or the disk cannot do that, it is a temporary file that the storage reads in chunks.
"""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.storage import Storage

logger = logging.getLogger(__name__)

_OWN_FILES = "/proc/self/fd"


class Copy:
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
def new_copy(storage: Storage, key: str) -> Iterator[Copy]:
    """Open a copy on its way to ``storage``; it is gone after the block, unless the storage has moved it.

    ``key`` names the copy while it is moved, so that what a dead worker left in that instant is replaced by the next.
    """
    folder = os.fspath(storage.location) if isinstance(storage, FileSystemStorage) else None
    file = _unnamed(folder)
    if file is None or folder is None:
        with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as temporary:
            yield Copy(cast("BinaryIO", temporary), None)
        return
    path = os.path.join(folder, f".{key}.part")
    try:
        with file:
            yield Copy(file, path)
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
