"""What people and programs ask of a batch as a whole. The rows follow one after the other, by ``work``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import failures, queue
from django_wanvideo.batches import asking
from django_wanvideo.batches.making import record
from django_wanvideo.choices import ApprovalKind, BatchEventKind, BatchOperation, BatchState, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Batch, VideoTask
from django_wanvideo.models.base import people
from django_wanvideo.services.limits import approval_limit
from django_wanvideo.services.sending import approvals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

    from django_wanvideo.models import Approval

MAY_SPEND = "wanvideo.submit_videotask"


def submit(batch: Batch, *, by: AbstractBaseUser | None = None, approval: Approval | None = None) -> None:
    """Send all drafts of a batch; see ``Batch.submit``.

    Args:
        approval: what a second person has agreed to; only what it is about is sent.
    """
    _may_spend(by)
    if approval is None:
        ask_together([batch], by=by)
    rows = Q(state=BatchState.READY, operation="") | Q(state=BatchState.CREATING, operation="")
    values: dict[str, Any] = {"operation": BatchOperation.SUBMIT}
    if approval is not None and batch.state in {BatchState.SUBMITTED, BatchState.ENDED}:
        # Some of it was sent before the rest came to cost too much.
        rows = Q(state=batch.state, operation="")
        values |= {"state": BatchState.SUBMITTED, "cursor": 0, "ended_at": None}
    _begin(
        batch,
        rows & Q(cancelled_at=None),
        _("Only a batch whose videos have not been sent can be submitted; this one is %(state)s."),
        by,
        BatchEventKind.SUBMITTED,
        approval,
        submitted_by_id=_pk(by),
        submitted_at=timezone.now(),
        **values,
    )


def ask_together(batches: Sequence[Batch], *, by: AbstractBaseUser | None) -> None:
    """Let batches through that are sent by one call and need no approval at their sum.

    What is still being made is judged when that is done.

    Raises ApprovalRequired: their drafts wait for it now.
    """
    is_ready = Q(state=BatchState.READY, operation="", cancelled_at=None)
    ready = list(Batch.objects.filter(is_ready, pk__in=[batch.pk for batch in batches]))
    if not ready or approval_limit.limit_for(by) is None:
        return
    drafts = asking.quoted(VideoTask.objects.filter(batch__in=ready, status=TaskStatus.DRAFT))
    approval = asking.ask(ready, drafts, ApprovalKind.SUBMIT, by=by, only_if=is_ready)
    if approval is not None:
        for batch in batches:
            batch.refresh_from_db()
        raise approvals.required(approval, len(approval.quotes))


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
    VideoTask.objects.waiting_for_approval().filter(batch=batch).update(approval=None)


def retry(batch: Batch, *, by: AbstractBaseUser | None = None, approval: Approval | None = None) -> None:
    """Try again where trying again helps; see ``Batch.retry``. ``approval`` is what a second person has agreed to."""
    _may_spend(by)
    if not retryable(batch).exists():
        raise TransitionNotAllowed(_("None of its failed videos would gain by being tried again."), action="retry")
    at_rest = Q(state__in=[BatchState.SUBMITTED, BatchState.ENDED], operation="")
    asked = None
    if approval is None and approval_limit.limit_for(by) is not None:
        wanted = asking.quoted(retryable(batch))
        asked = asking.ask([batch], wanted, ApprovalKind.RETRY, by=by, only_if=at_rest)
        if asked is not None and not any(quote.is_free for quote in wanted.values()):
            raise approvals.required(asked, len(asked.quotes))
    _begin(
        batch,
        at_rest,
        _("Something is going on with this batch; try again when that is done. It is %(state)s."),
        by,
        BatchEventKind.RETRIED,
        # What only needs to be fetched waits for nobody.
        approval or asked,
        operation=BatchOperation.RETRY,
        cursor=0,
        state=BatchState.SUBMITTED,
        submitted_by_id=_pk(by),
        submitted_at=timezone.now(),
        cancelled_at=None,
        ended_at=None,
    )
    if asked is not None:
        raise approvals.required(asked, len(asked.quotes))


def retryable(batch: Batch) -> QuerySet[VideoTask]:
    """Return the failed tasks of a batch that failed for a passing reason."""
    return VideoTask.objects.filter(
        batch=batch, status=TaskStatus.FAILED, error_code__in=failures.codes_for_retry(), dismissed_at=None
    )


def _begin(
    batch: Batch,
    condition: Q,
    refusal: str,
    by: AbstractBaseUser | None,
    kind: BatchEventKind,
    approval: Approval | None = None,
    **values: Any,
) -> None:
    values |= {"next_action_at": timezone.now(), "approval": approval}
    if approval is not None:
        condition &= Q(approval=approval.pk)
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
