"""An attempt that EvoLink may call back about, and its address."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from django_wanvideo import callback_tokens, queue
from django_wanvideo.choices import TaskStatus
from tests.factories import everything, make_attempt, make_task

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
    return urlsplit(callback_tokens.url_for(attempt.pk)).path


@pytest.fixture
def forge(client, attempt: Attempt, django_assert_num_queries: Callable[..., Any]) -> Callable[..., None]:
    """Call back with tokens that are not this attempt's: all are answered 404, nothing is asked, nothing is changed."""
    good = callback_tokens.sign(attempt.pk)
    others = callback_tokens.sign(uuid.uuid4())

    def check(sender: Any = None, **options: object) -> None:
        before = everything()
        for token in ("0" * 64, others, good[:-1], good[:-1] + ("0" if good[-1] != "0" else "1"), good.upper()):
            data = json.dumps({"id": attempt.provider_task_id, "status": "failed"}).encode()
            url = f"/wanvideo/callbacks/{attempt.pk}/{token}/"
            with django_assert_num_queries(0):
                answer = (sender or client).generic("POST", url, data, **{"content_type": "application/json"} | options)
            assert answer.status_code == 404, token
        assert everything() == before

    return check


@pytest.fixture
def call(client, path: str, attempt: Attempt) -> Callable[..., HttpResponse]:
    """Call back as EvoLink does: JSON about the attempt's task, unless something else is given."""

    def post(body: object = None, **options: object) -> HttpResponse:
        message = {"id": attempt.provider_task_id, "status": "completed"} if body is None else body
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        return client.generic("POST", path, data, **{"content_type": "application/json"} | options)

    return post
