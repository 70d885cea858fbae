"""Settling an attempt: once, together with its task, by what is known."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.evolink.exceptions import OutcomeUnknownError, RejectedError, RetryLater
from django_wanvideo.evolink.types import CreateResult, TaskSnapshot
from django_wanvideo.failures import ADVICE
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services import schedule
from django_wanvideo.services.attempts import binding, duplicates, settlement

pytestmark = pytest.mark.django_db
S = TaskStatus
A = AttemptState


@pytest.fixture(autouse=True)
def _no_redis(wanvideo_wakeups: list[tuple[str, ...]]) -> None:
    """Nothing is woken."""


def attempt_at(status: TaskStatus, state: AttemptState, *, sent: bool = True, number: int = 1) -> Attempt:
    now = timezone.now()
    task = VideoTask.objects.create(status=status, model="m", prompt="p", queued_at=now, next_action_at=now)
    return Attempt.objects.create(
        task=task,
        number=number,
        state=state,
        idempotency_key=f"wanvideo-{uuid.uuid4().hex}",
        request={"model": "m"},
        sent_at=now if sent else None,
        request_count=int(sent),
    )


def snapshot(**fields: Any) -> TaskSnapshot:
    return TaskSnapshot.parse({"id": "task-unified-1-abcdefgh", "status": "pending", **fields})


def created(**fields: Any) -> CreateResult:
    return CreateResult(snapshot(**fields), 200, "request-1")


OUTCOMES = {
    "accepted": (lambda a: binding.record_acceptance(a, created()), S.PENDING, A.ACCEPTED),
    "rejected": (
        lambda a: settlement.record_rejection(a, RejectedError("no", http_status=400, code="invalid_request")),
        S.FAILED,
        A.NOT_ACCEPTED,
    ),
    "put off": (
        lambda a: settlement.requeue(a, RetryLater("later", http_status=400, code="no_available_channel")),
        S.QUEUED,
        A.NOT_ACCEPTED,
    ),
    "unknown": (
        lambda a: settlement.mark_unconfirmed(a, OutcomeUnknownError("lost", code="connection_lost")),
        S.UNCONFIRMED,
        A.UNCONFIRMED,
    ),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_claimed_attempt_and_its_task_are_settled_together(name: str):
    settle, status, state = OUTCOMES[name]
    attempt = attempt_at(S.SUBMITTING, A.CLAIMED)
    settle(attempt)
    task = VideoTask.objects.get()
    attempt.refresh_from_db()
    assert (task.status, attempt.state) == (status, state)
    assert (attempt.settled_at is None) == (name == "unknown")


@pytest.mark.parametrize("name", [name for name in OUTCOMES if name != "unknown"])
def test_answer_that_comes_after_its_worker_was_taken(name: str):
    """An answer that comes after its worker was taken for dead still counts."""
    settle, status, state = OUTCOMES[name]
    attempt = attempt_at(S.UNCONFIRMED, A.UNCONFIRMED)
    settle(attempt)
    attempt.refresh_from_db()
    assert (VideoTask.objects.get().status, attempt.state) == (status, state)


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("status", [S.PENDING, S.PROCESSING, S.STORING])
def test_a_callback_that_was_first_is_not_undone(name: str, status: TaskStatus):
    attempt = attempt_at(status, A.ACCEPTED)
    Attempt.objects.update(provider_task_id=snapshot().id)
    before = VideoTask.objects.values().get()
    OUTCOMES[name][0](attempt)
    attempt.refresh_from_db()
    assert (VideoTask.objects.values().get(), attempt.state) == (before, A.ACCEPTED)


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_newer_attempt_is_not_touched_by_an_older_ones_answer(name: str):
    """The old worker woke up after its attempt had been given back and the task claimed anew."""
    new = attempt_at(S.SUBMITTING, A.CLAIMED, number=2)
    old = Attempt.objects.create(
        task=new.task,
        number=1,
        state=A.NOT_ACCEPTED,
        idempotency_key=f"wanvideo-{uuid.uuid4().hex}",
        request={"model": "m"},
    )
    old.state = A.CLAIMED
    before = VideoTask.objects.values().get()
    OUTCOMES[name][0](old)
    new.refresh_from_db()
    assert new.state == A.CLAIMED
    assert VideoTask.objects.filter(parent=None).values().get() == before
    if name == "accepted":
        assert VideoTask.objects.get(parent=new.task).attempt.provider_task_id == snapshot().id, "paid for, so kept"


def test_settling_twice_leaves_one_line():
    attempt = attempt_at(S.SUBMITTING, A.CLAIMED)
    for _time in range(2):
        settlement.mark_unconfirmed(attempt, OutcomeUnknownError("lost", code="connection_lost"))
    assert attempt.task.events.count() == 1


def test_code_that_has_words_is_tasks_and_attempt():
    """The code that has words is the tasks and the attempt keeps EvoLink’s."""
    attempt = attempt_at(S.SUBMITTING, A.CLAIMED)
    settlement.record_rejection(attempt, RejectedError("Too big.", http_status=413, code="never_heard_of"))
    attempt.refresh_from_db()
    assert VideoTask.objects.get().error_code == "http_413"
    assert "http_413" in ADVICE
    assert (attempt.error_code, attempt.error_message) == ("never_heard_of", "Too big.")


def test_long_texts_of_evolink_fit():
    attempt = attempt_at(S.SUBMITTING, A.CLAIMED)
    error = RejectedError("m" * 5000, http_status=418, code="c" * 400, request_id="r" * 400)
    settlement.record_rejection(attempt, error)
    attempt.refresh_from_db()
    assert (len(attempt.error_code), len(attempt.request_id)) == (100, 200)
    assert VideoTask.objects.get().status == S.FAILED


@pytest.mark.parametrize(
    ("sent", "status", "state"), [(False, S.QUEUED, A.NOT_ACCEPTED), (True, S.UNCONFIRMED, A.UNCONFIRMED)]
)
def test_a_lost_worker_is_settled_by_whether_its_request_may_have_left(sent: bool, status: str, state: str):
    attempt = attempt_at(S.SUBMITTING, A.CLAIMED, sent=sent)
    for _time in range(2):
        settlement.recover_stale_claim(attempt.task_id)
    attempt.refresh_from_db()
    task = VideoTask.objects.get()
    assert (task.status, attempt.state) == (status, state)
    assert task.events.count() == 1


def test_what_was_sent_meanwhile_is_not_given_back():
    """The sweep read the attempt before its request left, and acts after."""
    attempt = attempt_at(S.SUBMITTING, A.CLAIMED, sent=False)
    Attempt.objects.update(sent_at=timezone.now())
    assert not settlement.release(attempt, source="sweep", reason="worker_lost")
    attempt.refresh_from_db()
    assert (VideoTask.objects.get().status, attempt.state) == (S.SUBMITTING, A.CLAIMED)
    assert not attempt.task.events.exists()


def test_a_claim_lives_longer_than_any_request_may_take(settings: Any):
    settings.WANVIDEO = {**settings.WANVIDEO, "CONNECT_TIMEOUT": 20, "READ_TIMEOUT": 300}
    assert schedule.claim_lifetime() >= dt.timedelta(seconds=320 + 30)


def test_an_id_that_another_attempt_holds_is_not_bound_again():
    holder = attempt_at(S.PENDING, A.ACCEPTED)
    Attempt.objects.filter(pk=holder.pk).update(provider_task_id=snapshot().id)
    attempt = attempt_at(S.UNCONFIRMED, A.UNCONFIRMED)
    assert not binding.attach_provider_task(attempt, snapshot(), source="callback")
    attempt.refresh_from_db()
    assert (attempt.state, attempt.task.status, attempt.provider_task_id) == (A.UNCONFIRMED, S.UNCONFIRMED, None)
    assert duplicates.create_from_duplicate(attempt, snapshot(), source="callback") is None


def test_an_accepted_task_is_looked_at_when_evolink_expects_to_be_done():
    attempt = attempt_at(S.SUBMITTING, A.CLAIMED)
    binding.record_acceptance(
        attempt, created(task_info={"estimated_time": 200}, usage={"credits_reserved": 6.5}, progress=100)
    )
    task = VideoTask.objects.get()
    wait = (task.next_action_at - timezone.now()).total_seconds()
    assert 175 < wait < 225
    assert (float(task.credits_reserved), task.progress, task.estimated_seconds) == (6.5, 99, 200)
