"""Any interleaving of people, workers, EvoLink, callbacks, sweeps and deaths keeps the promises.

The services are the real ones, on the real database; time is virtual, and EvoLink is a scripted one behind the client's
interface, with a ledger of its own. ``WANVIDEO_HYPOTHESIS=long`` runs a hundred times as many steps. Interleavings
are the services' own, so the short run on PostgreSQL is a small one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.db.models import Max, Min
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from django_wanvideo import jobs, signals
from django_wanvideo.choices import FINISHED_STATUSES, OPEN_ATTEMPT_STATES, AttemptState, EventKind, TaskStatus
from django_wanvideo.evolink.exceptions import (
    EvoLinkError,
    NotFoundError,
    OutcomeUnknownError,
    ReadError,
    RejectedError,
    RetryLater,
)
from django_wanvideo.evolink.types import CreateResult, ProviderStatus, TaskSnapshot
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Attempt, CallbackReceipt, TaskEvent, VideoTask, lifecycle, querysets
from django_wanvideo.services import notifications, schedule, sweep
from django_wanvideo.services.attempts import settlement
from django_wanvideo.services.leases import Lease
from django_wanvideo.services.provider import provider
from django_wanvideo.services.resolution import decisions
from django_wanvideo.services.storing import download
from django_wanvideo.services.tracking import callbacks, receipts

if TYPE_CHECKING:
    from collections.abc import Callable

timezone_now, uuid4 = timezone.now, uuid.uuid4
LONG = os.environ.get("WANVIDEO_HYPOTHESIS") == "long"
EXAMPLES, STEPS = (1500, 80) if LONG else (5, 40)
#: Runs that are the same each time, before those that are new.
REPEATED = 20
S = TaskStatus
MODEL = "wan2.6-image-to-video-flash"
#: Every move that DESIGN's picture of a task's life knows.
MOVES = {
    ("", S.DRAFT), ("", S.PENDING),
    (S.DRAFT, S.QUEUED), (S.QUEUED, S.SUBMITTING), (S.QUEUED, S.CANCELLED), (S.QUEUED, S.FAILED),
    (S.QUEUED, S.PENDING), (S.QUEUED, S.PROCESSING),
    (S.SUBMITTING, S.QUEUED), (S.SUBMITTING, S.UNCONFIRMED), (S.SUBMITTING, S.PENDING), (S.SUBMITTING, S.PROCESSING),
    (S.SUBMITTING, S.FAILED),
    (S.UNCONFIRMED, S.QUEUED), (S.UNCONFIRMED, S.PENDING), (S.UNCONFIRMED, S.PROCESSING), (S.UNCONFIRMED, S.FAILED),
    (S.PENDING, S.PROCESSING), (S.PENDING, S.STORING), (S.PENDING, S.FAILED), (S.PENDING, S.CANCELLED),
    (S.PROCESSING, S.STORING), (S.PROCESSING, S.FAILED), (S.PROCESSING, S.CANCELLED),
    (S.STORING, S.COMPLETED), (S.STORING, S.FAILED),
    (S.FAILED, S.QUEUED), (S.FAILED, S.STORING), (S.CANCELLED, S.QUEUED), (S.CANCELLED, S.STORING),
}  # fmt: skip
#: What comes of a request.
ANSWERS = ["ok", "ok", "lost after", "lost after", "lost before", "400", "429", "capacity", "unreachable",
           "die before sending", "die after sent_at", "die after acceptance"]  # fmt: skip
#: What may begin anew after an end.
BEGINNINGS = {EventKind.QUEUED, EventKind.RETRIED}


class Death(BaseException):
    """A worker's end at a point that it did not choose."""


@dataclass
class Remote:
    """One generation at EvoLink."""

    id: str
    key: str
    created: dt.datetime
    status: str = "pending"
    progress: int = 0
    forgotten: bool = False
    denied: bool = False


