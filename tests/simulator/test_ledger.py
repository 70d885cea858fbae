"""The ledger against an application that charges twice, and one that does not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.pictures import drawn

KEY = "run_0123456789abcdef"


def test_one_request_per_intent_is_charged_once(client):
    for number in range(3):
        client.create(prompt=f"Cat {number}")
    client.sim.ledger.assert_charged_once()
    assert [len(client.sim.ledger.accepted), len(client.sim.ledger.billed)] == [3, 3]
    assert client.sim.ledger.total == Decimal("35.7")


def test_the_same_content_twice_is_found_and_both_are_named(client):
    first, second = client.create(), client.create()
    with pytest.raises(AssertionError) as caught:
        client.sim.ledger.assert_charged_once()
    message = str(caught.value)
    assert first in message
    assert second in message
    assert "same model, prompt, picture and parameters" in message
    assert "intent=lambda" in message


def test_the_same_callback_twice_is_found_although_the_content_differs(client):
    for prompt in ("A cat", "A cat, improved"):
        client.create(prompt=prompt, callback_url="http://127.0.0.1:9/callbacks/1/secret-secret-secret/")
    with pytest.raises(AssertionError, match="same callback URL") as caught:
        client.sim.ledger.assert_never_charged_twice()
    assert "secret-secret" not in str(caught.value)


def test_the_same_key_accepted_twice_is_found(start):
    client = start(idempotency="ignored")
    client.create(KEY, prompt="One")
    client.create(KEY, prompt="Two")
    with pytest.raises(AssertionError, match="same Idempotency-Key"):
        client.sim.ledger.assert_charged_once()


def test_the_same_picture_uploaded_again_is_the_same_content(client):
    for _ in range(2):
        client.create(image_urls=[client.uploaded(drawn())])
    assert len(client.sim.ledger.duplicates()) == 1


def test_another_picture_prompt_or_parameter_is_another_intent(client):
    client.create(image_urls=[client.uploaded(drawn())])
    client.create(image_urls=[client.uploaded(drawn(color=(0, 90, 0)))])
    client.create(image_urls=[client.uploaded(drawn())], duration=3)
    client.sim.ledger.assert_charged_once()


def test_a_retry_after_a_refund_is_no_second_charge(start):
    client = start(progression="manual")
    client.sim.fail(client.create(), "service_error")
    client.sim.complete(client.create())
    client.sim.ledger.assert_charged_once()
    assert len(client.sim.ledger.accepted) == 2
    assert len(client.sim.ledger.billed) == 1


def test_a_refund_that_came_after_the_second_request_excuses_nothing(start):
    client = start(progression="manual")
    first, _ = client.create(), client.create()
    client.sim.fail(first, "service_error")
    with pytest.raises(AssertionError, match="2 accepted requests"):
        client.sim.ledger.assert_charged_once()


def test_intents_can_be_told_apart_by_a_key_of_ones_own(client):
    client.create(callback_url="http://127.0.0.1:9/1"), client.create(callback_url="http://127.0.0.1:9/2")
    client.sim.ledger.assert_charged_once(intent=lambda entry: entry.callback_url)
    with pytest.raises(AssertionError, match="same intent"):
        client.sim.ledger.assert_charged_once(intent=lambda entry: entry.body["prompt"])
    client.sim.ledger.assert_charged_once(intent=lambda entry: None)


def test_an_empty_ledger_is_not_taken_for_success(client):
    with pytest.raises(AssertionError, match="Nothing was accepted"):
        client.sim.ledger.assert_charged_once()
    client.sim.ledger.assert_never_charged_twice()
    client.sim.ledger.assert_nothing_charged()


def test_nothing_charged_means_refunded_or_never_accepted(start):
    client = start(progression="manual")
    task_id = client.create()
    with pytest.raises(AssertionError, match=task_id):
        client.sim.ledger.assert_nothing_charged()
    client.sim.fail(task_id)
    client.sim.ledger.assert_nothing_charged()


def test_an_accepted_but_lost_request_is_in_the_ledger(client):
    import requests

    client.sim.faults.add("create", "accept_then_close")
    with pytest.raises(requests.ConnectionError):
        client.post()
    client.create()
    with pytest.raises(AssertionError):
        client.sim.ledger.assert_charged_once()


def test_the_balance_and_the_ledger_agree(start):
    client = start(credits=1000, progression="manual")
    ids = [client.create(duration=seconds) for seconds in (2, 5, 15)]
    client.sim.fail(ids[1])
    client.sim.complete(ids[2])
    balance = client.call("GET", "/v1/credits").json()["data"]["user"]["remaining_credits"]
    assert Decimal(str(balance)) == 1000 - client.sim.ledger.total == Decimal("958.3")
