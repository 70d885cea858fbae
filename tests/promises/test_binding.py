"""Lost answers and early callbacks: what was paid for finds its attempt, and nothing else does."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from django_wanvideo import callback_tokens, jobs
from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.models import Attempt, CallbackReceipt, VideoTask
from django_wanvideo.services.attempts import binding
from django_wanvideo.services.resolution import decisions, matching
from django_wanvideo.services.sending import actions
from django_wanvideo.services.tracking import callbacks
from tests.services.tracking.helpers import gateway_page, slow_history
from tests.threads import at_once
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.integration


def call_back(attempt: Attempt, provider_task_id: str, status: str = "completed") -> None:
    """What EvoLink's callback does: post to the attempt's address, then let a worker read it."""
    path = urlsplit(callback_tokens.url_for(attempt.pk)).path
    body = {"id": provider_task_id, "status": status}
    response = Client().post(path, body, content_type="application/json")
    assert response.status_code == 200
    callbacks.process_pending()


def unconfirmed(site: Site, prompt: str = "A cat plays the piano") -> tuple[VideoTask, str]:
    """A task whose request was accepted and whose answer was lost, and EvoLink's id of it."""
    site.sim.faults.add("create", "accept_then_close")
    task = site.send(site.queued(prompt))
    assert task.status == TaskStatus.UNCONFIRMED
    return task, site.sim.tasks.latest.id


def test_a_callback_before_the_answer_binds_and_the_answer_changes_nothing(
    site_with_callbacks: Site, evolink: Simulator
):
    evolink.faults.add("create", "callback_before_answer")
    task = site_with_callbacks.queued()
    attempts_when_called = []
    original = callbacks.process_pending

    def read_at_once() -> None:
        attempts_when_called.append(Attempt.objects.get().state)
        original()

    # The receipt is there before the answer has been read; the worker that sends is still at it.
    def bind_first(attempt, created):
        read_at_once()
        assert Attempt.objects.get().provider_task_id == created.snapshot.id
        return accepted(attempt, created)

    accepted = binding.record_acceptance
    binding.record_acceptance = bind_first
    try:
        site_with_callbacks.send(task)
    finally:
        binding.record_acceptance = accepted
    assert attempts_when_called == [AttemptState.CLAIMED]
    attempt = task.attempts.get()
    assert (attempt.http_status, attempt.provider_task_id) == (200, evolink.tasks.latest.id)
    assert site_with_callbacks.history(task).count("accepted") == 1
    site_with_callbacks.finish(task)
    assert task.status == TaskStatus.COMPLETED
    evolink.ledger.assert_charged_once()
    site_with_callbacks.assert_accounted_for()


def test_callback_that_overtakes_hanging_answer(site_with_callbacks: Site, evolink: Simulator):
    """A callback that overtakes a hanging answer completes the task while its worker still waits."""
    import threading

    from django.db import connections

    evolink.faults.add("create", "accept_then_hang", seconds=1.5)
    site_with_callbacks.configure(READ_TIMEOUT=1.2)
    task = site_with_callbacks.queued()

    def worker() -> None:
        jobs.submit(str(task.pk))
        connections.close_all()

    sender = threading.Thread(target=worker)
    sender.start()
    wait_until(lambda: len(evolink.tasks) == 1, "the request")
    evolink.complete(evolink.tasks.latest.id)
    site_with_callbacks.wait_for_receipt()
    callbacks.process_pending()
    task.refresh_from_db()
    assert task.status == TaskStatus.STORING
    sender.join(20)
    task.refresh_from_db()
    assert task.status == TaskStatus.STORING, "the time-out of the sender came too late to matter"
    assert task.attempts.get().state == AttemptState.ACCEPTED
    site_with_callbacks.finish(task)
    assert task.status == TaskStatus.COMPLETED
    assert site_with_callbacks.posts() == 1


def test_a_token_never_binds_what_another_attempt_holds(site: Site, evolink: Simulator):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    other = site.send(site.queued("A dog"))
    task, own = unconfirmed(site)
    call_back(task.attempt, other.attempt.provider_task_id)
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED
    assert task.attempt.provider_task_id is None
    assert not task.children.exists()
    call_back(task.attempt, own)
    assert task.attempts.get().provider_task_id == own


