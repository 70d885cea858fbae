"""A file is uploaded to EvoLink right before it is needed, once, as EvoLink takes it."""

from __future__ import annotations

import datetime as dt
import hashlib
import io

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from PIL import Image

from django_wanvideo import catalog
from django_wanvideo.catalog import images
from django_wanvideo.choices import TaskStatus
from django_wanvideo.evolink.exceptions import RetryLater
from django_wanvideo.evolink.types import UploadedFile
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.models.creation import creation, inspection, media
from tests.factories import make_task
from tests.pictures import picture

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

LINK = "https://pictures.example/cat.png"
FLASH = catalog.get("wan2.6-image-to-video-flash")


class FileService:
    """EvoLink's file service, as far as it is asked here: it refuses BMP and keeps files for 72 hours."""

    def __init__(self):
        self.taken = []
        self.lifetime = dt.timedelta(hours=72)
        self.trouble = None

    def upload(self, fileobj, *, file_name, content_type):
        if self.trouble:
            raise self.trouble
        content = fileobj.read()
        assert fileobj.tell() == len(content), "it was given from its beginning"
        self.taken.append((file_name, content_type, content))
        number = len(self.taken)
        return UploadedFile(f"https://files.example/{number}", timezone.now() + self.lifetime)


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def service():
    return FileService()


def draft(first_frame, **options):
    return VideoTask.objects.create_task(prompt="A cat", first_frame=first_frame, **options)


def urls(task, service):
    return media.provider_urls(VideoTask.objects.get(pk=task.pk), service)


def test_a_link_is_passed_on_and_nothing_is_uploaded(service):
    task = draft(LINK, audio="https://sounds.example/a.mp3")
    assert urls(task, service) == {"first_frame": [LINK], "audio": ["https://sounds.example/a.mp3"]}
    assert service.taken == []


@pytest.mark.parametrize(
    ("kind", "content_type", "extension"),
    [("JPEG", "image/jpeg", "jpg"), ("PNG", "image/png", "png"), ("WEBP", "image/webp", "webp")],
)
def test_a_file_is_uploaded_as_it_is(service, kind, content_type, extension):
    given = picture(kind)
    task = draft(given)
    given.seek(0)
    assert urls(task, service) == {"first_frame": ["https://files.example/1"]}
    content = given.read()
    digest = hashlib.sha256(content).hexdigest()[:12]
    assert service.taken == [(f"{task.pk}-first_frame-0-{digest}.{extension}", content_type, content)]


def test_a_bmp_is_uploaded_as_png_and_stays_a_bmp_here(service):
    task = draft(picture("BMP"))
    urls(task, service)
    ((name, content_type, content),) = service.taken
    assert name.startswith(f"{task.pk}-first_frame-0-")
    assert (name[-4:], content_type) == (".png", "image/png")
    with Image.open(io.BytesIO(content)) as sent:
        assert (sent.format, sent.size) == ("PNG", (640, 480))
    assert task.first_frame.file.name.endswith(".bmp")


def test_an_upload_is_remembered_and_used_again_while_it_is_fresh(service):
    task = draft(picture())
    first = urls(task, service)
    item = MediaInput.objects.get()
    assert item.uploaded_url == "https://files.example/1"
    assert item.uploaded_expires_at > timezone.now() + dt.timedelta(hours=71)
    assert urls(task, service) == first
    assert len(service.taken) == 1


def test_upload_that_may_end_while_evolink_has_task(service):
    """An upload that may end while EvoLink has the task waiting is made again."""
    task = draft(picture())
    service.lifetime = media.SPARE - dt.timedelta(minutes=1)
    urls(task, service)
    assert urls(task, service) == {"first_frame": ["https://files.example/2"]}


def test_an_upload_that_fails_is_not_remembered(service):
    task = draft(picture())
    service.trouble = RetryLater("busy")
    with pytest.raises(RetryLater):
        urls(task, service)
    assert MediaInput.objects.get().uploaded_url == ""
    service.trouble = None
    assert urls(task, service) == {"first_frame": ["https://files.example/1"]}


def test_a_file_that_is_gone_is_said_to_be_gone(service, storage):
    task = draft(picture())
    (storage / task.first_frame.file.name).unlink()
    with pytest.raises(FileNotFoundError):
        urls(task, service)


def test_a_file_that_has_been_replaced_by_something_else_is_not_sent(service, storage):
    task = draft(picture())
    (storage / task.first_frame.file.name).write_bytes(b"<html>moved</html>")
    with pytest.raises(ValidationError):
        urls(task, service)
    assert service.taken == []


def test_a_new_picture_is_a_new_upload(service):
    task = draft(picture())
    urls(task, service)
    creation.update_draft(
        task, prompt="A cat", parameters={}, notes="", metadata={}, first_frame=picture(size=(500, 500))
    )
    assert urls(task, service) == {"first_frame": ["https://files.example/2"]}


def test_inputs_of_a_role_keep_their_order(service):
    task = make_task(TaskStatus.DRAFT)
    for position in (2, 0, 1):
        MediaInput.objects.create(
            task=task, role="reference_images", position=position, url=f"https://a.example/{position}"
        )
    assert urls(task, service) == {"reference_images": [f"https://a.example/{position}" for position in range(3)]}


def test_what_is_looked_at_is_not_stored_yet(storage):
    (item,) = inspection.inspect(FLASH, {"first_frame": [picture()]})
    assert (item.pk, item.width, item.height) == (None, 640, 480)
    assert not any(path.is_file() for path in storage.rglob("*"))


def test_a_tasks_own_inputs_come_back_as_they_are():
    task = draft(picture())
    item = MediaInput.objects.get()
    assert inspection.inspect(FLASH, {"first_frame": [item]}, keep_of=task) == [item]
    (copy,) = inspection.inspect(FLASH, {"first_frame": [item]}, keep_of=make_task())
    assert copy.pk is None


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_files_are_deleted_after_the_commit_that_deletes_their_rows(storage):
    task = draft(picture())
    item = MediaInput.objects.get()
    names = [item.file.name, item.thumbnail.name]
    with transaction.atomic():
        task.inputs.all().delete()
        transaction.set_rollback(True)
    assert all((storage / name).exists() for name in names)
    with transaction.atomic():
        task.inputs.all().delete()
        assert all((storage / name).exists() for name in names)
    assert not any((storage / name).exists() for name in names)


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_file_that_cannot_be_deleted_is_said_in_log(storage, caplog, monkeypatch):
    """A file that cannot be deleted is said in the log and stops nothing."""
    task = draft(picture())
    name = task.first_frame.file.name

    def refuse(self, name):
        raise PermissionError("read-only")

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.delete", refuse)
    task.inputs.all().delete()
    assert not MediaInput.objects.exists()
    assert f"The file {name}, which nothing refers to, could not be deleted; delete it by hand" in caplog.text


@pytest.mark.parametrize(
    ("size", "small"), [((2000, 360), (192, 35)), ((360, 2000), (35, 192)), ((400, 400), (192, 192))]
)
def test_thumbnail_keeps_proportions_and_leaves_file(size, small):
    """A thumbnail keeps the proportions and leaves the file at its beginning."""
    given = picture("PNG", size=size)
    given.seek(100)
    content = images.small_jpeg(given, media.THUMBNAIL_SIDE)
    assert given.tell() == 0
    assert len(content) < 20_000
    with Image.open(io.BytesIO(content)) as made:
        assert (made.format, made.size) == ("JPEG", small)
