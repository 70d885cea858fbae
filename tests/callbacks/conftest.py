"""An attempt that EvoLink may call back about, and its address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from django_wanvideo import queue
from django_wanvideo.choices import TaskStatus
from django_wanvideo.services import callback_urls
from tests.rows import make_attempt, make_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpResponse

    from django_wanvideo.models import Attempt


@pytest.fixture(autouse=True)
def fresh_queue() -> Iterator[None]:
    """No test goes on with the connection, or the pause, of another."""
    queue.reset()
    yield
    queue.reset()


@pytest.fixture
def attempt(db: None) -> Attempt:
    """An attempt that EvoLink has accepted."""
    return make_attempt(make_task(TaskStatus.PENDING))


@pytest.fixture
def path(attempt: Attempt) -> str:
    """Where EvoLink calls back about the attempt, without scheme and host."""
    return urlsplit(callback_urls.url_for(attempt.pk)).path


@pytest.fixture
def call(client, path: str, attempt: Attempt) -> Callable[..., HttpResponse]:
    """Call back as EvoLink does: JSON about the attempt's task, unless something else is given."""

    def post(body: object = None, **options: object) -> HttpResponse:
        message = {"id": attempt.provider_task_id, "status": "completed"} if body is None else body
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        return client.generic("POST", path, data, **{"content_type": "application/json"} | options)

    return post
