"""The pass over due rows: everything is found, once, at a price in proportion to what is due."""

from __future__ import annotations

import datetime as dt
import signal
import uuid
from collections import Counter
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_wanvideo import jobs, queue
from django_wanvideo.choices import AttemptState, EventKind, TaskStatus
from django_wanvideo.evolink.exceptions import RejectedError
from django_wanvideo.management.commands import wanvideo_sweep
from django_wanvideo.models import Attempt, CallbackReceipt, SiteState, TaskEvent, VideoTask
from django_wanvideo.services import sweep
from django_wanvideo.services.holds import account
from django_wanvideo.services.provider import provider
from tests.promises import processes
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.django_db
S = TaskStatus


class Jobs:
    """Takes jobs as a queue would; ``room`` jobs, then none."""

    def __init__(self, room: int = 10**9) -> None:
        self.room = room
        self.taken: list[tuple[str, ...]] = []

    def __call__(self, job: str, *ids: str) -> bool:
        if len(self.taken) >= self.room:
            return False
        self.taken.append((job, *ids))
        return True

    def count(self) -> Counter[str]:
        return Counter(job for job, *_ids in self.taken)

    def ids(self, job: str) -> list[str]:
        return [pk for name, *ids in self.taken if name == job for pk in ids]


@pytest.fixture(autouse=True)
def _no_redis(wanvideo_wakeups: list[tuple[str, ...]]) -> None:
    """Wake-ups go nowhere: the sweep has to find everything."""


def rows(status: TaskStatus, number: int, *, due: bool = True, **columns: Any) -> list[VideoTask]:
    """Rows in bulk, due or not, with the attempt that their status implies."""
    at = timezone.now() + dt.timedelta(seconds=-1 if due else 3600)
    tasks = VideoTask.objects.bulk_create(
        VideoTask(status=status, model="wan2.6-image-to-video-flash", prompt=f"Wish {n}", next_action_at=at, **columns)
        for n in range(number)
    )
    state = {S.SUBMITTING: "claimed", S.UNCONFIRMED: "unconfirmed", S.PENDING: "accepted", S.PROCESSING: "accepted"}
    if status in state:
        Attempt.objects.bulk_create(
            Attempt(
                task=task,
                number=1,
                state=state[status],
                idempotency_key=f"wanvideo-{uuid.uuid4().hex}",
                request={},
                provider_task_id=f"task-unified-1-{uuid.uuid4().hex[:8]}" if state[status] == "accepted" else None,
            )
            for task in tasks
        )
    return tasks


def event_of(task: VideoTask, **columns: Any) -> TaskEvent:
    """An event of a task that is to be told, unless ``columns`` say otherwise."""
    columns = {"notify_at": timezone.now() - dt.timedelta(seconds=10)} | columns
    return TaskEvent.objects.create(task=task, kind=EventKind.FAILED, source="sweep", **columns)


def pks(tasks: list[VideoTask]) -> list[str]:
    return sorted(str(task.pk) for task in tasks)


def test_each_stage_goes_to_its_job_in_batches_of_its_size():
    queued, pending = rows(S.QUEUED, 3), rows(S.PENDING, 101)
    processing, storing = rows(S.PROCESSING, 100), rows(S.STORING, 2)
    taken = Jobs()
    swept = sweep.sweep(taken)
    assert taken.count() == {"submit": 3, "sync": 2 + 1, "store": 2}
    assert sorted(taken.ids("submit")) == pks(queued)
    assert sorted(taken.ids("sync")) == pks(pending + processing)
    assert sorted(taken.ids("store")) == pks(storing)
    assert swept.counts == {"queued": 3, "pending": 101, "processing": 100, "storing": 2}
    assert str(swept) == "2 storing, 101 pending, 100 processing, 3 queued"


@pytest.mark.parametrize("status", S.values)
def test_what_is_not_due_or_held_by_a_worker_is_left_alone(status: str):
    soon = timezone.now() + dt.timedelta(seconds=60)
    rows(S(status), 2, due=False)
    rows(S(status), 2, lease_expires_at=soon)
    rows(S(status), 2)
    VideoTask.objects.filter(lease_expires_at=None, next_action_at__lte=timezone.now()).update(next_action_at=None)
    taken = Jobs()
    swept = sweep.sweep(taken)
    assert taken.taken == []
    assert str(swept) == "nothing due"


