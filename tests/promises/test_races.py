"""Several workers, tabs and presses at once: one POST for one wish."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from django.db import close_old_connections
from django.utils import timezone

from django_wanvideo import jobs, signals
from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Attempt, CallbackReceipt, VideoTask
from django_wanvideo.models.creation import media
from django_wanvideo.services import sweep as sweeping
from django_wanvideo.services.sending import submission
from django_wanvideo.services.tracking import callbacks, receipts
from tests.promises import processes, racer
from tests.threads import at_once, outcomes
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.integration


def posts_of_each(site: Site) -> list[int]:
    return sorted(Counter(entry.body["prompt"] for entry in site.sim.journal.find("create")).values())


@pytest.mark.parametrize("workers", [2, 4, 8])
def test_workers_that_claim_the_same_tasks_make_one_post_each(
    site_with_threads: Site, evolink: Simulator, workers: int
):
    tasks = [site_with_threads.queued(f"Wish {number}") for number in range(6)]
    ids = [str(task.pk) for task in tasks]

    def work() -> None:
        jobs.submit(*random.sample(ids, len(ids)))

    at_once(*[work] * workers)
    assert posts_of_each(site_with_threads) == [1] * 6
    assert set(VideoTask.objects.values_list("status", flat=True)) == {TaskStatus.PENDING}
    assert Attempt.objects.count() == 6
    evolink.ledger.assert_charged_once()


@pytest.mark.slow
def test_worker_processes_that_claim_the_same_tasks_make_one_post_each(
    site_with_threads: Site, evolink: Simulator, tmp_path: Path
):
    tasks = [site_with_threads.queued(f"Wish {number}") for number in range(12)]
    ids = [str(task.pk) for task in tasks]
    processes.race(tmp_path, *[("-m", "tests.promises.child", "never", *ids)] * 3)
    assert posts_of_each(site_with_threads) == [1] * 12
    assert set(VideoTask.objects.values_list("status", flat=True)) == {TaskStatus.PENDING}
    evolink.ledger.assert_charged_once()


def test_two_workers_that_send_one_task_make_one_post(site_with_threads: Site, evolink: Simulator, monkeypatch):
    """Two workers that send one task make one post even while its picture is uploaded.

    Both get past the first look at the row; only one may claim.
    """
    task = site_with_threads.queued()
    looking = threading.Barrier(2, timeout=10)
    urls = media.provider_urls

    def slowly(*args):
        looking.wait()
        return urls(*args)

    monkeypatch.setattr(media, "provider_urls", slowly)
    # A hold that has run out does not keep the second worker away: the claim itself must.
    monkeypatch.setattr(submission.leases, "acquire", lambda pk, status: submission.leases.Lease(pk, None))
    at_once(*[lambda: jobs.submit(str(task.pk))] * 2)
    assert site_with_threads.posts() == 1
    assert task.attempts.count() == 1


@pytest.mark.parametrize("how", ["submit", "retry"])
def test_pressed_in_several_tabs_at_once_it_is_queued_once(site_with_threads: Site, evolink: Simulator, how: str):
    task = site_with_threads.draft()
    if how == "retry":
        task.submit()
        task.cancel()

    def press() -> None:
        getattr(VideoTask.objects.get(pk=task.pk), how)()

    results = outcomes(*[press] * 4)
    assert sum(result is None for result in results) == 1
    assert all(result is None or isinstance(result, TransitionNotAllowed) for result in results)
    site_with_threads.send(task)
    assert site_with_threads.posts() == 1
    evolink.ledger.assert_charged_once()


def test_pressed_twice_from_a_stale_page_it_is_queued_once(site: Site, evolink: Simulator):
    task = site.draft()
    stale = VideoTask.objects.get(pk=task.pk)
    task.submit()
    site.send(task)
    with pytest.raises(TransitionNotAllowed):
        stale.submit()
    with pytest.raises(TransitionNotAllowed):
        stale.retry()
    assert site.posts() == 1


@pytest.mark.parametrize("_round", range(4))
def test_a_cancellation_and_a_worker_agree_on_who_was_first(site_with_threads: Site, evolink: Simulator, _round: int):
    task = site_with_threads.queued()

    def cancel() -> None:
        VideoTask.objects.get(pk=task.pk).cancel()

    cancelled, sent = outcomes(cancel, lambda: jobs.submit(str(task.pk)))
    assert sent is None
    task.refresh_from_db()
    if cancelled is None:
        assert (task.status, site_with_threads.posts()) == (TaskStatus.CANCELLED, 0)
        assert not task.attempts.exists()
    else:
        assert isinstance(cancelled, TransitionNotAllowed)
        assert (task.status, site_with_threads.posts()) == (TaskStatus.PENDING, 1)


def test_a_task_cancelled_while_its_picture_is_uploaded_is_not_sent(site: Site, evolink: Simulator, monkeypatch):
    task = site.queued()
    urls = media.provider_urls

    def and_cancel(*args):
        VideoTask.objects.get(pk=task.pk).cancel()
        return urls(*args)

    monkeypatch.setattr(media, "provider_urls", and_cancel)
    site.send(task)
    assert (task.status, site.posts()) == (TaskStatus.CANCELLED, 0)
    assert not task.attempts.exists()


def test_a_hold_that_falls_on_a_task_while_its_picture_is_uploaded_is_kept(site: Site, evolink: Simulator, monkeypatch):
    """Another worker was told to wait; this one had looked at the row before."""
    import datetime as dt

    from django.utils import timezone

    task = site.queued()
    urls = media.provider_urls
    later = timezone.now() + dt.timedelta(minutes=5)

    def and_hold(*args):
        VideoTask.objects.filter(pk=task.pk).update(delayed_until=later)
        return urls(*args)

    monkeypatch.setattr(media, "provider_urls", and_hold)
    site.send(task)
    assert (task.status, site.posts()) == (TaskStatus.QUEUED, 0)


def test_a_claim_that_could_still_be_rolled_back_is_refused(site_with_threads: Site, evolink: Simulator):
    """Sent from within somebody's transaction, the claim would be no more than an intention."""
    from django.db import transaction

    task = site_with_threads.queued()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        submission.send(task.pk)
    assert site_with_threads.posts() == 0


