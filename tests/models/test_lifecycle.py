"""One function writes the status of a task, and only as the table of transitions allows."""

from __future__ import annotations

import ast
import datetime as dt
import re
import threading
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

import django_wanvideo
from django_wanvideo.choices import FINISHED_STATUSES, AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.evolink.types import TaskSnapshot
from django_wanvideo.models import Attempt, TaskEvent, VideoTask, lifecycle
from django_wanvideo.services.attempts import duplicates
from tests.factories import everything, make_attempt, make_task
from tests.threads import at_once

pytestmark = [pytest.mark.locks, pytest.mark.django_db, pytest.mark.integration]

S = TaskStatus

#: From which status a task may go where; written down here a second time, on purpose.
LEGAL = {
    (S.DRAFT, S.QUEUED),
    # A copied or restored database is taken over, and nothing in it is to be sent.
    (S.QUEUED, S.DRAFT),
    (S.QUEUED, S.SUBMITTING),
    (S.QUEUED, S.FAILED),
    (S.QUEUED, S.CANCELLED),
    # A callback of an attempt that was given up: taken up again, which saves a second charge.
    (S.QUEUED, S.PENDING),
    (S.QUEUED, S.PROCESSING),
    (S.SUBMITTING, S.QUEUED),
    (S.SUBMITTING, S.UNCONFIRMED),
    (S.SUBMITTING, S.PENDING),
    (S.SUBMITTING, S.PROCESSING),
    (S.SUBMITTING, S.FAILED),
    (S.UNCONFIRMED, S.QUEUED),
    (S.UNCONFIRMED, S.PENDING),
    (S.UNCONFIRMED, S.PROCESSING),
    (S.UNCONFIRMED, S.FAILED),
    (S.PENDING, S.PROCESSING),
    (S.PENDING, S.STORING),
    (S.PENDING, S.FAILED),
    (S.PENDING, S.CANCELLED),
    (S.PROCESSING, S.STORING),
    (S.PROCESSING, S.FAILED),
    (S.PROCESSING, S.CANCELLED),
    (S.STORING, S.COMPLETED),
    (S.STORING, S.FAILED),
    # Somebody asks for it: try again, or fetch a video that was paid for.
    (S.FAILED, S.QUEUED),
    (S.FAILED, S.STORING),
    (S.CANCELLED, S.QUEUED),
    (S.CANCELLED, S.STORING),
}


@pytest.fixture(autouse=True)
def wakeups(wanvideo_wakeups):
    return wanvideo_wakeups


def move(task, to, **options):
    return lifecycle.advance(task, to, kind=EventKind.NOTE, source=EventSource.APPLICATION, **options)


@pytest.mark.parametrize("to", list(TaskStatus))
@pytest.mark.parametrize("at", list(TaskStatus))
def test_only_legal_transitions_move_a_task(at, to):
    task = make_task(at)
    before = everything()
    event = move(task, to)
    if (at, to) in LEGAL:
        assert (event.from_status, event.to_status) == (at, to)
        assert VideoTask.objects.get(pk=task.pk).status == task.status == to
        assert list(task.events.all()) == [event]
    else:
        assert event is None
        assert everything() == before
        assert task.status == at


def test_a_completed_task_never_leaves():
    assert not [to for at, to in LEGAL if at == S.COMPLETED]
    assert not any(S.COMPLETED in sources for sources in lifecycle.ALLOWED_FROM.values())


@pytest.mark.parametrize("at", [S.FAILED, S.CANCELLED])
def test_an_end_is_left_only_by_somebody_who_asks_for_it(at):
    """What EvoLink says reaches ``advance`` with the followed statuses only; see the services of tracking."""
    assert {to for source, to in LEGAL if source == at} == {S.QUEUED, S.STORING}


def test_a_task_that_is_gone_cannot_be_moved():
    assert move(uuid.uuid4(), S.SUBMITTING) is None
    assert not TaskEvent.objects.exists()


def test_the_callers_statuses_narrow_the_table_and_never_widen_it():
    task = make_task(S.PENDING)
    assert move(task, S.FAILED, allowed=frozenset({S.SUBMITTING})) is None
    assert move(task, S.COMPLETED, allowed=frozenset({S.PENDING})) is None
    assert move(task, S.FAILED, allowed=frozenset({S.PENDING, S.COMPLETED})) is not None


