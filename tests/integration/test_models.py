"""One video of every model: made from its entry alone, sent, charged, stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_wanvideo import catalog
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import CreditEntry, VideoTask
from django_wanvideo.testing import picture
from tests.catalog import wishes
from tests.promises.fixtures import evo, road

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from django_wanvideo.catalog import ModelSpec
    from tests.promises.fixtures import Road

__all__ = ["evo", "road"]

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.mark.parametrize("spec", catalog.models(), ids=lambda spec: spec.id)
def test_a_video_of_every_model(road: Road, spec: ModelSpec) -> None:
    _parameters, given = wishes.least(spec)
    inputs = {role: [picture()] if role == "first_frame" else links for role, links in given.items()}
    length = spec.parameter("duration")
    seconds = length.minimum or length.options[0].value
    task = VideoTask.objects.create_task("A cat plays", model=spec.id, duration=seconds, **inputs)
    task.submit()
    road.send(task)
    assert task.status == TaskStatus.PENDING, task.error_message
    entry = road.sim.ledger[task.attempt.provider_task_id]
    assert entry.reserved == task.credits_reserved == task.credits_estimated
    road.sim.complete(entry.task_id)
    road.finish(task)
    assert (task.status, task.credits_used) == (TaskStatus.COMPLETED, entry.charged)
    assert task.credits_used == catalog.estimate(spec, task.parameters, inputs)
    with task.video.open("rb") as stored:
        assert stored.read(12)[4:8] == b"ftyp"
    assert road.posts() == 1
    road.sim.ledger.assert_charged_once()


def test_a_length_that_the_model_chooses_reserves_the_most_and_is_settled_by_what_was_made(
    road: Road, admin_user: User, admin_client: Client
) -> None:
    task = VideoTask.objects.create_task("A cat plays", model="wan3.0-text-to-video", duration=-1, owner=admin_user)
    assert str(task.credits_estimated) == "153.0000"
    task.submit()
    road.send(task)
    assert str(task.credits_reserved) == "153.0000"
    assert str(CreditEntry.objects.get().reserved) == "153.0000"
    road.sim.complete(task.attempt.provider_task_id)
    road.finish(task)
    assert str(task.credits_used) == "40.8000"
    assert str(CreditEntry.objects.get().used) == "40.8000"
    page = admin_client.get(f"/admin/wanvideo/videotask/{task.pk}/change/").content.decode()
    assert "112.20" in page
    assert "Wan chooses" in page
