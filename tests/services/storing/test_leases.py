"""One worker copies a video, however long that takes, and one that was taken for dead undoes nothing of another's."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import OperationalError, connections, transaction
from django.utils import timezone

from django_wanvideo import downloads, jobs
from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.models import VideoTask
from django_wanvideo.services import leases
from django_wanvideo.services.storing import download, result_urls, staging
from django_wanvideo.services.sweep import sweep
from tests.services.storing.helpers import is_whole, kinds, videos

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.core.files.storage import Storage

    from django_wanvideo.simulator import Simulator

    Made = Callable[[], VideoTask]
    Store = Callable[[VideoTask], VideoTask]

# A heartbeat has a connection of its own, which sees what is committed.
pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

#: Seconds.
LEASE, RENEWAL = 0.6, 0.06


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that end while a test waits."""
    monkeypatch.setattr(leases, "LEASE", dt.timedelta(seconds=LEASE))
    monkeypatch.setattr(leases, "RENEWAL", dt.timedelta(seconds=RENEWAL))


def when_saving(monkeypatch: pytest.MonkeyPatch, storage: Storage, act: Callable[[], None], *, when: str) -> None:
    """Let something happen while the storage has its first video in hand: before it is there, or after."""
    real = storage._save

    def save(name: str, content: Any) -> str:
        monkeypatch.setattr(storage, "_save", real)
        if when == "before":
            act()
        name = real(name, content)
        if when == "after":
            act()
        return name

    monkeypatch.setattr(storage, "_save", save)


def when_downloading(monkeypatch: pytest.MonkeyPatch, act: Callable[[Any], None]) -> None:
    """Let something happen in the first download, before it begins; it is given the callback for progress."""
    real = downloads.fetch

    def fetch(*args: Any, on_progress: Any, **options: Any) -> Any:
        monkeypatch.setattr(downloads, "fetch", real)
        act(on_progress)
        return real(*args, on_progress=on_progress, **options)

    monkeypatch.setattr(downloads, "fetch", fetch)


def make_due(task: VideoTask) -> None:
    VideoTask.objects.filter(pk=task.pk).update(next_action_at=timezone.now())


def end_lease(task: VideoTask) -> None:
    """As if the worker that holds the task had been silent for too long."""
    VideoTask.objects.filter(pk=task.pk).update(lease_expires_at=timezone.now() - dt.timedelta(microseconds=1))


def row(task: VideoTask) -> dict[str, Any]:
    return VideoTask.objects.filter(pk=task.pk).values().get()


def hand_to_another(task: VideoTask) -> bool:
    """Let the sweep, and a job that was queued twice, look for work; return whether there was any."""
    make_due(task)
    before = row(task)
    handed: list[tuple[str, ...]] = []
    sweep(lambda *job: bool(handed.append(job)) or True)
    jobs.store(str(task.pk))
    return ("store", str(task.pk)) in handed or row(task)["status"] != before["status"]


def downloaded(evolink_simulator: Simulator) -> int:
    return evolink_simulator.journal.count("result")


@pytest.mark.slow
def test_a_storage_that_hangs_longer_than_a_lease_keeps_its_task(
    made: Made, store: Store, storage: Storage, evolink_simulator: Simulator, monkeypatch, short
) -> None:
    task, found = made(), []

    def hang() -> None:
        time.sleep(LEASE * 1.6)
        found.append(hand_to_another(task))

    when_saving(monkeypatch, storage, hang, when="before")
    assert store(task).status == TaskStatus.COMPLETED
    assert found == [False]
    assert downloaded(evolink_simulator) == 1
    assert kinds(task).count(EventKind.STORED) == 1
    assert videos(storage) == [task.video.name]
    assert is_whole(task)


@pytest.mark.slow
def test_a_download_that_is_silent_longer_than_a_lease_keeps_its_task(
    made: Made, store: Store, evolink_simulator: Simulator, monkeypatch, short
) -> None:
    task, found = made(), []

    def look_the_name_up(_on_progress: Any) -> None:
        time.sleep(LEASE * 1.6)
        found.append(hand_to_another(task))

    when_downloading(monkeypatch, look_the_name_up)
    assert store(task).status == TaskStatus.COMPLETED
    assert found == [False]
    assert downloaded(evolink_simulator) == 1


@pytest.mark.slow
def test_question_for_fresh_link_that_is_longer(
    made: Made, store: Store, evolink_simulator: Simulator, monkeypatch, short
) -> None:
    """A question for a fresh link that is longer than a lease keeps its task."""
    task, found = made(), []
    real = result_urls._fetch_snapshot

    def slowly(attempt: Any) -> Any:
        time.sleep(LEASE * 1.6)
        found.append(hand_to_another(task))
        return real(attempt)

    monkeypatch.setattr(result_urls, "_fetch_snapshot", slowly)
    evolink_simulator.faults.add("result", "404")
    store(task)
    assert found == [False]
    assert task.result_refreshed_at is not None