@pytest.mark.fault("K3.callback-while-404")
def test_callback_that_comes_while_evolink(site: Site, evolink: Simulator):
    """A callback that comes while EvoLink does not show the task binds it once it does."""
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    evolink.faults.add("get", "404", times=6)
    call_back(task.attempt, own)
    for _try in range(5):
        received_at = timezone.now() - dt.timedelta(minutes=30)
        CallbackReceipt.objects.update(process_at=timezone.now(), received_at=received_at)
        callbacks.process_pending()
        assert CallbackReceipt.objects.get().process_at > timezone.now(), "it stays unread"
    CallbackReceipt.objects.update(process_at=timezone.now())
    callbacks.process_pending()
    task.refresh_from_db()
    assert (task.status, task.attempts.get().provider_task_id) == (TaskStatus.PENDING, own)


@pytest.mark.parametrize("seconds", [130, 3600])
def test_a_token_never_binds_a_task_that_is_older_than_its_attempt(site: Site, evolink: Simulator, seconds: int):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    evolink.tasks[own].created -= seconds
    call_back(task.attempt, own)
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED
    assert task.attempt.provider_task_id is None
    assert not VideoTask.objects.filter(parent=task).exists()


def test_token_may_not_bind_for_its_age_is_written(site: Site, evolink: Simulator):
    """What a token may not bind for its age is written down once for the person who decides.

    The clock of the machine that sent the request may have been ahead of EvoLink's.
    """
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    attempt = task.attempts.get()
    evolink.tasks[own].created -= 180
    for _copy in range(3):
        call_back(attempt, own)
    assert not CallbackReceipt.objects.filter(process_at__isnull=False).exists()
    (noted,) = task.events.filter(kind="callback").exclude(detail={})
    assert (noted.attempt, noted.source, noted.notify_at) == (attempt, "callback", None)
    created = dt.datetime.fromtimestamp(int(evolink.tasks[own].created), dt.UTC)
    assert noted.detail == {
        "reason": "older_than_attempt",
        "provider_task_id": own,
        "created": created.isoformat(),
        "claimed_at": attempt.claimed_at.isoformat(),
    }
    decisions.attach(task, noted.detail["provider_task_id"], allow_earlier=True)
    assert task.status == TaskStatus.PENDING
    site.assert_accounted_for()


def test_readers_at_once_write_it_down_once(site_with_threads: Site, evolink: Simulator, monkeypatch):
    slow_history(monkeypatch)
    site_with_threads.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site_with_threads)
    evolink.tasks[own].created -= 180
    snapshot = callbacks.provider.client().get_task(own)
    copies = [Attempt.objects.select_related("task").get() for _reader in range(3)]
    at_once(*(lambda copy=copy: callbacks.apply_callback(copy, snapshot) for copy in copies))
    assert task.events.filter(kind="callback").count() == 1


def test_token_that_names_one_old_task(site: Site, evolink: Simulator):
    """A token that names one old task after another does not fill the history."""
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    attempt, real = task.attempts.get(), evolink.tasks[own]
    for number in range(8):
        old = replace(real, id=f"task-unified-{1757169743 + number}-older000", created=real.created - 86_400)
        evolink.tasks.add(old)
        call_back(attempt, old.id)
    assert task.events.filter(kind="callback").exclude(detail={}).count() == matching.MOST_OLDER
    call_back(attempt, own)
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING


@pytest.mark.parametrize("what", ["another model", "another task's"])
def test_what_cannot_be_it_for_more_than_its_age_is_not_written_down(site: Site, evolink: Simulator, what: str):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    other = site.send(site.queued("A dog"))
    task, own = unconfirmed(site)
    named = other.attempt.provider_task_id if what == "another task's" else own
    evolink.tasks[named].created -= 3600
    if what == "another model":
        evolink.tasks[named].model = "wan2.5-image-to-video"
    call_back(task.attempt, named)
    assert not task.events.filter(kind="callback").exclude(detail={}).exists()


def test_a_token_binds_a_task_whose_clock_is_a_little_behind(site: Site, evolink: Simulator):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    evolink.tasks[own].created -= 100
    call_back(task.attempt, own)
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING


def test_a_token_never_binds_a_task_of_another_model(site: Site, evolink: Simulator):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    evolink.tasks[own].model = "wan2.5-image-to-video"
    call_back(task.attempt, own)
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED


@pytest.mark.fault("K3.callback-while-404")
def test_callback_that_names_task_evolink(site: Site, evolink: Simulator):
    """A callback that names a task EvoLink does not know is read again for 26 hours."""
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, _own = unconfirmed(site)
    call_back(task.attempt, "task-unified-1757169743-unknown1")
    receipt = CallbackReceipt.objects.get()
    assert receipt.process_at is not None, "EvoLink may only lag behind"
    assert evolink.journal.count("get") == 1
    for hours in (1, 25.9, 26.1):
        received_at = timezone.now() - dt.timedelta(hours=hours)
        CallbackReceipt.objects.update(process_at=timezone.now(), received_at=received_at)
        callbacks.process_pending()
        receipt.refresh_from_db()
        assert (receipt.process_at is None) == (hours > 26)
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED
    assert task.attempt.provider_task_id is None


def test_a_callback_is_kept_while_a_gateway_answers_in_evolinks_place(site: Site, evolink: Simulator, monkeypatch):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    with monkeypatch.context() as between:
        gateway_page(between)
        call_back(task.attempt, own)
        for _try in range(4):
            CallbackReceipt.objects.update(process_at=timezone.now(), received_at=timezone.now() - dt.timedelta(days=2))
            callbacks.process_pending()
    CallbackReceipt.objects.filter(process_at__isnull=False).update(process_at=timezone.now())
    callbacks.process_pending()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    assert task.attempts.get().provider_task_id == own


def test_callback_that_names_another_accounts_task(site: Site, evolink: Simulator):
    """A callback that names another accounts task is not asked for for ever."""
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, _own = unconfirmed(site)
    evolink.faults.add("get", "403", times=None)
    call_back(task.attempt, "task-unified-1757169743-foreign1")
    assert CallbackReceipt.objects.get().process_at is not None
    CallbackReceipt.objects.update(process_at=timezone.now(), received_at=timezone.now() - dt.timedelta(hours=27))
    callbacks.process_pending()
    assert CallbackReceipt.objects.get().process_at is None


def test_a_callback_is_kept_while_our_key_is_refused(site: Site, evolink: Simulator):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    evolink.faults.add("get", "401", times=2)
    call_back(task.attempt, own)
    CallbackReceipt.objects.update(process_at=timezone.now(), received_at=timezone.now() - dt.timedelta(days=2))
    callbacks.process_pending()
    CallbackReceipt.objects.update(process_at=timezone.now())
    callbacks.process_pending()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING


def test_repeated_callbacks_change_nothing_more(site: Site, evolink: Simulator):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    evolink.complete(own)
    for _time in range(3):
        call_back(task.attempt, own)
    site.finish(task)
    before = (site.history(task), evolink.journal.count("get"))
    for status in ("completed", "pending", "failed"):
        call_back(task.attempt, own, status)
    task.refresh_from_db()
    assert task.status == TaskStatus.COMPLETED
    assert (site.history(task), evolink.journal.count("get")) == before
    assert site.history(task).count("callback") == 1
    assert not CallbackReceipt.objects.filter(process_at__isnull=False).exists()


def superseded(site: Site) -> tuple[VideoTask, Attempt, str]:
    """A task that was sent again although its first request had been accepted."""
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    first = task.attempts.get()
    decisions.resend(task)
    return task, first, own


def test_late_callback_of_superseded_attempt_is_taken(site: Site, evolink: Simulator):
    """A late callback of a superseded attempt is taken up while the task still waits."""
    task, first, own = superseded(site)
    evolink.complete(own)
    call_back(first, own)
    site.finish(task)
    assert task.status == TaskStatus.COMPLETED
    assert site.posts() == 1, "the second charge was saved"
    assert task.attempts.get().provider_task_id == own
    evolink.ledger.assert_charged_once()


