"""Holding a task for one worker while it works outside the database.

A lease is a time in the row, not a lock: it ends by itself when its worker dies.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    import uuid

    from django_wanvideo.choices import TaskStatus

#: How long a worker may be silent before its task is given to another.
LEASE = dt.timedelta(seconds=120)
#: How often a working worker says that it lives.
RENEWAL = dt.timedelta(seconds=20)


class Lease:
    """One worker's hold on one task; ``held`` is the condition that it still stands."""

    def __init__(self, task_id: uuid.UUID, until: dt.datetime) -> None:
        self.task_id = task_id
        self.until = until
        self._renewed_at = timezone.now()

    @property
    def held(self) -> Q:
        """A condition for queries: nobody else has taken the task over."""
        return Q(leased_until=self.until)

    def renew(self) -> bool:
        """Prolong the hold if a renewal is due; return whether the task is still held."""
        now = timezone.now()
        if now - self._renewed_at < RENEWAL:
            return True
        rows = VideoTask.objects.filter(self.held, pk=self.task_id).update(leased_until=now + LEASE)
        if rows:
            self.until, self._renewed_at = now + LEASE, now
        return bool(rows)

    def release(self) -> None:
        """Give the task back, if it is still held."""
        VideoTask.objects.filter(self.held, pk=self.task_id).update(leased_until=None)


def acquire(task_id: uuid.UUID, status: TaskStatus) -> Lease | None:
    """Hold a task that stands at ``status``; ``None`` if it stands elsewhere or another worker holds it."""
    now = timezone.now()
    until = now + LEASE
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    rows = VideoTask.objects.filter(free, pk=task_id, status=status).update(leased_until=until)
    return Lease(task_id, until) if rows else None
