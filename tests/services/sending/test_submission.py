"""Queueing, cancelling, retrying, and what keeps a queued task back."""

from __future__ import annotations

import datetime as dt
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.storage import InMemoryStorage
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import AttemptState, Charge, TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.failures import ADVICE
from django_wanvideo.models import Attempt, MediaInput, VideoTask
from django_wanvideo.models.creation import creation, media
from django_wanvideo.services import leases
from django_wanvideo.services.provider import provider
from django_wanvideo.services.sending import submission
from tests.pictures import picture

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

S = TaskStatus


def at(site: Site, status: TaskStatus) -> VideoTask:
    """A task that has come to ``status`` by its own road."""
    task = site.draft()
    if status == S.DRAFT:
        return task
    task.submit()
    if status == S.QUEUED:
        return task
    if status == S.CANCELLED:
        task.cancel()
        return task
    if status == S.UNCONFIRMED:
        site.sim.faults.add("create", "accept_then_close")
    if status == S.FAILED:
        site.sim.faults.add("create", "400")
    site.send(task)
    own = task.attempt.provider_task_id
    if status == S.PROCESSING:
        site.sim.set_progress(own, 20)
        jobs.sync(str(task.pk))
    if status in {S.STORING, S.COMPLETED}:
        site.sim.complete(own)
        jobs.sync(str(task.pk))
    if status == S.COMPLETED:
        jobs.store(str(task.pk))
    task.refresh_from_db()
    assert task.status == status
    return task


REACHABLE = [S.DRAFT, S.QUEUED, S.UNCONFIRMED, S.PENDING, S.PROCESSING, S.STORING, S.COMPLETED, S.FAILED, S.CANCELLED]
ALLOWED = {"submit": {S.DRAFT}, "cancel": {S.QUEUED}, "retry": {S.FAILED, S.CANCELLED}}


@pytest.mark.parametrize("status", REACHABLE)
@pytest.mark.parametrize("what", ALLOWED)
def test_status_does_not_allow_is_refused_in_words(site: Site, evolink: Simulator, what: str, status: TaskStatus):
    """What the status does not allow is refused in words and changes nothing."""
    task = at(site, status)
    before = VideoTask.objects.values().get()
    if status in ALLOWED[what]:
        getattr(task, what)()
        assert task.status != status
        return
    with pytest.raises(TransitionNotAllowed) as refused:
        getattr(task, what)()
    assert str(S(status).label) in str(refused.value)
    assert (refused.value.status, refused.value.action) == (status, what)
    assert vars(pickle.loads(pickle.dumps(refused.value))) == vars(refused.value)
    assert VideoTask.objects.values().get() == before


@pytest.mark.parametrize("status", [status for status in REACHABLE if status != S.QUEUED])
def test_a_stray_job_sends_nothing(site: Site, evolink: Simulator, status: TaskStatus):
    task = at(site, status)
    before = site.posts(), VideoTask.objects.values().get()
    jobs.submit(str(task.pk))
    assert (site.posts(), VideoTask.objects.values().get()) == before


def test_a_job_for_a_task_that_is_gone_is_no_error(site: Site, evolink: Simulator):
    jobs.submit("00000000-0000-4000-8000-000000000000")
    jobs.sync("00000000-0000-4000-8000-000000000000")
    jobs.store("00000000-0000-4000-8000-000000000000")
    assert site.posts() == 0


def test_pressing_generate_is_in_the_history_with_who_did_it(site: Site, evolink: Simulator):
    person = User.objects.create_user("ann")
    task = site.draft()
    task.submit(by=person)
    event = task.events.get(kind="queued")
    assert (event.actor, event.source, event.from_status, event.to_status) == (person, "user", "draft", "queued")
    other = site.queued()
    assert other.events.get(kind="queued").source == "application"


def test_a_draft_that_is_no_longer_acceptable_is_not_queued(site: Site, evolink: Simulator):
    task = site.draft()
    task.inputs.all().delete()
    with pytest.raises(ValidationError) as refused:
        task.submit()
    assert "first_frame" in refused.value.message_dict
    task.refresh_from_db()
    assert task.status == S.DRAFT


def test_a_retry_starts_from_a_clean_slate_and_keeps_the_old_attempts(site: Site, evolink: Simulator):
    task = at(site, S.PROCESSING)
    evolink.fail(task.attempt.provider_task_id, "service_error", "Down.")
    jobs.sync(str(task.pk))
    task.retry()
    task.refresh_from_db()
    assert (task.progress, task.error_code, task.error_message, task.finished_at) == (0, "", "", None)
    assert (task.accepted_at, task.credits_reserved, task.result_url, task.overdue_notified_at) == (
        None,
        None,
        "",
        None,
    )
    assert task.charge == Charge.NONE
    site.make_due()
    site.send(task)
    assert list(task.attempts.order_by("number").values_list("number", "state")) == [
        (1, AttemptState.FINISHED),
        (2, AttemptState.ACCEPTED),
    ]


def test_a_task_cancelled_in_the_queue_cost_nothing(site: Site, evolink: Simulator):
    task = at(site, S.CANCELLED)
    assert task.charge == Charge.NONE
    assert task.next_action_at is None
    assert site.posts() == 0


