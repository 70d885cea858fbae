"""Every outcome is told once, to every receiver, after it was committed."""

from __future__ import annotations

import datetime as dt
import functools
import threading
import uuid
from contextlib import ExitStack

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from rq.timeouts import JobTimeoutException

from django_wanvideo import queue, signals
from django_wanvideo.choices import EventKind, EventSource, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.models import TaskEvent, VideoTask, lifecycle
from django_wanvideo.services import notifications, sweep
from tests.factories import make_attempt, make_task
from tests.services.process import in_a_process
from tests.threads import at_once

pytestmark = [pytest.mark.locks, pytest.mark.django_db, pytest.mark.integration]

NAMES = (
    "video_submitted",
    "video_completed",
    "video_failed",
    "video_cancelled",
    "video_needs_attention",
    "video_finished",
    "video_picked",
)


@pytest.fixture(autouse=True)
def wakeups(wanvideo_wakeups):
    return wanvideo_wakeups


@pytest.fixture
def listen():
    """Connect receivers for the length of a test."""
    with ExitStack() as stack:

        def connect(name, receiver):
            signal = getattr(signals, name)
            signal.connect(receiver, weak=False)
            stack.callback(signal.disconnect, receiver)
            return receiver

        yield connect


@pytest.fixture
def heard(listen):
    """What a receiver of every signal has heard: the signal's name, the task and the event."""
    told = []
    for name in NAMES:

        def hear(sender, task, event, name=name, **kwargs):
            assert sender is VideoTask
            told.append((name, task.pk, event.pk))

        listen(name, hear)
    return told


def happen(task, kind):
    return lifecycle.record(task, kind, EventSource.APPLICATION)


SIGNALS = {
    EventKind.ACCEPTED: ["video_submitted"],
    EventKind.STORED: ["video_completed", "video_finished"],
    EventKind.FAILED: ["video_failed", "video_finished"],
    EventKind.CANCELLED: ["video_cancelled", "video_finished"],
    EventKind.OVERDUE: ["video_needs_attention"],
    EventKind.NEEDS_DECISION: ["video_needs_attention"],
    EventKind.PICKED: ["video_picked"],
}


@pytest.mark.parametrize("kind", list(EventKind))
def test_each_outcome_has_its_signals_and_nothing_else_has_any(heard, kind):
    task = make_task()
    event = happen(task, kind)
    expected = [(name, task.pk, event.pk) for name in SIGNALS.get(kind, [])]
    assert notifications.deliver(task.pk) == (1 if expected else 0)
    assert heard == expected
    event.refresh_from_db()
    assert (event.notify_at, event.notified_at is not None) == (None, bool(expected))


def test_what_is_to_be_told_and_what_has_signals_is_the_same():
    assert set(notifications.SIGNALS) == lifecycle.NOTIFIED_KINDS == set(SIGNALS)


def test_a_receiver_gets_the_task_as_it_is_now_and_the_event_it_is_told_of(listen):
    task = make_task(TaskStatus.STORING)
    event = lifecycle.advance(
        task.pk, TaskStatus.COMPLETED, kind=EventKind.STORED, source=EventSource.WORKER, video_sha256="ab" * 32
    )
    got = {}
    listen("video_completed", lambda sender, **kwargs: got.update(kwargs))
    notifications.deliver(task.pk)
    assert set(got) == {"signal", "task", "event"}
    assert (got["task"].status, got["task"].video_sha256) == (TaskStatus.COMPLETED, "ab" * 32)
    assert (got["event"], got["event"].to_status) == (event, TaskStatus.COMPLETED)


def test_an_outcome_is_told_once_however_often_it_is_delivered(heard):
    task = make_task()
    happen(task, EventKind.STORED)
    assert [notifications.deliver(task.pk) for _again in range(3)] == [1, 0, 0]
    assert len(heard) == 2


def test_outcomes_are_told_in_their_order(heard):
    task = make_task()
    events = [happen(task, kind) for kind in (EventKind.ACCEPTED, EventKind.OVERDUE, EventKind.FAILED)]
    happen(make_task(), EventKind.CANCELLED)
    assert notifications.deliver(task.pk) == 3
    assert [(name, event) for name, _task, event in heard] == [
        ("video_submitted", events[0].pk),
        ("video_needs_attention", events[1].pk),
        ("video_failed", events[2].pk),
        ("video_finished", events[2].pk),
    ]


