"""Ten thousand tasks at once: all reach their end, and looking at them costs what arithmetic says.

Without callbacks, looks are at ``POLL_INTERVAL * 1.2**n`` seconds, up to 60, each up to a tenth earlier or later, and a
sweep runs every ``EVERY`` seconds. A generation that takes T seconds is therefore looked at no more often than ``looks(T)``
times: the looks whose earliest moments fit into T, and the one that finds the end. A look is one GET. A job looks at 50
tasks, so a pass over n due rows makes at most ``n / 50 + 2`` jobs: two statuses may each leave a part of a job.

Queries: a pass costs ``FIXED`` and up to 5 for each chunk of 500 rows and status; a job one to read its tasks, up to 4 for its
client and pause; a look one, and once for each change of status up to 4 (status, row, attempt, event).
"""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.evolink.answers import RemoteStatus, TaskSnapshot
from django_wanvideo.models import Attempt, TaskEvent, VideoTask
from django_wanvideo.services import provider, schedule, sweeping

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.django_db

#: The arithmetic is the same on every engine; the whole number is counted on the quicker one.
MANY = 10_000 if connection.vendor == "sqlite" else 2_500
EVERY = 30
FIXED = 30
#: Seconds that generations take, by the number of the task.
LASTS = (20, 20, 20, 60)


class StubClient:
    """EvoLink behind the client's interface: each task ends after its time."""

    def __init__(self) -> None:
        self.gets: Counter[str] = Counter()
        self.batches = 0

    def _snapshot(self, provider_task_id: str) -> TaskSnapshot:
        self.gets[provider_task_id] += 1
        began, lasts = (float(part) for part in provider_task_id.split("-")[3:])
        elapsed = timezone.now().timestamp() - began
        if elapsed >= lasts:
            return TaskSnapshot(provider_task_id, RemoteStatus.FAILED)
        progress = int(100 * elapsed / lasts)
        return TaskSnapshot(provider_task_id, RemoteStatus.PROCESSING, progress=progress)

    def get_task(self, provider_task_id: str) -> TaskSnapshot:
        return self._snapshot(provider_task_id)

    def get_tasks(self, ids: Iterable[str]) -> dict[str, TaskSnapshot]:
        wanted = list(ids)
        assert len(wanted) <= 50
        self.batches += 1
        return {one: self._snapshot(one) for one in wanted}


def looks(seconds: float, interval: float = 15.0) -> int:
    """The most looks at a task that takes ``seconds``."""
    at, count = 0.0, 0
    while at < seconds:
        at += 0.9 * min(interval * 1.2**count, max(schedule.SLOWEST_LOOK_WITHOUT_CALLBACKS, interval))
        count += 1
    return count + 1


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
    """Virtual time, a sweep at its intervals, and two workers that share its jobs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: Any, **values: Any) -> None:
        self.clock = timezone.now().replace(microsecond=0)
        self.client = StubClient()
        self.jobs: list[int] = []
        self.workers: Counter[int] = Counter()
        monkeypatch.setattr(timezone, "now", lambda: self.clock)
        monkeypatch.setattr(provider, "client", lambda: self.client)
        settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": None, **values}

    def pass_over(self) -> None:
        """One sweep; then its jobs, one for each worker in turn."""
        waiting: list[tuple[str, ...]] = []

        def take(job: str, *ids: str) -> bool:
            waiting.append((job, *ids))
            return True

        due = VideoTask.objects.due().filter(status__in=["pending", "processing"]).count()
        sweeping.sweep(take)
        syncs = [ids for job, *ids in waiting if job == "sync"]
        assert len(syncs) <= math.ceil(due / 50) + 2
        for index, ids in enumerate(syncs):
            self.jobs.append(len(ids))
            self.workers[index % 2] += len(ids)
            jobs.sync(*ids)
        self.clock += dt.timedelta(seconds=EVERY)


def test_ten_thousand_tasks_reach_their_end_within_the_bounds(
    monkeypatch: pytest.MonkeyPatch, settings: Any, wanvideo_wakeups: list[tuple[str, ...]]
):
    world = World(monkeypatch, settings)
    accept(MANY, world.clock)
    passes = 0
    while VideoTask.objects.unfinished().exists():
        world.pass_over()
        passes += 1
        # The longest task, the longest wait between two looks, and the sweep's own interval.
        assert passes * EVERY <= max(LASTS) + 1.1 * schedule.SLOWEST_LOOK_WITHOUT_CALLBACKS + 2 * EVERY
    assert VideoTask.objects.filter(status=TaskStatus.FAILED).count() == MANY
    for provider_task_id, gets in world.client.gets.items():
        assert gets <= looks(float(provider_task_id.rpartition("-")[2])), provider_task_id
    assert sum(world.jobs) == sum(world.client.gets.values()), "a look is one GET"
    assert len(world.jobs) <= sum(world.jobs) / 50 + 2 * passes
    assert not Attempt.objects.filter(state=AttemptState.ACCEPTED).exists()


def test_the_queries_of_a_pass_and_its_jobs_are_bounded(
    monkeypatch: pytest.MonkeyPatch, settings: Any, wanvideo_wakeups: list[tuple[str, ...]]
):
    world = World(monkeypatch, settings)
    number = 600
    accept(number, world.clock)
    for _pass in range(4):
        before, looked, moves = len(world.jobs), sum(world.jobs), TaskEvent.objects.count()
        with CaptureQueriesContext(connection) as queries:
            world.pass_over()
        jobs_done, looks_done = len(world.jobs) - before, sum(world.jobs) - looked
        real = [query for query in queries if "SAVEPOINT" not in query["sql"]]
        chunks = 2 * math.ceil(number / 500) + 2
        moved = TaskEvent.objects.count() - moves
        assert len(real) <= FIXED + 5 * chunks + 5 * jobs_done + looks_done + 4 * moved, (len(real), looks_done, moved)


def test_batch_reading_needs_a_fiftieth_of_the_calls(
    monkeypatch: pytest.MonkeyPatch, settings: Any, wanvideo_wakeups: list[tuple[str, ...]]
):
    world = World(monkeypatch, settings, BATCH_READ=True)
    accept(500, world.clock)
    world.clock += dt.timedelta(seconds=EVERY)
    world.pass_over()
    assert (world.client.batches, len(world.jobs)) == (10, 10)
    assert sum(world.client.gets.values()) == 500
