"""Nothing paid for is lost on the way from EvoLink's link to the site's storage."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import io
from typing import TYPE_CHECKING, Any

import av
import pytest
from django.core.files.storage import InMemoryStorage, default_storage
from django.db import transaction
from django.utils import timezone

from django_wanvideo import downloads
from django_wanvideo.choices import Charge, EventKind, TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import VideoTask
from django_wanvideo.services import leases
from django_wanvideo.services.provider import provider
from django_wanvideo.services.storing import download
from tests.services.storing.helpers import kinds, videos

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_wanvideo.simulator import Simulator

    Made = Callable[[], VideoTask]
    Store = Callable[[VideoTask], VideoTask]

pytestmark = pytest.mark.integration


def test_what_is_stored_is_the_video_with_its_size_and_checksum(made: Made, store: Store) -> None:
    task = store(made())
    content = task.video.read()
    assert task.status == TaskStatus.COMPLETED
    assert (task.video_size, task.video_sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert str(task.pk) in task.video.name
    assert task.progress == 100
    assert task.charge == Charge.CHARGED
    with av.open(io.BytesIO(content)) as video:
        assert video.streams.video[0].codec_context.name == "h264"


def test_any_storage_of_the_site_takes_the_video(made: Made, store: Store, settings) -> None:
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "memory"}
    field = VideoTask._meta.get_field("video")
    original = field.storage
    field.storage = InMemoryStorage()
    try:
        task = store(made())
        assert task.status == TaskStatus.COMPLETED
        assert field.storage.size(task.video.name) == task.video_size
        assert videos() == []
    finally:
        field.storage = original


def test_a_completed_task_is_not_copied_again(made: Made, store: Store, monkeypatch) -> None:
    task = store(made())
    name = task.video.name
    monkeypatch.delattr(downloads, "fetch")
    assert store(task).video.name == name
    assert len(videos()) == 1


@pytest.mark.parametrize("fault", ["close", "reset", "truncated", "short", "500", "503", "429"])
def test_download_that_breaks_is_tried_later_and_never(
    made: Made, store: Store, evolink_simulator: Simulator, fault: str
) -> None:
    """A download that breaks is tried later and never causes another generation."""
    task = made()
    evolink_simulator.faults.add("result", fault)
    assert store(task).status == TaskStatus.STORING
    assert task.next_action_at > timezone.now()
    assert task.lease_expires_at is None
    assert EventKind.STORE_FAILED in kinds(task)
    assert videos() == []
    assert store(task).status == TaskStatus.COMPLETED
    assert len(videos()) == 1
    evolink_simulator.ledger.assert_charged_once()


@pytest.mark.parametrize(("fault", "code"), [("html", "result_not_a_video"), ("garbage", "result_not_a_video")])
def test_what_is_no_video_is_never_stored(
    made: Made, store: Store, evolink_simulator: Simulator, fault: str, code: str
) -> None:
    task = made()
    evolink_simulator.faults.add("result", fault, times=None)
    for _try in range(3):
        store(task)
    assert videos() == []
    assert task.status in {TaskStatus.STORING, TaskStatus.FAILED}
    if task.status == TaskStatus.FAILED:
        assert task.error_code == code
        assert task.charge == Charge.CHARGED


def test_video_over_sites_limit_fails_with_its_link(
    made: Made, store: Store, settings, evolink_simulator: Simulator
) -> None:
    """A video over the site’s limit fails with its link kept and can be fetched after all."""
    task = made()
    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_VIDEO_BYTES": 1000}
    assert store(task).status == TaskStatus.FAILED
    assert task.error_code == "result_too_large"
    assert task.charge == Charge.CHARGED
    assert videos() == []

    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_VIDEO_BYTES": 10**9}
    task.retry()
    assert task.status == TaskStatus.STORING
    assert store(task).status == TaskStatus.COMPLETED
    evolink_simulator.ledger.assert_charged_once()
    assert len(evolink_simulator.ledger.accepted) == 1


def test_results_come_from_the_sites_hosts_only(
    made: Made, store: Store, settings, evolink_simulator: Simulator
) -> None:
    task = made()
    settings.WANVIDEO = {**settings.WANVIDEO, "RESULT_HOSTS": [".evolink.example"]}
    assert store(task).error_code == "result_forbidden_host"
    assert not [entry for entry in evolink_simulator.journal if entry.path in task.result_url]


def test_a_result_at_a_private_address_is_not_asked_for(
    made: Made, store: Store, settings, evolink_simulator: Simulator, monkeypatch
) -> None:
    task = made()
    client = provider.client()
    monkeypatch.setattr(provider, "client", lambda: client)
    settings.WANVIDEO = {**settings.WANVIDEO, "ALLOW_PRIVATE_HOSTS": False}
    VideoTask.objects.filter(pk=task.pk).update(result_url=task.result_url.replace("http://", "https://"))
    assert store(task).status == TaskStatus.STORING, "EvoLink gave its first link once more, which is another one"
    assert store(task).status == TaskStatus.FAILED
    assert not [entry for entry in evolink_simulator.journal if entry.path in task.result_url]


class BrokenStorage(InMemoryStorage):
    """Fails as storages do, so many times."""

    def __init__(self, failures: int, error: Exception) -> None:
        super().__init__()
        self.failures, self.error = failures, error

    def _save(self, name: str, content: Any) -> str:
        if self.failures:
            self.failures -= 1
            raise self.error
        return super()._save(name, content)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), ConnectionError("the bucket hung up"), RuntimeError("odd")],
)
def test_storage_that_fails_gets_video_later_once(
    made: Made, store: Store, evolink_simulator: Simulator, monkeypatch, error: Exception
) -> None:
    """A storage that fails gets the video later once with the right checksum."""
    task = made()
    field = VideoTask._meta.get_field("video")
    monkeypatch.setattr(field, "storage", BrokenStorage(2, error))
    for _try in range(2):
        assert store(task).status == TaskStatus.STORING
        assert not task.video
    assert store(task).status == TaskStatus.COMPLETED
    with field.storage.open(task.video.name) as stored:
        assert hashlib.sha256(stored.read()).hexdigest() == task.video_sha256
    evolink_simulator.ledger.assert_charged_once()


def test_a_full_disk_under_the_temporary_file_is_no_failure(
    made: Made, store: Store, monkeypatch, evolink_simulator: Simulator
) -> None:
    task = made()
    real = downloads.fetch

    def full(*args: Any, **kwargs: Any) -> Any:
        raise downloads.DownloadError("disk", "The disk is full.", retryable=True)

    monkeypatch.setattr(downloads, "fetch", full)
    assert store(task).status == TaskStatus.STORING
    monkeypatch.setattr(downloads, "fetch", real)
    assert store(task).status == TaskStatus.COMPLETED


def test_two_workers_do_not_copy_the_same_video(made: Made, store: Store, evolink_simulator: Simulator) -> None:
    task = made()
    other = leases.acquire(task.pk, TaskStatus.STORING)
    assert store(task).status == TaskStatus.STORING
    assert not [entry for entry in evolink_simulator.journal if entry.path in task.result_url]
    assert other is not None
    other.release()
    assert store(task).status == TaskStatus.COMPLETED


def test_worker_that_was_taken_for_dead_leaves_video(made: Made, store: Store, monkeypatch) -> None:
    """A worker that was taken for dead leaves the video of its successor alone."""
    task = made()
    real = downloads.fetch

    def slow(*args: Any, **kwargs: Any) -> Any:
        got = real(*args, **kwargs)
        monkeypatch.setattr(downloads, "fetch", real)
        VideoTask.objects.filter(pk=task.pk).update(lease_expires_at=timezone.now() - dt.timedelta(seconds=1))
        download.store(task.pk)  # the successor, while the first is about to put its copy into storage
        return got

    monkeypatch.setattr(downloads, "fetch", slow)
    assert store(task).status == TaskStatus.COMPLETED
    assert videos() == [task.video.name]
    assert kinds(task).count(EventKind.STORED) == 1
    assert hashlib.sha256(task.video.read()).hexdigest() == task.video_sha256


def test_there_is_nothing_to_fetch_for_a_task_without_a_video(made: Made, store: Store) -> None:
    task = store(made())
    with pytest.raises(TransitionNotAllowed, match="no video"):
        download.fetch_again(task)


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_deleting_a_task_deletes_its_files_after_commit_only(made: Made, store: Store) -> None:
    task = store(made())
    frame = task.first_frame
    names = [task.video.name, frame.file.name, frame.thumbnail.name]
    with transaction.atomic():
        task.delete()
        assert all(default_storage.exists(name) for name in names)
    assert not any(default_storage.exists(name) for name in names)


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_a_deletion_that_is_rolled_back_keeps_the_files(made: Made, store: Store) -> None:
    task = store(made())
    name = task.video.name
    with transaction.atomic():
        task.delete()
        transaction.set_rollback(True)
    assert default_storage.exists(name)


def test_a_task_on_its_way_cannot_be_deleted(made: Made) -> None:
    task = made()
    with pytest.raises(TransitionNotAllowed, match="cannot be deleted"), transaction.atomic():
        VideoTask.objects.filter(pk=task.pk).delete()
    assert VideoTask.objects.filter(pk=task.pk).exists()