def test_a_database_that_hangs_up_on_a_silent_worker_costs_no_second_copy(
    made: Made, store: Store, storage: Storage, evolink_simulator: Simulator, monkeypatch, short
) -> None:
    task = made()

    def hang() -> None:
        time.sleep(RENEWAL * 2)
        connections["default"].connection.close()

    when_saving(monkeypatch, storage, hang, when="after")
    assert store(task).status == TaskStatus.COMPLETED
    assert downloaded(evolink_simulator) == 1


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_storage_that_hangs_for_ever_loses_its_task(
    made: Made, store: Store, storage: Storage, monkeypatch, short, when: str
) -> None:
    """A storage that hangs for ever loses its task to another worker and spoils nothing."""
    monkeypatch.setattr(leases, "MAX_DURATION", dt.timedelta(seconds=0.3))
    task, found = made(), []

    def hang() -> None:
        time.sleep(0.3 + LEASE * 1.6)
        monkeypatch.setattr(leases, "MAX_DURATION", dt.timedelta(seconds=60))
        found.append(hand_to_another(task))

    when_saving(monkeypatch, storage, hang, when=when)
    assert store(task).status == TaskStatus.COMPLETED
    assert found == [True]
    assert kinds(task).count(EventKind.STORED) == 1
    assert videos(storage) == [task.video.name]
    assert is_whole(task)


