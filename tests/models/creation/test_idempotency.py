"""The caller's key: the same call gives the same task, another one is refused, and a deleted one is remembered."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from django_wanvideo import catalog
from django_wanvideo.catalog import wan
from django_wanvideo.exceptions import IdempotencyConflict, WanVideoError
from django_wanvideo.models import DeletedTask, MediaInput, VideoTask
from django_wanvideo.models.creation import creation, idempotency, validation
from tests.pictures import picture
from tests.threads import at_once

pytestmark = [pytest.mark.locks, pytest.mark.django_db, pytest.mark.integration, pytest.mark.fault("K1.caller-key")]

LINK = "https://pictures.example/cat.png"


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def ann(django_user_model):
    return django_user_model.objects.create_user("ann")


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def create(**options):
    given = {"prompt": "A cat plays the piano", "first_frame": LINK, "idempotency_key": "order-17"}
    return VideoTask.objects.create_task(**given | options)


def conflict(**options):
    with pytest.raises(IdempotencyConflict) as caught:
        create(**options)
    return caught.value


def test_the_same_call_gives_the_task_that_is_there(ann):
    task = create(owner=ann, duration=5)
    again = create(owner=ann, duration=5, notes="other notes", metadata={"sku": "X1"})
    assert again == task
    assert VideoTask.objects.count() == 1
    assert task.events.count() == 1
    assert (task.idempotency_scope, task.idempotency_key) == (str(ann.pk), "order-17")


def test_without_a_key_each_call_makes_a_task():
    assert create(idempotency_key=None) != create(idempotency_key=None)


def test_the_same_file_is_not_stored_twice_and_stays_usable(storage):
    content = picture()
    task = create(first_frame=content)
    before = files(storage)
    assert create(first_frame=content) == task
    assert create(first_frame=io.BytesIO(picture().read())) == task
    assert files(storage) == before
    assert content.read(2) == b"\xff\xd8", "the file stands at its beginning"


@pytest.mark.parametrize("kind", ["path", "stored", "field"])
def test_the_same_bytes_are_the_same_however_they_are_given(kind, tmp_path):
    task = create(first_frame=picture())
    if kind == "path":
        given = tmp_path / "cat.jpg"
        given.write_bytes(picture().read())
    elif kind == "stored":
        given = MediaInput.objects.get()
    else:
        given = MediaInput.objects.get().file
        given.close()
    assert create(first_frame=given) == task


def test_other_content_is_refused_and_names_what_differs(storage):
    task = create(first_frame=picture())
    before = files(storage)
    error = conflict(prompt="A dog", duration=10, first_frame=picture("PNG", (900, 600)))
    assert (error.task, sorted(error.fields)) == (task, ["duration", "first_frame", "prompt"])
    assert isinstance(error, WanVideoError)
    assert "duration" in str(error)
    assert files(storage) == before
    assert conflict(first_frame=LINK).fields == ["first_frame"]
    assert conflict(first_frame=picture(), audio="https://pictures.example/a.mp3").fields == ["audio"]
    assert conflict(first_frame=picture(), model="wan2.5-image-to-video").fields[0] == "model"
    assert VideoTask.objects.count() == 1


def test_a_default_said_aloud_is_the_same_and_a_default_that_changes_too(settings, monkeypatch):
    task = create()
    spec = catalog.get(task.model)
    assert create(duration=5, quality="720p", model=task.model) == task
    changed = dict(spec.effective_values({})) | {"duration": 10}
    parameters = tuple(
        item if item.name != "duration" else type(item)(**{**vars_of(item), "default": 10}) for item in spec.parameters
    )
    other = type(spec)(**{**vars_of(spec), "parameters": parameters})
    others = [item for item in wan.MODELS if item is not spec]
    monkeypatch.setattr(wan, "MODELS", (other, *others))
    assert catalog.find(task.model) is other
    assert other.effective_values({}) == changed
    assert create() == task, "the same call"
    assert create(duration=5) == task, "what it meant then"
    assert conflict(duration=10).fields == ["duration"]
    settings.WANVIDEO = {**site.WANVIDEO, "DEFAULT_MODEL": "wan2.5-image-to-video"}
    assert create() == task


def vars_of(item):
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def test_what_was_asked_for_counts_and_not_what_the_draft_became():
    task = create()
    creation.update_draft(task, prompt="Another", parameters={"duration": 10}, notes="", metadata={})
    assert create() == task
    assert set(conflict(prompt="Another", duration=10).fields) == {"prompt", "duration"}


def test_each_owner_has_keys_of_its_own(ann, django_user_model):
    ben = django_user_model.objects.create_user("ben")
    tasks = {create(), create(owner=ann), create(owner=ben, prompt="A dog")}
    assert len(tasks) == 3
    assert create(owner=ann) in tasks


def test_deleted_owners_collide_with_nothing(ann, django_user_model):
    ben = django_user_model.objects.create_user("ben")
    tasks = {create(), create(owner=ann), create(owner=ben)}
    ann.delete()
    ben.delete()
    assert {task.idempotency_scope for task in VideoTask.objects.filter(owner=None)} == {
        task.idempotency_scope for task in tasks
    }
    assert create() in tasks


@pytest.mark.parametrize(
    "key", ["", 17, b"order", "x" * 201, " order", "order\n", "a\x00b", "a\ud800", "\u200border", " "]
)
def test_keys_that_cannot_be_kept_are_refused_beside_everything_else(key):
    with pytest.raises(ValidationError) as caught:
        create(idempotency_key=key, duration=99)
    assert set(caught.value.error_dict) == {"idempotency_key", "duration"}
    assert VideoTask.objects.count() == 0


@pytest.mark.parametrize("key", ["x" * 200, "Bestellung Nr. 17 – ä/ß?&=#%", "订单-17", "🦊"])
def test_long_and_odd_keys_are_kept(key):
    assert create(idempotency_key=key) == create(idempotency_key=key)


def test_a_refused_call_uses_no_key_up():
    with pytest.raises(ValidationError):
        create(duration=99)
    assert create(duration=5).idempotency_key == "order-17"


def gone(how, task):
    if how == "delete":
        task.delete()
    elif how == "queryset":
        VideoTask.objects.defer("idempotency_key", "created_at").filter(pk=task.pk).delete()
    else:
        VideoTask.objects.filter(pk=task.pk).update(created_at=timezone.now() - dt.timedelta(days=40))
        call_command("wanvideo_prune", "--older-than", "30", "--finished", "draft", stdout=io.StringIO())
    assert not VideoTask.objects.exists()


@pytest.mark.parametrize("how", ["delete", "queryset", "prune"])
def test_the_key_of_a_deleted_task_makes_no_second_one_for_thirty_days(how, ann, storage, time_passes):
    task = create(owner=ann, first_frame=picture())
    pk = task.pk
    gone(how, task)
    error = conflict(owner=ann, first_frame=picture())
    assert (error.task, error.fields, error.task_id) == (None, [], pk)
    assert error.deleted_at >= error.created_at
    assert timezone.localtime(error.deleted_at).strftime("%Y-%m-%d") in str(error)
    assert conflict(owner=ann, first_frame=Path("/nowhere")).task is None
    assert create(first_frame=picture()), "another owner's key"
    time_passes(days=29)
    conflict(owner=ann, first_frame=picture())
    time_passes(days=2)
    assert create(owner=ann, first_frame=picture()).pk != pk


@pytest.fixture
def time_passes():
    """Make what was deleted lie further back."""

    def pass_(**length):
        for row in DeletedTask.objects.all():
            row.deleted_at -= dt.timedelta(**length)
            row.save()

    return pass_


def test_what_was_deleted_long_ago_is_forgotten_by_pruning(time_passes):
    create(idempotency_key="old").delete()
    time_passes(days=31)
    create(idempotency_key="new").delete()
    said = io.StringIO()
    call_command("wanvideo_prune", "--older-than", "30", "--dry-run", stdout=said)
    assert DeletedTask.objects.count() == 2
    call_command("wanvideo_prune", "--older-than", "30", stdout=said)
    assert [row.idempotency_key for row in DeletedTask.objects.all()] == ["new"]
    assert "1 keys of tasks" in said.getvalue()


def test_a_deletion_that_is_rolled_back_leaves_the_key_with_its_task():
    create()

    @transaction.atomic
    def delete_and_break():
        VideoTask.objects.get().delete()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        delete_and_break()
    assert DeletedTask.objects.count() == 0
    assert create() == VideoTask.objects.get()


def test_tasks_without_a_key_leave_nothing_behind():
    create(idempotency_key=None).delete()
    assert DeletedTask.objects.count() == 0


def test_task_that_comes_and_goes_while_inputs(monkeypatch, storage):
    """A task that comes and goes while the inputs are checked is noticed."""
    real = validation.validate

    def validate(*args, **kwargs):
        monkeypatch.setattr(validation, "validate", real)
        create(first_frame=picture()).delete()
        return real(*args, **kwargs)

    monkeypatch.setattr(validation, "validate", validate)
    assert conflict(first_frame=picture()).task is None
    assert VideoTask.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_lost_race_leaves_the_callers_own_transaction_usable(monkeypatch, ann, storage):
    real = validation.validate
    won = []

    def validate(*args, **kwargs):
        monkeypatch.setattr(validation, "validate", real)
        won.extend(at_once(lambda: create(owner=ann, first_frame=picture())))
        return real(*args, **kwargs)

    monkeypatch.setattr(validation, "validate", validate)
    if transaction.get_connection().vendor == "sqlite":
        # One writer at a time: the other one comes before our transaction begins to write.
        assert create(owner=ann, first_frame=picture()) == won[0]
    else:
        with transaction.atomic():
            assert create(owner=ann, first_frame=picture()) == won[0]
            ann.first_name = "Ann"
            ann.save()
        ann.refresh_from_db()
        assert ann.first_name == "Ann"
    assert VideoTask.objects.count() == 1
    assert len(files(storage)) == 2, "the picture and its small one"


def test_a_file_that_cannot_be_compared_is_said_at_its_field():
    create(first_frame=picture())
    closed = picture()
    closed.close()
    with pytest.raises(ValidationError) as caught:
        create(first_frame=closed)
    assert set(caught.value.error_dict) == {"first_frame"}


def test_a_database_that_takes_one_key_for_another_gives_no_wrong_task(monkeypatch):
    task = create(idempotency_key="Order-17")
    wish = idempotency.CreateCall("order-17", None, None, task.prompt, {}, {"first_frame": [LINK]})
    assert wish._differing(task) == ["idempotency_key"]


def test_a_duplicate_may_have_a_key_too():
    task = create()
    first = creation.duplicate(task, idempotency_key="copy-1")
    assert creation.duplicate(task, idempotency_key="copy-1") == first
    assert first.parent == task
