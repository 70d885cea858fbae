"""A second paid result is a task of its own that goes the usual road and costs nothing more."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from django_wanvideo import signals
from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.evolink.types import TaskSnapshot
from django_wanvideo.models import VideoTask, ledger
from django_wanvideo.services.attempts import duplicates
from django_wanvideo.services.provider import provider
from django_wanvideo.services.resolution import decisions

if TYPE_CHECKING:
    from django_wanvideo.models import Attempt
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site


@pytest.fixture
def first(site: Site, evolink: Simulator, db: None) -> tuple[VideoTask, Attempt, TaskSnapshot]:
    """A task that was sent twice, the attempt that was given up, and what EvoLink made of that."""
    evolink.faults.add("create", "accept_then_close")
    owner = User.objects.create_user("ann")
    task = site.send(site.queued(owner=owner, metadata={"sku": "X1"}))
    own, attempt = evolink.tasks.latest.id, task.attempts.get()
    decisions.resend(task)
    site.send(task)
    evolink.complete(own)
    return task, attempt, provider.client().get_task(own)


def test_it_is_made_from_the_first_but_carries_no_metadata(first: Any):
    task, attempt, made = first
    second = duplicates.create_from_duplicate(attempt, made, source="callback")
    second.refresh_from_db()
    assert (second.parent, second.owner, second.prompt, second.parameters) == (
        task,
        task.owner,
        task.prompt,
        task.parameters,
    )
    assert (second.metadata, second.status) == ({}, TaskStatus.PENDING)
    assert second.notes
    bound = second.attempts.get()
    assert (bound.provider_task_id, bound.state, bound.request) == (made.id, AttemptState.ACCEPTED, attempt.request)
    event = task.events.get(kind="duplicate")
    assert event.detail == {"task": str(second.pk), "provider_task_id": made.id}


def test_it_is_adopted_once(first: Any):
    _task, attempt, made = first
    assert duplicates.create_from_duplicate(attempt, made, source="callback") is not None
    assert duplicates.create_from_duplicate(attempt, made, source="callback") is None
    assert VideoTask.objects.count() == 2


def test_it_is_stored_and_told_and_the_first_goes_on(site: Site, evolink: Simulator, first: Any):
    task, attempt, made = first
    heard: list[str] = []

    def hear(sender: Any, task: VideoTask, **more: Any) -> None:
        heard.append(str(task.pk))

    second = duplicates.create_from_duplicate(attempt, made, source="callback")
    signals.video_completed.connect(hear)
    try:
        site.finish(second)
        evolink.complete(task.attempt.provider_task_id)
        site.finish(task)
        site.tell()
    finally:
        signals.video_completed.disconnect(hear)
    assert sorted(heard) == sorted([str(second.pk), str(task.pk)])
    assert site.posts() == 2
    site.assert_accounted_for()


def test_it_cannot_be_sent_again_by_mistake(site: Site, evolink: Simulator, first: Any):
    """It has no picture of its own, so a retry is refused instead of being charged."""
    _task, attempt, made = first
    second = duplicates.create_from_duplicate(attempt, made, source="callback")
    VideoTask.objects.filter(pk=second.pk).update(status=TaskStatus.FAILED)
    with pytest.raises(ValidationError):
        second.retry()
    assert site.posts() == 2


def test_an_odd_price_is_no_obstacle(first: Any):
    _task, attempt, made = first
    odd = TaskSnapshot.parse(dict(made.raw) | {"usage": {"credits_reserved": 999999999}})
    second = duplicates.create_from_duplicate(attempt, odd, source="callback")
    assert second.credits_reserved is None
    assert ledger.clamp_credits(Decimal("99999999.9999")) == Decimal("99999999.9999")


def test_it_does_not_belong_to_an_attempt_that_knows_it_already(site: Site, evolink: Simulator, first: Any):
    task, _attempt, _made = first
    current = task.attempts.get(state=AttemptState.ACCEPTED)
    snapshot = provider.client().get_task(current.provider_task_id)
    stranger = site.send(site.queued("Another wish")).attempt
    assert duplicates.create_from_duplicate(stranger, snapshot, source="callback") is None