def test_a_guard_that_does_not_hold_keeps_the_task_where_it_is():
    task = make_task(S.QUEUED)
    before = everything()
    assert move(task, S.SUBMITTING, condition=Q(lease_expires_at=timezone.now())) is None
    assert everything() == before


def test_the_status_its_columns_and_its_event_are_one_transaction(monkeypatch):
    task = make_task(S.QUEUED)
    before = everything()

    def fail(*args, **kwargs):
        raise RuntimeError("no event")

    monkeypatch.setattr(lifecycle, "record", fail)
    with pytest.raises(RuntimeError, match="no event"):
        move(task, S.SUBMITTING)
    assert everything() == before
    assert task.status == S.QUEUED


def test_a_move_writes_the_columns_it_is_given_and_shows_them_on_the_task():
    task = make_task(S.PENDING)
    move(task, S.STORING, result_url="https://r.example/v.mp4", credits_used=Decimal("11.9"))
    stored = VideoTask.objects.get(pk=task.pk)
    assert (stored.result_url, stored.credits_used) == ("https://r.example/v.mp4", Decimal("11.9"))
    assert (task.result_url, task.credits_used) == ("https://r.example/v.mp4", Decimal("11.9"))


def test_a_move_by_id_is_a_move():
    task = make_task(S.QUEUED)
    assert move(task.pk, S.SUBMITTING) is not None
    task.refresh_from_db()
    assert task.status == S.SUBMITTING


def test_an_event_remembers_who_and_why(django_user_model):
    ann = django_user_model.objects.create_user("ann")
    task = make_task(S.DRAFT)
    attempt = make_attempt(task, AttemptState.NOT_ACCEPTED)
    lifecycle.advance(
        task,
        S.QUEUED,
        kind=EventKind.QUEUED,
        source=EventSource.USER,
        actor=ann,
        attempt=attempt,
        detail={"why": "because"},
    )
    event = TaskEvent.objects.get()
    assert (event.kind, event.source, event.actor_id, event.attempt_id) == ("queued", "user", ann.pk, attempt.pk)
    assert event.detail == {"why": "because"}


@pytest.mark.parametrize("to", sorted(FINISHED_STATUSES))
def test_an_end_leaves_nothing_to_be_done(to):
    at = S.STORING if to == S.COMPLETED else S.PENDING
    now = timezone.now()
    task = make_task(
        at,
        next_action_at=now,
        delayed_until=now,
        delay_reason="x",
        lease_expires_at=now,
        not_found_since=now,
        retry_count=7,
    )
    attempt = make_attempt(task)
    move(task, to)
    task = VideoTask.objects.get(pk=task.pk)
    assert task.finished_at >= now
    left = (
        task.next_action_at,
        task.delayed_until,
        task.delay_reason,
        task.lease_expires_at,
        task.not_found_since,
        task.retry_count,
    )
    assert left == (None, None, "", None, None, 0)
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.FINISHED
    assert attempt.settled_at is not None


def test_only_what_is_completed_has_a_progress_of_100():
    done, failed = make_task(S.STORING, progress=99), make_task(S.PENDING, progress=40)
    move(done, S.COMPLETED)
    move(failed, S.FAILED)
    assert list(VideoTask.objects.order_by("progress").values_list("progress", flat=True)) == [40, 100]


@pytest.mark.parametrize(
    ("at", "to"), sorted((at, to) for at, to in LEGAL if to not in FINISHED_STATUSES and at != S.DRAFT)
)
def test_whatever_is_not_at_an_end_is_found_by_the_sweep(at, to):
    task = make_task(at, finished_at=timezone.now() if at in FINISHED_STATUSES else None)
    move(task, to)
    due = VideoTask.objects.get(pk=task.pk).next_action_at
    assert due is not None
    assert due <= timezone.now() + lifecycle.WAKE_GRACE


@pytest.mark.parametrize("at", [S.FAILED, S.CANCELLED])
def test_a_task_that_is_tried_again_carries_no_old_trouble(at):
    task = make_task(at, error_code="x", error_message="y", finished_at=timezone.now())
    move(task, S.QUEUED)
    task = VideoTask.objects.get(pk=task.pk)
    assert (task.error_code, task.error_message, task.finished_at) == ("", "", None)