def test_a_task_that_nothing_is_to_be_told_of_is_no_error(heard):
    assert notifications.deliver(uuid.uuid4()) == notifications.deliver(make_task().pk) == 0
    assert heard == []


@pytest.mark.django_db(transaction=True)
def test_nothing_is_told_of_what_was_rolled_back(heard, wakeups):
    task = make_task(TaskStatus.STORING)
    with transaction.atomic():
        assert lifecycle.advance(task, TaskStatus.COMPLETED, kind=EventKind.STORED, source=EventSource.WORKER)
        assert wakeups == [], "nobody is woken before the commit"
        transaction.set_rollback(True)
    assert wakeups == []
    assert notifications.deliver(task.pk) == 0
    assert heard == []


@pytest.mark.django_db(transaction=True)
def test_what_is_not_committed_yet_is_not_told(heard):
    task = make_task(TaskStatus.STORING)
    if connection.vendor == "sqlite":
        pytest.skip("a second worker cannot write beside an open transaction")
    with transaction.atomic():
        lifecycle.advance(task, TaskStatus.COMPLETED, kind=EventKind.STORED, source=EventSource.WORKER)
        assert at_once(lambda: notifications.deliver(task.pk)) == [0]
        assert heard == []
    assert at_once(lambda: notifications.deliver(task.pk)) == [1]
    assert len(heard) == 2


class Grumpy:
    """A receiver that is an object, as good as any callable."""

    def __call__(self, **kwargs):
        raise ValueError("card number 4111 1111")


def grumpy(prefix, **kwargs):
    raise ValueError("card number 4111 1111")


def quarrel(sender, task, event, **kwargs):
    raise ValueError("card number 4111 1111")


async def late(sender, task, event, **kwargs):
    raise ValueError("card number 4111 1111")


@pytest.mark.parametrize(
    ("receiver", "name"),
    [
        (quarrel, "tests.services.test_notifications.quarrel"),
        (late, "tests.services.test_notifications.late"),
        (Grumpy(), "tests.services.test_notifications.Grumpy"),
        (functools.partial(grumpy, "x"), "functools.partial"),
    ],
    ids=["function", "async function", "object", "partial"],
)
def test_a_receiver_that_raises_harms_no_other_and_is_shown(listen, caplog, receiver, name):
    calls = []
    listen("video_completed", lambda **kwargs: calls.append("before"))
    listen("video_completed", receiver)
    listen("video_completed", lambda **kwargs: calls.append("after"))
    listen("video_finished", lambda **kwargs: calls.append("finished"))
    task = make_task()
    attempt = make_attempt(task)
    event = lifecycle.record(task, EventKind.STORED, EventSource.WORKER, attempt=attempt)
    assert notifications.deliver(task.pk) == 1
    assert calls == ["before", "after", "finished"]
    shown = TaskEvent.objects.get(kind=EventKind.RECEIVER_FAILED)
    assert (shown.task, shown.attempt, shown.notify_at) == (task, attempt, None)
    assert shown.detail == {"receiver": name, "error": "ValueError", "event": event.pk}
    assert "card number" not in str(TaskEvent.objects.values()), "what a foreign error says may be anything"
    logged = [record for record in caplog.records if record.name == "django_wanvideo.services.notifications"]
    assert [record.levelname for record in logged] == ["ERROR"]
    assert str(task.pk) in logged[0].getMessage()
    assert logged[0].exc_info
    assert notifications.deliver(task.pk) == 0, "it is not told again for that"


def test_a_receiver_whose_transaction_breaks_breaks_nothing_else(listen, heard):
    def break_it(**kwargs):
        with transaction.atomic():
            VideoTask.objects.create(status="nonsense", model="m", prompt="p")

    listen("video_failed", break_it)
    task = make_task()
    happen(task, EventKind.FAILED)
    assert notifications.deliver(task.pk) == 1
    assert [name for name, *_rest in heard] == ["video_failed", "video_finished"]
    assert TaskEvent.objects.filter(kind=EventKind.RECEIVER_FAILED).count() == 1


