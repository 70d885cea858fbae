"""Querysets of tasks, named by adjectives."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, Q, Subquery
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.module_loading import import_string

from django_wanvideo.choices import FINISHED_STATUSES, IN_FLIGHT_STATUSES, TaskStatus
from django_wanvideo.db import timestamps
from django_wanvideo.models.base.managers import PrimaryManager, PrimaryQuerySet

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.models import VideoTask

OVERDUE_STATUSES = (TaskStatus.PENDING, TaskStatus.PROCESSING)
#: What every task that needs attention is; the condition of the index by which they are found.
MAY_NEED_ATTENTION = (
    Q(status=TaskStatus.UNCONFIRMED)
    | Q(status=TaskStatus.FAILED, dismissed_at=None)
    | Q(unmatched=True, dismissed_at=None)
    | Q(status__in=OVERDUE_STATUSES, overdue_notified_at__isnull=False)
)


class VideoTaskQuerySet(PrimaryQuerySet["VideoTask"]):
    """Tasks, by what can be said of them."""

    def unfinished(self) -> VideoTaskQuerySet:
        """Those that something will still happen to."""
        return self.exclude(status__in=FINISHED_STATUSES)

    def finished(self) -> VideoTaskQuerySet:
        """Those that have reached an end."""
        return self.filter(status__in=FINISHED_STATUSES)

    def in_flight(self) -> VideoTaskQuerySet:
        """Those that EvoLink has, or may have."""
        return self.filter(status__in=IN_FLIGHT_STATUSES)

    def due(self, at: dt.datetime | None = None) -> VideoTaskQuerySet:
        """Those that the sweep has something to do for, and that no worker holds."""
        free = Q(lease_expires_at=None) | timestamps.is_over("lease_expires_at", timestamps.LONGEST_LEASE, at)
        return self.filter(timestamps.is_due(at)).filter(free)

    def owned_by(self, user: AbstractBaseUser) -> VideoTaskQuerySet:
        """Those of one person."""
        return self.filter(owner_id=user.pk)

    def needing_attention(self) -> VideoTaskQuerySet:
        """Those that wait for a person: unconfirmed, overdue, failed, or of a wish that nobody here knows.

        A failure, or an unknown wish, that somebody dismissed does not wait any more, nor a failure of which a copy is
        completed.
        """
        copies = type(self)(self.model).filter(parent_id=OuterRef("pk"), status=TaskStatus.COMPLETED)
        # Not EXISTS: PostgreSQL would rather read all completed tasks once than look at the copies of each row.
        is_unresolved = IsNull(Subquery(copies.order_by().values("pk")[:1]), True)
        return self.filter(
            Q(status=TaskStatus.UNCONFIRMED)
            | (Q(status=TaskStatus.FAILED, dismissed_at=None) & Q(is_unresolved))
            | Q(unmatched=True, dismissed_at=None)
            | Q(status__in=OVERDUE_STATUSES, overdue_notified_at__isnull=False)
        )

    def expiring(self, within: dt.timedelta = dt.timedelta(hours=6)) -> VideoTaskQuerySet:
        """Those whose video is not stored yet and whose link ends soon."""
        return self.filter(status=TaskStatus.STORING, result_expires_at__lte=timezone.now() + within)


class VideoTaskManager(PrimaryManager["VideoTask"].from_queryset(VideoTaskQuerySet)):  # type: ignore[misc]
    """Adds the one way to make a task."""

    def create_task(self, prompt: str, first_frame: Any = None, **options: Any) -> VideoTask:
        """Make a draft that is known to be acceptable; see ``models.creation.creation.create_task``.

        Raises:
            ValidationError: keyed by field, all problems at once.
        """
        # Above this file, which the rows need to be defined.
        create: Callable[..., VideoTask] = import_string("django_wanvideo.models.creation.creation.create_task")
        return create(prompt=prompt, first_frame=first_frame, **options)
