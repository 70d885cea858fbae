"""Where trouble gets into the site's processes: the clock that the app reads, the storage, the COMMIT."""

from __future__ import annotations

import datetime as dt
import errno
import os
import random
from typing import Any

from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from benchmarks.soak import trouble

_real_now = timezone.now
_random = random.SystemRandom()


def now() -> dt.datetime:
    """Return the time of this machine, whose clock may be a day ahead or behind."""
    clocks = trouble.now().get("clock") or {}
    offset = clocks.get(os.environ.get(trouble.PROCESS, ""), clocks.get("all", 0))
    return _real_now() + dt.timedelta(seconds=offset)


def move_clock() -> None:
    """Let the app read ``now``. Before any model is imported: their defaults keep the function that they find."""
    timezone.now = now


class FullStorage(FileSystemStorage):
    """A disk that is full at times."""

    def _save(self, name: str, content: Any) -> str:
        if trouble.now().get("disk"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return str(super()._save(name, content))


def break_commits() -> None:
    """Lose the connection at some COMMITs, of which half had been done."""
    import psycopg
    from django.db.backends.postgresql.base import DatabaseWrapper

    commit = DatabaseWrapper._commit

    def _commit(self: Any) -> Any:
        chance = trouble.now().get("commit", 0)
        if self.connection is None or not chance or _random.random() > chance:
            return commit(self)
        if _random.random() < 0.5:
            commit(self)
        self.connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    DatabaseWrapper._commit = _commit