@dataclass
class EvoLink:
    """A scripted EvoLink behind the interface of ``EvoLinkClient``; ``tasks`` is its ledger."""

    now: Callable[[], dt.datetime]
    die: Callable[[], None]
    tasks: dict[str, Remote] = field(default_factory=dict)
    posts: list[str] = field(default_factory=list)
    next_create: str = "ok"
    next_read: str = "ok"

    def create(self, body: Any, *, idempotency_key: str, before_send: Any = None) -> CreateResult:
        how, self.next_create = self.next_create, "ok"
        if how == "unreachable":
            raise RetryLater("no connection", code="connection_failed")
        if how == "die before sending":
            self.die()
        if before_send is not None:
            before_send()
        if how == "die after sent_at":
            self.die()
        self.posts.append(idempotency_key)
        refusals: dict[str, EvoLinkError] = {
            "400": RejectedError("no", http_status=400, code="invalid_request"),
            "429": RetryLater("later", http_status=429, code="rate_limit_exceeded", retry_after=20.0),
            "capacity": RetryLater("later", http_status=400, code="no_available_channel"),
            "lost before": OutcomeUnknownError("closed", code="connection_lost"),
        }
        if how in refusals:
            raise refusals[how]
        remote = Remote(f"task-unified-{len(self.tasks) + 1:08d}-abcdefgh", idempotency_key, self.now())
        self.tasks[remote.id] = remote
        if how == "lost after":
            raise OutcomeUnknownError("closed", code="connection_lost")
        if how == "die after acceptance":
            self.die()
        return CreateResult(self.snapshot(remote), 200, "r1")

    def get_task(self, provider_task_id: str) -> TaskSnapshot:
        how, self.next_read = self.next_read, "ok"
        if how == "500":
            raise ReadError("trouble", http_status=500, code="internal_error")
        if how == "429":
            raise ReadError("slow down", http_status=429, code="rate_limit_exceeded", retry_after=15.0)
        if how == "die":
            self.die()
        remote = self.tasks.get(provider_task_id)
        if remote is None or remote.forgotten or how == "404":
            if remote is not None:
                remote.denied = True
            raise NotFoundError("unknown", http_status=404, code="task_not_found")
        return self.snapshot(remote)

    def snapshot(self, remote: Remote) -> TaskSnapshot:
        done = remote.status == "completed"
        return TaskSnapshot(
            id=remote.id,
            status=ProviderStatus(remote.status),
            progress=100 if done else remote.progress,
            model=MODEL,
            created=remote.created,
            result_urls=(f"https://files.example/{remote.id}.mp4",) if done else (),
        )


