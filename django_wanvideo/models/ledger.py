"""The ledger of credits: one entry for each attempt, which follows it and outlives its task.

Whoever writes an attempt's state calls ``follow`` in the same transaction; what EvoLink reports goes through ``report``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import DecimalField, F, Q, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from django_wanvideo import catalog
from django_wanvideo.choices import AttemptState, CreditOutcome, CreditResult, TaskStatus
from django_wanvideo.evolink.types import ProviderStatus
from django_wanvideo.models import Attempt, Batch, CreditDay, CreditEntry
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Iterable, Mapping

    from django_wanvideo.evolink.types import TaskSnapshot
    from django_wanvideo.models import VideoTask

#: What an attempt's state says about its credits. One that has ended is settled by EvoLink's report, or stays as it is.
_OUTCOME_OF = {
    AttemptState.UNCONFIRMED: CreditOutcome.UNKNOWN,
    AttemptState.SUPERSEDED: CreditOutcome.UNKNOWN,
    AttemptState.ACCEPTED: CreditOutcome.ACCEPTED,
    AttemptState.NOT_ACCEPTED: CreditOutcome.RELEASED,
}
#: What an end of a task says about the attempt that came to it.
_RESULT_OF = {
    TaskStatus.COMPLETED: CreditResult.VIDEO,
    TaskStatus.FAILED: CreditResult.FAILED,
    TaskStatus.CANCELLED: CreditResult.CANCELLED,
}
_LONGEST_LABEL = 255
#: Seconds; what a wrong clock may say beyond it fits into no row.
_LONGEST_TIME = 2**31 - 1
#: More credits than this do not fit into a row; no video costs that.
MOST_CREDITS = Decimal(10) ** 8


def clamp_credits(amount: Decimal | None) -> Decimal | None:
    """Return an amount of credits if a row can keep it: an odd figure must not cost us the id beside it."""
    return amount if amount is not None and amount < MOST_CREDITS else None


def open_entry(task: VideoTask, attempt: Attempt, *, reserved: Decimal | None = None) -> CreditEntry:
    """Write the entry of a new attempt; to be called in the transaction that makes the attempt."""
    seconds, quality = _video_of(task)
    accepted = attempt.state == AttemptState.ACCEPTED
    return CreditEntry.objects.create(
        attempt_id=attempt.pk,
        task_id=task.pk,
        owner_id=task.owner_id,
        owner_label=_label_of(task.owner_id),
        group_keys=_group_keys(people.groups_of(task.owner_id)),
        batch_id=task.batch_id,
        batch_label=Batch.objects.filter(pk=task.batch_id).values_list("name", flat=True).first() or ""
        if task.batch_id
        else "",
        model=task.model,
        seconds=seconds,
        quality=quality,
        estimated=task.credits_estimated,
        reserved=reserved,
        outcome=CreditOutcome.ACCEPTED if accepted else CreditOutcome.CLAIMED,
        claimed_at=attempt.claimed_at,
        accepted_at=timezone.now() if accepted else None,
    )


def follow(attempt_id: uuid.UUID, state: AttemptState, *, reserved: Decimal | None = None) -> None:
    """Take over what an attempt's new state says about its credits; in the transaction that writes the state."""
    now = timezone.now()
    values: dict[str, Any] = {"outcome": _OUTCOME_OF[state], "settled_at": None}
    if state == AttemptState.ACCEPTED:
        values |= {"reserved": reserved, "accepted_at": now}
    elif state == AttemptState.NOT_ACCEPTED:
        values["settled_at"] = now
    CreditEntry.objects.filter(pk=attempt_id).update(**values)


def report(attempt_id: uuid.UUID, snapshot: TaskSnapshot) -> None:
    """Take over what EvoLink says a task cost, once it has ended there; the last figure that was reported counts.

    Works for attempts whose task has gone on, has ended or was deleted. EvoLink gives the credits of failed tasks back
    without reporting it (evolink-api.md §4.5); about a cancelled one only a report is believed.
    """
    if not snapshot.status.is_final:
        return
    used = clamp_credits(snapshot.credits_used)
    is_charged = bool(used) if used is not None else snapshot.status == ProviderStatus.COMPLETED
    changes: dict[str, Any] = {"outcome": CreditOutcome.CHARGED if is_charged else CreditOutcome.RELEASED}
    changes["settled_at"] = Coalesce(F("settled_at"), timezone.now())
    rows = CreditEntry.objects.filter(pk=attempt_id)
    if used is not None:
        rows.update(used=used, **changes)
    elif snapshot.status != ProviderStatus.CANCELLED:
        rows.filter(used=None).update(**changes)
    if snapshot.status == ProviderStatus.FAILED:
        # The task may have gone on with another attempt, or be gone.
        rows.filter(result="").update(result=CreditResult.FAILED)


