"""A task whose video is made and waits to be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_wanvideo import jobs
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import VideoTask
from django_wanvideo.services import submission, tracking
from django_wanvideo.testing import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_wanvideo.simulator import Simulator


@pytest.fixture
def made(evolink: Simulator) -> Callable[[], VideoTask]:
    """A function that makes a task that stands at ``storing``; nothing has been copied yet."""

    def make() -> VideoTask:
        task = VideoTask.objects.create_task(prompt="A lake at dawn", first_frame=picture(), duration=2)
        task.submit()
        submission.send(task.pk)
        tracking.sync([task.pk])
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
