"""``TRUST_IDEMPOTENCY_KEY``: an unknown outcome asks again with the same key and the same bytes, and pays once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import Attempt, SiteState, VideoTask
from django_wanvideo.services import sweep
from tests.threads import at_once

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.promises.fixtures import Road

pytestmark = pytest.mark.integration


def lost(road: Road, fault: str = "accept_then_close", *, trust: bool = True) -> VideoTask:
    road.configure(TRUST_IDEMPOTENCY_KEY=trust, CALLBACK_BASE_URL="https://site.example")
    road.sim.faults.add("create", fault)
    task = road.send(road.queued(shot_type="single", prompt_extend=True))
    assert task.status == TaskStatus.UNCONFIRMED
    return task


def sweep_once(road: Road, task: VideoTask) -> None:
    road.make_due()
    road.sweep()
    task.refresh_from_db()


def test_without_trust_the_key_is_never_used_again(road: Road, evo: Simulator):
    task = lost(road, trust=False)
    sweep_once(road, task)
    assert (task.status, road.posts()) == (TaskStatus.UNCONFIRMED, 1)
    assert task.next_action_at is None


def test_the_same_key_and_bytes_find_the_task_that_was_made(road: Road, evo: Simulator):
    sent: list[bytes] = []
    from django_wanvideo.evolink import client as client_module

    perform = client_module.perform

    def watch(session, call, *rest):
        if call.method == "POST":
            sent.append((call.headers["Idempotency-Key"], call.body))
        return perform(session, call, *rest)

    client_module.perform = watch
    try:
        task = lost(road)
        sweep_once(road, task)
    finally:
        client_module.perform = perform
    first, again = evo.journal.find("create")
    assert task.status == TaskStatus.PENDING
    assert task.attempts.get().request_count == 2
    assert len(evo.tasks) == 1
    assert sent[0] == sent[1], "key and bytes"
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"]
    evo.ledger.assert_charged_once()
    road.assert_accounted_for()


def test_a_request_that_never_arrived_is_made_once_after_all(road: Road, evo: Simulator):
    task = lost(road, "refuse")
    sweep_once(road, task)
    assert (task.status, len(evo.ledger)) == (TaskStatus.PENDING, 1)


@pytest.mark.parametrize(("code", "status"), [("idempotency_conflict", 409), ("paid_outcome_unknown", 409)])
def test_an_answer_about_the_key_settles_nothing(road: Road, evo: Simulator, code: str, status: int):
    task = lost(road)
    evo.faults.add("create", str(status), code=code)
    sweep_once(road, task)
    assert task.status == TaskStatus.UNCONFIRMED
    assert task.attempts.get().request_count == 2
    sweep_once(road, task)
    assert task.status == TaskStatus.PENDING
    evo.ledger.assert_charged_once()


@pytest.mark.parametrize("fault", ["400", "401", "402", "403"])
def test_a_refusal_now_says_nothing_about_then(road: Road, evo: Simulator, fault: str):
    task = lost(road)
    evo.faults.add("create", fault)
    sweep_once(road, task)
    assert task.status == TaskStatus.UNCONFIRMED


def test_a_conflict_of_bodies_never_makes_a_second_task(road: Road, evo: Simulator):
    """The callback's secret was changed in between, so the body is another one."""
    task = lost(road)
    road.configure(CALLBACK_KEYS=["another"])
    sweep_once(road, task)
    assert (task.status, len(evo.tasks)) == (TaskStatus.UNCONFIRMED, 1)


def test_after_four_posts_a_person_is_asked(road: Road, evo: Simulator):
    task = lost(road, "refuse")
    evo.faults.add("create", "refuse", times=None)
    for _pass in range(6):
        sweep_once(road, task)
    assert road.posts() == 4
    assert (task.status, task.next_action_at) == (TaskStatus.UNCONFIRMED, None)
    assert road.history(task).count("needs_decision") == 1


def test_certainly_did_not_arrive_does_not_count(road: Road, evo: Simulator):
    """What certainly did not arrive does not count but a person is asked in time."""
    task = lost(road)
    with evo.offline():
        for _pass in range(6):
            sweep_once(road, task)
        assert task.attempts.get().request_count == 1
        Attempt.objects.update(sent_at=timezone.now() - dt.timedelta(hours=1))
        sweep_once(road, task)
    assert road.history(task).count("needs_decision") == 1


def test_a_429_pauses_the_site_and_does_not_count(road: Road, evo: Simulator):
    task = lost(road)
    evo.faults.add("create", "429", retry_after=50)
    sweep_once(road, task)
    assert task.attempts.get().request_count == 1
    assert SiteState.objects.filter(name="evolink_pause").exists()
    VideoTask.objects.update(next_action_at=timezone.now())
    road.sweep()
    assert road.posts() == 2, "not while EvoLink asked us to wait"


def test_a_worker_without_the_key_uses_up_nothing(road: Road, evo: Simulator):
    task = lost(road)
    road.configure(API_KEY="")
    sweep_once(road, task)
    assert (task.status, task.attempts.get().request_count) == (TaskStatus.UNCONFIRMED, 1)
    assert task.next_action_at is not None


def test_the_wait_between_repetitions_grows(road: Road, evo: Simulator):
    task = lost(road, "refuse")
    evo.faults.add("create", "refuse", times=None)
    waits = [(task.next_action_at - timezone.now()).total_seconds()]
    for _pass in range(2):
        sweep_once(road, task)
        waits.append((task.next_action_at - timezone.now()).total_seconds())
    assert 10 < waits[0] < waits[1] < waits[2] < 120


def test_workers_at_once_repeat_an_attempt_once(wide_road: Road, evo: Simulator):
    task = lost(wide_road, "refuse")
    evo.faults.add("create", "accept_then_slow", seconds=0.2)
    at_once(*[lambda: jobs.submit(str(task.pk))] * 4)
    assert wide_road.posts() == 2
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING


def test_the_sweep_itself_never_waits_for_evolink(road: Road, evo: Simulator):
    task = lost(road)
    road.make_due()
    handed: list[tuple[str, ...]] = []

    def take(job: str, *ids: str) -> bool:
        handed.append((job, *ids))
        return True

    sweep.sweep(take)
    assert ("submit", str(task.pk)) in handed
    assert road.posts() == 1


def test_a_callback_that_comes_first_leaves_nothing_to_repeat(road: Road, evo: Simulator):
    from tests.promises.test_binding import call_back

    task = lost(road)
    call_back(task.attempt, evo.tasks.latest.id)
    jobs.submit(str(task.pk))
    sweep_once(road, task)
    assert road.posts() == 1
    assert task.status == TaskStatus.PENDING
