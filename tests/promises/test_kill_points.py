"""A worker that dies anywhere between claim and commit: at most one charge, and nothing that nobody knows of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.models import Attempt
from django_wanvideo.services.attempts import binding
from django_wanvideo.services.resolution import decisions
from django_wanvideo.services.tracking import callbacks
from tests.promises import processes
from tests.promises.child import DIED
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Death:
    """Where a worker dies; what is left then; what a sweep makes of it, and what EvoLink has accepted by then."""

    point: str
    left: TaskStatus
    swept: TaskStatus
    accepted: int
    sent: bool

    def __str__(self) -> str:
        return self.point.replace(" ", "_")


S = TaskStatus
DEATHS = [
    Death("before the claim", S.QUEUED, S.PENDING, 0, sent=False),
    Death("after the claim", S.SUBMITTING, S.QUEUED, 0, sent=False),
    Death("after sent_at", S.SUBMITTING, S.UNCONFIRMED, 0, sent=True),
    Death("after the request left", S.SUBMITTING, S.UNCONFIRMED, 1, sent=True),
    Death("after the answer arrived", S.SUBMITTING, S.UNCONFIRMED, 1, sent=True),
    Death("before the commit", S.SUBMITTING, S.UNCONFIRMED, 1, sent=True),
    Death("after the commit", S.PENDING, S.PENDING, 1, sent=True),
]


def die(site: Site, death: Death) -> object:
    task = site.queued()
    status, output = processes.run("-m", "tests.promises.child", death.point, str(task.pk))
    assert status == DIED, output
    if death.accepted:
        wait_until(lambda: len(site.sim.ledger) == 1, "the request that had left")
    assert len(site.sim.ledger) == death.accepted
    task.refresh_from_db()
    assert task.status == death.left
    return task


def assert_no_orphan(site: Site, task: object) -> None:
    """Every accepted generation is bound, or its attempt is unconfirmed: a callback or a decision binds it."""
    for entry in site.sim.ledger:
        if not Attempt.objects.filter(provider_task_id=entry.task_id).exists():
            attempt = Attempt.objects.get(task=task, state=AttemptState.UNCONFIRMED)
            assert str(attempt.pk) in entry.callback_url


@pytest.mark.parametrize("death", DEATHS, ids=str)
def test_a_worker_that_dies_costs_at_most_one_charge_and_leaves_no_orphan(
    site_with_callbacks: Site, evolink: Simulator, death: Death
):
    task = die(site_with_callbacks, death)
    site_with_callbacks.sweep()
    task.refresh_from_db()
    assert task.status == death.left, "the sweep takes nobody for dead before the time"

    site_with_callbacks.make_due()
    site_with_callbacks.sweep()
    task.refresh_from_db()
    assert task.status == death.swept
    first = task.attempts.order_by("number").first()
    assert (first.sent_at is not None) == (death.sent or death.swept == S.PENDING)
    assert_no_orphan(site_with_callbacks, task)

    for _pass in range(3):
        site_with_callbacks.make_due()
        site_with_callbacks.sweep()
    task.refresh_from_db()
    if death.point == "after sent_at":
        # Nothing says that nothing was sent: a person is asked, and nothing is sent until then.
        assert (task.status, len(evolink.ledger), site_with_callbacks.posts()) == (S.UNCONFIRMED, 0, 0)
        assert site_with_callbacks.history(task).count("needs_decision") == 1
        decisions.resend(task)
        site_with_callbacks.make_due()
        site_with_callbacks.sweep()
    evolink.complete(evolink.tasks.latest.id)
    site_with_callbacks.wait_for_receipt()
    site_with_callbacks.finish(task)
    assert task.status == S.COMPLETED
    assert len(evolink.ledger) == 1
    evolink.ledger.assert_charged_once()
    site_with_callbacks.assert_accounted_for()
    assert not Attempt.objects.filter(state__in=["claimed", "unconfirmed", "accepted"]).exists(), "nothing stays open"


@pytest.mark.parametrize("death", [d for d in DEATHS if d.accepted and d.left == S.SUBMITTING][::2], ids=str)
def test_callback_that_comes_before_sweep_binds(site_with_callbacks: Site, evolink: Simulator, death: Death):
    """A callback that comes before the sweep binds what a dead worker sent."""
    task = die(site_with_callbacks, death)
    evolink.complete(evolink.tasks.latest.id)
    site_with_callbacks.wait_for_receipt()
    callbacks.process_pending()
    task.refresh_from_db()
    assert task.status == S.STORING
    site_with_callbacks.finish(task)
    assert (task.status, site_with_callbacks.posts()) == (S.COMPLETED, 1)
    assert "unconfirmed" not in site_with_callbacks.history(task)
    site_with_callbacks.assert_accounted_for()


def test_a_worker_that_is_taken_for_dead_but_lives_does_not_send(
    site_with_threads: Site, evolink: Simulator, monkeypatch
):
    """It was slow before its request left; by then the sweep had given the task back."""
    from django_wanvideo.services.provider import provider

    create = provider.create
    task = site_with_threads.queued()

    def slowly(client, attempt, *, before_send):
        site_with_threads.make_due()
        monkeypatch.setattr(provider, "create", create)
        site_with_threads.sweep()
        return create(client, attempt, before_send=before_send)

    monkeypatch.setattr(provider, "create", slowly)
    site_with_threads.send(task)
    assert (task.status, site_with_threads.posts()) == (S.QUEUED, 0)
    site_with_threads.make_due()
    site_with_threads.sweep()
    task.refresh_from_db()
    assert (task.status, site_with_threads.posts()) == (S.PENDING, 1)
    evolink.ledger.assert_charged_once()


def test_worker_that_is_taken_for_dead_while_it_waits(site_with_threads: Site, evolink: Simulator, monkeypatch):
    """A worker that is taken for dead while it waits binds its answer all the same."""
    accepted = binding.record_acceptance
    task = site_with_threads.queued()

    def late(attempt, created):
        site_with_threads.make_due()
        site_with_threads.sweep()
        task.refresh_from_db()
        assert task.status == S.UNCONFIRMED
        accepted(attempt, created)

    monkeypatch.setattr(binding, "record_acceptance", late)
    site_with_threads.send(task)
    assert (task.status, site_with_threads.posts()) == (S.PENDING, 1)
    assert task.attempts.get().state == AttemptState.ACCEPTED
    site_with_threads.assert_accounted_for()


@pytest.mark.parametrize(("sent", "status"), [(False, S.QUEUED), (True, S.UNCONFIRMED)])
def test_a_job_that_runs_out_of_time_is_settled_by_what_is_known(
    site: Site, evolink: Simulator, monkeypatch, sent: bool, status: TaskStatus
):
    from rq.timeouts import JobTimeoutException

    from django_wanvideo.services.provider import provider

    def out_of_time(client, attempt, *, before_send):
        if sent:
            before_send()
        raise JobTimeoutException("Task exceeded maximum timeout value (900 seconds)")

    monkeypatch.setattr(provider, "create", out_of_time)
    task = site.queued()
    with pytest.raises(JobTimeoutException):
        site.send(task)
    task.refresh_from_db()
    assert task.status == status
    assert task.next_action_at is not None
    assert site.posts() == 0