def test_the_sweep_and_a_worker_settle_a_slow_attempt_once(site_with_threads: Site, evolink: Simulator):
    for number in range(4):
        task = site_with_threads.queued(f"Wish {number}")
        evolink.faults.add("create", "accept_then_slow", seconds=0.1)

        def sweep_now() -> None:
            wait_until(lambda: Attempt.objects.filter(state="claimed").exists() or site_with_threads.posts(), "a claim")
            site_with_threads.make_due()
            site_with_threads.sweep()

        at_once(lambda pk=task.pk: jobs.submit(str(pk)), sweep_now)
        task.refresh_from_db()
        site_with_threads.make_due()
        site_with_threads.sweep()
        task.refresh_from_db()
        assert task.status == TaskStatus.PENDING, site_with_threads.history(task)
    evolink.ledger.assert_charged_once()
    site_with_threads.assert_accounted_for()


def test_readers_of_one_callback_bind_it_once(site_with_callbacks: Site, evolink: Simulator):
    evolink.faults.add("create", "accept_then_close", times=None)
    tasks = [site_with_callbacks.send(site_with_callbacks.queued(f"Wish {number}")) for number in range(3)]
    for accepted in list(evolink.tasks):
        evolink.complete(accepted)
    site_with_callbacks.wait_for_receipt(3)
    CallbackReceipt.objects.bulk_create(
        [
            CallbackReceipt(attempt_id=r.attempt_id, provider_task_id=r.provider_task_id)
            for r in CallbackReceipt.objects.all()
        ]
    )
    at_once(*[callbacks.process_pending] * 4)
    for task in tasks:
        task.refresh_from_db()
        history = site_with_callbacks.history(task)
        assert task.status == TaskStatus.STORING, history
        assert [history.count(kind) for kind in ("accepted", "generated", "callback")] == [1, 1, 1]
    assert VideoTask.objects.count() == 3
    site_with_callbacks.assert_accounted_for()