class Promises(RuleBasedStateMachine):
    """People, workers, EvoLink and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = dt.datetime(2027, 1, 1, 12, tzinfo=dt.UTC)
        self.evolink = EvoLink(self.now, self._die)
        self.intents = 0
        self.seen: set[str] = set()
        self.finished_heard: list[int] = []
        self.receiver_dies = False
        #: How often a receiver has ended its process while it was told of an event.
        self.deaths: Counter[int] = Counter()
        self.progress: dict[Any, tuple[int, int]] = {}
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(timezone, "now", self.now)
        self.patch.setattr(provider, "EvoLinkClient", lambda *_args, **_options: self.evolink)
        self.patch.setattr(download, "_download", self._download)
        self.patch.setattr(download, "_save", self._save)
        self.next_store = "ok"
        self.die_at: str | None = None
        record = lifecycle.record

        def record_or_die(task: Any, kind: Any, *args: Any, **options: Any) -> Any:
            if self.die_at == kind:
                self.die_at = None
                self._die()
            return record(task, kind, *args, **options)

        self.patch.setattr(lifecycle, "record", record_or_die)
        # The same steps must come to the same end each time: no chance, and defaults that follow the virtual clock.
        chance = random.Random(0)
        self.patch.setattr(schedule, "_random", chance)
        self.patch.setattr(querysets, "_random", chance)
        self.patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4))
        for model in (VideoTask, Attempt, CallbackReceipt, TaskEvent):
            for column in model._meta.concrete_fields:
                if column.default is timezone_now:
                    self.patch.setitem(column.__dict__, "_get_default", self.now)
                elif column.default is uuid4:
                    self.patch.setitem(column.__dict__, "_get_default", uuid.uuid4)
        self.dead = self.power_cut = False
        interrupted, release = settlement.handle_interruption, Lease.release
        self.patch.setattr(settlement, "handle_interruption", lambda *args: None if self.dead else interrupted(*args))
        self.patch.setattr(Lease, "release", lambda lease: None if self.dead else release(lease))
        signals.video_finished.connect(self._hear)
        # Each run begins and ends with an empty site; a claim may rely on this transaction as on none.
        self.savepoint = transaction.atomic()
        self.savepoint._from_testcase = True
        self.savepoint.__enter__()

    def _die(self) -> None:
        """End a worker: by an exception that it may still react to, or as a power cut would."""
        self.dead = self.power_cut
        raise Death

    def now(self) -> dt.datetime:
        return self.clock

    def teardown(self) -> None:
        try:
            self._let_everything_end()
        finally:
            signals.video_finished.disconnect(self._hear)
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)
            self.patch.undo()

    # The world

    def _hear(self, sender: Any, task: VideoTask, event: TaskEvent, **more: Any) -> None:
        if self.receiver_dies:
            self.receiver_dies = False
            self.deaths[event.pk] += 1
            self._die()
        self.finished_heard.append(event.pk)

    def _download(self, task: VideoTask, copy: Any, lease: Any) -> Any:
        how, self.next_store = self.next_store, "ok"
        if how == "die":
            self._die()
        if how == "trouble":
            raise download.DownloadError("connection", "broken")
        return None

    def _save(self, task: VideoTask, copy: Any, got: Any, lease: Any) -> None:
        moved = lifecycle.advance(
            task,
            S.COMPLETED,
            kind=EventKind.STORED,
            source="worker",
            condition=lease.is_current,
            video=f"{task.pk}.mp4",
            video_size=1,
            video_sha256="0" * 64,
        )
        if moved is None:
            raise download.LeaseLost

    def _task(self, number: int, *statuses: TaskStatus) -> VideoTask | None:
        found = list(
            VideoTask.objects.filter(status__in=statuses or S.values).annotate(born=Min("events__id")).order_by("born")
        )
        return found[number % len(found)] if found else None

    def _remote(self, number: int) -> Remote | None:
        found = list(self.evolink.tasks.values())
        return found[number % len(found)] if found else None

    def _attempt_of(self, remote: Remote) -> Attempt:
        """The attempt that EvoLink was given a callback address for."""
        return Attempt.objects.get(pk=uuid.UUID(remote.key.removeprefix("wanvideo-")))

    # What happens

    number = st.integers(0, 30)

    @initialize()
    def begin(self) -> None:
        for how in ("ok", "lost after", "ok"):
            self.wish()
            self.a_worker_sends(0, how, cut=False)

    @rule()
    @precondition(lambda self: self.intents < 12)
    def wish(self) -> None:
        task = VideoTask.objects.create_task("A cat", "https://pictures.example/cat.jpg", duration=2)
        task.submit()
        self.intents += 1

    @rule(
        what=st.sampled_from(
            ["time", "time", "progress", "progress", "forget", "receiver", "stray job", "person", "signals", "signals"]
        ),
        number=number,
        seconds=st.sampled_from([1, 20, 65, 200, 650, 2000, 4000]),
        progress=st.integers(0, 100),
    )
    def something_small_happens(self, what: str, number: int, seconds: int, progress: int) -> None:
        match what:
            case "time":
                self._time_passes(seconds)
            case "progress":
                self._evolink_goes_on(number, progress)
            case "forget":
                self._evolink_forgets_for_a_while(number)
            case "receiver":
                self.receiver_dies = True
            case "stray job":
                self._a_stray_job_runs(number)
            case "person":
                self._a_person_looks(number)
            case _:
                self._signals_are_told(number)

    def _time_passes(self, seconds: int) -> None:
        self.clock += dt.timedelta(seconds=seconds)

    @rule(
        kind=st.sampled_from(
            ["accepted", "unconfirmed", "generated", "failed", "stored", "needs_decision", "claimed", "released"]
        ),
        cut=st.booleans(),
    )
    def a_worker_will_die_while_writing(self, kind: str, cut: bool) -> None:
        """By an exception that it may still react to, or as by a power cut."""
        self.die_at, self.power_cut = kind, cut

    @rule(number=number, how=st.sampled_from(ANSWERS), cut=st.booleans())
    @precondition(lambda self: self.there_is(S.QUEUED))
    def a_worker_sends(self, number: int, how: str, cut: bool) -> None:
        task = self._task(number, S.QUEUED)
        self.clock = max(self.clock, task.delayed_until or self.clock)
        self.evolink.next_create, self.power_cut = how, cut
        self._work_alone(lambda: jobs.submit(str(task.pk)))
        self.evolink.next_create = "ok"

    def _a_stray_job_runs(self, number: int) -> None:
        task = self._task(number)
        self._work_alone(lambda: jobs.submit(str(task.pk)))
        self._work_alone(lambda: jobs.sync(str(task.pk)))

    @rule(number=number, how=st.sampled_from(["ok", "ok", "500", "429", "404", "404", "die"]))
    @precondition(lambda self: self.there_is(S.PENDING, S.PROCESSING))
    def a_worker_looks(self, number: int, how: str) -> None:
        task = self._task(number, S.PENDING, S.PROCESSING)
        self.evolink.next_read = how
        self._work_alone(lambda: jobs.sync(str(task.pk)))
        self.evolink.next_read = "ok"

    @rule(number=number, how=st.sampled_from(["ok", "ok", "die", "trouble"]))
    @precondition(lambda self: self.there_is(S.STORING))
    def a_worker_stores(self, number: int, how: str) -> None:
        task = self._task(number, S.STORING)
        self.next_store = how
        self._work_alone(lambda: jobs.store(str(task.pk)))
        self.next_store = "ok"

    @rule(hours=st.sampled_from([0, 0, 1]))
    def a_sweep_runs(self, hours: int) -> None:
        self.clock += dt.timedelta(hours=hours)
        self._work_alone(lambda: sweep.sweep(self._dispatch))

    def _dispatch(self, job: str, *ids: str) -> bool:
        self._work_alone(lambda: jobs.run_here(job, *ids))
        return True

    def _work_alone(self, work: Callable[[], Any]) -> None:
        """Work as a worker does: what it had committed stays, whatever becomes of it."""
        with contextlib.suppress(Death, TransitionNotAllowed, EvoLinkError):
            work()
        self.dead = False

    def _evolink_goes_on(self, number: int, progress: int) -> None:
        remote = self._remote(number)
        if remote and remote.status in {"pending", "processing"}:
            remote.status, remote.progress = "processing", progress

    @rule(
        number=number,
        status=st.sampled_from(["completed", "completed", "failed", "cancelled"]),
        copies=st.integers(0, 2),
    )
    @precondition(
        lambda self: any(remote.status in {"pending", "processing"} for remote in self.evolink.tasks.values())
    )
    def evolink_ends(self, number: int, status: str, copies: int) -> None:
        """And calls back at once, twice, or not at all."""
        running = [remote for remote in self.evolink.tasks.values() if remote.status in {"pending", "processing"}]
        remote = running[number % len(running)]
        remote.status = status
        self._call_back(remote, copies)

    def _evolink_forgets_for_a_while(self, number: int) -> None:
        remote = self._remote(number)
        if remote:
            remote.forgotten = not remote.forgotten

    def _call_back(self, remote: Remote, copies: int) -> None:
        for _copy in range(copies):
            receipts.receive(self._attempt_of(remote).pk, remote.id, {"id": remote.id})

    @rule(number=number, copies=st.integers(1, 2), read=st.booleans())
    @precondition(lambda self: self.evolink.tasks)
    def a_callback_comes(self, number: int, copies: int, read: bool) -> None:
        """On time, late, repeated or out of order: the attempt's own."""
        self._call_back(self._remote(number), copies)
        if read:
            self.callbacks_are_read()

    @rule(number=number, other=number, unknown=st.booleans())
    def a_forged_callback_comes(self, number: int, other: int, unknown: bool) -> None:
        """The right token, but the id of another generation or of none."""
        remote, target = self._remote(number), self._task(other)
        attempt = target.attempts.order_by("number").last() if target else None
        if attempt is None:
            return
        named = "task-unified-1-nobodys1" if unknown or remote is None else remote.id
        owner = self._attempt_of(remote) if remote is not None else None
        holder = Attempt.objects.filter(provider_task_id=named).first()
        if not unknown and holder is None and owner is not None and owner.pk != attempt.pk:
            # Not yet bound anywhere: with a stolen token this one could be taken, as DESIGN accepts.
            return
        receipts.receive(attempt.pk, named, {"id": named, "status": "completed"})

    @rule(number=number)
    @precondition(lambda self: self._old_ones())
    def an_old_message_comes_back(self, number: int) -> None:
        """About a generation of an attempt that is not its task's latest."""
        old = self._old_ones()
        self._call_back(old[number % len(old)], 1)
        self.callbacks_are_read()

    def _old_ones(self) -> list[Remote]:
        if len(self.evolink.tasks) < 2:
            return []
        latest = set(Attempt.objects.values("task_id").annotate(last=Max("number")).values_list("task_id", "last"))
        mine = {remote.id: self._attempt_of(remote) for remote in self.evolink.tasks.values()}
        return [self.evolink.tasks[key] for key, one in mine.items() if (one.task_id, one.number) not in latest]

    @rule(number=number, how=st.sampled_from(["ok", "ok", "lost after"]))
    @precondition(lambda self: self.there_is(S.FAILED, S.CANCELLED))
    def a_person_tries_again_and_a_worker_is_quick(self, number: int, how: str) -> None:
        self.a_person_retries(number)
        task = self._task(0, S.QUEUED)
        if task is not None:
            self.a_worker_sends(0, how, cut=False)

    @rule()
    def callbacks_are_read(self) -> None:
        self._work_alone(callbacks.process_pending)

    def _a_person_looks(self, number: int) -> None:
        task = self._task(number)
        self._work_alone(task.refresh)

    @rule(number=number)
    @precondition(lambda self: self.there_is(S.QUEUED))
    def a_person_cancels(self, number: int) -> None:
        if number < 10:  # seldom, or hardly anything would ever be sent
            self._work_alone(self._task(number, S.QUEUED).cancel)

    @rule(number=number)
    @precondition(lambda self: self.there_is(S.FAILED, S.CANCELLED))
    def a_person_retries(self, number: int) -> None:
        task = self._task(number, S.FAILED, S.CANCELLED)
        if not task.inputs.exists():
            return
        try:
            task.retry()
        except (TransitionNotAllowed, Death):
            self.dead = False
            return
        if task.status == S.QUEUED:
            self.intents += 1

    @rule(number=number, what=st.sampled_from(["attach", "not accepted", "send again"]))
    @precondition(lambda self: self.there_is(S.UNCONFIRMED))
    def a_person_decides(self, number: int, what: str) -> None:
        task = self._task(number, S.UNCONFIRMED)
        attempt = task.attempts.get(state=AttemptState.UNCONFIRMED)
        own = next((r for r in self.evolink.tasks.values() if r.key == attempt.idempotency_key), None)
        try:
            if what == "attach":
                decisions.attach(task, own.id if own else "task-unified-1-nobodys1")
            elif what == "not accepted":
                decisions.mark_not_accepted(task)
            else:
                decisions.resend(task)
                self.intents += 1
        except (TransitionNotAllowed, EvoLinkError, Death):
            self.dead = False

    def _signals_are_told(self, number: int) -> None:
        task = self._task(number)
        self._work_alone(lambda: jobs.notify(str(task.pk)))

    # What must hold, always

    def there_is(self, *statuses: TaskStatus) -> bool:
        """Tell whether any task stands so, as of the last step."""
        return not self.seen.isdisjoint(statuses)

    @invariant()
    def rows_are_looked_at(self) -> None:
        self.seen = set(VideoTask.objects.values_list("status", flat=True).distinct().order_by())

    @invariant()
    def moves_are_legal_and_ends_are_final(self) -> None:
        last: dict[Any, str] = {}
        current: dict[Any, Any] = {}
        columns = ("task_id", "kind", "from_status", "to_status", "attempt_id")
        for task_id, kind, before, after, attempt_id in (
            TaskEvent.objects.exclude(to_status="").order_by("id").values_list(*columns)
        ):
            assert (before, after) in MOVES, (before, after, kind)
            assert last.get(task_id, "") == before, (task_id, last.get(task_id), before, after)
            if before in FINISHED_STATUSES:
                assert before != S.COMPLETED
                assert kind in BEGINNINGS, f"{kind} brought a task out of {before}"
            if kind in {EventKind.CLAIMED, EventKind.ACCEPTED}:
                current[task_id] = attempt_id
            elif before in {S.SUBMITTING, S.UNCONFIRMED, S.PENDING, S.PROCESSING}:
                assert attempt_id == current[task_id], f"{kind} by the word about an earlier attempt"
            last[task_id] = after
        for task_id, status in VideoTask.objects.values_list("id", "status"):
            assert last[task_id] == status, "a status without its event"

    @invariant()
    def progress_never_goes_down(self) -> None:
        beginnings = dict.fromkeys(VideoTask.objects.values_list("id", flat=True), 0)
        for task_id in TaskEvent.objects.filter(to_status=S.QUEUED).values_list("task_id", flat=True):
            beginnings[task_id] += 1
        for task_id, progress, status in VideoTask.objects.values_list("id", "progress", "status"):
            chain, least = self.progress.get(task_id, (0, 0))
            if chain == beginnings[task_id]:
                assert progress >= least, f"{least} % became {progress} %"
            assert (progress == 100) == (status == S.COMPLETED)
            self.progress[task_id] = (beginnings[task_id], progress)

    @invariant()
    def no_wish_is_charged_twice(self) -> None:
        wishes: Counter[Any] = Counter(
            TaskEvent.objects.filter(to_status=S.QUEUED, kind__in=BEGINNINGS).values_list("task_id", flat=True)
        )
        made: Counter[Any] = Counter(self._attempt_of(remote).task_id for remote in self.evolink.tasks.values())
        assert made <= wishes, "more generations than wishes"
        assert wishes.total() == self.intents
        assert len(self.evolink.posts) == len(set(self.evolink.posts)), "a request was sent twice"

    @invariant()
    def every_generation_is_accounted_for(self) -> None:
        for remote in self.evolink.tasks.values():
            if Attempt.objects.filter(provider_task_id=remote.id).exists():
                continue
            attempt = self._attempt_of(remote)
            # Its answer was lost: the attempt waits for a callback or a person, or was given up by a person.
            waits = attempt.state in {AttemptState.CLAIMED, AttemptState.UNCONFIRMED}
            decided = attempt.events.filter(kind=EventKind.RESOLVED).exists()
            assert waits or decided, (remote, attempt.state)

    @invariant()
    def rows_and_attempts_agree(self) -> None:
        wanted = {
            S.SUBMITTING: AttemptState.CLAIMED,
            S.UNCONFIRMED: AttemptState.UNCONFIRMED,
            S.PENDING: AttemptState.ACCEPTED,
            S.PROCESSING: AttemptState.ACCEPTED,
        }
        for task in VideoTask.objects.prefetch_related("attempts"):
            opened = [attempt.state for attempt in task.attempts.all() if attempt.state in OPEN_ATTEMPT_STATES]
            if task.status in wanted:
                assert opened == [wanted[task.status]], (task.status, opened)
            elif task.status == S.STORING:
                assert opened in ([], [AttemptState.ACCEPTED])
            else:
                assert opened == [], (task.status, opened)

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """What is on its way is due some time, or people have been told that they must decide."""
        for task in VideoTask.objects.filter(next_action_at=None).exclude(status__in=[S.DRAFT, *FINISHED_STATUSES]):
            assert task.status == S.UNCONFIRMED, task.status
            assert task.events.filter(kind=EventKind.NEEDS_DECISION).exists()

    @invariant()
    def ends_are_told_at_most_once(self) -> None:
        assert len(self.finished_heard) == len(set(self.finished_heard))

    def _let_everything_end(self) -> None:
        """EvoLink recovers and ends what it has; time passes: every task comes to its end, told once."""
        self.dead = self.power_cut = False
        self.evolink.next_create = self.evolink.next_read = self.next_store = "ok"
        self.die_at, self.receiver_dies = None, False
        for _pass in range(40):
            for remote in self.evolink.tasks.values():
                remote.forgotten = False
                if remote.status in {"pending", "processing"}:
                    remote.status = "completed"
            self.clock += dt.timedelta(minutes=16)
            self._work_alone(lambda: sweep.sweep(self._dispatch))
            for task in list(VideoTask.objects.filter(status=S.UNCONFIRMED, next_action_at=None)):
                attempt = task.attempts.get(state=AttemptState.UNCONFIRMED)
                own = next((r for r in self.evolink.tasks.values() if r.key == attempt.idempotency_key), None)
                if own is not None:
                    decisions.attach(task, own.id)
                else:
                    decisions.mark_not_accepted(task)
            if (
                not VideoTask.objects.unfinished().exists()
                and not TaskEvent.objects.filter(notify_at__isnull=False).exists()
            ):
                break
        left = list(VideoTask.objects.unfinished().values_list("status", "next_action_at", "lease_expires_at"))
        assert not left, f"these never end: {left}"
        assert not CallbackReceipt.objects.filter(process_at__isnull=False).exists() or _only_unknown(self.evolink)
        self.moves_are_legal_and_ends_are_final()
        self.no_wish_is_charged_twice()
        self.every_generation_is_accounted_for()
        self.rows_and_attempts_agree()
        for remote in self.evolink.tasks.values():
            told = CallbackReceipt.objects.filter(provider_task_id=remote.id).exists()
            if told and not remote.denied:
                assert Attempt.objects.filter(provider_task_id=remote.id).exists(), f"{remote} was told of and dropped"
        ends = TaskEvent.objects.filter(kind__in=[EventKind.STORED, EventKind.FAILED, EventKind.CANCELLED])
        # A receiver that ends process after process is given up for an event, which the history says.
        given_up = {event for event, times in self.deaths.items() if times >= notifications.MOST_CALLS}
        failed = TaskEvent.objects.filter(kind=EventKind.RECEIVER_FAILED, detail__error="process_died")
        assert {event.detail["event"] for event in failed} == given_up
        assert sorted(self.finished_heard) == sorted({event.pk for event in ends} - given_up), "each end is told once"


