"""Approvals at every door: what one press sends is judged at its sum, and waits where that is too much."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from django_wanvideo import approvals
from django_wanvideo.choices import ApprovalState, BatchOperation, EventKind, TaskStatus
from django_wanvideo.models import Approval, Batch, VideoTask
from tests.approvals.doors import DOORS, PRICE, Door, worked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.django_db
TABLE = [
    pytest.param(door, by, id=f"{name}, by {'a person' if by else 'code'}")
    for name, door in DOORS.items()
    for by in ([True, False] if door.by_code else [True])
]


def send(door: Door, by: Any, folder: Path) -> None:
    door.send(by, folder)
    work()


def work() -> None:
    for batch in Batch.objects.all():
        worked(batch)


def statuses() -> list[str]:
    return list(VideoTask.objects.values_list("status", flat=True))


@pytest.mark.parametrize(("door", "person"), TABLE)
def test_what_is_not_above_goes_at_once(
    door: Door, person: bool, above: Callable[[Any], None], maria: Any, tmp_path: Path
) -> None:
    above(PRICE * door.count)
    send(door, maria if person else None, tmp_path)
    assert statuses() == [TaskStatus.QUEUED] * door.count
    assert not Approval.objects.exists()


@pytest.mark.parametrize(("door", "person"), TABLE)
def test_what_is_above_waits_until_somebody_else_has_agreed(
    door: Door, person: bool, above: Callable[[Any], None], maria: Any, jonas: Any, tmp_path: Path
) -> None:
    above(PRICE * door.count - Decimal("0.01"))
    by = maria if person else None
    send(door, by, tmp_path)
    assert statuses() == [door.status] * door.count
    asked = Approval.objects.get()
    assert (asked.state, asked.credits, asked.requested_by) == (ApprovalState.WAITING, PRICE * door.count, by)
    assert VideoTask.objects.waiting_for_approval().count() == door.count
    assert not Batch.objects.exclude(operation="").exists()

    found = approvals.approve(asked, by=jonas)
    work()
    assert (found.sent, found.left) == (door.count, {})
    for task in VideoTask.objects.all():
        assert (task.status, task.approved_by, task.approved_at) == (TaskStatus.QUEUED, jonas, asked.decided_at)
        # Sent as if it had been pressed by whoever asked.
        names = {event.kind: event.actor for event in task.events.all()}
        moved = names.get(EventKind.QUEUED) if door.status == TaskStatus.DRAFT else names[EventKind.RETRIED]
        assert moved == by
        assert (names[EventKind.APPROVAL_REQUESTED], names[EventKind.APPROVED]) == (by, jonas)
    assert not Batch.objects.filter(operation=BatchOperation.SUBMIT).exists()


def test_the_site_may_except_its_own_code(above: Callable[[Any], None], maria: Any, tmp_path: Path) -> None:
    above(lambda user: 5 if user.is_authenticated else None)
    send(DOORS["task.submit"], None, tmp_path)
    send(DOORS["task.submit"], maria, tmp_path)
    assert sorted(statuses()) == [TaskStatus.DRAFT, TaskStatus.QUEUED]
