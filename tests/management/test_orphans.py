"""``wanvideo_prune --orphans``: files that no row refers to are found, and nothing else goes."""

from __future__ import annotations

import datetime as dt
import io
import uuid

import pytest
from django.core.files.storage import InMemoryStorage, storages
from django.db import transaction
from django.utils import timezone

from django_wanvideo.admin.forms import temporary_uploads
from django_wanvideo.models import VideoTask
from django_wanvideo.services.storing import orphans
from tests import storages as odd
from tests.pictures import picture

pytestmark = [pytest.mark.commit_only, pytest.mark.django_db(transaction=True), pytest.mark.fault("K7.orphans")]

OLD = dt.timedelta(days=30)


@pytest.fixture
def storage(settings):
    return use(settings, "Failing")


def use(settings, kind, **wanvideo):
    settings.STORAGES = {**settings.STORAGES, "odd": {"BACKEND": f"tests.storages.{kind}"}}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd", **wanvideo}
    return storages["odd"]


def draft():
    return VideoTask.objects.create_task(prompt="A cat", first_frame=picture())


def left_by_a_rollback():
    with transaction.atomic():
        task = draft()
        item = task.first_frame
        transaction.set_rollback(True)
    return sorted([item.file.name, item.thumbnail.name])


def put(storage, name):
    return storage.save(name, io.BytesIO(b"x"))


def age(storage, by=OLD):
    """Make every file older."""
    for name in odd.names(storage):
        storage._resolve(name).modified_time -= by


def test_rolled_back_transaction_left_is_named(storage, run):
    """What a rolled back transaction left is named and stays until it is asked for."""
    task, left = draft(), left_by_a_rollback()
    age(storage)
    before = odd.names(storage)
    shown = run("wanvideo_prune", "--orphans")
    assert [line.strip() for line in shown.out.splitlines()[:2]] == left
    assert "Would delete 2 files that no row refers to. Add --delete" in shown.out
    assert odd.names(storage) == before
    assert "Would delete 2" in run("wanvideo_prune", "--orphans", "--delete", "--dry-run").out
    assert odd.names(storage) == before
    assert "Deleted 2 files that no row refers to." in run("wanvideo_prune", "--orphans", "--delete").out
    item = task.first_frame
    assert odd.names(storage) == sorted([item.file.name, item.thumbnail.name])
    assert "Would delete 0 files that no row refers to.\n" in run("wanvideo_prune", "--orphans").out


def test_videos_inputs_and_kept_pictures_are_looked_at(storage, run):
    task = draft()
    VideoTask.objects.filter(pk=task.pk).update(video=put(storage, f"wanvideo/2026/01/{task.pk}-{'a' * 16}.mp4"))
    lost = [put(storage, f"wanvideo/2025/12/{uuid.uuid4()}-{'b' * 16}.mp4")]
    lost.append(put(storage, "wanvideo/2025/12/inputs/anything.jpg"))
    temporary_uploads.keep(picture(), owner=1)
    lost += [name for name in odd.names(storage) if name.startswith(temporary_uploads.FOLDER)]
    put(storage, "products/photo.jpg")
    put(storage, "photo.jpg")
    age(storage)
    run("wanvideo_prune", "--orphans", "--delete")
    assert not set(lost) & set(odd.names(storage))
    assert len(odd.names(storage)) == 5


@pytest.mark.parametrize("hours", [0, 47])
def test_what_may_be_a_copy_in_progress_stays(storage, run, hours):
    left = left_by_a_rollback()
    age(storage, dt.timedelta(hours=hours))
    shown = run("wanvideo_prune", "--older-than", 1, "--orphans", "--delete")
    assert "Deleted 0 files" in shown.out
    assert "Left 2 that are younger" in shown.out
    assert odd.names(storage) == left


def test_older_than_counts_for_files_too(storage, run):
    left_by_a_rollback()
    age(storage, dt.timedelta(days=20))
    assert "Deleted 0 files" in run("wanvideo_prune", "--older-than", 30, "--orphans", "--delete").out
    shown = run("wanvideo_prune", "--older-than", 10, "--orphans", "--delete").out
    assert "Deleted 2 files" in shown
    assert "read callbacks" in shown
    assert odd.names(storage) == []