def end(task_id: uuid.UUID, status: TaskStatus, attempt: Attempt | None = None) -> None:
    """Write down what became of the video, in the transaction that ends its task; before the attempt is finished.

    Args:
        attempt: the one that brought the end; otherwise the one that EvoLink has. An end in the queue is no attempt's.
    """
    if attempt is None:
        bound = Attempt.objects.filter(task_id=task_id, provider_task_id__isnull=False)
        if status != TaskStatus.COMPLETED:
            bound = bound.filter(state=AttemptState.ACCEPTED)
        # A file that was fetched again belongs to an attempt that had ended.
        attempt = max(bound, key=lambda it: (it.state == AttemptState.ACCEPTED, it.number), default=None)
    if attempt is None:
        return
    seconds = None
    if status == TaskStatus.COMPLETED:
        seconds = min(max(round((timezone.now() - attempt.claimed_at).total_seconds()), 0), _LONGEST_TIME)
    CreditEntry.objects.filter(pk=attempt.pk).update(result=_RESULT_OF[status], seconds_to_video=seconds)


def hand_over(attempt_id: uuid.UUID, to: uuid.UUID) -> None:
    """Count what EvoLink did for one attempt under another one, which keeps its video: never under both."""
    entry = CreditEntry.objects.filter(pk=attempt_id).first()
    if entry is None:
        return
    if entry.used is not None:
        CreditEntry.objects.filter(pk=to).update(used=entry.used, outcome=entry.outcome, settled_at=entry.settled_at)
    nothing = {"outcome": CreditOutcome.RELEASED, "reserved": None, "used": None, "settled_at": timezone.now()}
    CreditEntry.objects.filter(pk=attempt_id).update(**nothing)


def cost() -> Coalesce:
    """Return what an entry counts with while it is not released: used, else reserved, else estimated."""
    return Coalesce("used", "reserved", "estimated", _nothing())


def spent(since: Mapping[str, dt.datetime], *, owner_id: Any = None, group_id: Any = None) -> dict[str, Decimal]:
    """Return the credits of what was claimed since each moment.

    Args:
        since: moments by a name of the caller's; the sums come under the same names.
        owner_id: counts one person's entries only.
        group_id: counts the entries of those who were in a group when they were claimed.
    """
    if not since:
        return {}
    rows = CreditEntry.objects.filter(claimed_at__gte=min(since.values())).exclude(outcome=CreditOutcome.RELEASED)
    if owner_id is not None:
        rows = rows.filter(owner_id=owner_id)
    if group_id is not None:
        rows = rows.filter(group_keys__contains=_group_keys([group_id]))
    return rows.aggregate(
        **{name: Coalesce(Sum(cost(), filter=Q(claimed_at__gte=start)), _nothing()) for name, start in since.items()}
    )


def forget_user(username: str, *, dry_run: bool = False) -> int:
    """Blank a person's name in the ledger, also when the account is deleted or was renamed; return how many entries.

    What was spent stays, and goes on counting for an account that is still there.
    """
    owners = list(people.rows().filter(**{get_user_model().USERNAME_FIELD: username}).values_list("pk", flat=True))
    named = Q(owner_label=username[:_LONGEST_LABEL]) | Q(owner_id__in=owners)
    rows = CreditEntry.objects.filter(named).exclude(owner_label="")
    if dry_run:
        return rows.count()
    # Neither sum changes by it.
    CreditDay.objects.filter(named).exclude(owner_label="").update(owner_label="")
    return rows.update(owner_label="", is_summed=F("is_summed"))


def _nothing() -> Value:
    return Value(0, output_field=DecimalField(max_digits=12, decimal_places=4))


def _group_keys(keys: Iterable[Any]) -> str:
    joined = ",".join(map(str, keys))
    return f",{joined}," if joined else ""


def _label_of(owner_id: Any) -> str:
    # Who is not found must not stop what is being sent.
    owner = people.rows().filter(pk=owner_id).first() if owner_id is not None else None
    return people.username_of(owner)[:_LONGEST_LABEL] if owner is not None else ""


def _video_of(task: VideoTask) -> tuple[int | None, str]:
    """Return length and quality as they were ordered; a model that is no longer known costs neither row nor video."""
    try:
        spec = catalog.get(task.model)
        values = spec.effective_values(task.parameters)
        seconds = values.get(spec.price.seconds)
    except ValidationError:
        values, seconds = task.parameters, task.parameters.get("duration")
    # A length that the model chooses itself is given as -1.
    whole = int(seconds) if isinstance(seconds, int | float) and 0 < seconds < 100_000 else None
    return whole, str(values.get("quality") or "")[:20]