@pytest.mark.parametrize("status", [S.QUEUED, S.SUBMITTING, S.UNCONFIRMED, S.PENDING, S.PROCESSING, S.STORING])
def test_a_row_whose_worker_died_is_found_when_its_hold_has_run_out(status: TaskStatus):
    rows(status, 1, lease_expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert sweep.sweep(Jobs()).counts == {status: 1}


def test_handed_out_is_left_to_its_worker():
    """What was handed out is left to its worker for a while and no longer."""
    tasks = rows(S.QUEUED, 2)
    taken = Jobs()
    sweep.sweep(taken)
    sweep.sweep(taken)
    assert sorted(taken.ids("submit")) == pks(tasks)
    VideoTask.objects.update(next_action_at=timezone.now() - dt.timedelta(seconds=1))
    sweep.sweep(taken)
    assert len(taken.ids("submit")) == 4


def test_the_while_grows_with_the_queue(monkeypatch: pytest.MonkeyPatch):
    rows(S.QUEUED, 1)
    monkeypatch.setattr(queue, "depth", lambda: 200)
    sweep.sweep(Jobs())
    assert VideoTask.objects.get().next_action_at > timezone.now() + dt.timedelta(seconds=250)


def test_a_queue_that_lost_its_jobs_is_not_believed_for_long(monkeypatch: pytest.MonkeyPatch):
    rows(S.QUEUED, 1)
    monkeypatch.setattr(queue, "depth", lambda: 100_000)
    sweep.sweep(Jobs())
    assert VideoTask.objects.get().next_action_at < timezone.now() + dt.timedelta(minutes=7)


def test_links_that_end_first_are_stored_first():
    now = timezone.now()
    tasks = rows(S.STORING, 3)
    for task, hours in zip(tasks, (9, 2, 20), strict=True):
        VideoTask.objects.filter(pk=task.pk).update(result_expires_at=now + dt.timedelta(hours=hours))
    taken = Jobs()
    sweep.sweep(taken)
    assert taken.ids("store") == [str(tasks[1].pk), str(tasks[0].pk), str(tasks[2].pk)]


@pytest.mark.skipif(
    connection.features.has_select_for_update_skip_locked, reason="rows are locked between look and mark here"
)
def test_pass_that_comes_between_anothers_look():
    """A pass that comes between another’s look and mark takes the rows alone."""
    tasks = rows(S.QUEUED, 3)
    first, second = Jobs(), Jobs()
    interrupted: list[str] = []

    def interrupt(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and '"next_action_at" =' in sql and not interrupted:
            interrupted.append(sql)
            sweep.sweep(second)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interrupt):
        sweep.sweep(first)
    assert interrupted
    assert sorted(first.ids("submit") + second.ids("submit")) == pks(tasks)


@pytest.mark.parametrize("room", [0, 1, 60])
def test_with_redis_down_everything_stays_due(room: int):
    queued, storing = rows(S.QUEUED, 130), rows(S.STORING, 5)
    pending = rows(S.PENDING, 70)
    taken = Jobs(room)
    swept = sweep.sweep(taken)
    assert not swept.queue_reachable
    assert VideoTask.objects.due().count() == 205 - len(taken.ids("submit") + taken.ids("store") + taken.ids("sync"))
    again = Jobs()
    sweep.sweep(again)
    everything = taken.taken + again.taken
    assert sorted(pk for _job, *ids in everything for pk in ids) == pks(queued + storing + pending)


def test_with_redis_down_a_pass_costs_no_more_for_many_rows_than_for_few():
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            sweep.sweep(Jobs(0))
        return len(queries)

    rows(S.QUEUED, 2)
    few = cost()
    rows(S.QUEUED, 300)
    rows(S.PENDING, 300)
    assert cost() <= few + 2


@pytest.mark.fault("K13.idle-sweep")
def test_idle_pass_costs_fixed_number_of_queries(django_assert_max_num_queries: Any):
    """An idle pass costs a fixed number of queries whatever the table holds."""
    for status in (S.COMPLETED, S.FAILED, S.DRAFT):
        rows(status, 50, due=False)
    rows(S.PENDING, 50, due=False)
    sweep.sweep(Jobs())
    with CaptureQueriesContext(connection) as idle:
        sweep.sweep(Jobs())
    rows(S.PENDING, 500, due=False)
    with django_assert_max_num_queries(len(idle)):
        sweep.sweep(Jobs())
    # The installation; what is due, with the sweep's own row; that row's update.
    assert len(idle) == 3


@pytest.mark.fault("K13.idle-sweep")
@pytest.mark.parametrize(
    ("make", "stage"),
    [
        (lambda: rows(S.QUEUED, 1), "queued"),
        (lambda: rows(S.SUBMITTING, 1), "submitting"),
        (lambda: rows(S.UNCONFIRMED, 1), "unconfirmed"),
        (lambda: rows(S.PENDING, 1), "pending"),
        (lambda: rows(S.PROCESSING, 1), "processing"),
        (lambda: rows(S.STORING, 1), "storing"),
        (lambda: rows(S.STORING, 1, due=False, result_expires_at=timezone.now()), "expiring"),
        (lambda: rows(S.QUEUED, 1, due=False, delay_reason="daily_credit_limit"), "reconsidered"),
        (lambda: CallbackReceipt.objects.create(attempt_id=uuid.uuid4(), payload={}), "callbacks"),
        (lambda: event_of(*rows(S.FAILED, 1, due=False)), "signals"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pass_that_had_nothing_to_do_finds_what_comes_by_itself(make: Any, stage: str):
    for _pass in range(2):
        assert str(sweep.sweep(Jobs())) == "nothing due"
    make()
    assert sweep.sweep(Jobs()).counts.get(stage) == 1


@pytest.mark.fault("K13.idle-sweep")
def test_the_accounts_trouble_is_looked_into_although_nothing_is_due(settings: Any):
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": "sk-simulator"}
    sweep.sweep(Jobs())
    account.note(RejectedError("no", http_status=401, code="invalid_token"))
    taken = Jobs()
    sweep.sweep(taken)
    assert taken.taken == [("submit",)]


@pytest.mark.fault("K13.idle-sweep")
def test_pass_without_anything_due_asks_three(settings: Any):
    """A pass without anything due asks three questions with a million reasons to wait.

    What waits for its time, whatever for, is no work; nor does it make the pass dearer.
    """
    rows(S.QUEUED, 30, due=False, delay_reason="max_in_flight")
    rows(S.PROCESSING, 30, due=False)
    rows(S.STORING, 30, due=False, result_expires_at=timezone.now() + dt.timedelta(hours=20))
    for task in rows(S.UNCONFIRMED, 30, due=False):
        event_of(task, notify_at=None)
    settings.WANVIDEO = {**settings.WANVIDEO, "DAILY_CREDIT_LIMIT": 100, "MAX_IN_FLIGHT": 5}
    sweep.sweep(Jobs())
    with CaptureQueriesContext(connection) as idle:
        sweep.sweep(Jobs())
    assert len(idle) == 3


@pytest.mark.parametrize("status", [S.QUEUED, S.PENDING, S.STORING])
def test_each_further_chunk_of_due_rows_costs_the_same_few_queries(status: TaskStatus, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sweep, "CHUNK", 20)

    def cost(number: int) -> int:
        VideoTask.objects.update(next_action_at=None)
        rows(status, number)
        with CaptureQueriesContext(connection) as queries:
            sweep.sweep(Jobs())
        return len(queries)

    sweep.sweep(Jobs())
    one, two, four = cost(19), cost(39), cost(79)
    assert two - one == (four - two) / 2
    assert two - one <= 5


def test_a_limit_on_what_is_in_flight_limits_what_is_handed_out(settings: Any):
    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_IN_FLIGHT": 5}
    rows(S.PENDING, 3, due=False)
    rows(S.QUEUED, 9)
    taken = Jobs()
    sweep.sweep(taken)
    assert len(taken.ids("submit")) == 2
    assert VideoTask.objects.due().filter(status=S.QUEUED).count() == 7


def test_nothing_is_sent_during_a_pause_but_everything_else_goes_on():
    provider.back_off(60)
    rows(S.QUEUED, 2)
    rows(S.STORING, 1)
    taken = Jobs()
    sweep.sweep(taken)
    assert taken.count() == {"store": 1}


def test_lost_claim_is_given_back_or_becomes():
    """A lost claim is given back or becomes unconfirmed by whether it was sent."""
    not_sent, sent = rows(S.SUBMITTING, 2)
    Attempt.objects.filter(task=sent).update(sent_at=timezone.now())
    sweep.sweep(Jobs())
    for task, status, state in [
        (not_sent, S.QUEUED, AttemptState.NOT_ACCEPTED),
        (sent, S.UNCONFIRMED, AttemptState.UNCONFIRMED),
    ]:
        task.refresh_from_db()
        assert (task.status, task.attempts.get().state) == (status, state)
        assert task.next_action_at > timezone.now()


def test_people_are_asked_once_and_the_row_is_never_due_again():
    (task,) = rows(S.UNCONFIRMED, 1)
    for _pass in range(3):
        sweep.sweep(Jobs())
    task.refresh_from_db()
    assert (task.status, task.next_action_at) == (S.UNCONFIRMED, None)
    event = TaskEvent.objects.get(task=task)
    assert event.kind == EventKind.NEEDS_DECISION
    assert event.notify_at is not None


def test_asking_people_and_ceasing_to_look_are_one_thing(monkeypatch: pytest.MonkeyPatch):
    """A process that dies in between must leave neither a task that nobody was told of nor one told twice."""
    (task,) = rows(S.UNCONFIRMED, 1)

    def die(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sweep.lifecycle, "record", die)
        with pytest.raises(KeyboardInterrupt):
            sweep.sweep(Jobs())
    task.refresh_from_db()
    assert task.next_action_at is not None
    VideoTask.objects.update(next_action_at=timezone.now())
    sweep.sweep(Jobs())
    assert TaskEvent.objects.filter(kind=EventKind.NEEDS_DECISION).count() == 1


def test_links_near_their_end_are_warned_of_once(caplog: pytest.LogCaptureFixture):
    now = timezone.now()
    (near,) = rows(S.STORING, 1, due=False, result_expires_at=now + dt.timedelta(hours=5, minutes=59))
    rows(S.STORING, 1, due=False, result_expires_at=now + dt.timedelta(hours=7))
    for _pass in range(2):
        sweep.sweep(Jobs())
    assert TaskEvent.objects.get(kind=EventKind.LINK_EXPIRING).task == near
    assert caplog.text.count(str(near.pk)) == 1


def test_callbacks_and_signals_are_handed_out_and_not_again_at_once():
    tasks = rows(S.FAILED, 60, due=False)
    attempt = Attempt.objects.create(task=tasks[0], number=1, idempotency_key="x" * 20, request={})
    long_ago = timezone.now() - dt.timedelta(seconds=10)
    TaskEvent.objects.bulk_create(
        TaskEvent(task=task, kind="failed", source="response", notify_at=long_ago)
        for task in tasks
        for _copy in range(2)
    )
    CallbackReceipt.objects.create(attempt=attempt)
    taken = Jobs()
    sweep.sweep(taken)
    assert taken.count() == {"sync": 1, "notify": 2}
    assert sorted(taken.ids("notify")) == pks(tasks)
    sweep.sweep(taken)
    assert len(taken.taken) == 3, "the workers may be slow; the queue must not fill with the same jobs"
    CallbackReceipt.objects.create(attempt=attempt)
    TaskEvent.objects.create(task=tasks[7], kind="failed", source="response", notify_at=long_ago)
    sweep.sweep(taken)
    assert taken.taken[3:] == [("sync",), ("notify", str(tasks[7].pk))], "what is new is handed out"


def test_callbacks_and_signals_that_nobody_worked_on_are_handed_out_again():
    (task,) = rows(S.FAILED, 1, due=False)
    attempt = Attempt.objects.create(task=task, number=1, idempotency_key="x" * 20, request={})
    CallbackReceipt.objects.create(attempt=attempt)
    TaskEvent.objects.create(
        task=task, kind="failed", source="response", notify_at=timezone.now() - dt.timedelta(seconds=10)
    )
    taken = Jobs()
    sweep.sweep(taken)
    state = SiteState.objects.get(name=sweep.SWEEP)
    for note in state.value.values():
        note["until"] = (timezone.now() - dt.timedelta(seconds=1)).isoformat()
    state.save()
    sweep.sweep(taken)
    assert taken.count() == {"sync": 2, "notify": 2}


def test_callbacks_and_signals_wait_while_redis_is_down():
    (task,) = rows(S.FAILED, 1, due=False)
    CallbackReceipt.objects.create(
        attempt=Attempt.objects.create(task=task, number=1, idempotency_key="x" * 20, request={})
    )
    TaskEvent.objects.create(
        task=task, kind="failed", source="response", notify_at=timezone.now() - dt.timedelta(seconds=10)
    )
    assert not sweep.sweep(Jobs(0)).queue_reachable
    taken = Jobs()
    sweep.sweep(taken)
    assert taken.count() == {"sync": 1, "notify": 1}


def test_the_time_of_the_last_pass_is_kept():
    sweep.sweep(Jobs())
    first = SiteState.objects.get(name=sweep.SWEEP).updated_at
    sweep.sweep(Jobs())
    assert SiteState.objects.get(name=sweep.SWEEP).updated_at > first


def test_the_command_makes_one_pass_and_says_what_it_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    rows(S.QUEUED, 2)
    call_command("wanvideo_sweep")
    assert "2 queued" in capsys.readouterr().out
    call_command("wanvideo_sweep")
    assert "nothing due" in capsys.readouterr().out
    rows(S.QUEUED, 1)
    monkeypatch.setattr(queue, "enqueue", lambda job, *ids: False)
    call_command("wanvideo_sweep")
    assert "Redis did not answer" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["0", "-3", "soon", "nan", "100000"])
def test_the_command_refuses_senseless_intervals(value: str):
    with pytest.raises(CommandError):
        call_command("wanvideo_sweep", f"--loop={value}")


def test_what_bears_to_wait_is_looked_for_by_full_passes_only():
    ends = timezone.now() + dt.timedelta(minutes=5)
    (row,) = rows(S.STORING, 1, due=False, result_url="https://files.example/v.mp4", result_expires_at=ends)
    rows(S.QUEUED, 1)
    jobs = Jobs()
    assert sweep.sweep(jobs, is_full=False).counts == {"queued": 1}
    assert sweep.sweep(jobs).counts["expiring"] == 1
    assert row.events.get().kind == EventKind.LINK_EXPIRING


def test_the_loop_makes_a_full_pass_at_once_and_every_ten_seconds(monkeypatch: pytest.MonkeyPatch):
    clock = [1000.0]
    passes: list[tuple[float, bool]] = []

    class Stop:
        def is_set(self) -> bool:
            return clock[0] > 1024

        def wait(self, seconds: float) -> None:
            clock[0] += seconds

    def make_pass(_dispatch: Any, *, is_full: bool) -> sweep.SweepResult:
        passes.append((clock[0] - 1000, is_full))
        return sweep.SweepResult()

    monkeypatch.setattr(wanvideo_sweep, "sweep", make_pass)
    monkeypatch.setattr(wanvideo_sweep.waiting, "until_told", lambda: nullcontext(Stop()))
    monkeypatch.setattr(wanvideo_sweep, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    call_command("wanvideo_sweep", "--loop=4")
    assert passes == [(0, True), (4, False), (8, False), (12, True), (16, False), (20, False), (24, True)]


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_loop_works_on_until_it_is_told_to_stop(
    site_with_threads: Site, evolink: Simulator, number: signal.Signals
):
    task = site_with_threads.queued()
    VideoTask.objects.update(next_action_at=timezone.now())
    loop = processes.start("manage.py", "wanvideo_sweep", "--loop", "0.2", "--inline")
    try:

        def status() -> str:
            task.refresh_from_db()
            return task.status

        wait_until(lambda: status() == S.PENDING, "the first pass", 60)
        evolink.complete(task.attempt.provider_task_id)
        VideoTask.objects.update(next_action_at=timezone.now())
        wait_until(lambda: status() in {S.STORING, S.COMPLETED}, "another pass", 30)
        loop.send_signal(number)
        output, _none = loop.communicate(timeout=30)
    finally:
        loop.kill()
    assert loop.returncode == 0, output
    assert "Traceback" not in output


def test_work_done_here_makes_everything_converge(site: Site, evolink: Simulator):
    task = site.queued()
    site.make_due()
    sweep.sweep(jobs.run_here)
    task.refresh_from_db()
    evolink.complete(task.attempt.provider_task_id)
    assert site.finish(task).status == S.COMPLETED


def test_how_long_a_hand_out_stands_is_read_when_a_pass_begins(monkeypatch):
    monkeypatch.setattr(sweep, "TASK_VISIBILITY", dt.timedelta(seconds=4))
    assert sweep.SweepResult().visibility_timeout == dt.timedelta(seconds=4)
