"""Reading a picture that is to be sent: a storage's trouble passes and is waited for, and is never the picture's fault."""

from __future__ import annotations

import PIL.ImageFile
import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.core.files.storage import storages
from rq.timeouts import JobTimeoutException

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.models.creation import creation, media
from django_wanvideo.services.sending import submission
from tests import storages as odd
from tests.pictures import picture

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


class Breaking(File):
    """A file that is read from elsewhere as it goes, and breaks off."""

    def __init__(self, content, error):
        super().__init__(content)
        self.error, self.reads = error, 0

    def read(self, *args):
        self.reads += 1
        if self.reads > 1:
            raise self.error
        return self.file.read(100)


class NeverAsked:
    def upload(self, *args, **kwargs):
        raise AssertionError("nothing is uploaded of a picture that was not read whole")


@pytest.fixture
def storage(settings):
    settings.STORAGES = {**settings.STORAGES, "odd": {"BACKEND": "tests.storages.Failing"}}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd"}
    return storages["odd"]


@pytest.fixture(params=["open", "read"])
def breaking(request, storage, monkeypatch):
    """A function that makes reading fail, at once or half-way."""

    def use(error):
        monkeypatch.setattr(storage, "error", error)
        if request.param == "open":
            storage.failing = {"open"}
        else:
            give = odd.Overwriting.open
            monkeypatch.setattr(odd.Overwriting, "open", lambda self, *args: Breaking(give(self, *args), error))

    return use


def draft():
    return VideoTask.objects.create_task(prompt="A cat", first_frame=picture())


@pytest.mark.fault("K8.reading-the-picture-to-send-it")
@pytest.mark.parametrize("error", [odd.ClientError("SlowDown"), PermissionError("403"), ValueError("x"), KeyError("x")])
def test_a_storage_that_breaks_off_is_waited_for(breaking, error):
    task = draft()
    breaking(error)
    with pytest.raises(media.UnreadableInputError, match=type(error).__name__):
        media.provider_urls(VideoTask.objects.get(pk=task.pk), NeverAsked())


@pytest.mark.fault("K8.reading-the-picture-to-send-it")
def test_a_task_whose_picture_cannot_be_read_waits_and_is_not_failed(breaking, settings, wanvideo_wakeups):
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": "sk-test"}
    task = draft()
    task.submit()
    breaking(odd.ClientError("SlowDown"))
    submission.send(task.pk)
    task.refresh_from_db()
    assert (task.status, task.delay_reason) == (TaskStatus.QUEUED, "input_unreadable")
    assert task.delayed_until is not None


@pytest.mark.fault("K8.time-limit-passes")
def test_a_jobs_time_limit_is_not_the_storages_trouble(breaking):
    task = draft()
    breaking(JobTimeoutException("late"))
    with pytest.raises(JobTimeoutException):
        media.provider_urls(VideoTask.objects.get(pk=task.pk), NeverAsked())


@pytest.mark.fault("K8.time-limit-passes")
def test_a_jobs_time_limit_is_not_a_damaged_picture(storage, monkeypatch):
    task = draft()

    def late(*args, **options):
        raise JobTimeoutException("late")

    monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", late)
    with pytest.raises(JobTimeoutException):
        media.provider_urls(VideoTask.objects.get(pk=task.pk), NeverAsked())


@pytest.mark.fault("K8.duplicates-and-variations")
@pytest.mark.parametrize("error", [odd.ClientError("SlowDown"), PermissionError("403"), RuntimeError("x")])
def test_a_copy_of_a_picture_that_cannot_be_read_is_refused_at_its_field(breaking, error):
    task = draft()
    breaking(error)
    with pytest.raises(ValidationError) as refused:
        creation.duplicate(task)
    assert refused.value.error_dict["first_frame"][0].code == "unreadable"
    assert MediaInput.objects.count() == 1


@pytest.mark.fault("K8.picture-cannot-be-stored")
@pytest.mark.parametrize("error", [odd.ClientError("AccessDenied ?sig=hidden"), OSError("disk full"), TypeError("x")])
@pytest.mark.parametrize("how", ["create", "update"])
def test_picture_that_cannot_be_stored_is_refused(storage, monkeypatch, caplog, error, how):
    """A picture that cannot be stored is refused at its field and leaves nothing."""
    task = draft() if how == "update" else None
    before = odd.names(storage)
    monkeypatch.setattr(storage, "error", error)
    storage.failing = {"save"}
    new = picture(color="red")
    with pytest.raises(ValidationError) as refused:
        draft() if task is None else creation.update_draft(
            task, prompt="A dog", parameters={}, notes="", metadata={}, first_frame=new
        )
    assert refused.value.error_dict["first_frame"][0].code == "unstorable"
    assert "hidden" not in caplog.text
    assert type(error).__name__ in caplog.text
    assert odd.names(storage) == before
    assert list(VideoTask.objects.values_list("prompt", flat=True)) == ["A cat"] * (task is not None)


@pytest.mark.fault("K8.time-limit-passes")
def test_a_jobs_time_limit_is_not_a_storage_that_takes_nothing(storage, monkeypatch):
    monkeypatch.setattr(storage, "error", JobTimeoutException("late"))
    storage.failing = {"save"}
    with pytest.raises(JobTimeoutException):
        draft()
