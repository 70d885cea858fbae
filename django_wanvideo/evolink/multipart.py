"""A file as a multipart form, read piece by piece: its size in memory does not depend on the file's."""

from __future__ import annotations

import os
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO

from django_wanvideo.evolink import parsing

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 64 * 1024
#: EvoLink keeps uploaded files for 72 hours (documentation of the file service).
LIFETIME = timedelta(hours=72)

_CONTENT_TYPE = re.compile(r"[a-z0-9]+/[a-z0-9][a-z0-9.+-]*", re.ASCII)


class MultipartFile:
    """A form with the one field ``file``, of known length, iterated in chunks of at most 64 KiB.

    ``fileobj`` must be seekable; it is read from its start to its end. Iterating raises OSError when ``deadline_seconds``
    are over, or when the file became shorter.
    """

    def __init__(self, fileobj: BinaryIO, file_name: str, content_type: str, deadline_seconds: float) -> None:
        self._file = fileobj
        self._deadline = time.monotonic() + deadline_seconds
        fileobj.seek(0, os.SEEK_END)
        self._size = fileobj.tell()
        boundary = secrets.token_hex(16)
        name = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(file_name))[-100:].lstrip(".") or "file"
        kind = content_type.strip().lower()
        if not _CONTENT_TYPE.fullmatch(kind):
            kind = "application/octet-stream"
        self._head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: {kind}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.content_type = f"multipart/form-data; boundary={boundary}"

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        yield self._head
        missing = self._size
        while missing:
            if time.monotonic() > self._deadline:
                raise TimeoutError("the time for the upload is used up")
            chunk = self._file.read(min(CHUNK, missing))
            if not chunk:
                raise OSError(f"the file ended {missing} bytes early")
            missing -= len(chunk)
            yield chunk
        yield self._tail


def expiry(value: object, now: datetime | None = None) -> datetime:
    """Return when an uploaded file ends: EvoLink's ``expires_at``, but never later than 72 hours from now."""
    now = now or datetime.now(UTC)
    stated = parsing.parse_datetime(value)
    latest = now + LIFETIME
    return min(stated, latest) if stated is not None and stated > now else latest
