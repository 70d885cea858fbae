"""An approval is tied to what was asked for, at its price; it is given once, by somebody else, or refused with a note."""

from __future__ import annotations

import datetime as dt
import pickle
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from django_wanvideo import approvals, catalog
from django_wanvideo.batches import operations, work
from django_wanvideo.choices import ApprovalKind, ApprovalState, BatchState, EventKind, TaskStatus
from django_wanvideo.exceptions import ApprovalRequired, BudgetExceeded, ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import Approval, Batch, VideoTask
from django_wanvideo.services.sending import actions, quotes
from django_wanvideo.services.sending import approvals as gate
from tests.approvals.conftest import draft, now
from tests.approvals.doors import failed, failed_batch, made_batch, worked
from tests.threads import outcomes

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = pytest.mark.django_db
DEAR = Decimal(10)


@pytest.fixture(autouse=True)
def limit(above: Callable[[Any], None]) -> None:
    above(DEAR)


def asked_for(task: VideoTask, by: Any = None) -> Approval:
    with pytest.raises(ApprovalRequired) as refused:
        task.submit(by=by)
    assert task.is_waiting_for_approval
    return refused.value.approval


def history(task: VideoTask) -> list[str]:
    return [str(event.detail.get("reason") or event.kind) for event in task.events.order_by("id")]


# Asking ---------------------------------------------------------------------------------------------------------------


def test_pressing_twice_asks_once(maria: Any) -> None:
    task = draft()
    first = asked_for(task, maria)
    assert asked_for(task, maria) == asked_for(now(task)) == first
    assert history(task) == ["created", "approval_requested"]
    assert Approval.objects.count() == 1


def test_the_error_says_what_waits_and_travels_between_processes(maria: Any) -> None:
    with pytest.raises(ApprovalRequired) as refused:
        draft().submit(by=maria)
    again = pickle.loads(pickle.dumps(refused.value))
    assert str(again) == (
        "It costs about 11.90 credits, more than 10: it waits until somebody else has approved it. Nothing has been sent "
        "or charged."
    )
    assert (again.credits, again.limit) == (Decimal("11.9"), Decimal(10))
    assert again.approval == Approval.objects.get()


def test_what_a_limit_never_lets_through_is_not_asked_for(settings: Any, maria: Any) -> None:
    settings.WANVIDEO = {**settings.WANVIDEO, "CREDIT_LIMITS": {"site": {"day": 5}}}
    with pytest.raises(BudgetExceeded):
        draft().submit(by=maria)
    assert not Approval.objects.exists()


def test_what_was_paid_for_is_fetched_without_asking(maria: Any) -> None:
    ends_at = timezone.now() + dt.timedelta(hours=1)
    task = failed(result_url="https://files.example/v.mp4", result_expires_at=ends_at)[0]
    task.retry(by=maria)
    assert now(task).status == TaskStatus.STORING


@pytest.mark.parametrize("setting", ["fifty", -1, True, lambda user: user.nothing])
def test_a_setting_that_cannot_be_read_sends_nothing(above: Callable[[Any], None], setting: Any) -> None:
    above(setting)
    task = draft()
    with pytest.raises(ConfigurationError):
        task.submit()
    assert now(task).status == TaskStatus.DRAFT


def test_a_stale_instance_is_judged_by_its_row(above: Callable[[Any], None]) -> None:
    above(20)
    task = draft()
    now(task).update(duration=15, quality="1080p")
    with pytest.raises(ApprovalRequired):
        task.submit()
    assert now(task).status == TaskStatus.DRAFT