def test_the_body_is_kept_as_it_was_sent(site: Site, evolink: Simulator):
    task = site.queued(duration=5, quality="1080p", generate_audio=False)
    site.send(task)
    sent = evolink.tasks.latest.body
    assert task.attempt.request == sent
    assert sent["duration"] == 5


def test_worker_without_key_leaves_one_line_of_history(site: Site, evolink: Simulator):
    """A worker without a key leaves one line of history however often it looks."""
    site.configure(API_KEY="")
    task = site.queued()
    for _look in range(4):
        site.make_due()
        site.send(task)
    assert site.history(task).count("waiting") == 1
    assert task.delay_reason == "no_api_key"


def test_a_key_from_a_callable_is_asked_for_when_it_is_needed(site: Site, evolink: Simulator):
    site.configure(API_KEY=lambda: "sk-simulator")
    assert site.send(site.queued()).status == S.PENDING


def test_a_task_held_by_a_worker_is_left_to_it(site: Site, evolink: Simulator):
    task = site.queued()
    lease = leases.acquire(task.pk, S.QUEUED)
    site.send(task)
    assert (task.status, site.posts()) == (S.QUEUED, 0)
    lease.release()
    assert site.send(task).status == S.PENDING


def test_a_worker_whose_hold_was_taken_over_does_not_claim(
    site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch
):
    task = site.queued()
    urls = media.provider_urls

    def too_slow(*args: Any) -> Any:
        VideoTask.objects.update(lease_expires_at=timezone.now() + dt.timedelta(seconds=500))
        return urls(*args)

    monkeypatch.setattr(media, "provider_urls", too_slow)
    site.send(task)
    assert (task.status, site.posts()) == (S.QUEUED, 0)
    assert not Attempt.objects.exists()


def test_what_stops_a_worker_before_it_sends_leaves_the_task_in_the_queue(
    site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch
):
    task = site.queued()

    def stop(*args: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(media, "provider_urls", stop)
        with pytest.raises(MemoryError):
            site.send(task)
    task.refresh_from_db()
    assert (task.status, task.lease_expires_at) == (S.QUEUED, None)
    assert site.send(task).status == S.PENDING


def test_an_address_that_cannot_be_used_sends_nothing(site: Site, evolink: Simulator, caplog: Any):
    site.configure(ALLOW_PRIVATE_HOSTS=False)
    task = site.send(site.queued())
    assert (task.status, task.delay_reason) == (S.QUEUED, "misconfigured")
    assert site.posts() == 0
    assert "BASE_URL must begin with https://" in caplog.text


class Locked(InMemoryStorage):
    """A storage that has every file and gives none."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        raise PermissionError(13, "Permission denied", name)


@pytest.fixture
def locked_picture(site: Site, monkeypatch: pytest.MonkeyPatch) -> VideoTask:
    """A queued task whose picture the storage does not give."""
    task = site.queued(first_frame=picture())
    monkeypatch.setattr(MediaInput._meta.get_field("file"), "storage", Locked())
    return task


def test_a_storage_that_does_not_give_the_picture_puts_the_task_off(site: Site, locked_picture: VideoTask, caplog: Any):
    task = site.send(locked_picture)
    assert (task.status, task.delay_reason, task.lease_expires_at) == (S.QUEUED, "input_unreadable", None)
    assert task.delayed_until is not None
    assert task.delayed_until > timezone.now()
    assert site.history(task)[-1] == "waiting"
    assert "PermissionError" in caplog.text
    assert site.posts() == 0


@pytest.mark.parametrize("reason", ["input_unreadable", "put_off_too_long"])
def test_what_does_not_get_ready_for_a_day_fails_with_words(
    site: Site, evolink: Simulator, request: pytest.FixtureRequest, reason: str
):
    if reason == "input_unreadable":
        task = request.getfixturevalue("locked_picture")
    else:
        task = site.queued(first_frame=picture())
        evolink.faults.add("upload", "503", times=None)
    assert site.send(task).status == S.QUEUED
    VideoTask.objects.update(queued_at=timezone.now() - dt.timedelta(hours=25))
    site.make_due()
    task = site.send(task)
    assert (task.status, task.error_code) == (S.FAILED, reason)
    assert "whole day" in task.error_message
    assert reason in ADVICE
    assert task.charge == Charge.NONE


def test_a_file_service_that_asks_to_wait_holds_the_whole_site_back(site: Site, evolink: Simulator):
    evolink.faults.add("upload", "429", retry_after=90)
    task = site.send(site.queued(first_frame=picture()))
    assert (task.status, task.delay_reason) == (S.QUEUED, "upload_failed")
    paused = provider.backoff_until()
    assert paused is not None
    assert 80 < (paused - timezone.now()).total_seconds() <= 90


def test_a_task_deleted_while_it_is_checked_is_gone_and_not_incomplete(site: Site, monkeypatch: pytest.MonkeyPatch):
    task = site.draft()
    check = creation.check_complete

    def delete_first(stale: VideoTask) -> None:
        VideoTask.objects.get(pk=stale.pk).delete()
        check(stale)

    monkeypatch.setattr(creation, "check_complete", delete_first)
    with pytest.raises(VideoTask.DoesNotExist):
        task.submit()


def test_sending_makes_few_queries(site_with_threads: Site, evolink: Simulator, django_assert_max_num_queries: Any):
    task = site_with_threads.queued()
    with django_assert_max_num_queries(44):
        submission.send(task.pk)
    assert site_with_threads.posts() == 1