def _only_unknown(evolink: EvoLink) -> bool:
    due = CallbackReceipt.objects.filter(process_at__isnull=False).values_list("provider_task_id", flat=True)
    return not set(due) & set(evolink.tasks)


@pytest.mark.slow
@pytest.mark.django_db
def test_any_order_of_events_keeps_the_promises(wanvideo_wakeups: list[tuple[str, ...]], settings: Any):
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": "sk-test", "CALLBACK_BASE_URL": "https://site.example"}
    if not LONG:
        _explore(REPEATED if connection.vendor == "sqlite" else 3, derandomize=True)
    _explore(EXAMPLES, derandomize=False)


@pytest.mark.django_db
def test_a_receiver_that_ends_three_processes_is_given_up(wanvideo_wakeups: list[tuple[str, ...]], settings: Any):
    """What chance makes in one of some thousand runs: the same receiver dies each time that it is told of one event."""
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": "sk-test", "CALLBACK_BASE_URL": "https://site.example"}
    machine = Promises()
    machine.wish()
    machine.a_person_cancels(0)
    for _death in range(notifications.MOST_CALLS):
        machine.receiver_dies = True
        machine._signals_are_told(0)
        machine._time_passes(2000)
    assert machine.finished_heard == []
    machine.teardown()
    assert list(machine.deaths.values()) == [notifications.MOST_CALLS]


def _explore(examples: int, *, derandomize: bool) -> None:
    run_state_machine_as_test(
        Promises,
        settings=settings(
            max_examples=examples,
            derandomize=derandomize,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
