"""Files of inputs: named once, kept while a row refers to them, and gone when their rows are rolled back."""

from __future__ import annotations

import re
import uuid

import pytest
from django.core.files.storage import storages
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models.signals import post_save

from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import MediaInput, TaskEvent, VideoTask
from django_wanvideo.models.creation import creation, media, validation
from tests import storages as odd
from tests.pictures import picture

pytestmark = [pytest.mark.commit_only, pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=["Overwriting", "Failing", "TakesOnly", "Refusing", "WithoutAddresses"])
def kind(request):
    return request.param


@pytest.fixture
def storage(settings, kind):
    """The site's storage."""
    return use(settings, kind)


@pytest.fixture
def overwriting(settings):
    return use(settings, "Overwriting")


def use(settings, kind):
    settings.STORAGES = {**settings.STORAGES, "odd": {"BACKEND": f"tests.storages.{kind}"}}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd"}
    return storages["odd"]


def draft(**options):
    return VideoTask.objects.create_task(prompt="A cat", first_frame=picture(), **options)


def update(task, **changes):
    options = {"prompt": task.prompt, "parameters": {}, "notes": "", "metadata": {}} | changes
    creation.update_draft(task, **options)


def content(item):
    with item.file.storage.open(item.file.name) as stored:
        return stored.read()


@pytest.mark.fault("K7.changed-picture-on-s3")
def test_another_picture_of_a_draft_outlives_the_one_before_on_any_storage(storage):
    task = draft()
    old = task.first_frame.file.name
    new = picture(color="red")
    update(task, first_frame=new)
    item = MediaInput.objects.get()
    assert item.file.name != old
    assert content(item) == new.open().read()
    deletes = type(storage) in {odd.Overwriting, odd.Failing, odd.WithoutAddresses}
    assert (old in odd.names(storage)) is not deletes
    assert {item.file.name, item.thumbnail.name} <= set(odd.names(storage))


@pytest.mark.fault("K7.names-are-never-reused")
def test_each_name_is_given_once(overwriting):
    task = draft()
    names = set()
    for color in ("red", "green", "blue"):
        update(task, first_frame=picture(color=color))
        item = MediaInput.objects.get()
        names |= {item.file.name, item.thumbnail.name}
    assert len(names) == 6
    assert all(re.search(r"-[0-9a-f]{16}(-small)?\.\w+$", name) for name in names)


@pytest.mark.fault("K7.deletion-checks-rows")
@pytest.mark.parametrize("column", ["file", "thumbnail", "video"])
@pytest.mark.parametrize("how", ["task", "input"])
def test_no_file_is_deleted_that_another_row_refers_to(overwriting, column, how):
    task, other = draft(), draft()
    name = task.first_frame.file.name
    if column == "video":
        VideoTask.objects.filter(pk=other.pk).update(video=name)
    else:
        MediaInput.objects.filter(task=other).update(**{column: name})
    (task if how == "task" else task.first_frame).delete()
    assert name in odd.names(overwriting)


@pytest.mark.fault("K7.deletion-checks-rows")
def test_a_video_of_the_same_name_outlives_another_task(overwriting):
    name = overwriting.save("films/X1.mp4", picture())
    tasks = [VideoTask.objects.create(prompt="p", model="m", video=name) for _number in range(2)]
    tasks[0].delete()
    assert odd.names(overwriting) == [name]
    tasks[1].delete()
    assert odd.names(overwriting) == []


# -- an error is not a rollback


@pytest.mark.fault("K7.on-commit-that-raises")
def test_sites_on_commit_that_raises_takes_no_file(overwriting):
    """A site’s on commit that raises takes no file of a task that is there."""

    def create():
        with media.discarding_files_on_error(stored), transaction.atomic():
            task = draft()
            stored.extend(task.inputs.all())
            transaction.on_commit(fail)

    def fail():
        raise LookupError("the site's own")

    stored: list[MediaInput] = []
    with pytest.raises(LookupError):
        create()
    item = MediaInput.objects.get()
    assert {item.file.name, item.thumbnail.name} == set(odd.names(overwriting))


@pytest.mark.fault("K7.on-commit-that-raises")
@pytest.mark.parametrize("sender", [VideoTask, MediaInput])
def test_a_receiver_that_waits_for_the_commit_and_raises_takes_no_file(overwriting, sender):
    def fail():
        raise LookupError("the site's own")

    def receive(**kwargs):
        transaction.on_commit(fail)

    post_save.connect(receive, sender=sender)
    try:
        with pytest.raises(LookupError):
            draft()
        item = MediaInput.objects.get()
        assert {item.file.name, item.thumbnail.name} == set(odd.names(overwriting))
        VideoTask.objects.get()
        post_save.disconnect(receive, sender=sender)
        post_save.connect(receive, sender=MediaInput)
        with pytest.raises(LookupError):
            update(item.task, first_frame=picture(color="red"))
    finally:
        post_save.disconnect(receive, sender=sender)
        post_save.disconnect(receive, sender=MediaInput)
    changed = MediaInput.objects.get()
    assert {changed.file.name, changed.thumbnail.name} <= set(odd.names(overwriting))


