"""Deciding about what waits. Of two people at once one decides; what is approved is sent once, as it was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.batches import operations
from django_wanvideo.batches.making import record as record_of_batch
from django_wanvideo.choices import ApprovalKind, ApprovalState, BatchEventKind, EventKind
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed, WanVideoError
from django_wanvideo.models import Approval, Batch, VideoTask, lifecycle
from django_wanvideo.models.base import people
from django_wanvideo.services.resolution import decisions
from django_wanvideo.services.sending import actions, approvals
from django_wanvideo.services.sending.quotes import QuoteChanged

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

PERMISSION = "wanvideo.approve_videotask"


@dataclass
class Decision:
    """What an approval has come to: how many tasks are sent, or handed to the workers, and why others are not."""

    sent: int = 0
    #: By the task.
    left: dict[VideoTask, WanVideoError | ValidationError] = field(default_factory=dict)


def waiting() -> QuerySet[Approval]:
    """Return what waits to be decided, the oldest first."""
    tasks = VideoTask.objects.filter(approval=OuterRef("pk"))
    return Approval.objects.filter(Exists(tasks), state=ApprovalState.WAITING).order_by("requested_at", "pk")


def approve(approval: Approval, *, by: AbstractBaseUser, note: str = "") -> Decision:
    """Agree to what was asked for, at its price, and send it as if whoever asked had been allowed to; once.

    A task that was edited, or costs something else by now, is left alone and has to be asked for again.

    Raises:
        PermissionDenied: ``by`` may not approve, or has asked for it.
        TransitionNotAllowed: it was decided meanwhile, or nothing of it is left.
        BudgetExceeded, ValidationError: nothing of it can be sent now; it goes on waiting.
    """
    _check(approval, by)
    requester = people.find(approval.requested_by_id)
    with database.atomic():
        _decide(approval, ApprovalState.APPROVED, by, note)
        found = Decision()
        batches = list(approval.batches.all())
        for batch in batches:
            found.sent += batch.tasks.filter(approval=approval).count()
            _begin(batch, approval, requester, by)
        rest = approval.tasks.exclude(batch__in=batches).select_for_update().prefetch_related("inputs").order_by("pk")
        for task in rest:
            try:
                _send(task, approval, requester)
            except (WanVideoError, ValidationError) as error:
                found.left[task] = error
            else:
                found.sent += 1
        if not found.sent:
            _end_without(approval, found)
        for task in found.left:
            VideoTask.objects.filter(pk=task.pk).update(approval=None)
            lifecycle.record(task, EventKind.NOTE, detail={"reason": "approval_void"})
    return found


def send_back(approval: Approval, *, by: AbstractBaseUser, note: str) -> None:
    """Refuse what was asked for, with a note to whoever asked; its tasks are what they were before.

    Raises:
        ValidationError: there is no note.
        PermissionDenied: ``by`` may not approve, or has asked for it.
        TransitionNotAllowed: it was decided meanwhile.
    """
    _check(approval, by)
    if not note.strip():
        raise ValidationError({"note": ValidationError(_("Say why it is sent back."), code="required")})
    with database.atomic():
        _decide(approval, ApprovalState.RETURNED, by, note)
        tasks = list(approval.tasks.order_by("pk").values_list("pk", flat=True))
        approvals.record(tasks, EventKind.SENT_BACK, by, approval, note=approval.note)
        for batch in approval.batches.all():
            record_of_batch(batch, BatchEventKind.SENT_BACK, by, detail={"note": approval.note})


def withdraw(approval: Approval, *, by: AbstractBaseUser) -> None:
    """Take back what one has asked for; its tasks are what they were before, and can be asked for again.

    Raises:
        PermissionDenied: somebody else has asked for it.
        TransitionNotAllowed: it was decided meanwhile.
    """
    if approval.requested_by_id is None or approval.requested_by_id != by.pk:
        raise PermissionDenied(_("Only whoever asked for it can withdraw it."))
    with database.atomic():
        _decide(approval, ApprovalState.WITHDRAWN, by, "")
        tasks = list(approval.tasks.order_by("pk").values_list("pk", flat=True))
        approvals.record(tasks, EventKind.NOTE, by, approval, reason="withdrawn")
        for batch in approval.batches.all():
            record_of_batch(batch, BatchEventKind.WITHDRAWN, by)
        approval.tasks.update(approval=None)
        approval.batches.update(approval=None)


def _check(approval: Approval, by: AbstractBaseUser) -> None:
    people.check_permission(by, PERMISSION, _("You may not approve what others want to spend."))
    if approval.requested_by_id is not None and approval.requested_by_id == by.pk:
        raise PermissionDenied(_("You asked for this one. Somebody else has to approve it."))


def _decide(approval: Approval, state: ApprovalState, by: AbstractBaseUser, note: str) -> None:
    values = {"state": state, "decided_by_id": by.pk, "decided_at": timezone.now(), "note": note.strip()}
    if not waiting().filter(pk=approval.pk).order_by().update(**values):
        raise TransitionNotAllowed(
            _("This was decided meanwhile, or was changed and has to be asked for again."), action="approve"
        )
    approval.refresh_from_db()


def _begin(batch: Batch, approval: Approval, requester: AbstractBaseUser | None, by: AbstractBaseUser) -> None:
    record_of_batch(batch, BatchEventKind.APPROVED, by, detail={"credits": str(approval.credits)})
    do = operations.submit if approval.kind == ApprovalKind.SUBMIT else operations.retry
    do(batch, by=requester, approval=approval)


def _send(task: VideoTask, approval: Approval, requester: AbstractBaseUser | None) -> None:
    if approval.kind == ApprovalKind.SUBMIT:
        actions.enqueue(task, by=requester, approval=approval)
    elif approval.kind == ApprovalKind.RETRY:
        actions.retry(task, by=requester, approval=approval)
    else:
        number = approvals.quote_of(approval, task).attempt
        decisions.resend(task, by=requester, number=number, approval=approval)


def _end_without(approval: Approval, found: Decision) -> None:
    """End what nothing of can be sent: for good where it is not what was asked for any more."""
    if any(not isinstance(error, QuoteChanged) for error in found.left.values()):
        raise next(error for error in found.left.values() if not isinstance(error, QuoteChanged))
    Approval.objects.filter(pk=approval.pk).update(state=ApprovalState.VOID)
    approval.state = ApprovalState.VOID
