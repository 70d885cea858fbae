"""Rows of a batch are made and sent once each, whoever dies, whoever presses twice, and however many work on it."""

from __future__ import annotations

import contextlib
import threading

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from django_wanvideo import batches, jobs, queue
from django_wanvideo.batches import checking, making, planning, work
from django_wanvideo.choices import BatchEventKind, TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Batch, BatchItem, TaskEvent, VideoTask
from django_wanvideo.services import due
from django_wanvideo.services.sweep import sweep
from tests.services.process import in_a_process
from tests.threads import at_once

LINK = "https://example.com/fox.jpg"


def checked(count=30, **settings):
    """Make a batch whose rows are stored and wait for somebody to confirm them."""
    given = [{"first_frame": f"{LINK}?{n}", "prompt": f"fox {n}"} for n in range(1, count + 1)]
    plan = batches.plan(given, name="Spring")
    batch = Batch.objects.create(name="Spring", state=Batch.State.CHECKED, settings=settings)
    for chunk in planning.chunked(plan._checked(batch)):
        planning.store(batch, chunk)
    batch.terms = planning.terms([], None, None)
    batch.save()
    return batch


def rows_of_tasks():
    return sorted(VideoTask.objects.values_list("row_number", flat=True))


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_each_row_once(monkeypatch):
    batch = checked()
    making.confirm(batch)

    def make():
        while making.make_chunk(batch.pk, most=4):
            pass

    at_once(make, make)
    assert rows_of_tasks() == list(range(1, 31))
    assert TaskEvent.objects.filter(kind="created").count() == 30
    assert BatchItem.objects.filter(task=None).count() == 0
    batch.refresh_from_db()
    assert batch.state == Batch.State.READY


@pytest.mark.django_db(transaction=True)
def test_two_presses_confirm_once():
    batch = checked(3)
    results = at_once(*[lambda: press(batch.pk)] * 2)
    assert sorted(results) == [False, True]
    assert batch.events.filter(kind=BatchEventKind.CREATED).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["confirming", "making"])
def test_of_two_same_batches_at_the_same_moment_one_is_made(door, monkeypatch):
    pair = [checked(3), checked(3)]
    both = threading.Barrier(2)

    def meeting(look):
        """Let both look for what was made meanwhile before either goes on, if they can."""

        def looked(*args, **options):
            found = look(*args, **options)
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(timeout=0.5)
            return found

        return looked

    if door == "confirming":
        monkeypatch.setattr(checking, "_refuse_made_meanwhile", meeting(checking._refuse_made_meanwhile))
        assert sorted(at_once(*[lambda pk=batch.pk: press(pk) for batch in pair])) == [False, True]
        return
    for batch in pair:
        making.confirm(batch)
    monkeypatch.setattr(making, "known_contents", meeting(making.known_contents))
    at_once(*[lambda pk=batch.pk: making.make_chunk(pk) for batch in pair])
    assert rows_of_tasks() == [1, 2, 3]


def press(pk):
    try:
        checking.confirm(Batch.objects.get(pk=pk))
    except TransitionNotAllowed:
        return False
    return True


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["TaskEvent", "MediaInput"])
def test_a_worker_that_dies_in_a_chunk_leaves_nothing_half_made(place):
    batch = checked(10)
    making.confirm(batch)
    code = f"""
from unittest import mock
from django_wanvideo.batches import making
with mock.patch.object(making.{place}.objects, "bulk_create", lambda rows: os._exit(9)):
    making.make_chunk("{batch.pk}", most=5)
"""
    assert in_a_process(code).returncode == 9
    assert VideoTask.objects.count() == 0
    making.make_all(batch)
    assert rows_of_tasks() == list(range(1, 11))


