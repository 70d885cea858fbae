"""Tasks that EvoLink has, looks at them, and what EvoLink or somebody in between says then."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.evolink import client
from django_wanvideo.evolink.transport import HttpResult
from django_wanvideo.models import lifecycle
from django_wanvideo.simulator.provider.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from django_wanvideo.evolink.transport import Call
    from django_wanvideo.models import VideoTask

#: What a gateway says that has lost its way to EvoLink.
PAGE = b"<html>default backend - 404</html>"


def look(task: VideoTask, times: int = 1) -> VideoTask:
    """Let a worker look, and read the row again."""
    for _look in range(times):
        jobs.sync(str(task.pk))
    task.refresh_from_db()
    return task


def seconds_until_next(task: VideoTask) -> float:
    """How long it is until the next look."""
    return (task.next_action_at - timezone.now()).total_seconds()


def says(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let EvoLink's body of a task have these fields; ``None`` takes one out."""
    as_body = Task.as_body

    def changed(self: Task) -> dict[str, Any]:
        body = as_body(self) | changes
        return {name: value for name, value in body.items() if value is not None}

    monkeypatch.setattr(Task, "as_body", changed)


def gateway_page(
    monkeypatch: pytest.MonkeyPatch,
    status: int = 404,
    body: Any = PAGE,
    to: Callable[[Call], bool] = lambda call: call.method == "GET",
) -> None:
    """Let something before EvoLink answer the calls that ``to`` is true for; those never reach EvoLink."""
    perform = client.perform
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answered(session: Any, call: Call, *rest: Any) -> Any:
        return HttpResult(status, {}, content) if to(call) else perform(session, call, *rest)

    monkeypatch.setattr(client, "perform", answered)


def slow_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let writing into a history take its time, so that others come in between where nothing keeps them out."""
    record = lifecycle.record

    def slowly(*args: Any, **options: Any) -> Any:
        time.sleep(0.2)
        return record(*args, **options)

    monkeypatch.setattr(lifecycle, "record", slowly)


class Clock:
    """The site's clock, which tests put forward. EvoLink's goes on as it does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = dt.timedelta(0)
        now = timezone.now
        monkeypatch.setattr(timezone, "now", lambda: now() + self.ahead)

    def forward(self, **span: float) -> None:
        """Put it forward by what ``timedelta`` understands."""
        self.ahead += dt.timedelta(**span)