@pytest.mark.django_db(transaction=True)
def test_the_next_worker_is_woken_after_the_commit(wakeups):
    queued, storing = make_task(S.DRAFT), make_task(S.PENDING)
    with transaction.atomic():
        move(queued, S.QUEUED)
        move(storing, S.STORING)
        assert wakeups == []
    assert wakeups == [("submit", str(queued.pk)), ("store", str(storing.pk))]


@pytest.mark.django_db(transaction=True)
def test_nobody_is_woken_for_what_was_rolled_back(wakeups):
    task = make_task(S.DRAFT)
    with transaction.atomic():
        move(task, S.QUEUED)
        transaction.set_rollback(True)
    assert wakeups == []
    assert not TaskEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nobody_is_woken_for_what_must_wait(wakeups):
    task = make_task(S.SUBMITTING)
    until = timezone.now() + dt.timedelta(minutes=5)
    move(task, S.QUEUED, delayed_until=until, next_action_at=until)
    assert wakeups == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", list(EventKind))
def test_exactly_the_outcomes_are_to_be_told(wakeups, kind):
    task = make_task()
    event = lifecycle.record(task, kind, EventSource.APPLICATION)
    told = kind in {"accepted", "stored", "failed", "cancelled", "overdue", "needs_decision", "picked"}
    assert (event.notify_at is not None) is told
    assert wakeups == ([("notify", str(task.pk))] if told else [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("outcomes", [(S.FAILED,) * 6, (S.FAILED, S.CANCELLED, S.STORING) * 2])
def test_of_many_at_once_one_moves_the_task(outcomes):
    """Six threads read the same status at the same moment; five find out that they came too late."""
    for _round in range(5):
        task = make_task(S.PENDING)
        attempt = make_attempt(task)

        def move_to(to, pk=task.pk):
            return lambda: move(pk, to, allowed=frozenset({S.PENDING, S.PROCESSING}))

        events = at_once(*(move_to(to) for to in outcomes))
        winners = [event for event in events if event is not None]
        assert len(winners) == 1
        assert list(task.events.all()) == winners
        task.refresh_from_db()
        assert task.status == winners[0].to_status
        attempt.refresh_from_db()
        assert attempt.state == (AttemptState.ACCEPTED if task.status == S.STORING else AttemptState.FINISHED)


@pytest.mark.django_db(transaction=True)
def test_a_move_that_another_one_made_legal_meanwhile_is_made(monkeypatch):
    """Between reading the status and writing it, another worker moves the task along."""
    task = make_task(S.PENDING)
    other_is_done = threading.Event()
    columns_of = VideoTask.objects.filter

    def overtaken(*args, **kwargs):
        if "status" in kwargs and not other_is_done.is_set():
            other_is_done.set()
            at_once(lambda: move(task.pk, S.PROCESSING))
        return columns_of(*args, **kwargs)

    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time: nobody can overtake")
    monkeypatch.setattr(VideoTask.objects, "filter", overtaken)
    event = move(task.pk, S.STORING)
    monkeypatch.undo()
    assert (event.from_status, event.to_status) == (S.PROCESSING, S.STORING)
    assert [(e.from_status, e.to_status) for e in task.events.order_by("id")] == [
        (S.PENDING, S.PROCESSING),
        (S.PROCESSING, S.STORING),
    ]


@pytest.mark.django_db(transaction=True)
def test_what_is_told_once_is_told_once():
    task = make_task(S.PENDING)

    def tell():
        return lifecycle.record_once(
            task, "overdue_notified_at", EventKind.OVERDUE, statuses=frozenset({S.PENDING, S.PROCESSING})
        )

    assert sum(event is not None for event in at_once(tell, tell, tell, tell)) == 1
    assert task.events.count() == 1
    assert tell() is None


def test_what_is_told_once_is_not_told_of_a_task_that_has_moved_on():
    task = make_task(S.COMPLETED)
    assert (
        lifecycle.record_once(task, "overdue_notified_at", EventKind.OVERDUE, statuses=frozenset({S.PENDING})) is None
    )
    task.refresh_from_db()
    assert task.overdue_notified_at is None


def test_a_second_result_is_a_task_of_its_own_with_its_own_end():
    first = make_task(S.STORING, metadata={"sku": "X1"}, credits_estimated=Decimal("11.9"))
    attempt = make_attempt(first)
    snapshot = TaskSnapshot.parse({"id": "task-unified-2", "status": "completed"})
    second = duplicates.create_from_duplicate(attempt, snapshot, source=EventSource.CALLBACK)
    assert (second.status, second.parent_id, second.metadata) == (S.PENDING, first.pk, {})
    assert second.attempt.provider_task_id == "task-unified-2"
    assert Attempt.objects.filter(state=AttemptState.ACCEPTED).count() == 2
    assert [event.kind for event in second.events.all()] == [EventKind.ACCEPTED]


PACKAGE = Path(django_wanvideo.__file__).parent
#: Rooms whose ``status`` is something else: EvoLink's, the simulator's own, or what an error tells.
OTHER_STATUS = {"simulator", "evolink", "migrations", "exceptions.py"}
WRITING = {"update", "create", "get_or_create", "update_or_create", "bulk_update", "bulk_create", "save", "VideoTask"}
RAW_SQL = re.compile(r"update\s+\W?wanvideo_videotask", re.IGNORECASE)


def status_writes(source):
    """Name the lines of some source that write a status without the one function that may."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "status" and isinstance(node.ctx, ast.Store):
            yield node.lineno
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", "")).removeprefix("a")
            given = [keyword.arg for keyword in node.keywords]
            inside = [
                value.value
                for part in (*node.args, *(k.value for k in node.keywords))
                for value in ast.walk(part)
                if isinstance(value, ast.Constant)
            ]
            if (name == "setattr" and "status" in inside) or (
                name in WRITING and ("status" in given or "status" in inside)
            ):
                yield node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and RAW_SQL.search(node.value):
            yield node.lineno


@pytest.mark.parametrize(
    "guilty",
    [
        "task.status = 'failed'",
        "task.status += 'x'",
        "VideoTask.objects.filter(pk=1).update(status='failed')",
        "VideoTask.objects.filter(pk=1).update(**{'status': 'failed'})",
        "VideoTask.objects.update_or_create(pk=1, defaults={'status': 'failed'})",
        "VideoTask.objects.bulk_update(tasks, ['status'])",
        "VideoTask(status='failed').save()",
        "setattr(task, 'status', 'failed')",
        "task.save(update_fields=['status'])",
        "await VideoTask.objects.aupdate(status='failed')",
        "cursor.execute('UPDATE wanvideo_videotask SET status = 1')",
    ],
)
def test_a_write_of_the_status_is_seen(guilty):
    source = f"async def f():\n    {guilty}"
    assert list(status_writes(source)) == [2]


def test_only_the_lifecycle_writes_the_status():
    modules = [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if OTHER_STATUS.isdisjoint(path.relative_to(PACKAGE).parts) and path.name != "lifecycle.py"
    ]
    assert len(modules) > 50
    lines = {
        f"{path.relative_to(PACKAGE)}: {path.read_text().splitlines()[line - 1].strip()}"
        for path in modules
        for line in status_writes(path.read_text())
    }
    # A given instance is shown what the row says, and one that stands for many is asked about their money; nothing is
    # saved of them.
    assert lines == {
        "admin/batches/detail/numbers.py: one = VideoTask(",
        "services/sending/actions.py: task.status = _status_now(task)",
        "services/sending/actions.py: task.status = now",
    }


@pytest.mark.django_db
def test_task_whose_attempt_has_gone_on_is_left():
    """A task whose attempt has gone on is left as it stands in the database."""
    task = make_task(TaskStatus.UNCONFIRMED)
    attempt = make_attempt(task, AttemptState.ACCEPTED)
    moved = lifecycle.move_with_attempt(
        attempt,
        TaskStatus.FAILED,
        state=AttemptState.NOT_ACCEPTED,
        only=Q(state=AttemptState.UNCONFIRMED),
        task=task,
        kind=EventKind.RESOLVED,
        source=EventSource.USER,
        error_code="decided_not_accepted",
    )
    assert (moved, task.status, task.error_code) == (None, TaskStatus.UNCONFIRMED, "")
    assert VideoTask.objects.get().status == TaskStatus.UNCONFIRMED
