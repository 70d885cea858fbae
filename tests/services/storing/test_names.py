"""Which file of the storage is whose: what a row refers to is never written over and never deleted."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import InMemoryStorage

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import MediaInput, VideoTask
from tests.services.storing.helpers import is_whole, videos

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.files.storage import Storage

    Made = Callable[[], VideoTask]
    Store = Callable[[VideoTask], VideoTask]

pytestmark = pytest.mark.integration


@pytest.fixture
def upload_to(settings: Any) -> Callable[[Callable[[VideoTask, str], str]], None]:
    """A function that sets the site's own way to choose names."""

    def use(choose: Callable[[VideoTask, str], str]) -> None:
        settings.WANVIDEO = {**settings.WANVIDEO, "UPLOAD_TO": choose}

    return use


def wanted(task: VideoTask) -> str:
    """The name that a task's video has by itself: its own and its attempt's."""
    return VideoTask._meta.get_field("video").generate_filename(task, f"{task.pk}-{task.attempt.pk.hex[:16]}.mp4")


def content_of(storage: Storage, name: str) -> bytes:
    with storage.open(name) as stored:
        return stored.read()


def test_two_tasks_that_a_site_gives_the_same_name_have_a_file_each(
    made: Made, store: Store, storage: Storage, upload_to: Any
) -> None:
    upload_to(lambda _task, _filename: "films/X1.mp4")
    first, second, third = (store(made()) for _task in range(3))
    assert first.video.name == "films/X1.mp4"
    assert sorted(videos(storage)) == sorted({first.video.name, second.video.name, third.video.name})
    assert len(videos(storage)) == 3
    assert all(name.startswith("films/X1") and name.endswith(".mp4") for name in videos(storage))
    assert all(is_whole(task) for task in (first, second, third))


@pytest.mark.parametrize("column", ["file", "thumbnail"])
def test_a_video_takes_no_pictures_place(
    made: Made, store: Store, storage: Storage, upload_to: Any, column: str
) -> None:
    task, other = made(), made()
    name = storage.save("pictures/frame.mp4", io.BytesIO(b"a picture"))
    MediaInput.objects.filter(task=other).update(**{column: name})
    upload_to(lambda _task, _filename: name)
    assert store(task).status == TaskStatus.COMPLETED
    assert task.video.name != name
    assert content_of(storage, name) == b"a picture"
    assert is_whole(task)


@pytest.mark.parametrize("choose", [None, lambda task, _name: f"{task.pk.hex}/video.mp4"], ids=["default", "own"])
def test_what_a_worker_left_that_died_before_its_row_said_so_is_replaced(
    made: Made, store: Store, storage: Storage, upload_to: Any, choose: Any
) -> None:
    task = made()
    if choose is not None:
        upload_to(choose)
    storage.save(wanted(task), io.BytesIO(b"half a copy"))
    assert store(task).status == TaskStatus.COMPLETED
    assert videos(storage) == [task.video.name] == [wanted(task)]
    assert is_whole(task)


def test_a_file_that_may_be_the_sites_own_is_not_deleted(
    made: Made, store: Store, use_storage: Any, upload_to: Any
) -> None:
    storage = use_storage(InMemoryStorage())
    storage.save("films/X1.mp4", io.BytesIO(b"the site's own film"))
    upload_to(lambda _task, _filename: "films/X1.mp4")
    task = store(made())
    assert task.status == TaskStatus.COMPLETED
    assert content_of(storage, "films/X1.mp4") == b"the site's own film"
    assert is_whole(task)


class WriteOnly(InMemoryStorage):
    """A bucket whose key may put files there and nothing else."""

    def exists(self, name: str) -> bool:
        raise PermissionError("403")

    def delete(self, name: str) -> None:
        raise PermissionError("403")

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name


def test_a_storage_that_only_takes_files_gets_the_video(
    made: Made, store: Store, use_storage: Any, upload_to: Any
) -> None:
    storage = use_storage(WriteOnly())
    first = store(made())
    assert (first.status, first.video.name) == (TaskStatus.COMPLETED, wanted(first))
    upload_to(lambda _task, _filename: first.video.name)
    second = store(made())
    assert second.status == TaskStatus.COMPLETED
    assert sorted(videos(storage)) == sorted([first.video.name, second.video.name])
    assert is_whole(first)
    assert is_whole(second)


def test_a_file_left_behind_that_cannot_be_deleted_is_left_where_it_is(
    made: Made, store: Store, use_storage: Any, monkeypatch, caplog
) -> None:
    storage, task = use_storage(InMemoryStorage()), made()
    storage.save(wanted(task), io.BytesIO(b"half a copy"))

    def refuse(_name: str) -> None:
        raise PermissionError("403")

    monkeypatch.setattr(storage, "delete", refuse)
    assert store(task).status == TaskStatus.COMPLETED
    assert is_whole(task)
    assert wanted(task) in caplog.text
