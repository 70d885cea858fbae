"""What people and programs ask of a batch as a whole. The rows follow one after the other, by ``work``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import failures, queue
from django_wanvideo.batches.making import record
from django_wanvideo.choices import BatchEventKind, BatchOperation, BatchState, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Batch, VideoTask
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

MAY_SPEND = "wanvideo.submit_videotask"


def submit(batch: Batch, *, by: AbstractBaseUser | None = None) -> None:
    """Send all drafts of a batch; see ``Batch.submit``."""
    _may_spend(by)
    now = timezone.now()
    rows = Q(state=BatchState.READY, operation="") | Q(state=BatchState.CREATING, operation="")
    values = {"operation": BatchOperation.SUBMIT, "submitted_by_id": _pk(by), "submitted_at": now}
    _begin(
        batch,
        rows & Q(cancelled_at=None),
        _("Only a batch whose videos have not been sent can be submitted; this one is %(state)s."),
        by,
        BatchEventKind.SUBMITTED,
        **values,
    )


def cancel(batch: Batch, *, by: AbstractBaseUser | None = None) -> None:
    """Stop making and sending, and cancel what was not sent; see ``Batch.cancel``."""
    states = [BatchState.CREATING, BatchState.READY, BatchState.SUBMITTED]
    _begin(
        batch,
        Q(state__in=states) & ~Q(operation=BatchOperation.CANCEL),
        _("Nothing of this batch is left that could be cancelled; it is %(state)s."),
        by,
        BatchEventKind.CANCELLED,
        operation=BatchOperation.CANCEL,
        cursor=0,
        cancelled_at=timezone.now(),
        cancelled_by_id=_pk(by),
    )


def retry(batch: Batch, *, by: AbstractBaseUser | None = None) -> None:
    """Try again where trying again helps; see ``Batch.retry``."""
    _may_spend(by)
    if not retryable(batch).exists():
        raise TransitionNotAllowed(_("None of its failed videos would gain by being tried again."), action="retry")
    _begin(
        batch,
        Q(state__in=[BatchState.SUBMITTED, BatchState.ENDED], operation=""),
        _("Something is going on with this batch; try again when that is done. It is %(state)s."),
        by,
        BatchEventKind.RETRIED,
        operation=BatchOperation.RETRY,
        cursor=0,
        state=BatchState.SUBMITTED,
        submitted_by_id=_pk(by),
        submitted_at=timezone.now(),
        cancelled_at=None,
        ended_at=None,
    )


def retryable(batch: Batch) -> QuerySet[VideoTask]:
    """Return the failed tasks of a batch that failed for a passing reason."""
    return VideoTask.objects.filter(
        batch=batch, status=TaskStatus.FAILED, error_code__in=failures.codes_for_retry(), dismissed_at=None
    )


def _begin(
    batch: Batch, condition: Q, refusal: str, by: AbstractBaseUser | None, kind: BatchEventKind, **values: Any
) -> None:
    values["next_action_at"] = timezone.now()
    with database.atomic():
        moved = Batch.objects.filter(condition, pk=batch.pk).update(**values)
        if moved:
            record(batch, kind, by)
            queue.enqueue_on_commit("batch", batch.pk)
    batch.refresh_from_db()
    if not moved:
        words = {"state": batch.get_state_display()}
        raise TransitionNotAllowed(refusal % words, status=batch.state, action=str(kind))


def _may_spend(by: AbstractBaseUser | None) -> None:
    people.check_permission(by, MAY_SPEND, _("You may not spend credits."))


def _pk(by: AbstractBaseUser | None) -> Any:
    return by.pk if by is not None else None
