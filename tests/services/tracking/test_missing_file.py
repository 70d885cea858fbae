"""EvoLink calls a video done, and charges for it, but gives no file: looked for as long as one could live."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_wanvideo import signals
from django_wanvideo.choices import AttemptState, Charge, TaskStatus
from django_wanvideo.evolink.types import TaskSnapshot
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services.provider import provider
from django_wanvideo.services.tracking import callbacks, receipts, snapshots
from tests.services.tracking.helpers import look, says, seconds_until_next, slow_history
from tests.threads import at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site
    from tests.services.tracking.helpers import Clock

S = TaskStatus


def done_without_a_file(site: Site) -> VideoTask:
    """A task that EvoLink calls done from now on, without a file until the faults are cleared."""
    task = site.accepted()
    site.sim.complete(task.attempt.provider_task_id)
    site.sim.faults.add("get", "completed_without_results", times=None)
    return task


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What receivers hear, by the event's kind."""
    heard: list[str] = []

    def hear(sender: Any, task: VideoTask, event: Any, **more: Any) -> None:
        heard.append(event.kind)

    for signal in (signals.video_needs_attention, signals.video_finished):
        signal.connect(hear)
    yield heard
    for signal in (signals.video_needs_attention, signals.video_finished):
        signal.disconnect(hear)


def test_a_file_that_comes_a_little_later_is_taken_and_nobody_is_bothered(site: Site, evolink: Simulator):
    task = done_without_a_file(site)
    look(task)
    evolink.faults.clear()
    assert look(task).status == S.STORING
    assert "needs_decision" not in site.history(task)


def test_what_evolink_charged_is_known_from_the_first_answer_on(site: Site, evolink: Simulator):
    task = done_without_a_file(site)
    assert look(task).status == S.PENDING
    assert (task.credits_used, task.charge) == (evolink.ledger.total, Charge.CHARGED)


def test_people_are_told_once_and_looks_go_on_slowly_for_26_hours(
    site: Site, evolink: Simulator, clock: Clock, told: list[str]
):
    task = done_without_a_file(site)
    look(task, 2)
    clock.forward(minutes=9)
    look(task)
    assert "needs_decision" not in site.history(task)
    assert seconds_until_next(task) < 100
    clock.forward(minutes=2)
    for _look in range(3):
        assert look(task).status == S.PENDING
        site.tell()
        assert 530 < seconds_until_next(task) < 670
        clock.forward(hours=7)
    assert told == ["needs_decision"]
    assert task.events.get(kind="needs_decision").detail == {"reason": "result_missing"}
    assert list(VideoTask.objects.needing_attention()) == [task]
    clock.forward(hours=2, minutes=40)
    assert look(task).status == S.PENDING
    clock.forward(hours=2, minutes=20)
    assert (look(task).status, task.error_code) == (S.FAILED, "result_missing")
    site.tell()
    assert told == ["needs_decision", "failed"]


def test_the_end_says_that_it_was_charged(site: Site, evolink: Simulator, clock: Clock):
    task = done_without_a_file(site)
    look(task)
    clock.forward(hours=27)
    look(task)
    assert (task.status, task.error_code) == (S.FAILED, "result_missing")
    assert (task.credits_used, task.charge) == (evolink.ledger.total, Charge.CHARGED)
    assert task.events.get(kind="failed").detail == {
        "code": "result_missing",
        "credits_used": str(evolink.ledger.total),
    }
    assert task.attempts.get().state == AttemptState.FINISHED


