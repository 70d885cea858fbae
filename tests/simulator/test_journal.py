"""What the journal keeps, and what it must not."""

from __future__ import annotations

import logging
from dataclasses import asdict

import pytest

from tests.pictures import drawn


def test_every_request_is_written_down_with_status_and_time(client):
    task_id = client.create()
    client.get(task_id)
    client.call("GET", "/v1/tasks/nonsense")
    lines = [(entry.method, entry.endpoint, entry.status) for entry in client.sim.journal]
    assert lines == [("POST", "create", 200), ("GET", "get", 200), ("GET", "get", 400)]
    create = client.sim.journal.find("create")[0]
    assert create.body["prompt"] == "A cat plays the piano"
    assert task_id in create.answer
    assert create.note == task_id
    assert 0 < create.ms < 5000
    assert str(create).startswith("<- POST /v1/videos/generations 200 ")


def test_the_key_is_nowhere_in_it_wherever_a_client_has_put_it(start):
    client = start(api_key="sk-very-secret-key")
    client.create(prompt="My key is sk-very-secret-key")
    client.call("GET", "/v1/tasks/sk-very-secret-key?key=sk-very-secret-key", headers={"X-Odd": "sk-very-secret-key"})
    client.upload(drawn(), "sk-very-secret-key.jpg")
    shown = "".join(str(asdict(entry)) + str(entry) for entry in client.sim.journal)
    assert "very-secret" not in shown
    assert client.sim.journal.find("create")[0].headers["Authorization"] == "[redacted]"
    assert "very-secret" not in repr(client.sim) + repr(client.sim.tasks.latest) + repr(client.sim.accounts.first)


def test_a_wrong_key_is_not_kept_either(client):
    client.key = "sk-real-key-by-mistake"
    client.call("GET", "/v1/credits")
    assert "by-mistake" not in str([asdict(entry) for entry in client.sim.journal])


def test_it_is_bounded_but_counts_on(start):
    client = start(journal_size=5)
    for _ in range(8):
        client.call("GET", "/v1/models")
    assert len(client.sim.journal) == 5
    assert client.sim.journal.count("models") == 8
    assert [entry.sequence for entry in client.sim.journal] == [4, 5, 6, 7, 8]


def test_long_bodies_are_cut(start):
    client = start(body_limit=200, journal_size=5)
    client.create(prompt="x" * 1000)
    entry = client.sim.journal.find("create")[0]
    assert len(entry.body) == 200
    assert len(entry.answer) <= 200


def test_a_listener_and_the_logger_get_every_entry(start, caplog):
    seen = []
    client = start(on_request=seen.append)
    with caplog.at_level(logging.INFO, "django_wanvideo.simulator"):
        client.create()
        client.sim.journal.wait_for("create")
    assert [entry.endpoint for entry in seen] == ["create"]
    assert "POST /v1/videos/generations 200" in caplog.text


def test_waiting_for_what_does_not_come_ends_with_what_came(client):
    client.create()
    with pytest.raises(AssertionError, match=r"0 of 1 'callback' exchanges.*'create': 1"):
        client.sim.journal.wait_for("callback", timeout=0.05)


def test_a_defect_of_the_simulator_is_told_as_one(client, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("by hand")

    monkeypatch.setattr(client.sim.engine, "accept", broken)
    answer = client.post()
    assert answer.status_code == 599
    assert "ZeroDivisionError" in answer.json()["simulator_defect"]
    assert "Traceback" in caplog.text


def test_a_client_that_leaves_is_no_defect(client, caplog):
    import socket
    import struct

    with socket.create_connection(("127.0.0.1", client.sim.port)) as connection:
        connection.sendall(b"POST /v1/videos/generations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n")
        connection.sendall(f"Authorization: Bearer {client.sim.api_key}\r\n\r\nhalf".encode())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sim.journal.wait_for("create")
    assert "failed to serve" not in caplog.text
    assert client.create()


def test_whoever_has_an_answer_finds_it_in_the_journal(client):
    for number in range(1, 40):
        client.call("GET", "/v1/models")
        assert client.sim.journal.count("models") == number
