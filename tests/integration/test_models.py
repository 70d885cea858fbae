"""One video of every model: made from its entry alone, sent, charged, stored."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from django_wanvideo import catalog
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import CreditEntry, VideoTask
from django_wanvideo.testing import picture
from tests.catalog import wishes
from tests.clips import clip, silence

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from django.test import Client

    from django_wanvideo.catalog import ModelSpec
    from tests.fixtures import Site

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.mark.parametrize("spec", catalog.models(), ids=lambda spec: spec.id)
def test_a_video_of_every_model(site: Site, spec: ModelSpec) -> None:
    _parameters, given = wishes.least(spec)
    inputs = {role: [picture()] if role == "first_frame" else links for role, links in given.items()}
    length = spec.parameter("duration")
    seconds = length.minimum or length.options[0].value
    task = VideoTask.objects.create_task("A cat plays", model=spec.id, duration=seconds, **inputs)
    task.submit()
    site.send(task)
    assert task.status == TaskStatus.PENDING, task.error_message
    entry = site.sim.ledger[task.attempt.provider_task_id]
    assert entry.reserved == task.credits_reserved == task.credits_estimated
    site.sim.complete(entry.task_id)
    site.finish(task)
    assert (task.status, task.credits_used) == (TaskStatus.COMPLETED, entry.charged)
    assert task.credits_used == catalog.estimate(spec, task.parameters, inputs)
    with task.video.open("rb") as stored:
        assert stored.read(12)[4:8] == b"ftyp"
    assert site.posts() == 1
    site.sim.ledger.assert_charged_once()


def test_a_length_the_model_chooses_reserves_the_most(site: Site, admin_user: User, admin_client: Client) -> None:
    """A length that the model chooses reserves the most, and is settled by what was made."""
    task = VideoTask.objects.create_task("A cat plays", model="wan3.0-text-to-video", duration=-1, owner=admin_user)
    assert str(task.credits_estimated) == "153.0000"
    task.submit()
    site.send(task)
    assert str(task.credits_reserved) == "153.0000"
    assert str(CreditEntry.objects.get().reserved) == "153.0000"
    site.sim.complete(task.attempt.provider_task_id)
    site.finish(task)
    assert str(task.credits_used) == "40.8000"
    assert str(CreditEntry.objects.get().used) == "40.8000"
    page = admin_client.get(f"/admin/wanvideo/videotask/{task.pk}/change/").content.decode()
    assert "112.20" in page
    assert "Wan chooses" in page


def test_evolink_bills_the_length_of_clips_and_sounds(
    site_with_callbacks: Site, settings: Any, live_server: Any, tmp_path: Path
) -> None:
    """EvoLink reads clips and sounds where the site has them and bills their length."""
    settings.MEDIA_ROOT = tmp_path
    site_with_callbacks.configure(PUBLIC_MEDIA_BASE_URL=f"{live_server.url}{settings.MEDIA_URL}")
    clips = [io.BytesIO(clip(*colours, size=(320, 240))) for colours in (("red", "green"), ("red", "green", "blue"))]
    wish: dict[str, Any] = {"model": "wan3.0-reference-video", "duration": 5, "audio": io.BytesIO(silence(2))}
    task = VideoTask.objects.create_task("A fox [polls:1]", reference_videos=clips, **wish)
    lost = VideoTask.objects.create_task("A bear [polls:1]", reference_videos=clips, **wish)
    for each in (task, lost):
        each.submit()
        site_with_callbacks.send(each)
    names = [item.file.name for item in task.inputs.filter(role="reference_videos")]
    assert site_with_callbacks.sim.ledger[task.attempt.provider_task_id].body["video_urls"] == [
        f"{live_server.url}{settings.MEDIA_URL}{name}" for name in names
    ]
    assert site_with_callbacks.sim.journal.count("upload") == 0
    for item in lost.inputs.filter(role="audio"):
        item.file.storage.delete(item.file.name)
    site_with_callbacks.finish(task)
    site_with_callbacks.finish(lost)
    assert (task.status, task.credits_used) == (TaskStatus.COMPLETED, task.credits_estimated)
    assert (lost.status, lost.error_code) == (TaskStatus.FAILED, "image_processing_error")
    site_with_callbacks.sim.ledger.assert_charged_once()
