"""A clock that was 25 hours ahead, or behind, for a moment keeps nothing quiet: no mark is believed for longer than meant."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from django_wanvideo.admin import caching
from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.db import timestamps
from django_wanvideo.health import site as site_checks
from django_wanvideo.models import Attempt, CallbackReceipt, CreditEntry, SiteState, VideoTask, lifecycle
from django_wanvideo.services import leases, schedule, sweep
from django_wanvideo.services.attempts import delays
from django_wanvideo.services.provider import provider
from django_wanvideo.services.tracking import callbacks, receipts
from tests.factories import make_attempt, make_task
from tests.services.tracking.helpers import Clock, look

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

S = TaskStatus
HOURS = 25


class Jumping(Clock):
    """The site's clock, which is wrong for the length of a block."""

    def __enter__(self) -> None:
        self.forward(hours=HOURS)

    def __exit__(self, *_error: object) -> None:
        self.forward(hours=-HOURS)


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> Jumping:
    return Jumping(monkeypatch)


@pytest.fixture
def handed() -> list[tuple[str, ...]]:
    return []


def swept(handed: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """What a pass hands out now. Whether a day of the ledger is over, and to be summed, depends on the hour."""
    handed.clear()
    sweep.sweep(lambda job, *ids: handed.append((job, *ids)) or True)
    return [job for job in handed if job != ("sums",)]


@pytest.mark.fault("K5.clock-ahead")
def test_a_pause_of_the_site_is_believed_for_an_hour_at_most(wrong: Jumping):
    with wrong:
        until = provider.back_off(30)
        assert provider.backoff_until() == until
    assert provider.backoff_until() is None
    again = provider.back_off(20)
    assert provider.backoff_until() == again, "a true one is not kept out by it"
    assert again < timezone.now() + dt.timedelta(seconds=21)


@pytest.mark.fault("K5.clock-ahead")
def test_a_hold_of_a_worker_is_believed_for_its_length(wrong: Jumping):
    task = make_task(S.STORING, next_action_at=timezone.now())
    with wrong:
        assert leases.acquire(task.pk, S.STORING) is not None
        assert leases.acquire(task.pk, S.STORING) is None
    assert list(VideoTask.objects.due()) == [task]
    lease = leases.acquire(task.pk, S.STORING)
    assert lease is not None
    assert leases.acquire(task.pk, S.STORING) is None, "that one is true"


@pytest.mark.fault("K5.clock-ahead")
def test_clocks_of_two_machines_may_differ_a_little(wrong: Jumping):
    task = make_task(S.STORING)
    wrong.forward(seconds=30)
    assert leases.acquire(task.pk, S.STORING) is not None
    wrong.forward(seconds=-30)
    assert leases.acquire(task.pk, S.STORING) is None


@pytest.mark.fault("K5.clock-ahead")
@pytest.mark.parametrize("status", [S.QUEUED, S.SUBMITTING, S.PENDING, S.PROCESSING, S.STORING, S.UNCONFIRMED])
def test_a_next_look_that_lies_a_day_ahead_is_due_now_whatever_the_stage(
    wanvideo_wakeups: Any, status: TaskStatus, handed: list[tuple[str, ...]]
):
    task = make_task(status, next_action_at=timezone.now() + dt.timedelta(hours=HOURS))
    if status in {S.SUBMITTING, S.UNCONFIRMED}:
        state = AttemptState.CLAIMED if status == S.SUBMITTING else AttemptState.UNCONFIRMED
        make_attempt(task, state=state)
    before = VideoTask.objects.values().get()
    swept(handed)
    job = {S.QUEUED: "submit", S.PENDING: "sync", S.PROCESSING: "sync", S.STORING: "store"}.get(status)
    if job is not None:
        assert (job, str(task.pk)) in handed
    assert VideoTask.objects.values().get() != before
    assert not [one for one in swept(handed) if one[0] == job], "once handed out, it is left to its worker"


@pytest.mark.fault("K5.clock-ahead")
@pytest.mark.parametrize("longest", [timestamps.LONGEST_PAUSE, dt.timedelta(seconds=1800 + 130)])
def test_what_lies_no_further_ahead_than_it_can_be_meant_is_waited_for(
    wanvideo_wakeups: Any, longest: dt.timedelta, handed: list[tuple[str, ...]]
):
    for status in (S.QUEUED, S.PENDING, S.STORING, S.UNCONFIRMED):
        make_task(status, next_action_at=timezone.now() + longest)
    assert swept(handed) == []


@pytest.mark.fault("K5.clock-ahead")
def test_every_wait_that_the_code_sets_is_within_what_is_believed(settings: Any):
    for values in ({}, {"POLL_INTERVAL": 7200}, {"UNCONFIRMED_DEADLINE": 86_400}, {"READ_TIMEOUT": 9000}):
        settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": "https://site.example", **values}
        longest = timestamps.longest_action() + timestamps.SKEW
        waits = [
            schedule.first_poll(10**7),
            schedule.next_poll(10**6, overdue=True),
            schedule.next_not_found_poll(10**6),
            schedule.next_download(10**6, None),
            schedule.next_send(10**6, 3600.0),
            dt.timedelta(seconds=conf.UNCONFIRMED_DEADLINE),
        ]
        assert max(waits) < longest
        assert schedule.next_callback_read(10**6) < timestamps.LONGEST_PAUSE


@pytest.mark.fault("K5.clock-ahead")
@pytest.mark.parametrize("reason", ["evolink_busy", "max_in_flight", "no_api_key"])
def test_a_wait_for_anything_but_credits_is_believed_for_an_hour_at_most(
    site: Site, evolink: Simulator, wrong: Jumping, reason: str
):
    task = site.queued()
    with wrong:
        delays.delay(task, reason, until=timezone.now() + dt.timedelta(seconds=60))
    site.sweep()
    task.refresh_from_db()
    assert (task.status, task.delayed_until) == (S.PENDING, None)


@pytest.mark.fault("K5.clock-ahead")
def test_a_wait_for_credits_is_believed_for_a_month_and_looked_at_hourly(
    site: Site, evolink: Simulator, wrong: Jumping, handed: list[tuple[str, ...]]
):
    spent = CreditEntry.objects.create(attempt_id=uuid.uuid4(), task_id=uuid.uuid4(), used=9, model="any")
    task = site.queued()
    site.configure(CREDIT_LIMITS={"site": {"month": 10}})
    site.send(task)
    assert (task.status, task.delay_reason) == (S.QUEUED, "monthly_credit_limit")
    for _hour in range(3):
        swept(handed)
        VideoTask.objects.update(next_action_at=task.delayed_until)
        wrong.forward(hours=1, minutes=1)
        assert swept(handed) == [("submit", str(task.pk))]
        assert site.send(task).status == S.QUEUED
        assert swept(handed) == [], "not before the next hour"
    spent.delete()
    assert site.send(task).status == S.PENDING


@pytest.mark.fault("K5.clock-ahead")
def test_a_callback_that_came_then_is_read_now(
    site: Site, evolink: Simulator, wrong: Jumping, handed: list[tuple[str, ...]]
):
    task = site.accepted()
    attempt = task.attempts.get()
    evolink.complete(attempt.provider_task_id)
    with wrong:
        receipts.receive(attempt.pk, attempt.provider_task_id or "", {})
    assert ("sync",) in swept(handed)
    callbacks.process_pending()
    task.refresh_from_db()
    assert task.status == S.STORING
    assert not CallbackReceipt.objects.filter(process_at__isnull=False).exists()


@pytest.mark.fault("K5.clock-ahead")
def test_what_a_pass_noted_then_does_not_keep_messages_from_the_next(
    wanvideo_wakeups: Any, wrong: Jumping, handed: list[tuple[str, ...]]
):
    task = make_task(S.PENDING)
    attempt = make_attempt(task, state=AttemptState.ACCEPTED)
    CallbackReceipt.objects.create(attempt=attempt)
    lifecycle.record(task, "stored", "application")
    with wrong:
        assert {job for job, *_ids in swept(handed)} >= {"sync", "notify"}
    wrong.forward(seconds=3)
    assert {job for job, *_ids in swept(handed)} >= {"sync", "notify"}


@pytest.mark.fault("K5.clock-ahead")
def test_requests_of_wrong_clock_do_not_count(site: Site, evolink: Simulator, wrong: Jumping):
    """Requests of a wrong clock do not count as those of the last minute."""
    site.configure(MAX_SUBMITS_PER_MINUTE=1)
    with wrong:
        assert site.send(site.queued()).status == S.PENDING
    assert site.send(site.queued("A dog")).status == S.PENDING


@pytest.mark.fault("K5.clock-ahead")
def test_a_callback_binds_what_was_sent_while_the_clock_was_ahead(site: Site, evolink: Simulator, wrong: Jumping):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    evolink.faults.add("create", "accept_then_close")
    with wrong:
        task = site.send(site.queued())
    own = evolink.tasks.latest.id
    receipts.receive(task.attempts.get().pk, own, {})
    callbacks.process_pending()
    task.refresh_from_db()
    assert (task.status, task.attempts.get().provider_task_id) == (S.PENDING, own)


@pytest.mark.fault("K5.clock-ahead")
def test_a_task_that_was_accepted_then_is_overdue_and_ends_in_time(site: Site, evolink: Simulator, wrong: Jumping):
    with wrong:
        task = site.accepted()
    assert look(task).accepted_at <= timezone.now()
    wrong.forward(hours=1, minutes=1)
    look(task)
    assert site.history(task).count("overdue") == 1


@pytest.mark.fault("K5.clock-ahead")
def test_a_look_while_the_clock_is_ahead_fails_no_task(site: Site, evolink: Simulator, wrong: Jumping):
    task = site.accepted()
    evolink.faults.add("get", "404", times=3)
    with wrong:
        assert look(task, 3).status == S.PENDING
    evolink.complete(task.attempt.provider_task_id)
    site.sweep()
    task.refresh_from_db()
    assert task.status in {S.STORING, S.COMPLETED}


@pytest.mark.fault("K5.clock-ahead")
def test_nor_does_one_at_a_task_that_takes_its_time(site: Site, evolink: Simulator, wrong: Jumping):
    task = site.accepted()
    wrong.forward(hours=2)
    with wrong:
        assert look(task).status == S.PENDING
    assert look(task).not_found_since is None
    evolink.complete(task.attempt.provider_task_id)
    assert look(task).status == S.STORING


@pytest.mark.fault("K5.clock-behind")
def test_a_clock_that_goes_back_keeps_no_task_waiting(site: Site, evolink: Simulator, wrong: Jumping):
    tasks = [site.accepted(), site.queued("A dog")]
    provider.back_off(600)
    wrong.forward(hours=-HOURS)
    evolink.complete(tasks[0].attempt.provider_task_id)
    for _pass in range(4):
        site.sweep()
        site.tell()
        wrong.forward(minutes=3)
    for task in tasks:
        task.refresh_from_db()
    assert [task.status for task in tasks] == [S.COMPLETED, S.PENDING]


@pytest.mark.fault("K5.clock-ahead")
def test_a_sweep_that_stopped_is_not_taken_for_a_running_one(wrong: Jumping, handed: list[tuple[str, ...]]):
    with wrong:
        swept(handed)
    (finding,) = site_checks.check_sweep()
    assert finding.level == "warn"


@pytest.mark.fault("K5.clock-ahead")
def test_what_the_admin_keeps_for_seconds_is_not_kept_for_a_day(wrong: Jumping):
    cache.clear()
    with wrong:
        assert caching.cached("wanvideo:test", 30, lambda: "then") == "then"
    assert caching.cached("wanvideo:test", 30, lambda: "now") == "now"
    assert caching.cached("wanvideo:test", 30, lambda: "later") == "now"
    cache.clear()


@pytest.mark.fault("K5.half-a-claim")
@pytest.mark.parametrize(
    ("state", "status"),
    [
        (None, S.QUEUED),
        (AttemptState.NOT_ACCEPTED, S.QUEUED),
        (AttemptState.UNCONFIRMED, S.UNCONFIRMED),
        (AttemptState.ACCEPTED, S.PENDING),
    ],
)
def test_a_claim_of_which_only_the_status_was_written_is_settled(
    wanvideo_wakeups: Any, state: AttemptState | None, status: TaskStatus
):
    task = make_task(S.SUBMITTING, next_action_at=timezone.now())
    if state is not None:
        make_attempt(task, state=state)
    sweep.sweep(lambda *_job: True)
    task.refresh_from_db()
    assert task.status == status
    assert task.next_action_at is not None


@pytest.mark.fault("K5.half-a-claim")
def test_a_task_that_was_half_claimed_is_sent_once(site: Site, evolink: Simulator):
    task = site.queued()
    VideoTask.objects.filter(pk=task.pk).update(status=S.SUBMITTING, next_action_at=timezone.now())
    site.sweep()
    assert site.posts() == 0
    site.make_due()
    site.send(task)
    assert (task.status, site.posts(), Attempt.objects.count()) == (S.PENDING, 1, 1)
    assert not SiteState.objects.filter(name=provider.PAUSE).exists()
