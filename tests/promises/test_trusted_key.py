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
    from tests.fixtures import Site

pytestmark = pytest.mark.integration


def lost(site: Site, fault: str = "accept_then_close", *, trust: bool = True) -> VideoTask:
    site.configure(TRUST_IDEMPOTENCY_KEY=trust, CALLBACK_BASE_URL="https://site.example")
    site.sim.faults.add("create", fault)
    task = site.send(site.queued(shot_type="single", prompt_extend=True))
    assert task.status == TaskStatus.UNCONFIRMED
    return task


def sweep_once(site: Site, task: VideoTask) -> None:
    site.make_due()
    site.sweep()
    task.refresh_from_db()


def test_without_trust_the_key_is_never_used_again(site: Site, evolink: Simulator):
    task = lost(site, trust=False)
    sweep_once(site, task)
    assert (task.status, site.posts()) == (TaskStatus.UNCONFIRMED, 1)
    assert task.next_action_at is None


def test_the_same_key_and_bytes_find_the_task_that_was_made(site: Site, evolink: Simulator):
    sent: list[bytes] = []
    from django_wanvideo.evolink import client as client_module

    perform = client_module.perform

    def watch(session, call, *rest):
        if call.method == "POST":
            sent.append((call.headers["Idempotency-Key"], call.body))
        return perform(session, call, *rest)

    client_module.perform = watch
    try:
        task = lost(site)
        sweep_once(site, task)
    finally:
        client_module.perform = perform
    first, again = evolink.journal.find("create")
    assert task.status == TaskStatus.PENDING
    assert task.attempts.get().request_count == 2
    assert len(evolink.tasks) == 1
    assert sent[0] == sent[1], "key and bytes"
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"]
    evolink.ledger.assert_charged_once()
    site.assert_accounted_for()


def test_a_request_that_never_arrived_is_made_once_after_all(site: Site, evolink: Simulator):
    task = lost(site, "refuse")
    sweep_once(site, task)
    assert (task.status, len(evolink.ledger)) == (TaskStatus.PENDING, 1)


@pytest.mark.parametrize(("code", "status"), [("idempotency_conflict", 409), ("paid_outcome_unknown", 409)])
def test_an_answer_about_the_key_settles_nothing(site: Site, evolink: Simulator, code: str, status: int):
    task = lost(site)
    evolink.faults.add("create", str(status), code=code)
    sweep_once(site, task)
    assert task.status == TaskStatus.UNCONFIRMED
    assert task.attempts.get().request_count == 2
    sweep_once(site, task)
    assert task.status == TaskStatus.PENDING
    evolink.ledger.assert_charged_once()


@pytest.mark.parametrize("fault", ["400", "401", "402", "403"])
def test_a_refusal_now_says_nothing_about_then(site: Site, evolink: Simulator, fault: str):
    task = lost(site)
    evolink.faults.add("create", fault)
    sweep_once(site, task)
    assert task.status == TaskStatus.UNCONFIRMED


def test_a_conflict_of_bodies_never_makes_a_second_task(site: Site, evolink: Simulator):
    """The callback's secret was changed in between, so the body is another one."""
    task = lost(site)
    site.configure(CALLBACK_KEYS=["another"])
    sweep_once(site, task)
    assert (task.status, len(evolink.tasks)) == (TaskStatus.UNCONFIRMED, 1)


def test_after_four_posts_a_person_is_asked(site: Site, evolink: Simulator):
    task = lost(site, "refuse")
    evolink.faults.add("create", "refuse", times=None)
    for _pass in range(6):
        sweep_once(site, task)
    assert site.posts() == 4
    assert (task.status, task.next_action_at) == (TaskStatus.UNCONFIRMED, None)
    assert site.history(task).count("needs_decision") == 1


def test_certainly_did_not_arrive_does_not_count(site: Site, evolink: Simulator):
    """What certainly did not arrive does not count but a person is asked in time."""
    task = lost(site)
    with evolink.offline():
        for _pass in range(6):
            sweep_once(site, task)
        assert task.attempts.get().request_count == 1
        Attempt.objects.update(sent_at=timezone.now() - dt.timedelta(hours=1))
        sweep_once(site, task)
    assert site.history(task).count("needs_decision") == 1


def test_a_429_pauses_the_site_and_does_not_count(site: Site, evolink: Simulator):
    task = lost(site)
    evolink.faults.add("create", "429", retry_after=50)
    sweep_once(site, task)
    assert task.attempts.get().request_count == 1
    assert SiteState.objects.filter(name="evolink_pause").exists()
    VideoTask.objects.update(next_action_at=timezone.now())
    site.sweep()
    assert site.posts() == 2, "not while EvoLink asked us to wait"


def test_a_worker_without_the_key_uses_up_nothing(site: Site, evolink: Simulator):
    task = lost(site)
    site.configure(API_KEY="")
    sweep_once(site, task)
    assert (task.status, task.attempts.get().request_count) == (TaskStatus.UNCONFIRMED, 1)
    assert task.next_action_at is not None


def test_the_wait_between_repetitions_grows(site: Site, evolink: Simulator):
    task = lost(site, "refuse")
    evolink.faults.add("create", "refuse", times=None)
    waits = [(task.next_action_at - timezone.now()).total_seconds()]
    for _pass in range(2):
        sweep_once(site, task)
        waits.append((task.next_action_at - timezone.now()).total_seconds())
    assert 10 < waits[0] < waits[1] < waits[2] < 120


def test_workers_at_once_repeat_an_attempt_once(site_with_threads: Site, evolink: Simulator):
    task = lost(site_with_threads, "refuse")
    evolink.faults.add("create", "accept_then_slow", seconds=0.2)
    at_once(*[lambda: jobs.submit(str(task.pk))] * 4)
    assert site_with_threads.posts() == 2
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING


def test_the_sweep_itself_never_waits_for_evolink(site: Site, evolink: Simulator):
    task = lost(site)
    site.make_due()
    handed: list[tuple[str, ...]] = []

    def take(job: str, *ids: str) -> bool:
        handed.append((job, *ids))
        return True

    sweep.sweep(take)
    assert ("submit", str(task.pk)) in handed
    assert site.posts() == 1


def test_a_callback_that_comes_first_leaves_nothing_to_repeat(site: Site, evolink: Simulator):
    from tests.promises.test_binding import call_back

    task = lost(site)
    call_back(task.attempt, evolink.tasks.latest.id)
    jobs.submit(str(task.pk))
    sweep_once(site, task)
    assert site.posts() == 1
    assert task.status == TaskStatus.PENDING
