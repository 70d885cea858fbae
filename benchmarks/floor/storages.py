"""A storage that is no file system to Django: it is given a file and reads it in chunks, as remote storages do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.storage import Storage

if TYPE_CHECKING:
    from django.core.files.base import File


class ChunkStorage(Storage):
    """Keeps files in a folder, chunk by chunk."""

    def _save(self, name: str, content: File) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for chunk in content.chunks():
                file.write(chunk)
        return name

    def path(self, name: str) -> str:
        return os.path.join(settings.TEST_DIR, "chunks", name)

    def exists(self, name: str) -> bool:
        return os.path.exists(self.path(name))

    def size(self, name: str) -> int:
        return os.path.getsize(self.path(name))

    def delete(self, name: str) -> None:
        os.unlink(self.path(name))
