"""Somebody who asks, somebody else who may agree, and tasks that stand where they can be sent from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model

from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def no_redis(wanvideo_wakeups: list[tuple[str, ...]]) -> None:
    """Nothing is handed to RQ."""


@pytest.fixture(autouse=True)
def no_files(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def above(settings: Any) -> Callable[[Any], None]:
    """A function that sets what may be sent without anybody else."""

    def set_to(value: Any) -> None:
        settings.WANVIDEO = {**settings.WANVIDEO, "APPROVAL_ABOVE": value}

    return set_to


def person(name: str) -> Any:
    return get_user_model().objects.create_superuser(name, password="x")


@pytest.fixture
def maria(db: None) -> Any:
    """Who asks."""
    return person("maria")


@pytest.fixture
def jonas(db: None) -> Any:
    """Who may agree."""
    return person("jonas")


def draft(**options: Any) -> VideoTask:
    """A draft of 11.9 credits."""
    values = {"prompt": "A fox trots on", "first_frame": "https://example.com/fox.jpg", "duration": 5}
    return VideoTask.objects.create_task(**values | options)


def now(task: VideoTask) -> VideoTask:
    return VideoTask.objects.get(pk=task.pk)
