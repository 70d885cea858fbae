"""Thousands of tasks at once, two workers: all reach their end, and looking at them costs what arithmetic says.

The arithmetic is that of ``docs/polling.md``, without callbacks. The k-th look at a task comes no earlier than 0.9 times
the sum of its first k waits: ``POLL_INTERVAL``, then ``POLL_INTERVAL * 1.2**n`` for n = 0, 1, 2 … up to 60 seconds. So a
generation of T seconds is looked at no more often than ``looks(T)`` times: the looks that can come before T, and the one
that finds the end. A look is one GET. A pass over n due rows makes at most ``n / 100 + 2`` jobs: two statuses may each
leave a part of a job. Queries: see ``most_queries``.
"""

from __future__ import annotations

import datetime as dt
import math
import threading
import uuid
from collections import deque
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.evolink.types import ProviderStatus, TaskSnapshot
from django_wanvideo.models import Attempt, TaskEvent, VideoTask
from django_wanvideo.services import schedule, sweep
from django_wanvideo.services.provider import provider
from tests.stub_client import StubClient
from tests.threads import at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds between two passes of the sweep.
EVERY = 10
#: Seconds that generations take, by the number of the task.
LASTS = (20, 20, 20, 60)
_lock = threading.Lock()


def end_in_time(provider_task_id: str) -> TaskSnapshot:
    """Each task ends after its time."""
    began, lasts = (float(part) for part in provider_task_id.split("-")[3:])
    elapsed = timezone.now().timestamp() - began
    if elapsed >= lasts:
        return TaskSnapshot(provider_task_id, ProviderStatus.FAILED)
    return TaskSnapshot(provider_task_id, ProviderStatus.PROCESSING, progress=int(100 * elapsed / lasts))


def looks(seconds: float, interval: float = 15.0) -> int:
    """The most looks at a task that takes ``seconds``."""
    at, count = 0.9 * interval, 0
    while at < seconds:
        at += 0.9 * min(interval * 1.2**count, max(schedule.SLOWEST_LOOK_WITHOUT_CALLBACKS, interval))
        count += 1
    return count + 1


def most_queries(passes: int, due: int, jobs_done: int, looks_done: int, moves: int) -> int:
    """The most queries of so many passes, the rows that they found due, and what came of these.

    A pass costs 30, and 5 for each begun chunk of 500 rows in each of two statuses; a job one to read its tasks and up to
    4 for its client and pause; a look one, and up to 7 more for each change of status (status, row, attempt, event, and in
    the ledger the bill, whose attempt it was, and what became of the video).
    """
    chunks = due / 500 + 4 * passes
    return math.floor(30 * passes + 5 * chunks + 5 * jobs_done + looks_done + 7 * moves)


def accept(number: int, now: dt.datetime) -> None:
    """Tasks that EvoLink has just accepted; their first looks all fall into one pass."""
    first = now + dt.timedelta(seconds=15)
    tasks = VideoTask.objects.bulk_create(
        (
            VideoTask(
                status=TaskStatus.PENDING, model="m", prompt="p", accepted_at=now, next_action_at=first, queued_at=now
            )
            for _number in range(number)
        ),
        batch_size=500,
    )
    Attempt.objects.bulk_create(
        (
            Attempt(
                task=task,
                number=1,
                state=AttemptState.ACCEPTED,
                provider_task_id=f"task-unified-{uuid.uuid4().hex[:12]}-{now.timestamp():.0f}-{LASTS[index % len(LASTS)]}",
                idempotency_key="wanvideo-0123456789",
                request={},
            )
            for index, task in enumerate(tasks)
        ),
        batch_size=500,
    )