@pytest.mark.parametrize("moved", [True, False], ids=["moved", "copied"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_late_worker_leaves_no_second_file_in_a_folder(
    made: Made, store: Store, use_storage: Any, media: Path, monkeypatch, when: str, moved: bool
) -> None:
    if not moved:
        monkeypatch.setattr(staging, "_unnamed", lambda _folder: None)
    task, found = made(), []
    storage = use_storage(FileSystemStorage(media))

    def hang() -> None:
        end_lease(task)
        found.append(hand_to_another(task))

    when_saving(monkeypatch, storage, hang, when=when)
    assert store(task).status == TaskStatus.COMPLETED
    assert found == [True]
    assert videos() == [task.video.name]
    assert is_whole(task)


def test_a_late_worker_deletes_no_file_that_its_successor_is_about_to_name(
    made: Made, store: Store, storage: Storage, monkeypatch
) -> None:
    task, successor = made(), []

    def hang() -> None:
        # The successor has come as far: its file is in storage, under the same name where the storage overwrites.
        end_lease(task)
        successor.append(leases.acquire(task.pk, TaskStatus.STORING))

    when_saving(monkeypatch, storage, hang, when="after")
    assert store(task).status == TaskStatus.STORING
    assert task.lease_expires_at == successor[0].until
    assert videos(storage) == [f"{task.created_at:wanvideo/%Y/%m}/{task.pk}-{task.attempt.pk.hex[:16]}.mp4"]


def test_a_late_copy_stays_when_nobody_else_has_got_the_video(
    made: Made, store: Store, storage: Storage, evolink_simulator: Simulator, monkeypatch, caplog
) -> None:
    task = made()

    def hang() -> None:
        end_lease(task)
        VideoTask.objects.filter(pk=task.pk).update(
            accepted_at=timezone.now() - dt.timedelta(hours=27), result_expires_at=timezone.now(), retry_count=1
        )
        evolink_simulator.faults.add("result", "404")
        jobs.store(str(task.pk))

    when_saving(monkeypatch, storage, hang, when="after")
    assert store(task).error_code == "result_expired"
    assert len(videos(storage)) == 1
    assert videos(storage)[0] in caplog.text


def test_worker_that_was_taken_for_dead(made: Made, store: Store, storage: Storage, monkeypatch) -> None:
    """A worker that was taken for dead before it saves does not touch the storage."""
    task = made()
    saved: list[str] = []
    save = storage._save
    monkeypatch.setattr(storage, "_save", lambda name, content: saved.append(name) or save(name, content))
    real = downloads.fetch

    def slow(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr(downloads, "fetch", real)
        got = real(*args, **options)
        end_lease(task)
        jobs.store(str(task.pk))
        return got

    monkeypatch.setattr(downloads, "fetch", slow)
    assert store(task).status == TaskStatus.COMPLETED
    assert saved == [task.video.name]


def test_a_download_is_broken_off_once_another_worker_has_the_task(
    made: Made, store: Store, storage: Storage, evolink_simulator: Simulator, monkeypatch, short
) -> None:
    task, successor, broken_off = made(), [], []

    def go_on(on_progress: Any) -> None:
        end_lease(task)
        successor.append(leases.acquire(task.pk, TaskStatus.STORING))
        deadline = time.monotonic() + 10
        try:
            while time.monotonic() < deadline:
                on_progress(1, None)
                time.sleep(0.01)
        except download.LeaseLost:
            broken_off.append(time.monotonic() < deadline)
            raise

    when_downloading(monkeypatch, go_on)
    assert store(task).status == TaskStatus.STORING
    assert broken_off == [True]
    assert task.lease_expires_at == successor[0].until
    assert (downloaded(evolink_simulator), videos(storage)) == (0, [])


@pytest.mark.parametrize(
    "trouble",
    [
        downloads.DownloadError("connection", "It broke."),
        downloads.DownloadError("http_error", "It is gone.", http_status=404),
        downloads.DownloadError("forbidden_address", "It is not public."),
        ConnectionError("the bucket hung up"),
    ],
    ids=["try again", "dead link", "refused link", "storage"],
)
@pytest.mark.parametrize("asked", [False, True], ids=["not asked yet", "asked"])
def test_worker_that_was_taken_for_dead_changes(
    made: Made, store: Store, evolink_simulator: Simulator, monkeypatch, trouble: Exception, asked: bool
) -> None:
    """A worker that was taken for dead changes nothing of its successors task by failing."""
    task, good = made(), []
    good.append(task.result_url)
    VideoTask.objects.filter(pk=task.pk).update(
        # Where EvoLink has been asked before, the next answer is the last.
        result_refreshed_at=timezone.now() if asked else None,
        retry_count=download.GONE_TRIES if asked else 0,
        result_url=good[0] + "?old",
    )
    after: list[Any] = []

    def fail(_on_progress: Any) -> None:
        end_lease(task)
        assert leases.acquire(task.pk, TaskStatus.STORING) is not None
        after.append((row(task), kinds(task)))
        raise trouble

    when_downloading(monkeypatch, fail)
    store(task)
    assert (row(task), kinds(task)) == after[0]


def test_a_renewal_counts_from_now_and_keeps_others_out(made: Made, monkeypatch) -> None:
    task, begun = made(), timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: begun)
    lease = leases.acquire(task.pk, TaskStatus.STORING)
    assert lease is not None
    monkeypatch.setattr(timezone, "now", lambda: begun + leases.LEASE * 0.9)
    assert lease.renew()
    assert row(task)["lease_expires_at"] == lease.until == begun + leases.LEASE * 1.9
    monkeypatch.setattr(timezone, "now", lambda: begun + leases.LEASE * 1.8)
    assert leases.acquire(task.pk, TaskStatus.STORING) is None
    assert VideoTask.objects.filter(lease.is_current, pk=task.pk).exists()


def test_a_hold_that_another_worker_has_is_not_renewed(made: Made) -> None:
    task = made()
    late = leases.acquire(task.pk, TaskStatus.STORING)
    assert late is not None
    end_lease(task)
    successor = leases.acquire(task.pk, TaskStatus.STORING)
    assert successor is not None
    assert not late.renew()
    assert late.lost
    assert row(task)["lease_expires_at"] == successor.until
    assert successor.renew()


@pytest.mark.slow
def test_a_heartbeat_outlives_a_database_that_is_away_for_a_moment(made: Made, monkeypatch, short, caplog) -> None:
    task, calls = made(), []
    renew = leases.Lease.renew

    def sometimes(lease: leases.Lease) -> bool:
        calls.append(connections["default"])
        if len(calls) == 1:
            raise OperationalError("the database is away")
        return renew(lease)

    monkeypatch.setattr(leases.Lease, "renew", sometimes)
    lease = leases.acquire(task.pk, TaskStatus.STORING)
    assert lease is not None
    with lease.keep_alive():
        time.sleep(LEASE * 1.6)
    assert row(task)["lease_expires_at"] > timezone.now()
    assert "could not be renewed" in caplog.text
    assert connections["default"] not in calls
    assert [connection.connection for connection in calls] == [None] * len(calls), "all of them are closed"
    assert "wanvideo-lease" not in [thread.name for thread in threading.enumerate()]


def test_inside_of_a_transaction_there_is_no_heartbeat_and_nothing_is_lost(made: Made, short) -> None:
    task = made()
    with transaction.atomic():
        lease = leases.acquire(task.pk, TaskStatus.STORING)
        assert lease is not None
        with lease.keep_alive():
            time.sleep(RENEWAL * 3)
            assert "wanvideo-lease" not in [thread.name for thread in threading.enumerate()]
        assert not lease.lost
