"""Holding a task for one worker while it works outside the database.

A lease is a time in the row, not a lock: it ends by itself when its worker dies.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connections
from django.db.models import Q
from django.utils import timezone

from django_wanvideo import queue
from django_wanvideo.db import database, timestamps
from django_wanvideo.db.timestamps import LEASE
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from django_wanvideo.choices import TaskStatus

logger = logging.getLogger(__name__)

#: How often a working worker says that it lives.
RENEWAL = dt.timedelta(seconds=20)
#: How long it may say so: RQ ends every job by then, and a worker without RQ that hangs must not hold a task for ever.
MAX_DURATION = dt.timedelta(seconds=max(queue.JOB_TIMEOUTS.values()))


class Lease:
    """One worker's hold on one task; ``is_current`` is the condition that it still stands."""

    def __init__(self, task_id: uuid.UUID, until: dt.datetime) -> None:
        self.task_id, self.until = task_id, until
        #: Whether a renewal has found that another worker took the task over.
        self.lost = False
        self._ends = time.monotonic() + MAX_DURATION.total_seconds()

    @property
    def is_current(self) -> Q:
        """A condition for queries: nobody else has taken the task over."""
        return Q(lease_expires_at=self.until)

    def renew(self) -> bool:
        """Prolong the hold, counted from now; return whether it still stood."""
        until = timezone.now() + LEASE
        if VideoTask.objects.filter(self.is_current, pk=self.task_id).update(lease_expires_at=until):
            self.until = until
        else:
            self.lost = True
        return not self.lost

    @contextmanager
    def keep_alive(self) -> Iterator[None]:
        """Renew the hold from a thread of its own while the block runs, whatever the block waits for.

        The thread ends with the block, with the process, or ``MAX_DURATION`` after the task was taken. The block may look at
        ``lost``; ``is_current`` moves on under it and is for use after it.
        """
        if database.connection().in_atomic_block:
            # A hold that is not committed is seen by nobody: no other worker can take the task, no thread renew it.
            yield
            return
        began, done = time.monotonic(), threading.Event()
        heartbeat = threading.Thread(target=self._heartbeat, args=(done,), name="wanvideo-lease", daemon=True)
        heartbeat.start()
        try:
            yield
        finally:
            done.set()
            heartbeat.join()
            if time.monotonic() - began > RENEWAL.total_seconds():
                # A connection that has been silent for so long may have been cut; the next query opens another.
                database.connection().close()

    def release(self) -> None:
        """Give the task back, if it is still held."""
        VideoTask.objects.filter(self.is_current, pk=self.task_id).update(lease_expires_at=None)

    def _heartbeat(self, done: threading.Event) -> None:
        while not done.wait(RENEWAL.total_seconds()) and time.monotonic() < self._ends:
            try:
                if not self.renew():
                    return
            except Exception:
                # The hold stands for a while yet, and a database that is away may come back.
                logger.warning("The hold on task %s could not be renewed.", self.task_id, exc_info=True)
            finally:
                connections.close_all()


def acquire(task_id: uuid.UUID, status: TaskStatus, condition: Q | None = None) -> Lease | None:
    """Hold a task that stands at ``status``; ``None`` if it stands elsewhere or another worker holds it.

    ``condition`` is a further one on the row.
    """
    until = timezone.now() + LEASE
    rows = VideoTask.objects.filter(is_free(), condition or Q(), pk=task_id, status=status).update(
        lease_expires_at=until
    )
    return Lease(task_id, until) if rows else None


def is_free() -> Q:
    """A condition: no worker holds the task, as far as one can have taken it."""
    return Q(lease_expires_at=None) | timestamps.is_over("lease_expires_at", timestamps.LONGEST_LEASE)