def test_late_callback_of_superseded_attempt_is_kept(site: Site, evolink: Simulator):
    """A late callback of a superseded attempt is kept as a task of its own."""
    task, first, own = superseded(site)
    VideoTask.objects.filter(pk=task.pk).update(metadata={"sku": "X1"}, owner=None)
    site.send(task)
    assert task.status == TaskStatus.PENDING
    for accepted in evolink.tasks.values():
        evolink.complete(accepted.id)
    for _time in range(3):
        call_back(first, own)
    second = task.children.get()
    assert second.metadata == {}, "receivers of the site must not take it for the first"
    assert second.attempt.provider_task_id == own
    site.finish(task)
    site.finish(second)
    assert (task.status, second.status) == (TaskStatus.COMPLETED, TaskStatus.COMPLETED)
    assert task.video.name != second.video.name
    assert site.history(task).count("duplicate") == 1
    assert site.history(second).count("stored") == 1
    assert VideoTask.objects.count() == 2
    site.assert_accounted_for()


def test_a_late_callback_after_a_person_said_not_accepted_keeps_the_video(site: Site, evolink: Simulator):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    attempt = task.attempts.get()
    decisions.mark_not_accepted(task)
    evolink.complete(own)
    call_back(attempt, own)
    second = task.children.get()
    site.finish(second)
    task.refresh_from_db()
    assert (task.status, second.status) == (TaskStatus.FAILED, TaskStatus.COMPLETED)
    site.assert_accounted_for()


def test_evolink_says_of_earlier_attempt(site: Site, evolink: Simulator):
    """What EvoLink says of an earlier attempt does not touch the one that counts."""
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task = site.send(site.queued())
    first = task.attempts.get()
    evolink.fail(first.provider_task_id, "service_error")
    call_back(first, first.provider_task_id, "failed")
    task.refresh_from_db()
    assert task.status == TaskStatus.FAILED
    task.retry()
    call_back(first, first.provider_task_id, "failed")
    task.refresh_from_db()
    assert task.status == TaskStatus.QUEUED, "a late copy of the first failure"
    site.make_due()
    site.send(task)
    call_back(first, first.provider_task_id, "failed")
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    assert task.attempts.get(number=2).state == AttemptState.ACCEPTED


def given_up(site: Site) -> tuple[VideoTask, Attempt]:
    """A task that failed because EvoLink said for 26 hours that it does not know its id."""
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task = site.send(site.queued())
    first = task.attempts.get()
    site.sim.faults.add("get", "404", times=3)
    for _look in range(3):
        jobs.sync(str(task.pk))
        VideoTask.objects.filter(pk=task.pk).update(accepted_at=timezone.now() - dt.timedelta(hours=27))
    task.refresh_from_db()
    assert (task.status, task.error_code) == (TaskStatus.FAILED, "resource_not_found")
    return task, first


def given_up_and_tried_again(site: Site, evolink: Simulator) -> tuple[VideoTask, Attempt]:
    """One that was given up and tried again while EvoLink made its video after all."""
    task, first = given_up(site)
    task.retry()
    evolink.complete(first.provider_task_id)
    return task, first


def test_a_video_that_was_given_up_is_taken_up_again_while_its_retry_waits(site: Site, evolink: Simulator):
    task, first = given_up_and_tried_again(site, evolink)
    call_back(first, first.provider_task_id)
    site.finish(task)
    assert task.status == TaskStatus.COMPLETED
    assert site.posts() == 1
    evolink.ledger.assert_charged_once()


def test_its_own_id_is_taken_up_again_whatever_the_clocks_say(site: Site, evolink: Simulator):
    task, first = given_up_and_tried_again(site, evolink)
    evolink.tasks[first.provider_task_id].created -= 3600
    call_back(first, first.provider_task_id)
    site.finish(task)
    assert (task.status, site.posts()) == (TaskStatus.COMPLETED, 1)


def test_video_that_was_given_up_and_made_again(site: Site, evolink: Simulator):
    """A video that was given up and made again is kept as a second result."""
    task, first = given_up_and_tried_again(site, evolink)
    own = first.provider_task_id
    # It says of this one for long enough that it does not know it, so another is sent as was asked.
    evolink.faults.add("get", "404", times=3)
    for _look in range(3):
        site.make_due()
        site.send(task)
    assert site.posts() == 2
    call_back(first, own)
    call_back(first, own)
    second = task.children.get()
    evolink.complete(task.attempt.provider_task_id)
    site.finish(second)
    site.finish(task)
    assert (task.status, second.status) == (TaskStatus.COMPLETED, TaskStatus.COMPLETED)
    assert second.attempt.provider_task_id == own
    site.assert_accounted_for()
    call_back(first, own)
    assert VideoTask.objects.count() == 2


