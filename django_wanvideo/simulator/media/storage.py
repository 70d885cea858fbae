"""The bytes that a simulator keeps: uploaded files and drawn videos, by digest, in one folder."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from . import video

#: Where uploaded files are: at their own path, and by their id.
FILES_PATH = "/files/"
DOWNLOAD_PATH = "/api/v1/files/download/"

#: Two at a time: more would only take the processor from each other.
_DRAWERS = threading.Semaphore(2)


class Blobs:
    """Files in a folder, named by the SHA-256 of their content: the same bytes are kept once.

    Without a `folder` it is a temporary one, from `open` to `close`.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self._is_temporary = folder is None
        self._folder = None if folder is None else Path(folder)

    @property
    def folder(self) -> Path:
        """Where the files are; RuntimeError before `open`."""
        if self._folder is None:
            raise RuntimeError("The simulator has not been started.")
        return self._folder

    def open(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="evolink-simulator-"))
        self._folder.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if not path.exists():
            partial = path.with_name(f"{digest}.{secrets.token_hex(4)}.part")
            partial.write_bytes(data)
            os.replace(partial, path)
        return digest

    def path(self, digest: str, suffix: str = "") -> Path:
        return self.folder / f"{digest}{suffix}"

    def close(self) -> None:
        """Remove the folder, unless it was given."""
        if self._is_temporary and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


@dataclass
class StoredFile:
    """One uploaded file. Times are seconds since 1970; size in bytes."""

    id: str
    account_id: str
    path: str
    name: str
    original_name: str
    mime_type: str
    size: int
    digest: str
    uploaded_at: float
    expires_at: float

    def as_body(self, base_url: str) -> dict[str, Any]:
        """The `data` of an upload's answer."""
        return {
            "file_id": self.id,
            "file_name": self.name,
            "original_name": self.original_name,
            "file_size": self.size,
            "mime_type": self.mime_type,
            "upload_path": self.path.strip("/").split("/", 2)[2].rpartition("/")[0],
            "file_url": base_url + quote(self.path),
            "download_url": f"{base_url}{DOWNLOAD_PATH}{self.id}",
            "upload_time": _iso(self.uploaded_at),
            "expires_at": _iso(self.expires_at),
        }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


class FileStore:
    """Uploaded files by URL path and by id. The same name in the same folder replaces the earlier file."""

    def __init__(self, blobs: Blobs, seconds: float, max_files: int) -> None:
        self._blobs = blobs
        self._seconds = seconds
        self.max_files = max_files
        self._by_path: dict[str, StoredFile] = {}
        self._by_id: dict[str, StoredFile] = {}
        self._lock = threading.RLock()

    def add(
        self, account_id: str, data: bytes, mime_type: str, *, now: float, folder: str, name: str, original: str
    ) -> StoredFile | None:
        """Keep an uploaded file; None when the account has no room for another."""
        extension = {"image/jpeg": ".jpg"}.get(mime_type, "." + mime_type.rpartition("/")[2])
        identity = f"file_{secrets.token_hex(8)}"
        name = _clean(name) or identity + extension
        folder = "/".join(part for part in map(_clean, folder.split("/")) if part) or "images"
        path = f"{FILES_PATH}{account_id}/{folder}/{name}"
        digest = self._blobs.put(data)
        with self._lock:
            earlier = self._by_path.get(path)
            if earlier is None and self.used(account_id, now) >= self.max_files:
                return None
            if earlier is not None:
                del self._by_id[earlier.id]
            times = (now, now + self._seconds)
            stored = StoredFile(
                identity, account_id, path, name, original or name, mime_type, len(data), digest, *times
            )
            self._by_path[path] = self._by_id[identity] = stored
        return stored

    def find(self, url: str, now: float) -> StoredFile | None:
        """The living file at a URL of this simulator, or at the path of one."""
        path = unquote(urlsplit(url).path)
        stored = self._by_path.get(path) or self._by_id.get(path.removeprefix(DOWNLOAD_PATH))
        return stored if stored is not None and now < stored.expires_at else None

    def used(self, account_id: str, now: float) -> int:
        with self._lock:
            return sum(1 for item in self._by_id.values() if item.account_id == account_id and now < item.expires_at)

    def __len__(self) -> int:
        return len(self._by_id)


def _clean(name: str) -> str:
    """A name without folders and odd characters."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name.replace("\\", "/").rpartition("/")[2]).strip("._")


class Results:
    """The videos of one simulator."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._own: dict[str, Path] = {}
        self._locks: dict[str, threading.Lock] = {}

    def replace(self, task_id: str, path: str | Path) -> None:
        self._own[task_id] = Path(path)

    def file(self, task_id: str, scene: video.Scene) -> Path:
        """A task's MP4, drawn if need be; DrawingUnavailableError without PyAV."""
        if own := self._own.get(task_id):
            return own
        target, picture = self._blobs.path(scene.digest, ".mp4"), self._blobs.path(scene.picture_digest)
        with self._locks.setdefault(scene.digest, threading.Lock()):
            if not target.exists():
                partial = target.with_suffix(".part")
                with _DRAWERS:
                    video.draw(scene, picture.read_bytes() if picture.exists() else None, partial)
                os.replace(partial, target)
        return target
