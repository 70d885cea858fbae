"""A task whose video is made and waits to be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.files.storage import InMemoryStorage

from django_wanvideo import jobs
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import VideoTask
from django_wanvideo.services.sending import submission
from django_wanvideo.services.tracking import polling
from django_wanvideo.testing import picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.core.files.storage import Storage

    from django_wanvideo.simulator import Simulator


class Overwriting(InMemoryStorage):
    """One that puts a file in the place of another of the same name, as object stores do by default."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name


STORAGES = {"keeps": InMemoryStorage, "overwrites": Overwriting}


@pytest.fixture(autouse=True)
def media(settings, tmp_path: Path) -> Path:
    """The folder of the site's files, empty; pictures go there whatever storage the videos have."""
    settings.MEDIA_ROOT = tmp_path / "files-of-the-site"
    settings.MEDIA_ROOT.mkdir()
    return settings.MEDIA_ROOT


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, use_storage: Callable[[Storage], Storage]) -> Storage:
    """The storage of videos, one that keeps what it has and one that overwrites it."""
    return use_storage(STORAGES[request.param]())


@pytest.fixture
def use_storage(monkeypatch: pytest.MonkeyPatch) -> Callable[[Storage], Storage]:
    """A function that makes a storage the one of the videos."""

    def use(storage: Storage) -> Storage:
        monkeypatch.setattr(VideoTask._meta.get_field("video"), "storage", storage)
        return storage

    return use


@pytest.fixture
def made(evolink_simulator: Simulator) -> Callable[[], VideoTask]:
    """A function that makes a task that stands at ``storing``; nothing has been copied yet."""

    def make() -> VideoTask:
        task = VideoTask.objects.create_task(prompt="A lake at dawn", first_frame=picture(), duration=2)
        task.submit()
        submission.send(task.pk)
        polling.sync([task.pk])
        task.refresh_from_db()
        assert task.status == TaskStatus.STORING, (task.status, task.error_message)
        return task

    return make


@pytest.fixture
def store() -> Callable[[VideoTask], VideoTask]:
    """A function that runs the job of one task, as a worker does, and reads the row again."""

    def run(task: VideoTask) -> VideoTask:
        jobs.store(str(task.pk))
        task.refresh_from_db()
        return task

    return run