def test_video_of_failed_task_that_comes(site: Site, evolink: Simulator):
    """A video of a failed task that comes after all is told and can be fetched."""
    task, attempt = given_up(site)
    evolink.complete(attempt.provider_task_id)
    for _time in range(2):
        call_back(attempt, attempt.provider_task_id)
    task.refresh_from_db()
    assert task.status == TaskStatus.FAILED, "an end is an end"
    assert site.history(task).count("needs_decision") == 1
    task.retry()
    assert task.status == TaskStatus.STORING, "fetched, not made again"
    site.finish(task)
    assert (task.status, site.posts()) == (TaskStatus.COMPLETED, 1)


def test_a_retry_does_not_wipe_away_a_video_that_arrives_at_this_moment(site: Site, evolink: Simulator, monkeypatch):
    task, attempt = given_up(site)
    evolink.complete(attempt.provider_task_id)
    check_complete = actions.creation.check_complete

    def while_the_callback_comes(checked: VideoTask) -> None:
        check_complete(checked)
        call_back(attempt, attempt.provider_task_id)

    monkeypatch.setattr(actions.creation, "check_complete", while_the_callback_comes)
    task.retry()
    assert task.status == TaskStatus.STORING
    site.finish(task)
    assert (task.status, site.posts()) == (TaskStatus.COMPLETED, 1)


def test_callback_read_with_old_copy_of_its_attempt(site: Site, evolink: Simulator):
    """A callback read with an old copy of its attempt still finds what became of it.

    The reader has loaded the attempt; before it goes on, the attempt is given up and its task queued.
    """
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task, own = unconfirmed(site)
    stale = Attempt.objects.select_related("task").get()
    decisions.resend(task)
    callbacks.apply_callback(stale, callbacks.provider.client().get_task(own))
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    assert VideoTask.objects.count() == 1, "no second task while the first can take it"


def test_an_id_is_waited_for_while_the_database_restarts(site_with_threads: Site, evolink: Simulator, monkeypatch):
    from django.db import OperationalError

    from django_wanvideo.models import lifecycle

    advance, troubles = lifecycle.advance, []

    def restarting(task, to, **options):
        if to == TaskStatus.PENDING and len(troubles) < 2:
            troubles.append(to)
            raise OperationalError("the database system is starting up")
        return advance(task, to, **options)

    monkeypatch.setattr(lifecycle, "advance", restarting)
    monkeypatch.setattr(binding, "DATABASE_RETRY_DELAYS", (0.01, 0.01, 0.01))
    task = site_with_threads.send(site_with_threads.queued())
    assert (task.status, len(troubles)) == (TaskStatus.PENDING, 2)
    assert site_with_threads.posts() == 1


def test_id_that_database_does_not_take_is_written(site_with_threads: Site, evolink: Simulator, monkeypatch, caplog):
    """An id that the database does not take is written to the log and bound by the next sweep."""
    from django.db import OperationalError

    from django_wanvideo.models import lifecycle

    advance = lifecycle.advance

    def gone(task, to, **options):
        if to == TaskStatus.PENDING:
            raise OperationalError("gone")
        return advance(task, to, **options)

    monkeypatch.setattr(binding, "DATABASE_RETRY_DELAYS", (0.01,))
    task = site_with_threads.queued()
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "advance", gone)
        with pytest.raises(OperationalError):
            site_with_threads.send(task)
    assert evolink.tasks.latest.id in caplog.text
    site_with_threads.make_due()
    site_with_threads.sweep()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING, "it was kept elsewhere too"


@pytest.mark.parametrize("amount", [123456789.5, 999999999])
def test_an_odd_figure_beside_the_id_does_not_cost_the_id(site: Site, evolink: Simulator, amount: float, monkeypatch):
    from decimal import Decimal

    original = evolink.engine.accept

    def dear(*args, **options):
        made = original(*args, **options)
        made.reserved = Decimal(str(amount))
        return made

    monkeypatch.setattr(evolink.engine, "accept", dear)
    task = site.send(site.queued())
    assert task.status == TaskStatus.PENDING
    assert task.credits_reserved is None