@pytest.mark.fault("K7.connection-lost-at-commit")
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("arrived", [True, False])
def test_a_connection_that_is_lost_at_the_commit_takes_no_file(overwriting, monkeypatch, error, arrived):
    """Nobody knows whether the server has committed, or will in a moment."""
    commit = connection.commit

    def lose():
        commit() if arrived else connection.rollback()
        raise error("server closed the connection unexpectedly")

    monkeypatch.setattr(connection, "commit", lose)
    with pytest.raises(error):
        draft()
    monkeypatch.undo()
    assert MediaInput.objects.count() == arrived
    assert len(odd.names(overwriting)) == 2


@pytest.mark.fault("K7.refused-at-commit")
@pytest.mark.parametrize("arrived", [True, False])
def test_after_another_error_at_the_commit_the_rows_are_asked(overwriting, monkeypatch, arrived):
    commit = connection.commit

    def refuse():
        if arrived:
            commit()
        raise DatabaseError("deferred constraint")

    monkeypatch.setattr(connection, "commit", refuse)
    with pytest.raises(DatabaseError):
        draft()
    monkeypatch.undo()
    assert MediaInput.objects.count() == arrived
    assert len(odd.names(overwriting)) == 2 * arrived


@pytest.mark.fault("K7.refused-at-commit")
def test_deferred_constraint_that_refuses_commit(overwriting):
    """A deferred constraint that refuses the commit leaves neither rows nor files."""

    def orphan(instance, **kwargs):
        TaskEvent.objects.create(task_id=uuid.uuid4(), kind="created", source="system")

    post_save.connect(orphan, sender=MediaInput)
    try:
        with pytest.raises(IntegrityError):
            draft()
    finally:
        post_save.disconnect(orphan, sender=MediaInput)
    assert not VideoTask.objects.exists()
    assert odd.names(overwriting) == []


@pytest.mark.fault("K7.rows-cannot-be-asked")
def test_where_the_rows_cannot_be_asked_the_files_stay(overwriting):
    stored: list[MediaInput] = []

    def create():
        with media.discarding_files_on_error(stored):
            stored.extend(draft().inputs.all())
            transaction.set_rollback(True)
            raise LookupError

    with transaction.atomic():
        with pytest.raises(LookupError):
            create()
        assert len(odd.names(overwriting)) == 2


def test_what_is_rolled_back_inside_of_a_sites_transaction_leaves_no_file(overwriting, monkeypatch):
    def fail(*args, **kwargs):
        raise LookupError

    monkeypatch.setattr(creation.lifecycle, "record", fail)
    with transaction.atomic():
        with pytest.raises(LookupError):
            draft()
        assert odd.names(overwriting) == []
        assert not VideoTask.objects.exists()


# -- two editors


@pytest.mark.fault("K7.stale-prefetch")
def test_an_editor_who_saw_the_old_picture_does_not_remove_the_new_one(overwriting):
    draft()
    stale = VideoTask.objects.prefetch_related("inputs").get()
    assert stale.first_frame
    new = picture(color="red")
    update(VideoTask.objects.get(), first_frame=new)
    update(stale, prompt="A dog")
    item = MediaInput.objects.get()
    assert content(item) == new.open().read()
    assert item.thumbnail.name in odd.names(overwriting)
    assert stale.first_frame == item


@pytest.mark.fault("K7.stale-prefetch")
@pytest.mark.parametrize("changes", [{}, {"first_frame": "https://pictures.example/cat.png"}])
def test_picture_that_changes_while_another_change(overwriting, monkeypatch, changes):
    """A picture that changes while another change is checked is not removed."""
    draft()
    validate, new = validation.validate, picture(color="red")

    def meanwhile(*args, **kwargs):
        monkeypatch.setattr(validation, "validate", validate)
        update(VideoTask.objects.get(), first_frame=new)
        return validate(*args, **kwargs)

    monkeypatch.setattr(validation, "validate", meanwhile)
    with pytest.raises(TransitionNotAllowed, match="Somebody else"):
        update(VideoTask.objects.get(), prompt="A dog", **changes)
    item = MediaInput.objects.get()
    assert content(item) == new.open().read()
    assert item.task.prompt == "A cat"
