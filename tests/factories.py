"""Rows that tests begin with."""

from __future__ import annotations

import uuid
from typing import Any

from django.apps import apps
from django.utils import timezone

from django_wanvideo.choices import ACTIVE_STATUSES, AttemptState, TaskStatus
from django_wanvideo.models import Attempt, VideoTask

_STATES = {TaskStatus.SUBMITTING: AttemptState.CLAIMED, TaskStatus.UNCONFIRMED: AttemptState.UNCONFIRMED}
MODEL = "wan2.6-image-to-video-flash"


def make_task(status: TaskStatus = TaskStatus.QUEUED, **columns: Any) -> VideoTask:
    """Make a task that stands at ``status``, without history."""
    values = {"model": MODEL, "prompt": "A cat plays the piano", "parameters": {"duration": 5}, "status": status}
    return VideoTask.objects.create(**values | {"queued_at": timezone.now()} | columns)


def state_of(status: str) -> AttemptState:
    """The state of the attempt that a task at ``status`` has."""
    if status in _STATES:
        return _STATES[status]
    return AttemptState.ACCEPTED if status in ACTIVE_STATUSES else AttemptState.FINISHED


def make_attempt(task: VideoTask, state: AttemptState = AttemptState.ACCEPTED, **columns: Any) -> Attempt:
    """Make an attempt of a task; one that EvoLink has taken gets an id of its own."""
    values: dict[str, Any] = {"number": task.attempts.count() + 1, "request": {"model": task.model}}
    if state in {AttemptState.ACCEPTED, AttemptState.FINISHED}:
        values["provider_task_id"] = f"task-unified-{uuid.uuid4().hex[:12]}"
    values["idempotency_key"] = f"wanvideo-{uuid.uuid4().hex}"
    return Attempt.objects.create(task=task, state=state, **values | columns)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the whole site, to be compared with what they were before."""
    models = [model for model in apps.get_models() if model._meta.managed]
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models}