def test_a_file_that_gets_a_row_in_the_last_moment_stays(storage):
    left = left_by_a_rollback()
    age(storage)
    found = orphans.find(timezone.now())
    VideoTask.objects.create(prompt="p", model="m", video=left[0])
    orphans.delete(found)
    assert odd.names(storage) == [left[0]]
    assert found.deleted == 1


def test_a_sites_own_row_keeps_a_file(storage, settings, run, monkeypatch):
    """Whatever column of whatever app names it."""
    name, asked = left_by_a_rollback()[0], []
    age(storage)
    monkeypatch.setattr(orphans.files, "referred", lambda names, models: asked.extend(models) or {name})
    run("wanvideo_prune", "--orphans", "--delete")
    assert odd.names(storage) == [name]
    assert {model._meta.app_label for model in asked} >= {"wanvideo", "shop", "auth"}


@pytest.mark.parametrize(
    ("pattern", "ours"),
    [
        ("films/%Y/", "films/2026/{id}-{random}.mp4"),
        ("films/%Y/", "films/2026/inputs/{id}-first_frame-0-{random}.jpg"),
        ("films/%Y/", "films/2026/inputs/{id}-reference_images-3-{random}-small.jpg"),
        ("films/%Y/", "films/2026/inputs/{id}-first_frame-0-{random}_aB3dE5f.png"),
        ("films", "films/{id}-{random}.mp4"),
        ("%Y/clips-%m", "2026/clips-01/{id}-{random}.mp4"),
    ],
)
def test_in_a_folder_that_the_site_named_only_files_of_our_shape_go(settings, run, pattern, ours):
    storage = use(settings, "Overwriting", UPLOAD_TO=pattern)
    name = put(storage, ours.format(id=uuid.uuid4(), random="0123456789abcdef"))
    folder = name.rpartition("/")[0]
    others = [f"{folder}/holiday.mp4", f"{folder}/{uuid.uuid4()}.mp4", f"{folder}/cuts/{uuid.uuid4()}-{'a' * 16}.mp4"]
    for other in others:
        put(storage, other)
    age(storage)
    assert "Deleted 1 files" in run("wanvideo_prune", "--orphans", "--delete").out
    assert odd.names(storage) == sorted(others)


def test_a_storage_that_does_not_list_is_said_to_be_one(settings, run):
    use(settings, "TakesOnly")
    draft()
    ran = run("wanvideo_prune", "--orphans", "--delete")
    assert ran.code == 1
    assert "does not list its files (NotImplementedError" in ran.err


def test_a_storage_whose_list_fails_deletes_nothing_and_shows_no_signature(storage, run):
    left = left_by_a_rollback()
    age(storage)
    storage.failing = {"listdir"}
    ran = run("wanvideo_prune", "--orphans", "--delete")
    assert ran.code == 1
    assert "ClientError" in ran.err
    assert "hidden-signature" not in ran.err
    assert odd.names(storage) == left


def test_files_whose_age_is_not_told_stay(storage, run):
    left = left_by_a_rollback()
    storage.failing = {"get_modified_time"}
    assert "Left 2 whose age the storage does not tell" in run("wanvideo_prune", "--orphans", "--delete").out
    assert odd.names(storage) == left


def test_a_file_that_cannot_be_deleted_keeps_no_other_from_going(storage, run, monkeypatch):
    left = left_by_a_rollback()
    age(storage)

    def delete(self, name):
        if name == left[0]:
            raise odd.ClientError("locked")
        InMemoryStorage.delete(self, name)

    monkeypatch.setattr(odd.Failing, "delete", delete)
    assert "Deleted 1 files" in run("wanvideo_prune", "--orphans", "--delete").out
    assert odd.names(storage) == left[:1]


def test_a_site_without_any_file_has_none_to_delete(storage, run):
    assert "Would delete 0 files" in run("wanvideo_prune", "--orphans").out


@pytest.mark.parametrize("options", [["--delete", "--older-than", 3], [], ["--events"]])
def test_options_that_do_not_go_together_are_refused(options, run):
    assert run("wanvideo_prune", *options).code == 1
