"""A worker that dies anywhere on the way from EvoLink's link to the row: the next one stores the video once."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.models import VideoTask
from django_wanvideo.services.sweep import sweep
from tests.promises import processes
from tests.promises.child import DIED
from tests.services.storing import child
from tests.services.storing.helpers import is_whole, kinds, videos

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django_wanvideo.simulator import Simulator

    Made = Callable[[], VideoTask]

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

#: By the point of death, how many files the dead worker leaves that no row refers to.
LEFT = {
    "in the download": 0,
    "with half a file in the storage": 1,
    "as its copy has got a name": 1,
    "when the storage has the file": 1,
    "before the commit": 1,
}


def die(task: VideoTask, point: str, media: Path) -> None:
    env = processes.environment(**{child.MEDIA: str(media)})
    status, output = processes.run("-m", "tests.services.storing.child", point, str(task.pk), env=env)
    assert status == DIED, output
    task.refresh_from_db()


def sweep_here(task: VideoTask) -> VideoTask:
    """One pass whose jobs are done here, as if all waiting were over."""
    VideoTask.objects.filter(pk=task.pk, next_action_at__isnull=False).update(next_action_at=timezone.now())
    sweep(jobs.run_here)
    task.refresh_from_db()
    return task


def assert_stored_once(task: VideoTask, evolink_simulator: Simulator) -> None:
    assert task.status == TaskStatus.COMPLETED
    assert videos() == [task.video.name]
    assert is_whole(task)
    assert kinds(task).count(EventKind.STORED) == 1
    assert len(evolink_simulator.ledger.accepted) == 1
    evolink_simulator.ledger.assert_charged_once()


@pytest.mark.parametrize("point", LEFT)
def test_worker_that_dies_on_way_is_followed(made: Made, evolink_simulator: Simulator, media: Path, point: str) -> None:
    """A worker that dies on the way is followed by one that stores the video once."""
    task = made()
    die(task, point, media)
    assert (task.status, task.video.name) == (TaskStatus.STORING, "")
    assert len(videos()) == LEFT[point]
    assert sweep_here(task).status == TaskStatus.STORING, "nobody is taken for dead before the time"

    VideoTask.objects.filter(pk=task.pk).update(lease_expires_at=timezone.now() - dt.timedelta(microseconds=1))
    sweep_here(task)
    assert_stored_once(task, evolink_simulator)
    sweep_here(task)
    assert evolink_simulator.journal.count("result") == 2


def test_a_worker_that_dies_after_the_commit_has_done_all(
    made: Made, evolink_simulator: Simulator, media: Path
) -> None:
    task = made()
    die(task, "after the commit", media)
    assert_stored_once(task, evolink_simulator)
    sweep_here(task)
    assert evolink_simulator.journal.count("result") == 1


def test_workers_that_die_one_after_another_leave_no_more_than_one(
    made: Made, evolink_simulator: Simulator, media: Path
) -> None:
    task = made()
    for _death in range(2):
        die(task, "when the storage has the file", media)
        assert len(videos()) == 1
        VideoTask.objects.filter(pk=task.pk).update(lease_expires_at=None)
    assert_stored_once(sweep_here(task), evolink_simulator)


@pytest.mark.slow
def test_heartbeat_of_worker_that_dies(made: Made, evolink_simulator: Simulator, media: Path) -> None:
    """The heartbeat of a worker that dies while its storage hangs dies with it."""
    task = made()
    die(task, "while the storage hangs", media)
    assert task.lease_expires_at is not None
    time.sleep(child.LEASE)
    assert_stored_once(sweep_here(task), evolink_simulator)
