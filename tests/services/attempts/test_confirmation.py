"""When the same key may be used again, and when people are asked instead."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from django.utils import timezone

from django_wanvideo import callback_tokens
from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services.attempts import settlement
from django_wanvideo.services.provider import provider
from tests.stub_client import StubClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def attempt(settings: Any) -> Attempt:
    settings.WANVIDEO = {**settings.WANVIDEO, "TRUST_IDEMPOTENCY_KEY": True}
    task = VideoTask.objects.create(status=TaskStatus.UNCONFIRMED, model="m", prompt="p")
    return Attempt.objects.create(
        task=task,
        number=1,
        state=AttemptState.UNCONFIRMED,
        idempotency_key=f"wanvideo-{uuid.uuid4().hex}",
        request={
            "zebra": 1,
            "model": "m",
            "a": {"z": 1, "b": [1.5, True, None]},
            "callback_url": "https://site.example/<token>/",
        },
        sent_at=timezone.now(),
        request_count=1,
    )


def test_it_is_used_again_only_where_the_site_says_so(attempt: Attempt, settings: Any):
    assert settlement.may_repeat(attempt)
    settings.WANVIDEO = {**settings.WANVIDEO, "TRUST_IDEMPOTENCY_KEY": False}
    assert not settlement.may_repeat(attempt)


@pytest.mark.parametrize(("posts", "minutes", "may"), [(3, 29, True), (4, 0, False), (1, 31, False)])
def test_there_is_an_end_to_it(attempt: Attempt, posts: int, minutes: int, may: bool):
    attempt.request_count, attempt.sent_at = posts, timezone.now() - dt.timedelta(minutes=minutes)
    assert settlement.may_repeat(attempt) is may


def test_people_are_asked_at_the_deadline_once_there_is_nothing_to_repeat(settings: Any, attempt: Attempt):
    assert settlement.unconfirmed_wait(4) == dt.timedelta(seconds=1800)
    assert settlement.unconfirmed_wait(1) < dt.timedelta(seconds=20)
    settings.WANVIDEO = {**settings.WANVIDEO, "TRUST_IDEMPOTENCY_KEY": False, "UNCONFIRMED_DEADLINE": 60}
    assert settlement.unconfirmed_wait(1) == dt.timedelta(seconds=60)


def test_the_bytes_are_the_same_from_memory_and_from_any_databases_json(attempt: Attempt):
    client = StubClient()
    provider.create(client, attempt)
    provider.create(client, Attempt.objects.get())
    # As PostgreSQL keeps it: shorter keys first.
    attempt.request = {key: attempt.request[key] for key in sorted(attempt.request, key=lambda key: (len(key), key))}
    attempt.request["a"] = {"b": [1.5, True, None], "z": 1}
    provider.create(client, attempt)
    first, second, third = (json.dumps(body) for body in client.bodies)
    assert first == second == third
    assert len(set(client.sent)) == 1
    assert f"https://site.example/{callback_tokens.sign(attempt.pk)}/" in first


def test_an_attempt_that_was_settled_meanwhile_is_not_sent(attempt: Attempt, monkeypatch: pytest.MonkeyPatch):
    client = StubClient()
    monkeypatch.setattr(provider, "client", lambda: client)
    Attempt.objects.update(state=AttemptState.NOT_ACCEPTED)
    settlement.repeat(attempt)
    assert client.bodies == []
