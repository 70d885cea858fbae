"""Every fault of the create call: what becomes of the task, how often EvoLink was asked, and what it cost."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_wanvideo.admin.presentation.status_text import held_words
from django_wanvideo.choices import OPEN_ATTEMPT_STATES, AttemptState, Charge, EventKind, TaskStatus
from django_wanvideo.evolink.exceptions import RetryLater
from django_wanvideo.failures import advice_for, charge_words
from django_wanvideo.services.holds import account
from tests.faults import ACCEPTED_BUT_LOST, ACCOUNT, NOT_ACCEPTED_BUT_WHO_KNOWS, REJECTED, WAIT, Fault
from tests.ports import full_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.integration

ENDED_BADLY = advice_for("no such code at all")


def send_one(site: Site, row: Fault) -> Any:
    site.configure(READ_TIMEOUT=0.5, **row.changes)
    return site.send(site.queued())


def check(site: Site, task: Any, row: Fault) -> None:
    attempt = task.attempts.get()
    event = task.events.get(kind=row.event_kind)
    assert task.status == row.status
    # A request that EvoLink leaves hanging is written down when it has noticed that nobody waits any more.
    wait_until(lambda: site.posts() >= row.posts, "the request in EvoLink's journal")
    assert site.posts() == row.posts
    assert len(site.sim.ledger) == row.accepted
    assert len(site.sim.ledger.billed) == row.accepted
    assert attempt.state == row.attempt_state
    assert attempt.http_status == row.http_status
    assert attempt.error_code == row.code or not row.code
    assert event.attempt == attempt
    assert event.detail.get("http_status") == row.http_status
    assert (attempt.settled_at is None) == (row.status == TaskStatus.UNCONFIRMED)
    assert "sk-simulator" not in f"{event.detail} {attempt.error_message} {task.error_message}"
    if row.status == TaskStatus.FAILED:
        # A code that nobody has words for gives way to the status; the attempt keeps it.
        assert task.error_code in {row.code, f"http_{row.http_status}"}
        advice = advice_for(task.error_code)
        assert (str(advice.heading), advice.next_action) == row.advice
        assert task.charge == Charge.NONE
        assert task.next_action_at is None
    elif row.status == TaskStatus.UNCONFIRMED:
        assert task.charge == Charge.MAYBE
        assert charge_words(task).verdict == row.advice
        assert task.next_action_at > timezone.now() + dt.timedelta(minutes=20), "somebody is asked, in time"
    else:
        least, most = row.held
        wait = (task.delayed_until - timezone.now()).total_seconds()
        assert least - 2 <= wait <= most
        assert task.next_action_at == task.delayed_until
        if row not in ACCOUNT:
            assert task.delay_reason == ("evolink_busy" if row.http_status else "evolink_unreachable")
        assert held_words(task.delay_reason) == row.advice


def nothing_is_sent_again_by_itself(site: Site, task: Any) -> None:
    """Days pass, sweeps run: the number of POSTs stays."""
    before = site.posts()
    for _pass in range(3):
        site.make_due()
        site.sweep()
    assert site.posts() == before
    task.refresh_from_db()


@pytest.mark.parametrize("row", ACCEPTED_BUT_LOST, ids=str)
def test_accepted_request_whose_answer_is_lost(site_with_callbacks: Site, evolink: Simulator, row: Fault):
    """An accepted request whose answer is lost is never repeated and the callback completes it."""
    evolink.faults.add("create", row.name, **row.options)
    task = send_one(site_with_callbacks, row)
    check(site_with_callbacks, task, row)
    nothing_is_sent_again_by_itself(site_with_callbacks, task)
    assert task.status == TaskStatus.UNCONFIRMED

    evolink.complete(evolink.tasks.latest.id)
    site_with_callbacks.wait_for_receipt()
    site_with_callbacks.finish(task)

    assert task.status == TaskStatus.COMPLETED
    assert site_with_callbacks.posts() == 1
    assert task.attempts.get().provider_task_id == evolink.tasks.latest.id
    assert "resolved" not in site_with_callbacks.history(task), "no person was needed"
    evolink.ledger.assert_charged_once()
    site_with_callbacks.assert_accounted_for()


@pytest.mark.parametrize("row", NOT_ACCEPTED_BUT_WHO_KNOWS, ids=str)
def test_answer_that_proves_nothing_leaves_outcome(site: Site, evolink: Simulator, row: Fault):
    """An answer that proves nothing leaves the outcome to a person and is never repeated."""
    evolink.faults.add("create", row.name, times=None, **row.options)
    task = send_one(site, row)
    check(site, task, row)
    nothing_is_sent_again_by_itself(site, task)
    assert task.status == TaskStatus.UNCONFIRMED
    assert task.next_action_at is None
    assert site.history(task).count("needs_decision") == 1


@pytest.mark.parametrize("row", REJECTED, ids=str)
def test_a_refusal_fails_the_task_with_advice_and_is_not_repeated(site: Site, evolink: Simulator, row: Fault):
    evolink.faults.add("create", row.name, times=None)
    task = send_one(site, row)
    check(site, task, row)
    nothing_is_sent_again_by_itself(site, task)
    assert task.status == TaskStatus.FAILED


@pytest.mark.fault("K4.account-refusal-fails-nothing")
@pytest.mark.parametrize("row", ACCOUNT, ids=str)
def test_refusal_of_account_fails_nothing_and_task(site: Site, evolink: Simulator, row: Fault):
    """A refusal of the account fails nothing and the task is sent when it is over."""
    evolink.faults.add("create", row.name, **row.options)
    task = send_one(site, row)
    check(site, task, row)
    assert task.events.filter(kind=EventKind.FAILED).count() == 0
    assert not task.attempts.filter(state__in=OPEN_ATTEMPT_STATES).exists()

    for name in ("key_rejected", "credits_out"):
        account.end(name)
    site.sweep()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    assert site.posts() == 2
    evolink.ledger.assert_charged_once()


@pytest.mark.parametrize("row", WAIT, ids=str)
def test_refusal_for_now_waits_as_long_as_it_says(site: Site, evolink: Simulator, row: Fault):
    """A refusal for now waits as long as it says and is sent later as a new attempt."""
    evolink.faults.add("create", row.name, **row.options)
    task = send_one(site, row)
    check(site, task, row)
    site.send(task)
    assert site.posts() == 1, "not before its time"

    site.make_due()
    site.sweep()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    assert site.posts() == 2
    first, second = task.attempts.order_by("number")
    assert first.idempotency_key != second.idempotency_key
    assert (first.state, second.state) == (AttemptState.NOT_ACCEPTED, AttemptState.ACCEPTED)
    evolink.ledger.assert_charged_once()


@contextlib.contextmanager
def addresses(kind: str, evolink: Simulator) -> Iterator[dict[str, Any]]:
    if kind == "closed port":
        with evolink.offline():
            yield {}
    elif kind == "no such host":
        yield {"BASE_URL": "https://no-such-host.invalid"}
    elif kind == "no TLS there":
        yield {"BASE_URL": evolink.api_url.replace("http:", "https:")}
    else:
        with full_port() as port:
            yield {"BASE_URL": f"http://127.0.0.1:{port}", "CONNECT_TIMEOUT": 0.3}


@pytest.mark.parametrize("kind", ["closed port", "no such host", "no TLS there", "slow connect"])
def test_evolink_that_cannot_be_reached_is_tried_again(site: Site, evolink: Simulator, kind: str):
    """An EvoLink that cannot be reached is tried again later as a new attempt."""
    unreachable = "EvoLink cannot be reached"
    row = Fault(kind, RetryLater, TaskStatus.QUEUED, "connection_failed", unreachable, posts=0, held=(12, 40))
    good = dict(site.settings.WANVIDEO)
    with addresses(kind, evolink) as changes:
        row.changes = changes
        task = send_one(site, row)
        check(site, task, row)
    assert task.attempts.get().sent_at is None, "not a byte of the request left"

    site.settings.WANVIDEO = good
    site.make_due()
    site.sweep()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    assert site.posts() == 1
    evolink.ledger.assert_charged_once()


def test_waiting_for_evolink_ends_after_a_day(site: Site, evolink: Simulator):
    evolink.faults.add("create", "no_available_channel", times=None)
    task = site.queued()
    type(task).objects.update(queued_at=timezone.now() - dt.timedelta(hours=25))
    site.send(task)
    assert (task.status, task.error_code) == (TaskStatus.FAILED, "put_off_too_long")
    assert advice_for(task.error_code) != ENDED_BADLY
    evolink.ledger.assert_nothing_charged()


def test_each_wait_is_longer_than_the_one_before(site: Site, evolink: Simulator):
    evolink.faults.add("create", "no_available_channel", times=None)
    task = site.queued()
    waits = []
    for _try in range(4):
        site.make_due()
        site.send(task)
        waits.append((task.delayed_until - timezone.now()).total_seconds())
    assert waits == sorted(waits)
    assert waits[3] > 2 * waits[0]


def test_an_answer_that_comes_late_but_in_time_is_taken(site: Site, evolink: Simulator):
    evolink.faults.add("create", "accept_then_slow", seconds=0.3)
    site.configure(READ_TIMEOUT=10)
    task = site.send(site.queued())
    assert task.status == TaskStatus.PENDING
    evolink.ledger.assert_charged_once()


def test_a_rejected_key_is_remembered_until_it_works_again(site: Site, evolink: Simulator):
    from django_wanvideo.models import SiteState

    evolink.faults.add("create", "401")
    site.send(site.queued())
    assert SiteState.objects.filter(name="key_rejected").exists()
    task = site.send(site.queued("Another cat"))
    assert task.status == TaskStatus.PENDING
    assert not SiteState.objects.filter(name="key_rejected").exists()


def test_the_key_and_the_callback_token_are_kept_nowhere(site_with_callbacks: Site, evolink: Simulator):
    from django_wanvideo.models import Attempt, TaskEvent

    task = site_with_callbacks.send(site_with_callbacks.queued())
    url = evolink.ledger[task.attempt.provider_task_id].callback_url
    token = url.rstrip("/").rpartition("/")[2]
    kept = [list(Attempt.objects.values()), list(TaskEvent.objects.values()), list(type(task).objects.values())]
    assert len(token) > 30
    assert token not in str(kept)
    assert "sk-simulator" not in str(kept)
