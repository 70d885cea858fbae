"""What is on its way cannot be deleted; what is deleted takes its files along, after the commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Attempt, CallbackReceipt, CreditEntry, TaskEvent, VideoTask
from django_wanvideo.services.tracking import callbacks
from django_wanvideo.testing import picture
from tests.threads import outcomes

if TYPE_CHECKING:
    from pathlib import Path

    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site


@pytest.fixture(autouse=True)
def _own_media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.django_db
@pytest.mark.parametrize("status", TaskStatus.values)
@pytest.mark.parametrize("how", ["one", "many"])
def test_only_what_is_not_on_its_way_can_be_deleted(status: str, how: str):
    task = VideoTask.objects.create(status=status, model="m", prompt="p")
    delete = task.delete if how == "one" else VideoTask.objects.filter(pk=task.pk).delete
    if status in ACTIVE_STATUSES:
        with pytest.raises(TransitionNotAllowed, match=str(TaskStatus(status).label)), transaction.atomic():
            delete()
        assert VideoTask.objects.filter(pk=task.pk).exists()
    else:
        delete()
        assert not VideoTask.objects.exists()


@pytest.mark.django_db
def test_page_that_shows_old_status_deletes():
    """A page that shows an old status deletes nothing that is on its way."""
    task = VideoTask.objects.create(model="m", prompt="p")
    VideoTask.objects.update(status=TaskStatus.QUEUED)
    with pytest.raises(TransitionNotAllowed), transaction.atomic():
        task.delete()


def test_files_go_with_their_task_and_stay_when_the_deletion_is_undone(site_with_threads: Site, evolink: Simulator):
    task = VideoTask.objects.create_task("A cat", picture(), duration=2)
    task.submit()
    site_with_threads.send(task)
    evolink.complete(task.attempt.provider_task_id)
    site_with_threads.finish(task)
    image, video = task.first_frame, task.video
    files = [(f.storage, f.name) for f in (image.file, image.thumbnail, video) if f]
    assert len(files) == 3
    assert all(storage.exists(name) for storage, name in files)
    with transaction.atomic():
        VideoTask.objects.get(pk=task.pk).delete()
        transaction.set_rollback(True)
    assert all(storage.exists(name) for storage, name in files)
    VideoTask.objects.get(pk=task.pk).delete()
    assert not any(storage.exists(name) for storage, name in files)
    assert not (Attempt.objects.exists())
    assert not (TaskEvent.objects.exists())
    assert not (CallbackReceipt.objects.exists())


def test_a_callback_for_a_deleted_task_is_taken_and_settled(site_with_callbacks: Site, evolink: Simulator):
    task = site_with_callbacks.send(site_with_callbacks.queued())
    own = task.attempt.provider_task_id
    CreditEntry.objects.get_or_create(attempt_id=task.attempt.pk, defaults={"task_id": task.pk, "model": task.model})
    VideoTask.objects.update(status=TaskStatus.FAILED)
    VideoTask.objects.get().delete()
    evolink.complete(own)
    site_with_callbacks.wait_for_receipt()
    callbacks.process_pending()
    assert CallbackReceipt.objects.get().process_at is None
    assert not VideoTask.objects.exists()


def test_a_task_outlives_its_owner(site: Site):
    owner = User.objects.create_user("ann")
    task = site.draft(owner=owner)
    owner.delete()
    task.refresh_from_db()
    assert task.owner is None


def test_a_task_is_either_deleted_or_sent(site_with_threads: Site, evolink: Simulator):
    for number in range(4):
        task = site_with_threads.draft(f"Wish {number}")

        def delete(pk: Any = task.pk) -> None:
            VideoTask.objects.get(pk=pk).delete()

        def submit(pk: Any = task.pk) -> None:
            VideoTask.objects.get(pk=pk).submit()

        results = outcomes(delete, submit)
        wanted = (TransitionNotAllowed, VideoTask.DoesNotExist)
        assert not [one for one in results if isinstance(one, Exception) and not isinstance(one, wanted)]
        left = VideoTask.objects.filter(pk=task.pk).first()
        assert left is None or left.status == TaskStatus.QUEUED
        if left is None:
            assert not TaskEvent.objects.filter(task_id=task.pk).exists()