class World:
    """Virtual time, a sweep at its intervals, and workers that take its jobs from one list."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: Any, *, workers: int = 2, **values: Any) -> None:
        self.clock = timezone.now().replace(microsecond=0)
        self.client = StubClient(end_in_time)
        #: For each worker, how many tasks each of its jobs looked at.
        self.workers: list[list[int]] = [[] for _worker in range(workers)]
        self.passes = self.due = self.queries = 0
        monkeypatch.setattr(timezone, "now", lambda: self.clock)
        monkeypatch.setattr(provider, "client", lambda: self.client)
        settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": None, **values}

    @property
    def job_sizes(self) -> list[int]:
        return [size for done in self.workers for size in done]

    def pass_over(self) -> None:
        """One sweep, and its jobs; virtual time stands still for them."""
        due = VideoTask.objects.due().filter(status__in=["pending", "processing"]).count()
        waiting: deque[tuple[str, ...]] = deque()
        with self._counted():
            sweep.sweep(lambda job, *ids: waiting.append((job, *ids)) or True)
        syncs = deque(ids for job, *ids in waiting if job == "sync")
        assert len(syncs) <= due / 100 + 2

        def work(done: list[int]) -> None:
            with self._counted():
                while True:
                    try:
                        ids = syncs.popleft()
                    except IndexError:
                        return
                    jobs.sync(*ids)
                    done.append(len(ids))

        if len(self.workers) == 1:
            work(*self.workers)
        else:
            at_once(*(partial(work, done) for done in self.workers), seconds=300)
        self.passes += 1
        self.due += due
        self.clock += dt.timedelta(seconds=EVERY)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count this thread's queries; what only begins and ends transactions is none."""
        count = 0

        def counting(execute: Any, sql: str, *rest: Any) -> Any:
            nonlocal count
            count += "SAVEPOINT" not in sql and not sql.startswith("BEGIN")
            return execute(sql, *rest)

        with connection.execute_wrapper(counting):
            yield
        with _lock:
            self.queries += count


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("many", [1_000, pytest.param(10_000, marks=pytest.mark.thorough)])
def test_all_reach_their_end_within_bounds(
    monkeypatch: pytest.MonkeyPatch, settings: Any, wanvideo_wakeups: list[tuple[str, ...]], many: int
):
    world = World(monkeypatch, settings)
    accept(many, world.clock)
    while VideoTask.objects.unfinished().exists():
        world.pass_over()
        # The longest task, the longest wait between two looks, and the sweep's own interval.
        assert world.passes * EVERY <= max(LASTS) + 1.1 * schedule.SLOWEST_LOOK_WITHOUT_CALLBACKS + 2 * EVERY
    assert VideoTask.objects.filter(status=TaskStatus.FAILED).count() == many
    assert not Attempt.objects.filter(state=AttemptState.ACCEPTED).exists()
    for provider_task_id, gets in world.client.gets.items():
        assert gets <= looks(float(provider_task_id.rpartition("-")[2])), provider_task_id
    sizes = world.job_sizes
    assert sum(sizes) == sum(world.client.gets.values()), "a look is one GET"
    assert len(sizes) <= sum(sizes) / 100 + 2 * world.passes
    assert world.queries <= most_queries(
        world.passes, world.due, len(sizes), sum(sizes), moves=TaskEvent.objects.count()
    )
    assert min(sum(done) for done in world.workers) > sum(sizes) / 10, "both workers did their part"


@pytest.mark.django_db
def test_the_queries_of_a_pass_and_its_jobs_are_bounded(
    monkeypatch: pytest.MonkeyPatch, settings: Any, wanvideo_wakeups: list[tuple[str, ...]]
):
    world = World(monkeypatch, settings, workers=1)
    accept(600, world.clock)
    while VideoTask.objects.unfinished().exists():
        due, done, looked, moved, queries = (
            world.due,
            len(world.job_sizes),
            sum(world.job_sizes),
            TaskEvent.objects.count(),
            world.queries,
        )
        world.pass_over()
        assert world.queries - queries <= most_queries(
            1,
            world.due - due,
            len(world.job_sizes) - done,
            sum(world.job_sizes) - looked,
            TaskEvent.objects.count() - moved,
        )


@pytest.mark.django_db
def test_batch_reading_needs_a_fiftieth_of_the_calls(
    monkeypatch: pytest.MonkeyPatch, settings: Any, wanvideo_wakeups: list[tuple[str, ...]]
):
    world = World(monkeypatch, settings, workers=1, BATCH_READ=True)
    accept(500, world.clock)
    world.clock += dt.timedelta(seconds=15)
    world.pass_over()
    assert (world.client.batches, len(world.job_sizes)) == (10, 5)
    assert sum(world.client.gets.values()) == 500
