"""How far a batch is and what it has cost: one query over those of its tasks that a person may see."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, F, Q, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from django_wanvideo.batches.work import MOVING
from django_wanvideo.choices import BatchState, Charge, TaskStatus
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from django_wanvideo.models import Batch

_S = TaskStatus
#: Videos that must have ended before it is said how long the others take.
ENOUGH = 3


def _is(condition: Q) -> Case:
    return Case(When(condition, then=Value(1)), default=Value(0))


#: What the tasks of one group have in common beside status and error code.
_SHARED = {
    "use": Case(When(credits_used__gt=0, then=Value(2)), When(credits_used=0, then=Value(1)), default=Value(0)),
    "was_accepted": _is(Q(accepted_at__isnull=False)),
    "has_link": _is(~Q(result_url="") | Q(result_expires_at__isnull=False)),
    "needs_decision": _is(Q(status=_S.UNCONFIRMED, next_action_at=None)),
    "is_dismissed": _is(Q(dismissed_at__isnull=False)),
}
_USED = {0: None, 1: Decimal(0), 2: Decimal(1)}


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks of a batch that stand alike; credits are sums."""

    status: str
    error_code: str
    charge: Charge
    needs_decision: bool
    is_dismissed: bool
    count: int
    used: Decimal
    estimated: Decimal
    #: Reserved by EvoLink where it has said so, estimated otherwise.
    expected: Decimal
    videos: int
    bytes: int
    #: How many have ended since the batch was sent last.
    recent: int

    @property
    def is_moving(self) -> bool:
        """Whether they move without anybody's help."""
        return self.status in MOVING or (self.status == _S.UNCONFIRMED and not self.needs_decision)

    @property
    def needs_attention(self) -> bool:
        """Whether they wait for a person."""
        return self.needs_decision or (self.status == _S.FAILED and not self.is_dismissed)


@dataclass
class Numbers:
    """The groups of a batch, and what follows from them."""

    groups: list[Group] = field(default_factory=list)
    #: Changes with everything that the page of a batch shows of its tasks.
    version: str = ""

    def count(self, *statuses: str) -> int:
        """Return how many tasks have one of ``statuses``; of no status, how many there are."""
        return sum(group.count for group in self.groups if not statuses or group.status in statuses)

    @property
    def total(self) -> int:
        """All tasks."""
        return self.count()

    @property
    def by_status(self) -> Counter[str]:
        """How many tasks have each status."""
        found: Counter[str] = Counter()
        for group in self.groups:
            found[group.status] += group.count
        return found

    @property
    def moving(self) -> int:
        """How many move without anybody's help."""
        return sum(group.count for group in self.groups if group.is_moving)

    @property
    def done(self) -> int:
        """How many cannot move by themselves any more; a draft has not begun."""
        return self.total - self.moving - self.count(_S.DRAFT)

    @property
    def used(self) -> Decimal:
        """What EvoLink has reported as used."""
        return sum((group.used for group in self.groups), Decimal(0))

    @property
    def estimated(self) -> Decimal:
        """What all together were expected to cost."""
        return sum((group.estimated for group in self.groups), Decimal(0))

    @property
    def videos(self) -> int:
        """How many videos are stored here."""
        return sum(group.videos for group in self.groups)

    @property
    def bytes(self) -> int:
        """How large they are together."""
        return sum(group.bytes for group in self.groups)

    def seconds_left(self, batch: Batch) -> float | None:
        """Return how long the rest takes at the pace so far; ``None`` where that is not known."""
        recent = sum(group.recent for group in self.groups)
        if batch.submitted_at is None or not self.moving or recent < ENOUGH:
            return None
        return (timezone.now() - batch.submitted_at).total_seconds() / recent * self.moving


def of(batch: Batch, tasks: QuerySet[VideoTask]) -> Numbers:
    """Count ``tasks`` of a batch, by one query."""
    since = batch.submitted_at or batch.created_at
    zero = Value(Decimal(0))
    rows: Any = tasks.order_by().annotate(**_SHARED).values("status", "error_code", *_SHARED)
    rows = rows.annotate(
        count=Count("pk"),
        used_sum=Coalesce(Sum("credits_used"), zero),
        estimated_sum=Coalesce(Sum("credits_estimated"), zero),
        expected_sum=Coalesce(Sum(Coalesce(F("credits_reserved"), F("credits_estimated"))), zero),
        videos=Count("pk", filter=~Q(video="")),
        bytes=Coalesce(Sum("video_size", filter=~Q(video="")), 0),
        recent=Count("pk", filter=Q(finished_at__gte=since)),
        moved=Sum("progress"),
    )
    found = sorted(rows, key=lambda row: str(sorted(row.items())))
    stands = [batch.state, batch.operation, batch.cursor if batch.state == BatchState.CREATING else 0, found]
    return Numbers([_group(row) for row in found], hashlib.sha256(str(stands).encode()).hexdigest()[:16])


def _group(row: dict[str, Any]) -> Group:
    one = VideoTask(
        status=row["status"],
        error_code=row["error_code"],
        credits_used=_USED[row["use"]],
        accepted_at=timezone.now() if row["was_accepted"] else None,
        result_url="link" if row["has_link"] else "",
    )
    return Group(
        status=row["status"],
        error_code=row["error_code"],
        charge=one.charge,
        needs_decision=bool(row["needs_decision"]),
        is_dismissed=bool(row["is_dismissed"]),
        count=row["count"],
        used=row["used_sum"],
        estimated=row["estimated_sum"],
        expected=row["expected_sum"],
        videos=row["videos"],
        bytes=row["bytes"],
        recent=row["recent"],
    )
