"""Many processes that spend against one limit: never more than it allows, and nothing of it is lost when they die."""

from __future__ import annotations

import datetime as dt
import random
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import CreditOutcome, TaskStatus
from django_wanvideo.models import Attempt, CreditEntry, VideoTask, ledger
from django_wanvideo.services.limits import budget
from django_wanvideo.services.resolution import decisions
from tests.promises import processes
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time: nobody can overtake"),
]

PRICE, AT_A_TIME = Decimal(6), 10
LIMIT = PRICE * AT_A_TIME


class Books:
    """What is spent and set aside at this moment: by our ledger, and by EvoLink's own."""

    def __init__(self, evolink: Simulator, group: Group) -> None:
        self.evolink = evolink
        self.group = group

    def are_full(self) -> bool:
        """Tell whether all of the limit is spent; AssertionError if more is, by either."""
        theirs = self.evolink.ledger.total
        ours = self.spent()
        assert ours <= LIMIT, f"{ours} of {LIMIT} are spent"
        assert theirs <= LIMIT, f"EvoLink has {theirs} of {LIMIT}"
        return ours == LIMIT

    def spent(self) -> Decimal:
        begin, _end = budget.bounds("day", timezone.now())
        return ledger.spent({"day": begin}, group_id=self.group.pk)["day"]

    def open(self) -> int:
        """How many entries are not settled."""
        settled = [CreditOutcome.CHARGED, CreditOutcome.RELEASED]
        return CreditEntry.objects.exclude(outcome__in=settled).count()


def fail_all(evolink: Simulator) -> None:
    """Let EvoLink fail what it has, for which it gives the credits back, and a worker hear of it."""
    for task in list(evolink.tasks.values()):
        if not task.final:
            evolink.fail(task.id, "service_error")
    sent = VideoTask.objects.filter(status__in=[TaskStatus.PENDING, TaskStatus.PROCESSING])
    for pk in sent.values_list("pk", flat=True):
        jobs.sync(str(pk))


def feed() -> None:
    """Queue again what has failed, and let what waits for credits be looked at anew."""
    for task in VideoTask.objects.filter(status=TaskStatus.FAILED):
        task.retry()
    waiting = VideoTask.objects.filter(status=TaskStatus.QUEUED)
    waiting.update(delayed_until=None, delay_reason="", next_action_at=timezone.now())


def settle(site: Site, evolink: Simulator, older: dt.timedelta) -> None:
    """Let the sweep and a person settle what workers left open that died while they were sending, some time ago."""
    stale = VideoTask.objects.filter(status=TaskStatus.SUBMITTING, attempts__claimed_at__lt=timezone.now() - older)
    pks = list(stale.values_list("pk", flat=True))
    if VideoTask.objects.filter(pk__in=pks, status=TaskStatus.SUBMITTING).update(
        next_action_at=timezone.now(), lease_expires_at=None
    ):
        site.sweep()
    for task in VideoTask.objects.filter(status=TaskStatus.UNCONFIRMED):
        known = set(Attempt.objects.exclude(provider_task_id=None).values_list("provider_task_id", flat=True))
        own = [item.id for item in evolink.tasks.values() if item.id not in known and item.prompt == task.prompt]
        if own:
            decisions.attach(task, own[0])
        else:
            decisions.mark_not_accepted(task)


def members(name: str) -> tuple[Group, list[Any]]:
    """A group of three."""
    group = Group.objects.create(name=name)
    for number in range(3):
        get_user_model().objects.create_user(f"person{number}").groups.add(group)
    return group, list(group.user_set.all())


def spend(
    site: Site,
    evolink: Simulator,
    folder: Path,
    *,
    count: int,
    rounds: int,
    kills: int,
    kill_every: float = 0,
    seconds: float = 0,
) -> None:
    """Let processes spend all of a limit, give all of it back, and so on; kill some of them in the middle.

    ``kill_every`` is the least time between two deaths, ``seconds`` how long all of it goes on at least.
    """
    dice = random.Random(7)
    group, people = members("Marketing")
    site.configure(CREDIT_LIMITS={"group": {"Marketing": {"day": int(LIMIT)}}, "site": {"day": int(2 * LIMIT)}})
    tasks = [site.queued(f"Wish {number}", owner=dice.choice(people)) for number in range(3 * AT_A_TIME)]
    gate, stop, books = folder / "gate", folder / "stop", Books(evolink, group)
    env = processes.environment(**{processes.GATE: str(gate)})
    command = ("-m", "tests.promises.spender", str(stop), *(str(task.pk) for task in tasks))
    connections.close_all()
    workers = [processes.start(*command, env=env) for _number in range(count)]
    try:
        wait_until(lambda: len(list(folder.glob("gate.*"))) == count, "all workers at the gate", 60 + 10 * count)
        gate.touch()
        end, kill_at, done = time.monotonic() + seconds, time.monotonic(), 0
        while done < rounds or time.monotonic() < end:
            wait_until(books.are_full, "all of the limit to be spent", 120)
            if count - len(workers) < kills and time.monotonic() >= kill_at:
                workers.pop().kill()
                kill_at = time.monotonic() + kill_every
            fail_all(evolink)
            feed()
            settle(site, evolink, older=dt.timedelta(seconds=30))
            done += 1
        stop.touch()
        for worker in workers:
            output, _none = worker.communicate(timeout=120)
            assert worker.returncode == 0, output
    finally:
        for worker in workers:
            worker.kill()
    books.are_full()
    VideoTask.objects.filter(status=TaskStatus.QUEUED).update(status=TaskStatus.CANCELLED)
    for _pass in range(3):
        settle(site, evolink, older=dt.timedelta())
        fail_all(evolink)
    assert books.open() == 0
    assert books.spent() == evolink.ledger.total == 0, "all was given back"
    # The whole of it is there again, and not more.
    posts = site.posts()
    for task in tasks[: AT_A_TIME + 2]:
        VideoTask.objects.filter(pk=task.pk).update(status=TaskStatus.QUEUED, delayed_until=None, lease_expires_at=None)
        site.send(task)
    assert site.posts() == posts + AT_A_TIME


@pytest.mark.slow
@pytest.mark.fault("K1.limit-under-many-processes")
def test_processes_that_die_spend_no_more_than_a_limit_and_lose_none_of_it(
    site_with_threads: Site, evolink: Simulator, tmp_path
):
    """Four processes spend a limit for ten videos twice over; two of them are killed on the way."""
    spend(site_with_threads, evolink, tmp_path, count=4, rounds=2, kills=2)


@pytest.mark.thorough
def test_64_processes_for_ten_minutes_spend_no_more_than_a_limit(site_with_threads: Site, evolink: Simulator, tmp_path):
    spend(site_with_threads, evolink, tmp_path, count=64, rounds=20, kills=40, kill_every=12, seconds=600)
