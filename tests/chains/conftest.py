"""Stored videos whose moments are told by their colour, and a site that can look into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile

from django_wanvideo.choices import TaskStatus
from django_wanvideo.services.storing import posters
from django_wanvideo.testing import wakeup_catchers
from tests.clips import clip
from tests.factories import make_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django_wanvideo.models import VideoTask

#: The smallest that every model takes as a first frame.
SIZE = (480, 360)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(posters, "is_installed", lambda: True)
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture(autouse=True)
def wakes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    taken: list[tuple[str, ...]] = []
    for target, name, catcher in wakeup_catchers(taken):
        monkeypatch.setattr(target, name, catcher)
    return taken


@pytest.fixture
def stored(db: None) -> Callable[..., VideoTask]:
    """Make a completed task whose video shows each colour for a second."""

    def make(*colours: str, content: bytes | None = None, **columns: Any) -> VideoTask:
        task = make_task(TaskStatus.COMPLETED, **columns)
        task.video.save(f"{task.pk}.mp4", ContentFile(content or clip(*colours, size=SIZE)), save=False)
        task.save(update_fields=["video"])
        return task

    return make
