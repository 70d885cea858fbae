"""A video on its way to the storage: moved where it can be, read in chunks elsewhere, and never left behind."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage

from django_wanvideo.services.storing import staging

if TYPE_CHECKING:
    from django.core.files.base import File

CONTENT = b"video" * 100_000

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has files without a name.")


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def without_unnamed_files(path: Any, flags: int, mode: int = 0o777, *, real: Any = os.open, **options: Any) -> int:
    """``os.open`` on a disk, such as one of another machine, that has no files without a name."""
    if flags & getattr(os, "O_TMPFILE", 0) == getattr(os, "O_TMPFILE", -1):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")
    return real(path, flags, mode, **options)


def write(copy: staging.StagedFile) -> None:
    copy.file.write(CONTENT)


@linux_only
def test_a_storage_on_this_machine_moves_the_very_file_that_was_written(tmp_path: Path) -> None:
    storage = FileSystemStorage(tmp_path)
    with staging.staged_file(storage, "a") as copy:
        write(copy)
        written = os.fstat(copy.file.fileno()).st_ino
        assert files_in(tmp_path) == []
        name = storage.save("videos/a.mp4", copy.content("videos/a.mp4"))
    assert files_in(tmp_path) == ["videos/a.mp4"]
    assert os.stat(storage.path(name)).st_ino == written
    assert Path(storage.path(name)).read_bytes() == CONTENT


@pytest.mark.parametrize("mode", [0o640, 0o644, None])
def test_a_video_has_the_permissions_that_the_site_gives_its_files(tmp_path: Path, settings, mode: int | None) -> None:
    settings.FILE_UPLOAD_PERMISSIONS = mode
    storage = FileSystemStorage(tmp_path)
    before = os.umask(0o027)
    try:
        with staging.staged_file(storage, "a") as copy:
            write(copy)
            name = storage.save("a.mp4", copy.content("a.mp4"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(storage.path(name)).st_mode) == (0o640 if mode is None else mode)


def test_a_copy_that_breaks_off_leaves_nothing_in_the_storage(tmp_path: Path) -> None:
    storage = FileSystemStorage(tmp_path)

    def break_off() -> None:
        with staging.staged_file(storage, "a") as copy:
            write(copy)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        break_off()
    assert files_in(tmp_path) == []


@linux_only
def test_a_storage_that_fails_to_move_leaves_nothing_behind(tmp_path: Path) -> None:
    class Full(FileSystemStorage):
        def _save(self, name: str, content: File[Any]) -> str:
            assert Path(content.temporary_file_path()).stat().st_size == len(CONTENT)
            raise ConnectionError

    def store() -> None:
        with staging.staged_file(Full(tmp_path), "a") as copy:
            write(copy)
            Full(tmp_path).save("a.mp4", copy.content("a.mp4"))

    with pytest.raises(ConnectionError):
        store()
    assert files_in(tmp_path) == []


@linux_only
def test_what_a_worker_left_that_died_while_moving_is_replaced(tmp_path: Path) -> None:
    storage = FileSystemStorage(tmp_path)
    (tmp_path / ".a.part").write_bytes(b"left behind")
    with staging.staged_file(storage, "a") as copy:
        write(copy)
        name = storage.save("a.mp4", copy.content("a.mp4"))
    assert files_in(tmp_path) == ["a.mp4"]
    assert Path(storage.path(name)).read_bytes() == CONTENT


def test_a_name_that_is_taken_is_kept_and_another_one_found(tmp_path: Path) -> None:
    storage = FileSystemStorage(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"somebody else's")
    with staging.staged_file(storage, "a") as copy:
        write(copy)
        name = storage.save("a.mp4", copy.content("a.mp4"))
    assert name != "a.mp4"
    assert (tmp_path / "a.mp4").read_bytes() == b"somebody else's"
    assert Path(storage.path(name)).read_bytes() == CONTENT


@pytest.mark.parametrize("trouble", ["no folder yet", "no unnamed files", "no name to be given"])
def test_where_a_copy_cannot_be_moved_it_is_stored_all_the_same(tmp_path: Path, monkeypatch, trouble: str) -> None:
    folder = tmp_path / "media"
    if trouble != "no folder yet":
        folder.mkdir()
    if trouble == "no unnamed files":
        monkeypatch.setattr(os, "open", without_unnamed_files)
    if trouble == "no name to be given":
        monkeypatch.setattr(staging, "_OWN_FILES", str(tmp_path / "proc"))
    storage = FileSystemStorage(folder)
    with staging.staged_file(storage, "a") as copy:
        write(copy)
        name = storage.save("a.mp4", copy.content("a.mp4"))
    assert files_in(folder) == ["a.mp4"]
    assert Path(storage.path(name)).read_bytes() == CONTENT


def test_any_other_storage_reads_the_copy_in_chunks_of_64_kib(tmp_path: Path, settings) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    sizes = []

    class Chunks(InMemoryStorage):
        def _save(self, name: str, content: File[Any]) -> str:
            assert not hasattr(content, "temporary_file_path")
            sizes.extend(len(chunk) for chunk in content.chunks())
            return name

    with staging.staged_file(Chunks(), "a") as copy:
        write(copy)
        Chunks().save("a.mp4", copy.content("a.mp4"))
    assert max(sizes) <= 64 * 1024
    assert sum(sizes) == len(CONTENT)
    assert files_in(tmp_path) == []