def test_where_evolink_does_not_say_how_much_it_is_charged_all_the_same(
    site: Site, evolink: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    task = done_without_a_file(site)
    says(monkeypatch, usage=None)
    look(task)
    assert task.charge == Charge.EXPECTED
    clock.forward(hours=27)
    look(task)
    assert (task.status, task.credits_used, task.charge) == (S.FAILED, None, Charge.CHARGED)


def test_an_answer_without_the_price_does_not_take_a_known_one_back(
    site: Site, evolink: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    task = done_without_a_file(site)
    look(task)
    says(monkeypatch, usage=None)
    assert look(task).credits_used == evolink.ledger.total
    evolink.faults.clear()
    assert (look(task).status, task.credits_used) == (S.STORING, evolink.ledger.total)


def test_nobody_pays_for_it_again_while_it_is_looked_for(site: Site, evolink: Simulator, clock: Clock):
    task = done_without_a_file(site)
    look(task)
    clock.forward(minutes=11)
    look(task)
    with pytest.raises(TransitionNotAllowed):
        task.retry()
    clock.forward(hours=5)
    evolink.faults.clear()
    site.finish(task)
    assert (task.status, site.posts()) == (S.COMPLETED, 1)
    evolink.ledger.assert_charged_once()


def test_an_overdue_task_that_turns_out_so_is_told_of_as_well(
    site: Site, evolink: Simulator, clock: Clock, told: list[str]
):
    task = site.accepted()
    clock.forward(hours=2)
    look(task)
    evolink.complete(task.attempt.provider_task_id)
    evolink.faults.add("get", "completed_without_results", times=None)
    for _look in range(4):
        look(task)
        site.tell()
        clock.forward(minutes=11)
    assert told == ["overdue", "needs_decision"]


def test_a_task_that_is_told_of_so_is_not_told_of_as_overdue_later(
    site: Site, evolink: Simulator, clock: Clock, told: list[str]
):
    task = done_without_a_file(site)
    for _look in range(4):
        look(task)
        site.tell()
        clock.forward(minutes=40)
    assert told == ["needs_decision"]


def test_workers_that_look_at_the_same_moment_tell_it_once(
    site_with_threads: Site, evolink: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    slow_history(monkeypatch)
    task = done_without_a_file(site_with_threads)
    look(task)
    clock.forward(minutes=11)
    snapshot = provider.client().get_task(task.attempt.provider_task_id)
    copies = [Attempt.objects.select_related("task").get() for _worker in range(3)]
    at_once(*(lambda copy=copy: snapshots.apply_snapshot(copy, snapshot, source="poll") for copy in copies))
    assert site_with_threads.history(task).count("needs_decision") == 1


def test_a_callback_tells_of_it_too(site: Site, evolink: Simulator, clock: Clock):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task = done_without_a_file(site)
    for _time in range(2):
        receipts.receive(task.attempt.pk, task.attempt.provider_task_id, {})
        callbacks.process_pending()
        clock.forward(minutes=11)
    assert task.events.get(kind="needs_decision").source == "callback"


def test_if_evolink_takes_it_back_the_failure_is_evolinks_and_not_charged(site: Site, evolink: Simulator):
    task = done_without_a_file(site)
    look(task)
    own = task.attempts.get()
    failed = {"id": own.provider_task_id, "status": "failed", "error": {"code": "service_error", "message": "Oh."}}
    snapshots.apply_snapshot(own, TaskSnapshot.parse(failed), source="poll")
    task.refresh_from_db()
    assert (task.status, task.error_code) == (S.FAILED, "service_error")
    assert (task.credits_used, task.charge) == (None, Charge.NOT_EXPECTED)


def test_if_evolink_forgets_it_the_charge_stays_known(site: Site, evolink: Simulator, clock: Clock):
    task = done_without_a_file(site)
    look(task)
    evolink.forget(task.attempt.provider_task_id)
    for _look in range(3):
        look(task)
        clock.forward(hours=14)
    assert (task.status, task.error_code) == (S.FAILED, "resource_not_found")
    assert (task.credits_used, task.charge) == (Decimal(evolink.ledger.total), Charge.CHARGED)


def test_a_retry_after_the_end_begins_from_nothing(site: Site, evolink: Simulator, clock: Clock):
    task = done_without_a_file(site)
    look(task)
    clock.forward(hours=27)
    look(task)
    task.retry()
    site.make_due()
    site.send(task)
    evolink.complete(task.attempt.provider_task_id)
    assert look(task).status == S.PENDING
    assert task.result_expires_at > timezone.now(), "a day of its own"
