"""A history is replayed through the lifecycle: what it does not allow is found, and nothing else."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.health import replay
from django_wanvideo.health.replay import Step, problems
from django_wanvideo.models.lifecycle import ALLOWED_FROM
from tests.factories import make_attempt, make_task

K, S = EventKind, TaskStatus
NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
#: What a task lives through whose video is stored.
WHOLE = [
    (K.CREATED, "", S.DRAFT),
    (K.QUEUED, S.DRAFT, S.QUEUED),
    (K.WAITING, "", ""),
    (K.CLAIMED, S.QUEUED, S.SUBMITTING),
    (K.ACCEPTED, S.SUBMITTING, S.PENDING),
    (K.CALLBACK, "", ""),
    (K.PROGRESS, S.PENDING, S.PROCESSING),
    (K.GENERATED, S.PROCESSING, S.STORING),
    (K.STORE_FAILED, "", ""),
    (K.STORED, S.STORING, S.COMPLETED),
    (K.RECEIVER_FAILED, "", ""),
    (K.CALLBACK, "", ""),
]
#: And one that failed and was tried again, with success.
TWICE = [
    *WHOLE[:5],
    (K.FAILED, S.PENDING, S.FAILED),
    (K.NEEDS_DECISION, "", ""),
    (K.RETRIED, S.FAILED, S.QUEUED),
    *WHOLE[3:],
]


def history(*lines: tuple[str, str, str], **changed: dict[int, Any]) -> list[Step]:
    """Make the steps of a history, whose outcomes have been told; ``changed`` gives other columns, by line."""
    steps = []
    for number, (kind, at, to) in enumerate(lines):
        columns: dict[str, Any] = {"notified_at": NOW} | {
            name: value[number] for name, value in changed.items() if number in value
        }
        steps.append(Step(number, str(kind), str(at), str(to), **columns))
    return steps


def rules(steps: list[Step], **options: Any) -> list[tuple[str, int | None]]:
    return [(problem.rule, problem.event) for problem in problems(steps, **options)]


@pytest.mark.parametrize("lines", [WHOLE, TWICE, [], WHOLE[:1], [(K.ACCEPTED, "", S.PENDING), *WHOLE[5:]]])
def test_a_life_by_the_rules_has_no_problem(lines):
    steps = history(*lines)
    assert rules(steps, status=next((step.to_status for step in reversed(steps) if step.to_status), "")) == []


@pytest.mark.parametrize("to", list(TaskStatus))
@pytest.mark.parametrize("at", list(TaskStatus))
def test_exactly_the_moves_of_the_lifecycle_are_known(at, to):
    kind = {S.COMPLETED: K.STORED, S.FAILED: K.FAILED, S.CANCELLED: K.CANCELLED}.get(to, K.NOTE)
    replayed = replay._Replay(pruned=False)
    replayed.at = str(at)
    found = [problem.rule for problem in replayed.take(history((kind, at, to))[0])]
    assert found == ([] if at in ALLOWED_FROM[to] else ["move"])


def test_a_status_that_does_not_exist_is_no_move():
    assert ("move", 1) in rules(history(WHOLE[0], (K.NOTE, S.DRAFT, "paused")))


def test_a_move_from_where_the_task_was_not_is_a_gap():
    steps = history(*WHOLE[:2], *WHOLE[4:])
    assert rules(steps) == [("gap", 2)]
    assert [problem.message for problem in problems(steps)] == ["it leaves submitting, and was queued"]


def test_a_move_that_leads_nowhere():
    assert rules(history(WHOLE[0], (K.NOTE, S.DRAFT, ""))) == [("move", 1)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([(K.CREATED, "", S.QUEUED)], ("beginning", 0)),
        (WHOLE[1:2], ("beginning", 0)),
        ([*WHOLE[:2], WHOLE[0]], ("beginning", 2)),
    ],
    ids=["elsewhere", "in the middle", "twice"],
)
def test_a_history_begins_once_where_tasks_begin(lines, expected):
    assert expected in rules(history(*lines))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((K.STORED, S.STORING, S.COMPLETED), (K.FAILED, S.STORING, S.FAILED)),
        ((K.FAILED, S.STORING, S.FAILED), (K.FAILED, S.STORING, S.FAILED)),
    ],
)
def test_two_outcomes_in_a_row_are_one_too_many(first, second):
    found = rules(history(*WHOLE[:8], first, second))
    assert ("two_outcomes", 9) in found
    assert ("gap", 9) in found


def test_two_outcomes_with_a_new_try_between_are_none_too_many():
    assert rules(history(*TWICE)) == []


@pytest.mark.parametrize("kind", sorted(replay.PROGRESS))
def test_work_after_the_end(kind):
    assert ("after_end", 12) in rules(history(*WHOLE, (kind, "", "")))


@pytest.mark.parametrize("kind", [K.CALLBACK, K.NOTE, K.RECEIVER_FAILED, K.RESOLVED, K.NEEDS_DECISION, K.DUPLICATE])
def test_what_may_come_after_the_end(kind):
    assert rules(history(*WHOLE, (kind, "", ""))) == []


def test_a_line_of_work_that_moves_nothing():
    assert rules(history(*WHOLE[:2], (K.CLAIMED, "", ""))) == [("move", 2)]


@pytest.mark.parametrize(
    "line", [(K.STORED, S.STORING, S.FAILED), (K.NOTE, S.STORING, S.FAILED), (K.FAILED, S.STORING, S.COMPLETED)]
)
def test_an_outcome_says_what_it_leads_to(line):
    assert rules(history(*WHOLE[:8], line)) == [("outcome", 8)]


def test_one_attempt_is_claimed_once():
    one, other = uuid.uuid4(), uuid.uuid4()
    back = (K.WAITING, S.SUBMITTING, S.QUEUED)
    lines = [*WHOLE[:4], back, WHOLE[3]]
    assert rules(history(*lines, attempt_id={3: one, 5: other})) == []
    assert rules(history(*lines, attempt_id={3: one, 5: one})) == [("claimed_twice", 5)]


def test_an_outcome_that_nobody_is_told():
    assert rules(history(*WHOLE[:5], notified_at={4: None})) == [("untold", 4)]
    assert rules(history(*WHOLE[:5], notified_at={4: None}, notify_at={4: NOW})) == []


def test_an_outcome_that_would_be_told_once_more():
    assert rules(history(*WHOLE[:5], notify_at={4: NOW})) == [("told_again", 4)]


def test_a_history_leads_to_where_the_task_stands():
    assert rules(history(*WHOLE[:2]), status="queued") == []
    assert rules(history(*WHOLE[:2]), status="pending") == [("status", None)]
    assert rules([], status="draft") == [("status", None)]


@pytest.mark.parametrize(("at", "to"), sorted(replay.PRUNED_MOVES))
def test_lines_that_were_taken_out_leave_gap(at, to):
    """Lines that were taken out leave a gap only where nothing was taken out."""
    roads = {
        S.PENDING: WHOLE[:5],
        S.SUBMITTING: WHOLE[:4],
        S.UNCONFIRMED: [*WHOLE[:4], (K.UNCONFIRMED, S.SUBMITTING, S.UNCONFIRMED)],
    }
    onward = {S.PROCESSING: WHOLE[7], S.QUEUED: WHOLE[3]}
    steps = history(*roads[at], onward[to])
    assert rules(steps, pruned=True) == []
    assert rules(steps) == [("gap", len(steps) - 1)]
    assert rules(history(*WHOLE[:3], WHOLE[6]), pruned=True) == [("gap", 3)]


# What a site has stored


@pytest.fixture
def told(wanvideo_wakeups):
    """Tasks as the services write them, with all that was to be told told."""
    from django_wanvideo.models import TaskEvent

    def tell() -> None:
        TaskEvent.objects.filter(notify_at__isnull=False).update(notify_at=None, notified_at=NOW)

    return tell


def make_history(task: Any, *lines: tuple[str, str, str]) -> None:
    from django_wanvideo.models import TaskEvent

    for kind, at, to in lines:
        TaskEvent.objects.create(
            task=task, kind=kind, source="application", from_status=at, to_status=to, notified_at=NOW
        )


@pytest.mark.django_db
@pytest.mark.integration
@pytest.mark.parametrize("chunk", [1, 2, 500])
def test_problems_of_all_tasks_are_found_however_they(chunk, monkeypatch):
    """The problems of all tasks are found however they are cut into chunks."""
    monkeypatch.setattr(replay, "CHUNK", chunk)
    good = [make_task(S.COMPLETED) for _ in range(3)]
    for task in good:
        make_history(task, *WHOLE)
    bad = [make_task(S.PENDING), make_task(S.QUEUED)]
    make_history(bad[0], *WHOLE[:2], *WHOLE[4:5])
    counts = replay.Counts()
    found = {(one.task_id, one.rule) for one in replay.stored_problems(counts)}
    assert found == {(bad[0].pk, "gap"), (bad[1].pk, "status")}
    assert (counts.tasks, counts.events, counts.problems) == (5, 3 * len(WHOLE) + 3, 2)


@pytest.mark.django_db
@pytest.mark.integration
def test_only_tasks_that_have_ended_may_lack_lines():
    ended, going = make_task(S.FAILED), make_task(S.PROCESSING)
    make_history(ended, *WHOLE[:5], (K.FAILED, S.PROCESSING, S.FAILED))
    make_history(going, *WHOLE[:4], (K.ACCEPTED, S.QUEUED, S.PENDING), (K.PROGRESS, S.PENDING, S.PROCESSING))
    assert {one.task_id for one in replay.stored_problems()} == {going.pk}
    assert {one.task_id for one in replay.stored_problems(pruned=False)} == {ended.pk, going.pk}


@pytest.mark.django_db
@pytest.mark.integration
def test_the_number_of_queries_grows_with_chunks_and_not_with_tasks(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(replay, "CHUNK", 2)
    for _ in range(4):
        make_history(make_task(S.COMPLETED), *WHOLE)
    with django_assert_num_queries(5):
        assert list(replay.stored_problems()) == []


@pytest.mark.django_db
@pytest.mark.integration
def test_what_the_services_write_is_in_order(told):
    from django_wanvideo.choices import EventSource
    from django_wanvideo.models import VideoTask, lifecycle
    from django_wanvideo.services.attempts import settlement
    from django_wanvideo.services.resolution import decisions

    task = VideoTask.objects.create_task(prompt="A cat", first_frame="https://pictures.example/cat.png")
    task.submit()
    attempt = make_attempt(task, "claimed")
    lifecycle.advance(task, S.SUBMITTING, kind=K.CLAIMED, source=EventSource.WORKER, attempt=attempt)
    settlement.mark_unconfirmed(attempt, RuntimeError("lost"))
    decisions.mark_not_accepted(task)
    task.retry()
    task.cancel()
    told()
    assert list(replay.stored_problems(pruned=False)) == []
