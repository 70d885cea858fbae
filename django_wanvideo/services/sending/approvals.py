"""What costs more than may be sent without a second person: it is asked for, and waits; see the room ``approvals``.

Judged is one submission as a whole: a task, or the sum of what one press or call sends. Everything that spends credits
comes through ``admit``, with what it was shown to cost; what is let through is held to that.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, Prefetch, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import queue
from django_wanvideo.choices import (
    RETRYABLE_STATUSES,
    ApprovalKind,
    ApprovalState,
    EventKind,
    EventSource,
    TaskStatus,
)
from django_wanvideo.db import database
from django_wanvideo.exceptions import ApprovalRequired
from django_wanvideo.models import Approval, Attempt, TaskEvent, VideoTask, lifecycle
from django_wanvideo.services.limits import approval_limit
from django_wanvideo.services.sending import quotes
from django_wanvideo.services.sending.quotes import Quote, QuoteChanged

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Mapping

    from django.contrib.auth.models import AbstractBaseUser

_FROM = {
    ApprovalKind.SUBMIT: frozenset({TaskStatus.DRAFT}),
    ApprovalKind.RETRY: RETRYABLE_STATUSES,
    ApprovalKind.RESEND: frozenset({TaskStatus.UNCONFIRMED}),
}


def admit(
    task: VideoTask,
    kind: ApprovalKind,
    *,
    by: AbstractBaseUser | None,
    agreed: Quote | None = None,
    approval: Approval | None = None,
) -> Quote | None:
    """Let one task through that needs no approval, or has it; return what it is to be held to, ``None`` for nothing.

    Args:
        agreed: what the person was shown.
        approval: what somebody else has agreed to.

    Raises:
        ApprovalRequired: it waits for approval now.
        QuoteChanged: it is not any more what was shown or approved.
    """
    if approval is not None:
        return quote_of(approval, task)
    limit = approval_limit.limit_for(by)
    if limit is None:
        return agreed
    # Judged is the row, not what the caller has read some time ago.
    quote = agreed or quotes.quote(VideoTask.objects.prefetch_related("inputs").get(pk=task.pk))
    try:
        admit_together({task.pk: quote}, kind, by=by)
    except ApprovalRequired as error:
        task.approval = error.approval
        raise
    return quote


def admit_together(quoted: Mapping[uuid.UUID, Quote], kind: ApprovalKind, *, by: AbstractBaseUser | None) -> None:
    """Let several tasks through that one press sends and that together need no approval; each is then sent as quoted.

    Raises:
        ApprovalRequired: those that cost something wait for approval now; what is only fetched needs none.
        QuoteChanged: the one task is not any more what was shown.
    """
    asked = ask(quoted, kind, by=by)
    if asked is not None:
        raise required(asked[0], len(asked[0].quotes))


def ask(
    quoted: Mapping[uuid.UUID, Quote],
    kind: ApprovalKind,
    *,
    by: AbstractBaseUser | None,
    gone: Decimal = Decimal(0),
) -> tuple[Approval, bool] | None:
    """Ask for the approval of a submission, once however often it is asked for; ``None`` where it needs none.

    Of several, those that are not any more what was quoted are left out: they are not sent either.

    Args:
        gone: the credits of what the same submission has sent before.

    Returns:
        What it waits for, and whether that was asked for now.
    """
    limit = approval_limit.limit_for(by)
    priced = {pk: quote for pk, quote in quoted.items() if not quote.is_free}
    if limit is None or not priced or gone + _sum(priced) <= limit:
        return None
    with database.atomic():
        # A write first, so that nobody comes between also where reading locks nothing.
        asked = Approval(kind=kind, credits=0, limit=limit, requested_by_id=by.pk if by is not None else None)
        asked.save(force_insert=True)
        rows = _locked(priced, kind)
        changed = {pk: quotes.problem(task, priced[pk]) for pk, task in rows.items()}
        if len(priced) == 1 and (why := next(iter(changed.values()), "")):
            raise QuoteChanged(why)
        unchanged = {pk: priced[pk] for pk, why in changed.items() if not why}
        if not unchanged or gone + _sum(unchanged) <= limit:
            database.roll_back()
            return None
        asked.quotes = {pk.hex: quote.pack() for pk, quote in unchanged.items()}
        earlier = {rows[pk].approval_id for pk in unchanged}
        waiting = Approval.objects.filter(pk__in=[pk for pk in earlier if pk is not None], state=ApprovalState.WAITING)
        same = waiting.first() if len(earlier) == 1 else None
        if same is not None and (same.kind, same.quotes) == (kind, asked.quotes):
            database.roll_back()
            return same, False
        asked.credits = _sum(unchanged)
        asked.save()
        VideoTask.objects.filter(pk__in=list(unchanged)).update(approval=asked)
        record(unchanged, EventKind.APPROVAL_REQUESTED, by, asked)
    return asked, True


def _locked(priced: Mapping[uuid.UUID, Quote], kind: ApprovalKind) -> dict[uuid.UUID, VideoTask]:
    """Return the tasks that can still be sent, held until the transaction ends."""
    rows = VideoTask.objects.select_for_update().filter(pk__in=list(priced), status__in=_FROM[kind]).order_by("pk")
    numbers = Prefetch("attempts", Attempt.objects.only("task_id", "number"))
    return {task.pk: task for task in rows.prefetch_related("inputs", numbers)}


def _sum(quoted: Mapping[uuid.UUID, Quote]) -> Decimal:
    return sum((quote.credits or Decimal(0) for quote in quoted.values()), Decimal(0))


def required(asked: Approval, count: int = 1) -> ApprovalRequired:
    """Return the error that says what waits, and for what."""
    words = ngettext(
        "It costs about %(credits)s credits, more than %(limit)s: it waits until somebody else has approved it. Nothing "
        "has been sent or charged.",
        "Together they cost about %(credits)s credits, more than %(limit)s: they wait until somebody else has approved "
        "them. Nothing has been sent or charged.",
        count,
    )
    values = {"credits": quotes.amount(asked.credits), "limit": approval_limit.words(asked.limit)}
    return ApprovalRequired(words % values, asked)


def record(
    tasks: Iterable[uuid.UUID], kind: EventKind, actor: AbstractBaseUser | None, approval: Approval, **detail: Any
) -> None:
    """Write a line into the history of each task; people are told of the first, which stands for all of them."""
    tasks = list(tasks)
    detail = {"credits": str(approval.credits), "limit": str(approval.limit), "approval": approval.pk} | detail
    detail["count"] = len(tasks)
    source, actor_id = EventSource.of(actor), actor.pk if actor is not None else None
    events = [
        TaskEvent(task_id=pk, kind=kind, source=source, actor_id=actor_id, detail=detail, notify_at=None)
        for pk in tasks
    ]
    if events:
        events[0].notify_at = timezone.now()
        TaskEvent.objects.bulk_create(events)
        queue.enqueue_on_commit("notify", events[0].task_id)


def quote_of(approval: Approval, task: VideoTask) -> Quote:
    """Return what was approved of a task. Raises QuoteChanged where it is no part of it."""
    try:
        return Quote.unpack(approval.quotes[task.pk.hex])
    except (KeyError, ValueError) as error:
        raise QuoteChanged(_("This one was not approved. Whoever wants it has to ask for it.")) from error


def granted(approval: Approval | None) -> Q:
    """A condition for the UPDATE that queues a task: it is what ``approval`` is about, and that was given."""
    if approval is None:
        return Q()
    return Q(approval=approval.pk) & Q(Exists(Approval.objects.filter(pk=approval.pk, state=ApprovalState.APPROVED)))


def columns(approval: Approval | None) -> dict[str, Any]:
    """Return the columns of a task that say who has agreed to what is queued."""
    if approval is None:
        return {"approved_by_id": None, "approved_at": None}
    return {"approved_by_id": approval.decided_by_id, "approved_at": approval.decided_at}


def advance(
    task: VideoTask, to: TaskStatus, *, approval: Approval | None, condition: Q, **options: Any
) -> TaskEvent | None:
    """Do what ``lifecycle.advance`` does for a task that is queued, with who has approved it."""
    options |= columns(approval)
    if approval is None:
        return lifecycle.advance(task, to, condition=condition, **options)
    with database.atomic():
        note_approved(task, approval)
        detail = {"reason": "approved"}
        moved = lifecycle.advance(task, to, condition=condition & granted(approval), detail=detail, **options)
        if moved is None:
            database.roll_back()
    return moved


def note_approved(task: VideoTask, approval: Approval) -> None:
    """Write into a task's history who has agreed to it."""
    detail = {"credits": str(approval.credits), "approval": approval.pk}
    lifecycle.record(task, EventKind.APPROVED, actor=approval.decided_by, detail=detail)
