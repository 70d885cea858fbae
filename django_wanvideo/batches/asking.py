"""What a batch costs as a whole, and asking for its approval where that is more than may be sent without it.

However cheap its rows are, they count together: what an operation has sent so far, and what it has still to send.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Prefetch, Q, Sum
from django.utils.translation import gettext as _

from django_wanvideo.batches.making import record
from django_wanvideo.choices import ApprovalKind, ApprovalState, BatchEventKind
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Attempt, Batch
from django_wanvideo.services.limits import approval_limit
from django_wanvideo.services.sending import approvals, quotes

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping, Sequence

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

    from django_wanvideo.models import Approval, VideoTask
    from django_wanvideo.services.sending.quotes import Quote


def ask(
    batches: Sequence[Batch],
    wanted: Mapping[uuid.UUID, Quote],
    kind: ApprovalKind,
    *,
    by: AbstractBaseUser | None,
    only_if: Q,
    gone: Decimal = Decimal(0),
) -> Approval | None:
    """Ask for the approval of some batches at their sum, once; ``None`` where they need none.

    Args:
        wanted: what would be sent of them.
        only_if: a condition on each batch, without which nothing is asked for.
        gone: the credits of what was sent before, by the same press.

    Raises:
        TransitionNotAllowed: a batch is not like that any more.
    """
    with database.atomic():
        asked = approvals.ask(wanted, kind, by=by, gone=gone)
        if asked is None:
            return None
        approval, is_new = asked
        if is_new:
            pks = [batch.pk for batch in batches]
            if Batch.objects.filter(only_if, pk__in=pks).update(approval=approval) != len(pks):
                raise TransitionNotAllowed(
                    _("Something else has begun with this batch. Look at it again."), action=kind
                )
            for batch in batches:
                record(batch, BatchEventKind.APPROVAL_REQUESTED, by, detail={"credits": str(approval.credits)})
    for batch in batches:
        batch.refresh_from_db()
    return approval


def quoted(tasks: QuerySet[VideoTask]) -> dict[uuid.UUID, Quote]:
    """Return what sending each of some tasks costs now; without those that cannot be sent, which say why by themselves."""
    found: dict[uuid.UUID, Quote] = {}
    numbers = Prefetch("attempts", Attempt.objects.only("task_id", "number"))
    for task in tasks.prefetch_related("inputs", numbers):
        try:
            found[task.pk] = quotes.quote(task)
        except ValidationError:
            continue
    return found


@dataclass(frozen=True)
class Terms:
    """What the rows of a batch are sent by: an approval, or what each was found to cost."""

    approval: Approval | None = None
    quotes: Mapping[uuid.UUID, Quote] = field(default_factory=dict)
    #: They are more than may be sent without an approval, and wait for it; only what is free goes on.
    wait: bool = False

    def of(self, task: VideoTask) -> dict[str, Any]:
        """Return what ``sending.enqueue`` and ``sending.retry`` are to be told about a row."""
        return {"approval": self.approval, "agreed": self.quotes.get(task.pk)}


def terms(
    batch: Batch, chunk: QuerySet[VideoTask], every: QuerySet[VideoTask], *, by: AbstractBaseUser | None
) -> Terms:
    """Judge a batch that is being sent or tried again, whenever some of its rows are about to go.

    Rows may have been edited since it was judged last, so that it costs more now.

    Args:
        chunk: the rows that are about to go.
        every: all that are still to go, with those.
    """
    kind = ApprovalKind(batch.operation)
    if batch.approval is not None and batch.approval.state == ApprovalState.APPROVED:
        return Terms(batch.approval)
    limit = approval_limit.limit_for(by)
    if limit is None:
        return Terms()
    now = quoted(chunk)
    gone = batch.tasks.filter(queued_at__gte=batch.submitted_at).aggregate(sum=Sum("credits_estimated"))["sum"]
    rest = quoted(every.exclude(pk__in=chunk.values("pk")))
    total = sum((quote.credits or Decimal(0) for quote in (*now.values(), *rest.values())), gone or Decimal(0))
    if total <= limit:
        return Terms(quotes=now)
    ask([batch], now | rest, kind, by=by, only_if=Q(operation=kind), gone=gone or Decimal(0))
    return Terms(quotes=now, wait=True)