def test_callbacks_polls_and_sweeps_at_once_tell_each_receiver_once(site_with_callbacks: Site, evolink: Simulator):
    """Three callbacks, two polls and two sweeps that also store and tell, all for the same tasks."""
    told: Counter[tuple[str, str]] = Counter()
    lock = threading.Lock()

    def hear(name: str) -> Callable[..., None]:
        def receiver(task: VideoTask, **_kwargs: Any) -> None:
            with lock:
                told[name, str(task.pk)] += 1

        return receiver

    names = ("video_submitted", "video_completed", "video_finished", "video_failed")
    receivers = {name: hear(name) for name in names}
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver)
    try:
        tasks = [site_with_callbacks.send(site_with_callbacks.queued(f"Wish {number}")) for number in range(3)]
        for accepted in list(evolink.tasks):
            evolink.complete(accepted)
        site_with_callbacks.wait_for_receipt(3)
        ids = [task.pk for task in tasks]
        VideoTask.objects.filter(pk__in=ids).update(next_action_at=timezone.now())
        attempts = list(Attempt.objects.filter(task_id__in=ids))

        def call_back() -> None:
            for attempt in attempts:
                receipts.receive(attempt.pk, attempt.provider_task_id or "", {"status": "completed"})
            jobs.run_here("sync")

        def poll() -> None:
            jobs.run_here("sync", *(str(pk) for pk in ids))

        def sweep() -> None:
            sweeping.sweep(jobs.run_here)
            jobs.run_here("store", *(str(pk) for pk in ids))
            jobs.run_here("notify", *(str(pk) for pk in ids))

        at_once(*([call_back] * 3 + [poll] * 2 + [sweep] * 2))
        for task in tasks:
            site_with_callbacks.finish(task)
    finally:
        for name, receiver in receivers.items():
            getattr(signals, name).disconnect(receiver)
    once = {(name, str(pk)): 1 for name in names[:3] for pk in ids}
    assert told == once
    site_with_callbacks.assert_accounted_for()


@pytest.mark.slow
def test_processes_that_hear_read_and_look_tell_each_receiver_once(
    site_with_callbacks: Site, evolink: Simulator, tmp_path: Path
):
    """The same with processes: nothing that one of them remembers can help."""
    tasks = [site_with_callbacks.send(site_with_callbacks.queued(f"Wish {number}")) for number in range(6)]
    for accepted in list(evolink.tasks):
        evolink.complete(accepted)
    site_with_callbacks.wait_for_receipt(6)
    ids = [str(task.pk) for task in tasks]
    VideoTask.objects.filter(pk__in=ids).update(next_action_at=timezone.now())
    heard = tmp_path / "heard"
    roles = ["call_back"] * 3 + ["poll"] * 2 + ["sweep"] * 2
    processes.race(
        tmp_path, *[("-m", "tests.promises.racer", role, *ids) for role in roles], **{racer.HEARD: str(heard)}
    )
    receivers = racer.write_down(str(heard))
    for task in tasks:
        site_with_callbacks.finish(task)
        history = site_with_callbacks.history(task)
        assert [history.count(kind) for kind in ("accepted", "generated", "stored")] == [1, 1, 1], history
    del receivers
    assert Counter(heard.read_text().split("\n")[:-1]) == {f"{name} {pk}": 1 for name in racer.SIGNALS for pk in ids}
    site_with_callbacks.assert_accounted_for()


def test_two_second_results_of_one_wish_become_one_task(site_with_threads: Site, evolink: Simulator):
    from django_wanvideo.choices import EventSource
    from django_wanvideo.services.attempts import duplicates
    from django_wanvideo.services.provider import provider
    from django_wanvideo.services.resolution import decisions

    evolink.faults.add("create", "accept_then_close")
    task = site_with_threads.send(site_with_threads.queued())
    first, own = task.attempts.get(), evolink.tasks.latest.id
    decisions.resend(task)
    site_with_threads.send(task)
    snapshot = provider.client().get_task(own)
    made = at_once(
        *[
            lambda: duplicates.create_from_duplicate(
                Attempt.objects.get(pk=first.pk), snapshot, source=EventSource.CALLBACK
            )
        ]
        * 4
    )
    assert sum(result is not None for result in made) == 1
    assert VideoTask.objects.count() == 2
    assert site_with_threads.history(task).count("duplicate") == 1


def test_sweeps_at_once_hand_out_each_row_once(site_with_threads: Site, evolink: Simulator):
    tasks = [site_with_threads.queued(f"Wish {number}") for number in range(60)]
    site_with_threads.make_due()
    taken: list[str] = []

    def take(job: str, *ids: str) -> bool:
        taken.extend(ids)
        return True

    def pass_over() -> sweeping.SweepResult:
        close_old_connections()
        return sweeping.sweep(take)

    at_once(*[pass_over] * 4)
    assert sorted(taken) == sorted(str(task.pk) for task in tasks)


def test_an_unconfirmed_task_is_put_before_people_once_by_sweeps_at_once(site_with_threads: Site, evolink: Simulator):
    evolink.faults.add("create", "accept_then_close", times=None)
    tasks = [site_with_threads.send(site_with_threads.queued(f"Wish {number}")) for number in range(3)]
    site_with_threads.make_due()
    at_once(*[lambda: sweeping.sweep(lambda job, *ids: True)] * 4)
    for task in tasks:
        assert site_with_threads.history(task).count("needs_decision") == 1
        assert task.attempts.get().state == AttemptState.UNCONFIRMED