@pytest.mark.django_db
def test_the_sweep_makes_and_sends_what_a_lost_job_left(settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_IN_FLIGHT": 0}
    batch = checked(12)
    checking.confirm(batch, submit=True)
    # The wake-up through Redis never comes; the sweep alone goes on.
    sweep(jobs.run_here)
    assert rows_of_tasks() == list(range(1, 13))
    assert set(VideoTask.objects.values_list("status", flat=True)) == {TaskStatus.QUEUED}
    batch.refresh_from_db()
    assert batch.state == Batch.State.SUBMITTED


@pytest.mark.django_db
def test_a_worker_that_stops_in_the_middle_is_gone_on_with_where_it_was(settings, monkeypatch):
    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_IN_FLIGHT": 0}
    monkeypatch.setattr(work, "CHUNK", 5)
    monkeypatch.setattr(work, "TURN", -1.0)
    batch = checked(12)
    checking.confirm(batch, submit=True)
    seen = set()
    for _ in range(20):
        work.work(batch.pk)
        Batch.objects.filter(pk=batch.pk).update(next_action_at=batch.created_at)
        seen.add(VideoTask.objects.filter(status=TaskStatus.QUEUED).count())
    assert {5, 10, 12} <= seen
    assert TaskEvent.objects.filter(kind="queued").count() == 12


@pytest.mark.django_db
def test_cancelling_stops_the_making():
    batch = checked(12)
    checking.confirm(batch, submit=True)
    making.make_chunk(batch.pk, most=5)
    batch.cancel()
    work.work(batch.pk)
    batch.refresh_from_db()
    assert (batch.state, batch.operation) == (Batch.State.ENDED, "")
    assert set(VideoTask.objects.values_list("status", flat=True)) == {TaskStatus.DRAFT}
    assert VideoTask.objects.count() == 5
    assert not batch.events.filter(kind=BatchEventKind.FINISHED).exists()
    with pytest.raises(TransitionNotAllowed):
        batch.submit()


@pytest.mark.django_db
def test_cancelling_withdraws_what_was_not_sent(settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_IN_FLIGHT": 0}
    batch = checked(12)
    checking.confirm(batch, submit=True)
    work.work(batch.pk)
    VideoTask.objects.filter(batch=batch, row_number=1).update(status=TaskStatus.PROCESSING)
    batch.refresh_from_db()
    batch.cancel()
    work.work(batch.pk)
    by_status = list(VideoTask.objects.order_by("row_number").values_list("status", flat=True))
    assert by_status == [TaskStatus.PROCESSING, *[TaskStatus.CANCELLED] * 11]
    VideoTask.objects.filter(row_number=1).update(status=TaskStatus.COMPLETED)
    Batch.objects.update(next_action_at=batch.created_at)
    work.work(batch.pk)
    event = batch.events.get(kind=BatchEventKind.FINISHED)
    assert (event.detail["completed"], event.detail["cancelled"]) == (1, 11)


@pytest.mark.django_db
def test_a_whole_retry_takes_passing_failures_and_is_told(settings):
    """A whole retry takes what failed for a passing reason and is told once more."""
    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_IN_FLIGHT": 0}
    batch = checked(3)
    checking.confirm(batch, submit=True)
    work.work(batch.pk)
    failed = VideoTask.objects.filter(batch=batch)
    failed.update(status=TaskStatus.FAILED, error_code="service_error", finished_at=batch.created_at)
    failed.filter(row_number=3).update(error_code="content_policy_violation")
    Batch.objects.update(next_action_at=batch.created_at)
    work.work(batch.pk)
    batch.refresh_from_db()
    assert batch.state == Batch.State.ENDED
    batch.retry()
    work.work(batch.pk)
    statuses = list(VideoTask.objects.order_by("row_number").values_list("status", flat=True))
    assert statuses == [TaskStatus.QUEUED, TaskStatus.QUEUED, TaskStatus.FAILED]
    VideoTask.objects.filter(status=TaskStatus.QUEUED).update(status=TaskStatus.COMPLETED)
    Batch.objects.update(next_action_at=batch.created_at)
    work.work(batch.pk)
    assert batch.events.filter(kind=BatchEventKind.FINISHED).count() == 2


@pytest.mark.django_db
def test_prices_limits_and_preset_of_the_check_are_those_of_the_press(settings):
    batch = checked(2)
    settings.WANVIDEO = {**settings.WANVIDEO, "DAILY_CREDIT_LIMIT": 100}
    with pytest.raises(checking.TermsChanged):
        checking.confirm(batch)
    assert Batch.objects.get(pk=batch.pk).state == Batch.State.CHECKED


@pytest.mark.django_db
def test_a_check_that_nobody_confirms_goes_with_its_files_after_a_day(settings):
    batch = checked(2)
    Batch.objects.update(expires_at=batch.created_at, next_action_at=batch.created_at)
    sweep(jobs.run_here)
    assert not Batch.objects.exists()
    assert not BatchItem.objects.exists()


@pytest.mark.django_db
def test_who_may_not_spend_sends_nothing():
    somebody = get_user_model().objects.create_user("tom", password=None)
    batch = checked(2)
    checking.confirm(batch)
    work.work(batch.pk)
    with pytest.raises(PermissionDenied):
        batch.submit(by=somebody)
    with pytest.raises(PermissionDenied):
        checking.confirm(checked(2), by=somebody, submit=True)
    assert set(VideoTask.objects.values_list("status", flat=True)) == {TaskStatus.DRAFT}


@pytest.mark.django_db(transaction=True)
def test_a_press_wakes_one_job(monkeypatch):
    woken = []
    monkeypatch.setattr(queue.jobs, "enqueue", lambda job, *ids: woken.append((job, *ids)) or True)
    batch = checked(2)
    checking.confirm(batch)
    assert woken == [("batch", str(batch.pk))]


@pytest.mark.django_db
def test_one_press_tries_a_task_again_once():
    """One press tries a task again once however often its rows are gone through."""
    batch = failed_batch()
    batch.retry()
    queued = [task.queued_at for task in batch.tasks.order_by("row_number")]
    work.work(batch.pk)
    assert TaskEvent.objects.filter(task__batch=batch, kind="retried").count() == 2
    # As if the worker had died before it said so, and the tasks had failed once more meanwhile.
    VideoTask.objects.filter(batch=batch).update(status=TaskStatus.FAILED, error_code="service_error")
    Batch.objects.filter(pk=batch.pk).update(operation="retry", cursor=0, next_action_at=batch.next_action_at)
    work.work(batch.pk)
    assert TaskEvent.objects.filter(task__batch=batch, kind="retried").count() == 2
    assert queued != [task.queued_at for task in batch.tasks.order_by("row_number")]


@pytest.mark.django_db
def test_a_free_fetch_whose_link_has_ended_is_not_paid_for():
    """What was to be fetched for nothing is not paid for once its link has ended."""
    batch = failed_batch()
    batch.retry()
    ended = timezone.now()
    # It was alive at the press, and has ended before a worker came.
    assert batch.submitted_at < ended
    VideoTask.objects.filter(batch=batch, row_number=1).update(
        result_url="https://files.example/v.mp4", result_expires_at=ended
    )
    work.work(batch.pk)
    assert list(batch.tasks.order_by("row_number").values_list("status", flat=True)) == ["failed", "queued"]


def failed_batch():
    """A batch of two that have failed for a passing reason."""
    given = [{"first_frame": f"{LINK}?{n}", "prompt": f"fox {n}"} for n in (1, 2)]
    batch = batches.plan(given, name="Spring").create(again=True)
    now = timezone.now()
    Batch.objects.filter(pk=batch.pk).update(state="submitted", submitted_at=now)
    batch.tasks.update(status=TaskStatus.FAILED, error_code="service_error", queued_at=now, finished_at=now)
    batch.refresh_from_db()
    return batch


@pytest.mark.django_db
def test_an_ended_batch_is_left_alone():
    batch = checked(1)
    checking.confirm(batch, submit=True)
    work.work(batch.pk)
    VideoTask.objects.update(status=TaskStatus.COMPLETED)
    for _ in range(3):
        Batch.objects.exclude(next_action_at=None).update(next_action_at=batch.created_at)
        work.work(batch.pk)
    batch.refresh_from_db()
    assert (batch.state, batch.next_action_at) == (Batch.State.ENDED, None)
    assert not due.batches().exists()


@pytest.mark.django_db
def test_an_end_whose_teller_died_is_told_again(monkeypatch):
    batch = checked(1)
    checking.confirm(batch, submit=True)
    work.work(batch.pk)
    VideoTask.objects.update(status=TaskStatus.COMPLETED)
    # As if the worker had died in a receiver: the event stays claimed.
    monkeypatch.setattr(work.notifications, "deliver_batch", lambda *args: 0)
    for _ in range(3):
        Batch.objects.exclude(next_action_at=None).update(next_action_at=batch.created_at)
        work.work(batch.pk)
    event = batch.events.get(kind=BatchEventKind.FINISHED)
    batch.refresh_from_db()
    assert batch.next_action_at == event.notify_at
    assert due.batches().exists()


@pytest.mark.django_db
def test_two_batches_of_the_same_rows_make_them_once():
    first, second = checked(3), checked(3)
    making.confirm(first)
    making.confirm(second)
    making.make_all(first)
    making.make_all(second)
    assert (first.tasks.count(), second.tasks.count()) == (3, 0)
    assert second.items.filter(is_repeat=True).count() == 3


@pytest.mark.django_db
def test_two_workers_that_see_the_end_tell_it_once():
    batch = checked(1)
    checking.confirm(batch, submit=True)
    work.work(batch.pk)
    VideoTask.objects.update(status=TaskStatus.COMPLETED)
    seen_by_both = Batch.objects.get(pk=batch.pk)
    work._finish(seen_by_both)
    work._finish(seen_by_both)
    assert batch.events.filter(kind=BatchEventKind.FINISHED).count() == 1
