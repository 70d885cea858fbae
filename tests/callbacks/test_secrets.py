"""A callback's token, and the key, stay out of what is logged and stored."""

from __future__ import annotations

import json
import logging
import uuid

import pytest
from django.db import OperationalError

from django_wanvideo import callback_tokens
from django_wanvideo.callbacks import views
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import Attempt, CallbackReceipt
from django_wanvideo.services.provider import provider
from django_wanvideo.services.sending import submission
from django_wanvideo.services.tracking import callbacks
from tests.factories import everything, make_attempt, make_task
from tests.ports import closed_port
from tests.stub_client import StubClient

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


@pytest.fixture
def logged(caplog, settings):
    """Everything that is logged anywhere, down to the queries."""
    caplog.set_level(logging.DEBUG)
    for name in ("django", "django.request", "django.db.backends", "django_wanvideo"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def test_the_token_is_in_no_log_whatever_comes_of_the_callback(call, client, path, attempt, logged, monkeypatch):
    token = callback_tokens.sign(attempt.pk)
    assert token in path
    answers = [
        call(),
        call(b"no JSON"),
        call(b"[]"),
        call(b" " * (views.MAX_BODY + 1)),
        client.get(path),
        client.post(path.replace(token, token[:-1])),
    ]

    def fail(*args):
        raise OperationalError("locked")

    monkeypatch.setattr(views.receipts, "receive", fail)
    answers.append(call())
    assert [answer.status_code for answer in answers] == [200, 400, 400, 413, 405, 404, 503]
    assert token[:-1] not in logged.text
    assert not any(token[:-1] in str(vars(record)) for record in logged.records)
    assert token[:-1] not in "".join(answer.content.decode() for answer in answers)


@pytest.mark.parametrize("body", [b"no JSON", b"[]"])
def test_a_refusal_is_logged_by_its_attempt(call, attempt, logged, body):
    call(body)
    said = [record.getMessage() for record in logged.records if record.name == "django_wanvideo.callbacks.views"]
    assert said == [f"A callback for attempt {attempt.pk} was answered 400."]


def test_a_token_is_stored_nowhere(call, attempt, wanvideo_wakeups):
    call({"id": attempt.provider_task_id, "callback_url": callback_tokens.url_for(attempt.pk)})
    assert callback_tokens.sign(attempt.pk) not in str(everything())


def test_redis_trouble_is_logged_without_its_address(call, settings, logged):
    with closed_port() as port:
        settings.RQ_QUEUES = {"wanvideo": {"URL": f"redis://:hidden-password@127.0.0.1:{port}/0"}}
        call()
    assert "Redis did not take a wake-up" in logged.text
    assert "hidden-password" not in logged.text


def test_what_is_sent_has_the_token_and_what_is_kept_of_it_has_not(monkeypatch, settings, logged, wanvideo_wakeups):
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": "sk-Zq7WvT2mLk9XcB4nHs8RdYp3"}
    evolink = StubClient()
    monkeypatch.setattr(provider, "client", lambda: evolink)
    task = make_task()
    task.inputs.create(role="first_frame", url="https://pictures.example/cat.png")
    submission.send(task.pk)
    attempt = Attempt.objects.get()
    token = callback_tokens.sign(attempt.pk)
    (sent,) = evolink.bodies
    assert sent["callback_url"] == callback_tokens.url_for(attempt.pk)
    assert token in sent["callback_url"]
    kept = sent["callback_url"].replace(token, callback_tokens.TOKEN_PLACEHOLDER)
    assert str(attempt.pk) in kept
    assert attempt.request == {**sent, "callback_url": kept}
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    for secret in (token, "Zq7WvT2mLk9XcB4nHs8RdYp3"):
        assert secret not in str(everything())
        assert secret not in logged.text


def test_without_callback_address_nothing_about(settings):
    """Without a callback address nothing about callbacks is sent or kept."""
    settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": None}
    body = {"model": "m", "prompt": "p"}
    attempt = make_attempt(make_task(), request=callback_tokens.without_token(body, uuid.uuid4()))
    assert attempt.request == body
    assert callback_tokens.with_token(attempt.request, attempt.pk) == body


def test_an_address_that_changes_later_does_not_change_what_was_asked_for(settings):
    """A repeat with the same key must be the same request; only the token follows the keys."""
    attempt = make_attempt(make_task())
    attempt.request = callback_tokens.without_token({"model": "m"}, attempt.pk)
    first = callback_tokens.with_token(attempt.request, attempt.pk)
    settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": "https://moved.example"}
    assert callback_tokens.with_token(attempt.request, attempt.pk) == first


def test_what_a_body_claims_is_not_believed_when_the_task_cannot_be_read(call, attempt, settings, wanvideo_wakeups):
    """The receipt waits for a worker with a key; nothing moves before EvoLink itself has said it."""
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": ""}
    call({"id": attempt.provider_task_id, "status": "failed", "error": {"code": "x", "message": "forged"}})
    callbacks.process_pending()
    attempt.task.refresh_from_db()
    assert attempt.task.status == TaskStatus.PENDING
    assert CallbackReceipt.objects.get().process_at is not None
    assert "forged" in json.dumps(CallbackReceipt.objects.get().payload)
