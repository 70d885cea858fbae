"""A router that reads from a replica without rows; ``test_sites`` runs this with such settings."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.models.creation import creation
from django_wanvideo.testing import picture, run_until_finished
from example_project.shop.models import Product
from tests.factories import make_attempt, make_task
from tests.hosts.routers import LaggingReplica

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(settings, tmp_path, monkeypatch, transactional_db):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(LaggingReplica, "is_on", True)


@pytest.fixture
def ann():
    """A person that the replica has not heard of."""
    return get_user_model().objects.db_manager("default").create_user("ann")


def test_the_replica_is_there_and_knows_nothing():
    make_task()
    assert VideoTask.objects.using("replica").count() == 0
    assert VideoTask.objects.count() == 1


def test_made_just_now_can_be_submitted(evolink_simulator, ann):
    """What was made just now can be submitted and is followed to its end."""
    task = VideoTask.objects.create_task("A cat", picture(), owner=ann, duration=2, idempotency_key="a")
    assert VideoTask.objects.create_task("A cat", picture(), owner=ann, duration=2, idempotency_key="a") == task
    task.submit(by=ann)
    run_until_finished(task)
    assert task.status == TaskStatus.COMPLETED
    evolink_simulator.ledger.assert_charged_once()
    assert task.refresh_from_db() is None
    with pytest.raises(Exception, match="failed or cancelled"):
        task.retry()


def test_what_belongs_to_a_task_is_read_from_the_primary(ann):
    attempt = make_attempt(make_task(TaskStatus.PENDING, owner_id=ann.pk))
    task = VideoTask.objects.get()
    assert list(task.attempts.all()) == [attempt]
    assert Attempt.objects.get().task == task
    assert list(VideoTask.objects.prefetch_related("attempts").get().attempts.all()) == [attempt]
    assert Attempt.objects.select_related("task").get().task == task
    assert VideoTask._base_manager.count() == VideoTask._default_manager.count() == 1
    assert task.owner == ann
    assert VideoTask.objects.prefetch_related("owner").get().owner == ann
    assert VideoTask.objects.filter(attempts__in=Attempt.objects.all()).exists()


def test_task_that_site_has_read_from_replica_is_acted(wanvideo_wakeups, ann):
    """A task that a site has read from the replica is acted on in the primary.

    As ``Product.objects.select_related("video")`` reads it, some time later.
    """
    task = VideoTask.objects.create_task("A cat", "https://pictures.example/cat.jpg", duration=2)
    task.save(using="replica", force_insert=True)
    stale = VideoTask.objects.using("replica").get()
    assert stale._state.db == "replica"
    creation.update_draft(stale, prompt="A dog", first_frame=picture(), parameters={}, notes="", metadata={})
    copy = creation.duplicate(stale, by=ann)
    assert (copy.prompt, copy.parent_id, copy.owner) == ("A dog", task.pk, ann)
    stale.submit()
    assert VideoTask.objects.get(pk=task.pk).status == TaskStatus.QUEUED
    stale.refresh_from_db()
    assert stale.status == TaskStatus.QUEUED


def test_tasks_can_be_part_of_a_query_that_asks_the_replica():
    assert list(Product.objects.filter(video__in=VideoTask.objects.filter(status="completed"))) == []


def test_the_admin_shows_what_was_committed(rf, ann):
    from django.contrib import admin

    task = make_task(TaskStatus.PENDING)
    ours = admin.site.get_model_admin(VideoTask)
    ann.is_superuser = ann.is_staff = True
    request = rf.get("/admin/wanvideo/videotask/")
    request.user = ann
    assert list(ours.get_changelist_instance(request).result_list) == [task]
    assert ours.get_object(request, str(task.pk)) == task
