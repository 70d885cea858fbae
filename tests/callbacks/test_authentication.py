"""Whoever does not know an attempt's token changes nothing, and costs no database query."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client

from django_wanvideo import callback_tokens
from django_wanvideo.models import CallbackReceipt
from tests.factories import everything, make_attempt, make_task

pytestmark = [pytest.mark.locks, pytest.mark.django_db, pytest.mark.integration]

GOOD_BODY = json.dumps({"id": "task-unified-1757169743-7cvnl5zw", "status": "completed", "progress": 100})

#: What a forger may have in place of the token, made of the good one.
FORGED = {
    "wrong": lambda attempt, token: "0" * 64,
    "one letter": lambda attempt, token: "a",
    "truncated": lambda attempt, token: token[:-1],
    "with something behind it": lambda attempt, token: f"{token}0",
    "in capitals": lambda attempt, token: token.upper(),
    "one letter changed": lambda attempt, token: ("0" if token[0] != "0" else "1") + token[1:],
    "another attempt's": lambda attempt, token: callback_tokens.sign(make_attempt(make_task()).pk),
    "an unknown attempt's": lambda attempt, token: callback_tokens.sign(uuid.uuid4()),
    "not ASCII": lambda attempt, token: "%C3%BC" * 64,
    "no UTF-8": lambda attempt, token: "%FF%FE",
    "with a NUL": lambda attempt, token: f"{token}%00",
    "very long": lambda attempt, token: "a" * 5000,
    "the placeholder that is stored": lambda attempt, token: callback_tokens.TOKEN_PLACEHOLDER,
}


@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_not_found_and_asks_the_database_nothing(
    client, attempt, forge, method, wanvideo_wakeups, django_assert_num_queries
):
    forged = forge(attempt, callback_tokens.sign(attempt.pk))
    before = everything()
    with django_assert_num_queries(0):
        response = client.generic(method, f"/wanvideo/callbacks/{attempt.pk}/{forged}/", GOOD_BODY, "application/json")
    assert response.status_code == 404
    assert everything() == before
    assert wanvideo_wakeups == []


@pytest.mark.parametrize("rest", ["", "/", "/x/y/", "//"])
def test_a_missing_token_is_not_found(client, attempt, rest, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.post(f"/wanvideo/callbacks/{attempt.pk}{rest}", GOOD_BODY, "application/json")
    assert response.status_code == 404


def test_the_answer_to_a_forged_token_tells_nothing_about_the_attempt(client, attempt):
    known, unknown = (
        client.post(f"/wanvideo/callbacks/{pk}/{'0' * 64}/", GOOD_BODY, "application/json")
        for pk in (attempt.pk, uuid.uuid4())
    )
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)


def test_a_good_callback_is_one_insert_and_one_wake_up(call, attempt, wanvideo_wakeups, django_assert_num_queries):
    with django_assert_num_queries(1) as captured:
        response = call()
    assert response.status_code == 200
    assert captured.captured_queries[0]["sql"].startswith('INSERT INTO "wanvideo_callbackreceipt"')
    receipt = CallbackReceipt.objects.get()
    assert receipt.attempt_id == attempt.pk
    assert receipt.provider_task_id == attempt.provider_task_id
    assert receipt.payload == {"id": attempt.provider_task_id, "status": "completed"}
    assert receipt.process_at is not None
    assert wanvideo_wakeups == [("sync",)]


def test_a_good_callback_changes_no_row_that_there_was(call, wanvideo_wakeups):
    before = everything()
    call()
    after = everything()
    after["wanvideo.CallbackReceipt"] = []
    assert after == before


def test_a_repeated_callback_is_taken_each_time(call, wanvideo_wakeups):
    assert [call().status_code for _again in range(3)] == [200, 200, 200]
    assert CallbackReceipt.objects.count() == 3


def test_a_good_token_for_an_attempt_that_is_gone_is_taken(client, wanvideo_wakeups, django_assert_num_queries):
    gone = uuid.uuid4()
    with django_assert_num_queries(1):
        response = client.post(
            f"/wanvideo/callbacks/{gone}/{callback_tokens.sign(gone)}/", GOOD_BODY, "application/json"
        )
    assert response.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"])
def test_another_method_is_refused_with_a_good_token_too(client, path, method, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.generic(method, path)
    assert response.status_code == 405
    assert response["Allow"] == "POST, OPTIONS"


def test_options_says_which_methods_there_are_and_nothing_of_the_view(client, path, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.options(path)
    assert (response.status_code, response["Allow"]) == (200, "POST, OPTIONS")
    assert b"allback" not in response.content


def token_under(settings, keys):
    settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_KEYS": keys}
    return callback_tokens.sign


def test_an_old_key_is_good_during_rotation_and_bad_after_it(client, attempt, settings, wanvideo_wakeups):
    old = token_under(settings, ["old key"])(attempt.pk)

    def answer(token):
        return client.post(f"/wanvideo/callbacks/{attempt.pk}/{token}/", GOOD_BODY, "application/json").status_code

    new = token_under(settings, ["new key", "old key"])(attempt.pk)
    assert new != old
    assert (answer(old), answer(new)) == (200, 200)
    assert token_under(settings, ["new key"])(attempt.pk) == new
    assert (answer(old), answer(new)) == (404, 200)


def test_an_old_secret_key_of_the_site_is_good_while_it_is_a_fallback(client, attempt, settings, wanvideo_wakeups):
    old = callback_tokens.sign(attempt.pk)
    was = settings.SECRET_KEY

    def answer():
        return client.post(f"/wanvideo/callbacks/{attempt.pk}/{old}/", GOOD_BODY, "application/json").status_code

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [was]
    assert callback_tokens.sign(attempt.pk) != old
    assert answer() == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert answer() == 404


@pytest.mark.parametrize("keys", [[""], ["", None], ""])
def test_an_empty_key_signs_and_verifies_nothing(settings, keys):
    attempt_id = uuid.uuid4()
    by_default = callback_tokens.sign(attempt_id)
    token_under(settings, keys)
    assert callback_tokens.sign(attempt_id) == by_default
    assert not callback_tokens.verify(attempt_id, callback_tokens._token("", attempt_id))


def test_a_key_given_as_one_text_is_one_key(settings):
    attempt_id = uuid.uuid4()
    token = token_under(settings, "a key")(attempt_id)
    assert not callback_tokens.verify(attempt_id, callback_tokens._token("a", attempt_id))
    assert token_under(settings, ["a key"])(attempt_id) == token


def test_a_token_is_compared_in_constant_time_with_that_of_each_key(settings, monkeypatch):
    attempt_id = uuid.uuid4()
    compared = []

    def compare(wanted, given):
        compared.append(wanted)
        return wanted == given

    monkeypatch.setattr(callback_tokens, "constant_time_compare", compare)
    token = token_under(settings, ["one", "two", "three"])(attempt_id)
    assert callback_tokens.verify(attempt_id, token)
    assert len(set(compared)) == 3


def test_a_token_is_of_no_use_as_another_signature(settings):
    """It is made for its own purpose, from what the site's secret key is not."""
    assert settings.SECRET_KEY not in callback_tokens._keys()
    first, second = callback_tokens.sign(uuid.UUID(int=1)), callback_tokens.sign(uuid.UUID(int=2))
    assert first != second
    assert len(first) == 64


def test_a_browser_that_is_logged_in_has_no_more_rights_than_anybody(attempt, django_user_model):
    admin = django_user_model.objects.create_superuser("admin", "a@example.com", "pw")
    client = Client()
    client.force_login(admin)
    response = client.post(f"/wanvideo/callbacks/{attempt.pk}/{'0' * 64}/", GOOD_BODY, "application/json")
    assert response.status_code == 404
    assert not CallbackReceipt.objects.exists()
