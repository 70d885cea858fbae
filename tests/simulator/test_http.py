"""The connections: kept open between requests, and ended with the simulator."""

from __future__ import annotations

import http.client
import sys
import threading
import time
from contextlib import suppress

import pytest
import requests

from django_wanvideo.simulator import Simulator
from tests.simulator.conftest import Client
from tests.waiting import wait_until


@pytest.fixture
def connection(client):
    """A connection of its own, beside the one of the client's session."""
    opened = http.client.HTTPConnection("127.0.0.1", client.sim.port, timeout=10)
    opened.connect()
    yield opened
    opened.close()


def ask(connection, method, path, body=None, **headers):
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer


def test_a_connection_stays_open_whatever_is_answered(client, connection):
    key = {"Authorization": f"Bearer {client.sim.api_key}"}
    before = connection.sock
    answers = [
        ask(connection, "GET", "/v1/credits", **key),
        ask(connection, "POST", "/v1/videos/generations", b"x" * 300_000),
        ask(connection, "GET", "/nothing"),
        ask(connection, "HEAD", "/results/nothing.mp4"),
        ask(connection, "DELETE", "/v1/credits"),
        ask(connection, "GET", "/v1/credits", **key),
    ]
    assert [answer.status for answer in answers] == [200, 401, 404, 404, 405, 200]
    assert connection.sock is before, "http.client opens another one when the server closes"


def test_a_client_that_wants_to_leave_is_told_so(connection):
    assert ask(connection, "GET", "/nothing", Connection="close").headers["Connection"] == "close"
    assert connection.sock is None


def test_one_slash_too_many_is_another_path(client):
    assert client.call("GET", "/v1//credits").status_code == 404
    assert client.call("GET", "/v1/credits/").status_code == 404


def test_reading_a_tasks_head_does_not_count_as_reading_it(start):
    client = start(progression="polls:1")
    task_id = client.create()
    assert client.call("HEAD", f"/v1/tasks/{task_id}").status_code == 405
    assert client.sim.tasks[task_id].polls == 0


def test_a_part_of_a_file_is_only_sent_while_the_file_is_the_same(client, tmp_path):
    (tmp_path / "own.mp4").write_bytes(b"0123456789")
    task_id = client.create()
    client.sim.set_video(task_id, tmp_path / "own.mp4")
    (url,) = client.get(task_id)["results"]
    etag = requests.head(url, timeout=10).headers["ETag"]
    same = requests.get(url, headers={"Range": "bytes=4-", "If-Range": etag}, timeout=10)
    assert (same.status_code, same.content) == (206, b"456789")
    other = requests.get(url, headers={"Range": "bytes=4-", "If-Range": '"another"'}, timeout=10)
    assert (other.status_code, other.content) == (200, b"0123456789")


def test_the_end_of_a_simulator_ends_whatever_its_connections_do(tmp_path):
    (tmp_path / "own.mp4").write_bytes(bytes(100_000))
    before = set(threading.enumerate())
    sim = Simulator().start()
    client = Client(sim)
    client.sim.set_video(task_id := client.create(), tmp_path / "own.mp4")
    (url,) = client.get(task_id)["results"]
    faults = [("get", "hang"), ("result", "drip"), ("result", "endless")]
    for point, name in faults:
        sim.faults.add(point, name, seconds=60, chunk=10)

    def wait_for_answer(address):
        with suppress(requests.RequestException):
            requests.get(address, headers={"Authorization": f"Bearer {sim.api_key}"}, timeout=30)

    addresses = [f"{sim.url}/v1/tasks/{task_id}", url, url]
    clients = [threading.Thread(target=wait_for_answer, args=(address,), daemon=True) for address in addresses]
    for thread in clients:
        thread.start()
    wait_until(lambda: sum(sim.faults.fired.values()) >= len(faults), "the faults")
    started = time.monotonic()
    sim.stop()
    for thread in clients:
        thread.join(10)
    assert time.monotonic() - started < 3
    client.session.close()
    wait_until(
        lambda: set(threading.enumerate()) <= before,
        "the end of all threads",
        detail=lambda: str(threading.enumerate()),
    )


def test_a_client_that_leaves_a_download_is_noted(client, tmp_path):
    (tmp_path / "own.mp4").write_bytes(bytes(50_000_000))
    task_id = client.create()
    client.sim.set_video(task_id, tmp_path / "own.mp4")
    (url,) = client.get(task_id)["results"]
    with requests.get(url, stream=True, timeout=10) as answer:
        answer.raw.read(1000)
    (entry,) = client.sim.journal.wait_for("result")
    assert (entry.status, entry.note) == (200, "client left")


def test_without_werkzeug_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "werkzeug", None)
    with pytest.raises(ImportError, match=r"pip install 'django-wanvideo\[simulator\]'"):
        Simulator()