def test_a_draft_that_is_made_dearer_behind_the_price_is_not_sent(
    above: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    above(20)
    task = draft()
    check = actions.approvals.admit

    def admit_and_edit(*args: Any, **options: Any) -> Any:
        agreed = check(*args, **options)
        now(task).update(duration=15, quality="1080p")
        return agreed

    monkeypatch.setattr(actions.approvals, "admit", admit_and_edit)
    with pytest.raises(quotes.QuoteChanged):
        task.submit()
    assert now(task).status == TaskStatus.DRAFT


# Deciding -------------------------------------------------------------------------------------------------------------


def test_nobody_approves_what_they_asked_for(maria: Any) -> None:
    asked = asked_for(draft(), maria)
    for decide in (approvals.approve, approvals.send_back):
        with pytest.raises(PermissionDenied):
            decide(asked, by=maria, note="I know it is fine.")
    assert not VideoTask.objects.exclude(status=TaskStatus.DRAFT).exists()


def test_approving_takes_its_permission(maria: Any) -> None:
    asked = asked_for(draft(), maria)
    tom = get_user_model().objects.create_user("tom")
    tom.user_permissions.set(Permission.objects.filter(codename__in=["submit_videotask", "change_videotask"]))
    with pytest.raises(PermissionDenied):
        approvals.approve(asked, by=tom)
    tom.user_permissions.add(Permission.objects.get(codename="approve_videotask"))
    assert approvals.approve(asked, by=get_user_model().objects.get(pk=tom.pk)).sent == 1


def test_it_is_sent_once_however_often_it_is_approved(maria: Any, jonas: Any) -> None:
    task = draft()
    asked = asked_for(task, maria)
    approvals.approve(asked, by=jonas)
    with pytest.raises(TransitionNotAllowed):
        approvals.approve(Approval.objects.get(), by=jonas)
    assert history(task) == ["created", "approval_requested", "approved", "approved"]
    assert [event.kind for event in task.events.order_by("id")][2:] == [EventKind.APPROVED, EventKind.QUEUED]
    assert now(task).approval is None


def test_an_approval_that_nobody_has_given_sends_nothing(maria: Any) -> None:
    task = draft()
    asked = asked_for(task, maria)
    with pytest.raises(TransitionNotAllowed):
        actions.enqueue(task, by=maria, approval=asked)
    other = draft(prompt="Another fox")
    Approval.objects.update(state=ApprovalState.APPROVED)
    with pytest.raises(quotes.QuoteChanged):
        actions.enqueue(other, by=maria, approval=asked)
    assert {now(task).status, now(other).status} == {TaskStatus.DRAFT}
    assert EventKind.APPROVED not in history(task)


@pytest.mark.parametrize(
    "change", [{"prompt": "Another fox"}, {"duration": 6}, {"first_frame": "https://example.com/b.jpg"}]
)
def test_an_edit_takes_it_back(maria: Any, jonas: Any, change: dict[str, Any]) -> None:
    task = draft()
    asked = asked_for(task, maria)
    task.update(notes="For the trade fair")
    assert now(task).is_waiting_for_approval
    task.update(**change)
    assert not now(task).is_waiting_for_approval
    assert history(task)[-1] == "approval_void"
    with pytest.raises(TransitionNotAllowed):
        approvals.approve(asked, by=jonas)
    assert now(task).status == TaskStatus.DRAFT


def test_an_edit_that_no_form_has_seen_is_not_sent_either(maria: Any, jonas: Any) -> None:
    task = draft()
    asked = asked_for(task, maria)
    VideoTask.objects.filter(pk=task.pk).update(prompt="Another fox")
    found = approvals.approve(asked, by=jonas)
    assert (found.sent, list(found.left)) == (0, [task])
    assert (now(task).status, now(task).approval, asked.state) == (TaskStatus.DRAFT, None, ApprovalState.VOID)


def test_a_higher_price_has_to_be_asked_for_again(maria: Any, jonas: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    task = draft()
    asked = asked_for(task, maria)
    estimate = catalog.estimate
    monkeypatch.setattr(catalog, "estimate", lambda *args: estimate(*args) + 1)
    (error,) = approvals.approve(asked, by=jonas).left.values()
    assert "11.90 was shown, it is 12.90 now" in str(error)
    assert (now(task).status, now(task).approval) == (TaskStatus.DRAFT, None)
    assert asked_for(task, maria).credits == Decimal("12.9")


def test_what_moved_meanwhile_waits_no_more(maria: Any, jonas: Any) -> None:
    (task,) = failed()
    with pytest.raises(ApprovalRequired) as refused:
        task.retry(by=maria)
    assert now(task).status == TaskStatus.FAILED
    # EvoLink had it after all.
    VideoTask.objects.filter(pk=task.pk).update(
        result_url="https://files.example/v.mp4", result_expires_at=timezone.now() + dt.timedelta(hours=1)
    )
    now(task).fetch_result()
    with pytest.raises(TransitionNotAllowed):
        approvals.approve(refused.value.approval, by=jonas)
    assert now(task).status == TaskStatus.STORING


def test_the_owners_limits_hold_for_what_is_approved(settings: Any, maria: Any, jonas: Any) -> None:
    task = draft(owner=maria)
    asked = asked_for(task, maria)
    settings.WANVIDEO = {**settings.WANVIDEO, "CREDIT_LIMITS": {"user": {"day": 5}}}
    with pytest.raises(BudgetExceeded):
        approvals.approve(asked, by=jonas)
    # Nothing was decided: it goes on waiting.
    assert (now(task).is_waiting_for_approval, Approval.objects.get().decided_by) == (True, None)


def test_sent_back_it_is_a_draft_with_a_note(maria: Any, jonas: Any) -> None:
    task = draft()
    asked = asked_for(task, maria)
    with pytest.raises(ValidationError):
        approvals.send_back(asked, by=jonas, note="  ")
    approvals.send_back(asked, by=jonas, note="Five seconds are enough.")
    task = now(task)
    assert (task.status, task.is_waiting_for_approval) == (TaskStatus.DRAFT, False)
    assert (task.approval.state, task.approval.note) == (ApprovalState.RETURNED, "Five seconds are enough.")
    last = task.events.order_by("id").last()
    assert (last.kind, last.actor, last.detail["note"]) == (EventKind.SENT_BACK, jonas, "Five seconds are enough.")
    assert asked_for(task, maria) != asked


def test_whoever_asked_takes_it_back_and_nobody_else(maria: Any, jonas: Any) -> None:
    task = draft()
    asked = asked_for(task, maria)
    with pytest.raises(PermissionDenied):
        approvals.withdraw(asked, by=jonas)
    approvals.withdraw(asked, by=maria)
    assert (now(task).status, now(task).approval, asked.state) == (TaskStatus.DRAFT, None, ApprovalState.WITHDRAWN)
    assert history(task)[-1] == "withdrawn"
    for decide in (approvals.approve, approvals.send_back):
        with pytest.raises(TransitionNotAllowed):
            decide(asked, by=jonas, note="Too late.")
    with pytest.raises(TransitionNotAllowed):
        approvals.withdraw(asked, by=maria)
    assert asked_for(task, maria) != asked


# Several --------------------------------------------------------------------------------------------------------------


def test_of_several_those_that_changed_are_left_out(maria: Any, jonas: Any) -> None:
    tasks = [draft(prompt=f"fox {number}") for number in range(4)]
    quoted = {task.pk: quotes.quote(task) for task in tasks}
    tasks[0].update(prompt="Another fox")
    with pytest.raises(ApprovalRequired) as refused:
        gate.admit_together(quoted, ApprovalKind.SUBMIT, by=maria)
    asked = refused.value.approval
    assert asked.credits == Decimal("35.7")
    tasks[1].update(prompt="Yet another fox")
    VideoTask.objects.filter(pk=tasks[2].pk).update(prompt="Written past all of this")
    found = approvals.approve(asked, by=jonas)
    assert (found.sent, list(found.left)) == (1, [tasks[2]])
    assert [now(task).status for task in tasks] == ["draft", "draft", "draft", "queued"]


def test_many_small_ones_do_not_slip_under_it(above: Callable[[Any], None], maria: Any, jonas: Any) -> None:
    above(400)
    batch = made_batch(40)
    with pytest.raises(ApprovalRequired) as refused:
        batch.submit(by=maria)
    assert refused.value.credits == Decimal("11.9") * 40
    assert (batch.state, batch.operation, batch.approval) == (BatchState.READY, "", refused.value.approval)
    with pytest.raises(ApprovalRequired):
        batch.submit(by=maria)
    assert Approval.objects.count() == 1
    approvals.approve(refused.value.approval, by=jonas)
    worked(batch)
    assert batch.tasks.filter(status=TaskStatus.QUEUED, approved_by=jonas).count() == 40
    assert batch.submitted_by == maria
    assert [event.kind for event in batch.events.order_by("id")] == [
        "created", "approval_requested", "approved", "submitted"
    ]  # fmt: skip


def test_rows_that_are_edited_after_the_approval_are_left(above: Callable[[Any], None], maria: Any, jonas: Any) -> None:
    above(30)
    batch = made_batch()
    with pytest.raises(ApprovalRequired) as refused:
        batch.submit(by=maria)
    approvals.approve(refused.value.approval, by=jonas)
    first = batch.tasks.get(row_number=1)
    first.update(duration=15, quality="1080p")
    worked(batch)
    assert list(batch.tasks.order_by("row_number").values_list("status", flat=True)) == ["draft", "queued", "queued"]
    (problem,) = batch.items.get(number=1).problems
    assert "11.90 was shown, it is 59.62 now" in problem["problem"]


def test_rows_that_grow_dearer_while_they_are_sent_wait(
    above: Callable[[Any], None], maria: Any, jonas: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    above(40)
    monkeypatch.setattr(work, "CHUNK", 1)
    batch = made_batch()
    batch.submit(by=maria)
    Batch.objects.filter(pk=batch.pk).update(next_action_at=timezone.now())
    work._step(batch.pk)
    work._step(batch.pk)
    assert batch.tasks.filter(status=TaskStatus.QUEUED).count() == 1
    batch.tasks.get(row_number=3).update(duration=15, quality="1080p")
    worked(batch)
    assert batch.tasks.filter(status=TaskStatus.QUEUED).count() == 1
    asked = Approval.objects.get()
    assert asked.credits == Decimal("11.9") + Decimal("59.619")
    approvals.approve(asked, by=jonas)
    worked(batch)
    assert batch.tasks.filter(status=TaskStatus.QUEUED).count() == 3


def test_what_is_free_in_a_batch_does_not_wait_for_the_rest(
    above: Callable[[Any], None], maria: Any, jonas: Any
) -> None:
    above(20)
    batch = failed_batch()
    ends_at = timezone.now() + dt.timedelta(hours=1)
    batch.tasks.filter(row_number=1).update(result_url="https://files.example/v.mp4", result_expires_at=ends_at)
    with pytest.raises(ApprovalRequired) as refused:
        batch.retry(by=maria)
    worked(batch)
    assert list(batch.tasks.order_by("row_number").values_list("status", flat=True)) == ["storing", "failed", "failed"]
    assert (refused.value.credits, Approval.objects.count()) == (Decimal("23.8"), 1)
    approvals.approve(refused.value.approval, by=jonas)
    worked(batch)
    assert batch.tasks.filter(status=TaskStatus.QUEUED).count() == 2


def test_a_batch_that_is_cancelled_waits_no_more(above: Callable[[Any], None], maria: Any, jonas: Any) -> None:
    above(30)
    batch = made_batch()
    with pytest.raises(ApprovalRequired) as refused:
        batch.submit(by=maria)
    operations.cancel(batch, by=maria)
    with pytest.raises(TransitionNotAllowed):
        approvals.approve(refused.value.approval, by=jonas)
    assert not VideoTask.objects.waiting_for_approval().exists()


# At once --------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_who_approve_at_once_one_sends(maria: Any, jonas: Any) -> None:
    tasks = [draft(prompt=f"fox {number}") for number in range(3)]
    with pytest.raises(ApprovalRequired):
        gate.admit_together({task.pk: quotes.quote(task) for task in tasks}, ApprovalKind.SUBMIT, by=maria)
    lena = get_user_model().objects.create_superuser("lena")

    def approve(by: Any) -> Any:
        return approvals.approve(Approval.objects.get(), by=by).sent

    found = outcomes(lambda: approve(jonas), lambda: approve(lena))
    assert sorted(map(str, (type(one).__name__ for one in found))) == ["TransitionNotAllowed", "int"]
    assert all(history(task).count("approval_requested") == 1 for task in tasks)
    assert all(task.events.filter(kind=EventKind.QUEUED).count() == 1 for task in tasks)
    assert VideoTask.objects.filter(status=TaskStatus.QUEUED).count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_presses_at_once_one_asks(maria: Any) -> None:
    task = draft()
    found = outcomes(*[lambda: now(task).submit(by=maria)] * 3)
    assert {type(one) for one in found} == {ApprovalRequired}
    assert (Approval.objects.count(), history(task)) == (1, ["created", "approval_requested"])


@pytest.mark.django_db(transaction=True)
def test_an_edit_and_an_approval_at_once_never_send_what_nobody_approved(maria: Any, jonas: Any) -> None:
    def race(task: VideoTask, asked: Approval) -> VideoTask:
        outcomes(lambda: approvals.approve(asked, by=jonas), lambda: now(task).update(duration=15, quality="1080p"))
        return now(task)

    for number in range(6):
        task = draft(prompt=f"fox {number}")
        task = race(task, asked_for(task, maria))
        assert task.status == TaskStatus.DRAFT or task.parameters["duration"] == 5
        assert (task.approved_by is None) == (task.status == TaskStatus.DRAFT)
