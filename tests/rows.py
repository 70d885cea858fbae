"""Rows and pictures that tests begin with."""

from __future__ import annotations

import io
import uuid
from typing import Any

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.models import Attempt, VideoTask

MODEL = "wan2.6-image-to-video-flash"


def picture(
    kind: str = "JPEG",
    size: tuple[int, int] = (640, 480),
    mode: str = "RGB",
    *,
    color: Any = "teal",
    name: str = "",
    **options: Any,
) -> SimpleUploadedFile:
    """Make a picture as a browser uploads it; ``kind`` as Pillow names it, sides in pixels."""
    target = io.BytesIO()
    Image.new(mode, size, color).save(target, kind, **options)
    return SimpleUploadedFile(name or f"picture.{kind.lower()}", target.getvalue(), f"image/{kind.lower()}")


def make_task(status: TaskStatus = TaskStatus.QUEUED, **columns: Any) -> VideoTask:
    """Make a task that stands at ``status``, without history."""
    values = {"model": MODEL, "prompt": "A cat plays the piano", "parameters": {"duration": 5}, "status": status}
    return VideoTask.objects.create(**values | {"queued_at": timezone.now()} | columns)


def make_attempt(task: VideoTask, state: AttemptState = AttemptState.ACCEPTED, **columns: Any) -> Attempt:
    """Make an attempt of a task; one that EvoLink has taken gets an id of its own."""
    values: dict[str, Any] = {"number": task.attempts.count() + 1, "request": {"model": task.model}}
    if state in {AttemptState.ACCEPTED, AttemptState.FINISHED}:
        values["provider_task_id"] = f"task-unified-{uuid.uuid4().hex[:12]}"
    return Attempt.objects.create(
        task=task, state=state, idempotency_key=f"wanvideo-{uuid.uuid4().hex}", **values | columns
    )


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the whole site, to be compared with what they were before."""
    models = [model for model in apps.get_models() if model._meta.managed]
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models}
