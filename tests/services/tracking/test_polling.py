"""Following an accepted task: only what EvoLink says moves it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_wanvideo import jobs, signals
from django_wanvideo.choices import AttemptState, Charge, TaskStatus
from django_wanvideo.models import Attempt, SiteState, VideoTask
from django_wanvideo.services.provider import provider
from django_wanvideo.services.tracking import receipts, rescheduling, snapshots
from django_wanvideo.simulator.provider.tasks import Task
from tests.services.tracking.helpers import gateway_page, look, says, seconds_until_next

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

S = TaskStatus


def test_each_status_of_evolink_moves_the_task(site: Site, evolink: Simulator):
    task = site.accepted()
    own = task.attempt.provider_task_id
    assert look(task).status == S.PENDING
    evolink.set_progress(own, 30)
    assert (look(task).status, task.progress) == (S.PROCESSING, 30)
    evolink.complete(own)
    assert look(task).status == S.STORING
    assert task.result_url.startswith(evolink.url)
    assert task.credits_used == evolink.ledger.total
    assert task.attempts.get().state == AttemptState.ACCEPTED


@pytest.mark.parametrize("code", ["content_policy_violation", "service_error", "a_code_nobody_knows"])
def test_failure_at_evolink_fails_task_with_its_code(site: Site, evolink: Simulator, code: str):
    """A failure at EvoLink fails the task with its code and closes the attempt."""
    task = site.accepted()
    evolink.fail(task.attempt.provider_task_id, code, "Because.")
    look(task)
    assert (task.status, task.error_code, task.error_message) == (S.FAILED, code, "Because.")
    assert task.next_action_at is None
    assert task.charge == Charge.NOT_EXPECTED
    assert task.attempts.get().state == AttemptState.FINISHED
    assert task.attempts.get().settled_at is not None


def test_a_failure_without_a_reason_is_a_failure(site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch):
    task = site.accepted()
    evolink.fail(task.attempt.provider_task_id)
    as_body = Task.as_body
    monkeypatch.setattr(Task, "as_body", lambda self: as_body(self) | {"error": None})
    assert (look(task).status, task.error_code) == (S.FAILED, "unknown_error")


def test_what_evolink_cancelled_is_cancelled_and_can_be_tried_again(site: Site, evolink: Simulator):
    task = site.accepted()
    evolink.cancel(task.attempt.provider_task_id)
    assert (look(task).status, task.error_code) == (S.CANCELLED, "request_cancelled")
    task.retry()
    assert (task.status, task.error_code) == (S.QUEUED, "")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("queued", S.PENDING),
        ("running", S.PROCESSING),
        ("archived", S.PENDING),
        ("PROCESSING", S.PROCESSING),
        ("", S.PENDING),
    ],
)
def test_unknown_words_move_nothing_and_known_synonyms_do(
    site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch, word: str, status: str
):
    task = site.accepted()
    says(monkeypatch, status=word)
    assert look(task).status == status
    assert task.next_action_at > timezone.now()


@pytest.mark.parametrize(
    "changes",
    [
        {"progress": None, "task_info": None, "usage": None, "created": None, "model": None},
        {"progress": "half", "task_info": [], "usage": 7, "created": "yesterday", "model": {}},
        {"progress": -5, "usage": {"credits_reserved": "NaN"}, "task_info": {"estimated_time": 10**30}},
        {"progress": 10**9, "error": "text", "results": "text"},
    ],
)
def test_missing_and_odd_fields_fail_nothing(
    site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
):
    task = site.accepted()
    says(monkeypatch, **changes)
    assert look(task).status == S.PENDING
    assert 0 <= task.progress <= 99
    evolink.complete(task.attempt.provider_task_id)
    monkeypatch.undo()
    assert look(task).status == S.STORING


def test_figures_that_no_row_can_keep_do_not_stand_in_the_way(
    site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch
):
    task = site.accepted()
    evolink.complete(task.attempt.provider_task_id)
    says(monkeypatch, usage={"credits_used": 999999999}, created=253402300799, duration=9_999_999)
    assert look(task).status == S.STORING
    assert task.credits_used is None
    assert task.result_expires_at > timezone.now() + dt.timedelta(hours=23)


def test_the_end_of_the_link_is_reckoned_from_when_the_video_was_made(
    site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch
):
    task = site.accepted()
    evolink.complete(task.attempt.provider_task_id)
    made = timezone.now() - dt.timedelta(hours=3)
    task.attempts.update(claimed_at=made - dt.timedelta(seconds=200))
    says(monkeypatch, created=int(made.timestamp()) - 200, duration=200)
    look(task)
    assert abs(task.result_expires_at - (made + dt.timedelta(hours=24))) < dt.timedelta(seconds=2)


def test_progress_never_goes_down_and_a_hundred_is_for_stored_files(site: Site, evolink: Simulator):
    task = site.accepted()
    seen = []
    for told in (10, 60, 40, 0, 100, 20):
        evolink.set_progress(task.attempt.provider_task_id, told)
        seen.append(look(task).progress)
    assert seen == [10, 60, 60, 60, 99, 99]


def test_an_outdated_answer_changes_nothing(site: Site, evolink: Simulator):
    task = site.accepted()
    evolink.set_progress(task.attempt.provider_task_id, 70)
    look(task)
    evolink.faults.add("get", "outdated")
    assert (look(task).status, task.progress) == (S.PROCESSING, 70)


def test_overdue_task_is_told_once_and_looked(site: Site, evolink: Simulator):
    """An overdue task is told once and looked at more slowly until it ends."""
    task = site.accepted()
    told: list[str] = []

    def hear(sender: Any, task: VideoTask, event: Any, **more: Any) -> None:
        told.append(event.kind)

    signals.video_needs_attention.connect(hear)
    try:
        VideoTask.objects.update(accepted_at=timezone.now() - dt.timedelta(seconds=3601))
        for _look in range(3):
            look(task)
            site.tell()
            assert 500 < seconds_until_next(task) < 700
    finally:
        signals.video_needs_attention.disconnect(hear)
    assert told == ["overdue"]
    assert site.history(task).count("overdue") == 1
    evolink.complete(task.attempt.provider_task_id)
    assert look(task).status == S.STORING


def test_two_workers_that_look_at_the_same_moment_tell_it_once(site: Site, evolink: Simulator):
    task = site.accepted()
    VideoTask.objects.update(accepted_at=timezone.now() - dt.timedelta(hours=2))
    copies = [Attempt.objects.select_related("task").get() for _worker in range(2)]
    for attempt in copies:
        rescheduling.schedule_next_poll(attempt)
    assert site.history(task).count("overdue") == 1


def test_overdue_is_no_failure_even_when_nobody_answers(site: Site, evolink: Simulator):
    task = site.accepted()
    VideoTask.objects.update(accepted_at=timezone.now() - dt.timedelta(days=3))
    evolink.faults.add("get", "503", times=None)
    for _look in range(3):
        assert look(task).status == S.PENDING
    assert site.history(task).count("overdue") == 1


def test_looks_become_rarer_within_their_bounds(site: Site, evolink: Simulator):
    task = site.accepted()
    waits = []
    for _look in range(12):
        look(task)
        waits.append(seconds_until_next(task))
    assert 13 <= waits[0] <= 17
    assert 50 < waits[-1] <= 66
    site.configure(CALLBACK_BASE_URL="https://site.example")
    look(task)
    assert 250 < seconds_until_next(task) <= 330


def test_a_429_pauses_the_whole_site_as_long_as_it_says(site: Site, evolink: Simulator):
    tasks = [site.accepted(f"Wish {number}") for number in range(4)]
    waiting = site.queued("Another wish")
    evolink.faults.add("get", "429", retry_after=90)
    jobs.sync(*(str(task.pk) for task in tasks))
    assert site.gets() == 1, "the others were not even asked for"
    for task in tasks:
        task.refresh_from_db()
        assert task.status == S.PENDING
    assert sum(85 < seconds_until_next(task) < 91 for task in tasks) == 3
    assert 85 < (provider.backoff_until() - timezone.now()).total_seconds() < 91

    jobs.sync(*(str(task.pk) for task in tasks))
    site.send(waiting)
    VideoTask.objects.update(next_action_at=timezone.now())
    site.sweep()
    assert (site.gets(), site.posts()) == (1, 4)
    waiting.refresh_from_db()
    assert waiting.delay_reason == "evolink_busy"

    site.make_due()
    site.sweep()
    assert (site.gets(), site.posts()) == (5, 5)


def test_a_429_while_reading_callbacks_pauses_the_rest_of_them(site: Site, evolink: Simulator):
    from django_wanvideo.models import CallbackReceipt
    from django_wanvideo.services.tracking import callbacks

    for number in range(3):
        attempt = site.accepted(f"Wish {number}").attempt
        receipts.receive(attempt.pk, attempt.provider_task_id, {})
    evolink.faults.add("get", "429", retry_after=40)
    callbacks.process_pending()
    assert site.gets() == 1
    assert CallbackReceipt.objects.filter(process_at__gt=timezone.now()).count() == 3
    CallbackReceipt.objects.update(process_at=timezone.now())
    callbacks.process_pending()
    assert site.gets() == 1
    site.make_due()
    callbacks.process_pending()
    assert site.gets() == 4


def test_a_shorter_pause_does_not_end_a_longer_one(site: Site):
    longer = provider.back_off(600)
    assert provider.back_off(5) == longer
    assert provider.backoff_until() == longer
    SiteState.objects.update(value={"until": (timezone.now() - dt.timedelta(seconds=1)).isoformat()})
    assert provider.backoff_until() is None


def test_pause_without_time_is_half_minute_and_never(site: Site):
    """A pause without a time is half a minute and never longer than an hour."""
    assert 28 < (provider.back_off(None) - timezone.now()).total_seconds() <= 30
    assert (provider.back_off(10**6) - timezone.now()).total_seconds() <= 3600


def test_batch_reading_asks_for_fifty_at_once(site: Site, evolink: Simulator):
    site.configure(BATCH_READ=True)
    tasks = [site.accepted(f"Wish {number}") for number in range(53)]
    for task in tasks[:52]:
        evolink.set_progress(task.attempt.provider_task_id, 20)
    evolink.complete(tasks[52].attempt.provider_task_id)
    jobs.sync(*(str(task.pk) for task in tasks))
    assert (evolink.journal.count("batch"), site.gets()) == (2, 0)
    assert VideoTask.objects.filter(status=S.PROCESSING).count() == 52
    assert VideoTask.objects.get(status=S.STORING) == tasks[52]


def test_batch_reading_asks_by_itself_for_what_the_batch_leaves_out(site: Site, evolink: Simulator):
    site.configure(BATCH_READ=True)
    tasks = [site.accepted(f"Wish {number}") for number in range(3)]
    evolink.forget(tasks[0].attempt.provider_task_id)
    jobs.sync(*(str(task.pk) for task in tasks))
    assert (evolink.journal.count("batch"), site.gets()) == (1, 1)
    tasks[0].refresh_from_db()
    assert (tasks[0].status, tasks[0].not_found_since is not None) == (S.PENDING, True)


@pytest.mark.parametrize("fault", ["404", "400", "garbage"])
def test_batch_reading_falls_back_to_single(site: Site, evolink: Simulator, fault: str):
    """Batch reading falls back to single ones where EvoLink does not offer it."""
    site.configure(BATCH_READ=True)
    tasks = [site.accepted(f"Wish {number}") for number in range(3)]
    evolink.faults.add("batch", fault, times=None)
    for task in tasks:
        evolink.complete(task.attempt.provider_task_id)
    jobs.sync(*(str(task.pk) for task in tasks))
    assert (evolink.journal.count("batch"), site.gets()) == (1, 3)
    assert VideoTask.objects.filter(status=S.STORING).count() == 3


def test_batch_reading_falls_back_to_single_ones(site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch):
    """Batch reading falls back to single ones where a gateway says that there is no such address."""
    site.configure(BATCH_READ=True)
    tasks = [site.accepted(f"Wish {number}") for number in range(3)]
    for task in tasks:
        evolink.complete(task.attempt.provider_task_id)
    gateway_page(monkeypatch, to=lambda call: call.url.endswith("/batch"))
    jobs.sync(*(str(task.pk) for task in tasks))
    assert site.gets() == 3
    assert VideoTask.objects.filter(status=S.STORING).count() == 3


@pytest.mark.parametrize("fault", ["500", "401", "close", "429"])
def test_trouble_with_a_batch_fails_nothing_and_asks_for_none_by_itself(site: Site, evolink: Simulator, fault: str):
    site.configure(BATCH_READ=True)
    tasks = [site.accepted(f"Wish {number}") for number in range(3)]
    evolink.faults.add("batch", fault)
    jobs.sync(*(str(task.pk) for task in tasks))
    assert site.gets() == 0
    assert VideoTask.objects.filter(status=S.PENDING, next_action_at__gt=timezone.now()).count() == 3


def test_a_worker_without_the_key_puts_looking_off(site: Site, evolink: Simulator):
    task = site.accepted()
    site.configure(API_KEY="")
    assert look(task).status == S.PENDING
    assert 50 < seconds_until_next(task) < 61


def test_messages_for_ended_tasks_change_nothing(site: Site, evolink: Simulator):
    task = site.accepted()
    attempt = task.attempts.get()
    stale = Attempt.objects.select_related("task").get()
    own = provider.client().get_task(attempt.provider_task_id)
    evolink.complete(attempt.provider_task_id)
    done = provider.client().get_task(attempt.provider_task_id)
    snapshots.apply_snapshot(stale, done, source="poll")
    site.finish(task)
    before = list(task.events.values_list("id", "kind")), VideoTask.objects.values().get()
    for late in (own, done, own, done):
        snapshots.apply_snapshot(stale, late, source="poll")
        snapshots.apply_snapshot(attempt, late, source="callback")
    assert (list(task.events.values_list("id", "kind")), VideoTask.objects.values().get()) == before


def test_the_last_word_on_the_price_is_evolinks(site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch):
    task = site.accepted()
    evolink.complete(task.attempt.provider_task_id)
    says(monkeypatch, usage={"cost": {"credits": 4.25}})
    assert look(task).credits_used == Decimal("4.25")


class TestWithoutVerification:
    """``VERIFY_CALLBACKS: False``: the body itself moves the status; nobody asks EvoLink."""

    @pytest.fixture
    def told(self, site: Site) -> Any:
        from django_wanvideo.callbacks.views import kept_of
        from django_wanvideo.services.tracking import callbacks

        site.configure(VERIFY_CALLBACKS=False, CALLBACK_BASE_URL="https://site.example")

        def tell(task: VideoTask, body: dict[str, Any]) -> VideoTask:
            receipts.receive(task.attempts.get().pk, *kept_of(body))
            callbacks.process_pending()
            task.refresh_from_db()
            return task

        return tell

    def test_the_body_completes_the_task(self, site: Site, evolink: Simulator, told: Any):
        task = site.accepted()
        own = evolink.complete(task.attempt.provider_task_id)
        told(task, own.as_body())
        assert (task.status, site.gets()) == (S.STORING, 0)
        assert task.credits_used == evolink.ledger.total

    def test_the_body_fails_the_task(self, site: Site, evolink: Simulator, told: Any):
        task = site.accepted()
        told(task, evolink.fail(task.attempt.provider_task_id, "service_error").as_body())
        assert (task.status, task.error_code, site.gets()) == (S.FAILED, "service_error", 0)

    def test_a_lost_answer_is_bound_by_the_body(self, site: Site, evolink: Simulator, told: Any):
        evolink.faults.add("create", "accept_then_close")
        task = site.send(site.queued())
        told(task, evolink.complete(evolink.tasks.latest.id).as_body())
        assert (task.status, site.gets()) == (S.STORING, 0)

    def test_a_worker_without_a_key_reads_it_too(self, site: Site, evolink: Simulator, told: Any):
        task = site.accepted()
        site.configure(API_KEY="")
        told(task, evolink.complete(task.attempt.provider_task_id).as_body())
        assert task.status == S.STORING

    def test_its_links_are_guarded_all_the_same(self, site: Site, evolink: Simulator, told: Any):
        task = site.accepted()
        body = evolink.complete(task.attempt.provider_task_id).as_body()
        told(task, body | {"results": ["http://169.254.169.254/latest/"], "result_data": []})
        site.configure(ALLOW_PRIVATE_HOSTS=False)
        jobs.store(str(task.pk))
        task.refresh_from_db()
        assert not task.video
        assert task.error_code.startswith("result_") or task.status == S.STORING

    def test_it_does_not_vouch_for_the_key(self, site: Site, evolink: Simulator, told: Any):
        task = site.accepted()
        SiteState.objects.create(name="key_rejected", value={"code": "unauthorized"})
        told(task, evolink.complete(task.attempt.provider_task_id).as_body())
        assert SiteState.objects.filter(name="key_rejected").exists()