def test_a_receiver_may_go_on_with_the_task(listen, heard, wakeups):
    """Trying a failed task again from within the receiver is what a site will do."""

    def try_again(task, **kwargs):
        lifecycle.advance(task, TaskStatus.QUEUED, kind=EventKind.RETRIED, source=EventSource.APPLICATION)

    listen("video_failed", try_again)
    task = make_task(TaskStatus.PENDING)
    lifecycle.advance(task, TaskStatus.FAILED, kind=EventKind.FAILED, source=EventSource.POLL)
    assert notifications.deliver(task.pk) == 1
    task.refresh_from_db()
    assert task.status == TaskStatus.QUEUED


@pytest.mark.django_db(transaction=True)
def test_while_slow_receiver_works_nobody_else_tells(listen, heard):
    """While a slow receiver works nobody else tells and later outcomes wait."""
    task = make_task()
    first = happen(task, EventKind.ACCEPTED)
    begun, go_on = threading.Event(), threading.Event()

    def slow(**kwargs):
        begun.set()
        assert go_on.wait(timeout=20)

    listen("video_submitted", slow)

    def meanwhile():
        assert begun.wait(timeout=20)
        later = happen(task, EventKind.STORED)
        told = notifications.deliver(task.pk)
        go_on.set()
        return told, later

    delivered, (told_meanwhile, later) = at_once(lambda: notifications.deliver(task.pk), meanwhile)
    assert told_meanwhile == 0
    assert delivered == 2, "the slow one's worker goes on with what came meanwhile"
    assert [event for _name, _task, event in heard] == [first.pk, later.pk, later.pk]


def test_receivers_may_take_longer_than_their_job():
    """A job must be dead before another worker tells its event again: RQ ends one that goes on a minute after its time."""
    assert dt.timedelta(seconds=queue.JOB_TIMEOUTS["notify"] + 60) < notifications.LEASE


@pytest.fixture
def clock(monkeypatch):
    """A clock that is put forward."""
    now = timezone.now()
    passed = [0.0]
    monkeypatch.setattr(timezone, "now", lambda: now + dt.timedelta(seconds=passed[0]))
    return passed


def test_a_receiver_that_uses_up_the_jobs_time_makes_nothing_be_told_twice(listen, clock):
    """The others are still told, under a claim of their own, and then the job ends."""
    task = make_task(TaskStatus.COMPLETED)
    lifecycle.record(task, EventKind.STORED, EventSource.APPLICATION)
    later = lifecycle.record(task, EventKind.STORED, EventSource.APPLICATION)
    heard, meanwhile = [], []

    def slow(event, **kwargs):
        if event.pk != later.pk:
            clock[0] = 900
            raise JobTimeoutException("Task exceeded maximum timeout value (900 seconds)")

    def next_one(event, **kwargs):
        heard.append(event.pk)
        clock[0] += 150
        meanwhile.append(notifications.deliver(task.pk))

    listen("video_completed", slow)
    listen("video_finished", next_one)
    with pytest.raises(JobTimeoutException):
        notifications.deliver(task.pk)
    assert (len(heard), meanwhile) == (1, [0])
    assert task.events.filter(kind=EventKind.RECEIVER_FAILED).get().detail["error"] == "JobTimeoutException"
    assert list(task.events.filter(notify_at__isnull=False)) == [later]


def test_a_claim_that_has_run_out_between_two_signals_is_not_told_on(listen, clock):
    task = make_task(TaskStatus.COMPLETED)
    event = lifecycle.record(task, EventKind.STORED, EventSource.APPLICATION)
    heard = []

    def hang(**kwargs):
        clock[0] = 2000
        TaskEvent.objects.filter(pk=event.pk).update(notify_at=timezone.now() + notifications.LEASE)

    listen("video_completed", hang)
    listen("video_finished", lambda **kwargs: heard.append(1))
    assert notifications.deliver(task.pk) == 0
    assert heard == []
    assert task.events.filter(notify_at__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("workers", [2, 6])
def test_of_many_workers_at_once_each_receiver_is_run_by_one(heard, workers):
    task = make_task()
    kinds = [EventKind.ACCEPTED, EventKind.OVERDUE, EventKind.STORED]
    events = [happen(task, kind).pk for kind in kinds]
    told = at_once(*[lambda: notifications.deliver(task.pk)] * workers)
    while TaskEvent.objects.filter(notify_at__isnull=False).exists():
        # Whoever came second may leave what came behind it to the next wake-up.
        told.append(notifications.deliver(task.pk))
    assert sum(told) == 3
    assert [(name, event) for name, _task, event in heard] == [
        (name, event) for kind, event in zip(kinds, events, strict=True) for name in SIGNALS[kind]
    ]


DIE_INSIDE = """
from django_wanvideo import signals
from django_wanvideo.services import notifications

def first(event, **kwargs):
    print("heard", event.pk, flush=True)

def deadly(event, **kwargs):
    os._exit(9)

def second(event, **kwargs):
    print("not reached", flush=True)

for receiver in (first, deadly, second):
    signals.video_completed.connect(receiver, weak=False)
notifications.deliver({task_id!r})
"""


@pytest.mark.django_db(transaction=True)
def test_worker_that_dies_inside_receiver_makes_event(heard):
    """A worker that dies inside a receiver makes the event be told again with its own number."""
    task = make_task()
    event = happen(task, EventKind.STORED)
    later = happen(task, EventKind.OVERDUE)
    connection.close()
    done = in_a_process(DIE_INSIDE.format(task_id=str(task.pk)))
    assert (done.returncode, done.stdout) == (9, f"heard {event.pk}\n"), done.stderr
    event.refresh_from_db()
    assert event.notified_at is None
    assert event.notify_at > timezone.now(), "it is held by the worker that died"

    assert notifications.deliver(task.pk) == 0
    assert heard == [], "until its time has run out nobody takes it over, nor what came behind it"

    TaskEvent.objects.filter(pk=event.pk).update(notify_at=timezone.now() - dt.timedelta(seconds=5))
    TaskEvent.objects.filter(pk=later.pk).update(notify_at=timezone.now() - dt.timedelta(seconds=5))
    handed_out = []

    def take(job, *ids):
        handed_out.append((job, *ids))
        return True

    sweep.sweep(take)
    assert ("notify", str(task.pk)) in handed_out
    assert notifications.deliver(task.pk) == 2
    assert [(name, number) for name, _task, number in heard] == [
        ("video_completed", event.pk),
        ("video_finished", event.pk),
        ("video_needs_attention", later.pk),
    ]


def test_an_event_whose_wake_up_was_lost_is_handed_out_by_the_sweep(heard):
    task = make_task()
    event = happen(task, EventKind.STORED)
    TaskEvent.objects.filter(pk=event.pk).update(notify_at=timezone.now() - dt.timedelta(minutes=1))
    handed_out = []

    def take(job, *ids):
        handed_out.append((job, *ids))
        return True

    sweep.sweep(take)
    assert ("notify", str(task.pk)) in handed_out


def test_the_names_are_those_of_the_contract():
    assert {name for name in vars(signals) if name.startswith("video_")} == set(NAMES)


KILL_INSIDE = """
import datetime as dt
from django.utils import timezone
from django_wanvideo import signals
from django_wanvideo.models import TaskEvent
from django_wanvideo.services import notifications

def tell(name):
    def receiver(event, **kwargs):
        print(name, event.pk, flush=True)
        if name in {deadly!r}:
            os._exit(9)
    receiver.__qualname__ = name
    return receiver

for name in ("first", "second", "third"):
    signals.video_completed.connect(tell(name), weak=False)
signals.video_needs_attention.connect(tell("later"), weak=False)
code, workers = 9, 0
while code == 9 and workers < 12:
    workers += 1
    # What the last one held is free again.
    held = TaskEvent.objects.filter(pk={event_id!r}, notify_at__isnull=False)
    held.update(notify_at=timezone.now() - dt.timedelta(seconds=5))
    connection.close()
    worker = os.fork()
    if worker == 0:
        notifications.deliver({task_id!r})
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
sys.exit(code)
"""


@pytest.mark.fault("K5.receiver-that-kills")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deadly", [("first",), ("second",), ("first", "third")])
def test_receiver_that_kills_its_process_is_given(deadly):
    """A receiver that kills its process is given up after three and keeps nothing from the others."""
    task = make_task()
    event, later = happen(task, EventKind.STORED), happen(task, EventKind.OVERDUE)
    connection.close()
    done = in_a_process(KILL_INSIDE.format(task_id=str(task.pk), event_id=event.pk, deadly=deadly))
    assert done.returncode == 0, done.stderr
    heard = done.stdout.splitlines()
    for name in ("first", "second", "third"):
        assert heard.count(f"{name} {event.pk}") == (3 if name in deadly else 1), heard
    assert heard[-1] == f"later {later.pk}"
    # On the second call the others come first.
    assert {line.split()[0] for line in heard[:3]} >= {"first", "second", "third"} - set(deadly[1:])
    given_up = task.events.filter(kind=EventKind.RECEIVER_FAILED)
    assert {one.detail["receiver"].rpartition(".")[2] for one in given_up} == set(deadly)
    assert {(one.detail["error"], one.detail["calls"], one.detail["event"]) for one in given_up} == {
        ("process_died", 3, event.pk)
    }
    assert not task.events.filter(notify_at__isnull=False).exists()


@pytest.mark.fault("K5.receiver-that-kills")
def test_receivers_of_one_name_are_told_from_each_other(listen):
    calls = []
    for number in range(3):
        listen("video_completed", functools.partial(lambda number, **kwargs: calls.append(number), number))
    task = make_task()
    event = happen(task, EventKind.STORED)
    assert notifications.deliver(task.pk) == 1
    assert calls == [0, 1, 2]
    event.refresh_from_db()
    assert len({key for key in event.delivery["done"] if "partial" in key}) == 3


def breaks(monkeypatch, when, error, times):
    """Let so many updates of events fail: before they reach the database, or although they did."""
    update, left = type(TaskEvent.objects.all()).update, [times]

    def failing(self, **values):
        wanted = self.model is TaskEvent and when(values) and left[0]
        if wanted:
            left[0] -= 1
            if error == "after":
                update(self, **values)
            raise OperationalError("the database system is starting up")
        return update(self, **values)

    monkeypatch.setattr("django.db.models.query.QuerySet.update", failing)
    monkeypatch.setattr(database, "RETRY_PAUSES", (0.01, 0.01, 0.01))


MARKS = {
    "told": lambda values: values.get("notify_at", 0) is None,
    "claimed": lambda values: not values.get("delivery", {"done": 1}),
    "one has heard": lambda values: values.get("delivery", {}).get("done"),
    "one is called": lambda values: values.get("delivery", {}).get("calls"),
}


@pytest.mark.fault("K5.database-error-at-told")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", ["before", "after"], ids=["rolled back", "committed all the same"])
@pytest.mark.parametrize("mark", MARKS)
def test_a_database_that_fails_at_any_mark_makes_nothing_be_told_twice(heard, monkeypatch, mark, error):
    task = make_task()
    event = happen(task, EventKind.STORED)
    with monkeypatch.context() as patch:
        breaks(patch, MARKS[mark], error, times=2)
        assert notifications.deliver(task.pk) == 1
    assert notifications.deliver(task.pk) == 0
    assert [name for name, *_rest in heard] == ["video_completed", "video_finished"]
    event.refresh_from_db()
    assert (event.notify_at, event.notified_at is not None) == (None, True)


@pytest.mark.fault("K5.database-error-at-told")
@pytest.mark.django_db(transaction=True)
def test_database_that_stays_away_after_receiver_makes(heard, monkeypatch):
    """A database that stays away after a receiver makes the earlier ones not be told again."""
    task = make_task()
    event = happen(task, EventKind.STORED)
    # The receiver of the example project is one of them.
    with monkeypatch.context() as patch:
        breaks(patch, lambda values: len(values.get("delivery", {}).get("done", ())) == 3, "before", times=99)
        with pytest.raises(OperationalError):
            notifications.deliver(task.pk)
    TaskEvent.objects.filter(pk=event.pk).update(notify_at=timezone.now())
    assert notifications.deliver(task.pk) == 1
    assert [name for name, *_rest in heard] == ["video_completed", "video_finished", "video_finished"]


@pytest.mark.fault("K5.clock-ahead")
def test_an_event_whose_times_a_wrong_clock_wrote_is_told_now(heard):
    task = make_task()
    event = happen(task, EventKind.STORED)
    TaskEvent.objects.filter(pk=event.pk).update(notify_at=timezone.now() + dt.timedelta(hours=25))
    handed_out = []
    sweep.sweep(lambda job, *ids: handed_out.append((job, *ids)) or True)
    assert ("notify", str(task.pk)) in handed_out
    assert notifications.deliver(task.pk) == 1
    assert len(heard) == 2
