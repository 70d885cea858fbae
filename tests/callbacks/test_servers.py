"""How much of a body is read, through the interfaces that real servers use."""

from __future__ import annotations

import json
import socket

import pytest

from django_wanvideo.callbacks.views import MAX_BODY
from django_wanvideo.models import CallbackReceipt
from tests.callbacks.wire import Stream, through_asgi, through_wsgi

# Committed for real: a server's request closes the connection that a test's transaction would live on.
pytestmark = [pytest.mark.commit_only, pytest.mark.django_db(transaction=True), pytest.mark.integration]


@pytest.fixture(autouse=True)
def no_redis(wanvideo_wakeups):
    """Nothing here is about waking workers."""


def padded(size):
    body = b'{"id": "task-unified-1"}'
    return body + b" " * (size - len(body))


def test_a_body_that_is_declared_too_large_is_refused_unread(path):
    stream = Stream(b"", filler=10**12)
    assert through_wsgi(path, stream, CONTENT_LENGTH=str(10**12))[0] == 413
    assert stream.taken == 0
    assert not CallbackReceipt.objects.exists()


def test_the_body_of_a_forged_callback_is_left_unread(attempt):
    stream = Stream(padded(1000))
    assert through_wsgi(f"/wanvideo/callbacks/{attempt.pk}/{'0' * 64}/", stream, CONTENT_LENGTH="1000")[0] == 404
    assert stream.taken == 0


def test_a_chunked_body_is_read_where_the_server_marks_its_end(path, attempt):
    stream = Stream(json.dumps({"id": attempt.provider_task_id}).encode())
    marks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert through_wsgi(path, stream, **marks)[0] == 200
    assert CallbackReceipt.objects.get().provider_task_id == attempt.provider_task_id


def test_a_chunked_body_without_end_is_read_up_to_the_limit_only(path):
    stream = Stream(b"{}", filler=10**12)
    marks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert through_wsgi(path, stream, **marks)[0] == 413
    assert stream.taken == MAX_BODY + 1
    assert not CallbackReceipt.objects.exists()


def test_chunked_body_is_not_waited_for_where_server(path):
    """A chunked body is not waited for where the server does not mark its end."""
    stream = Stream(padded(100))
    assert through_wsgi(path, stream, HTTP_TRANSFER_ENCODING="chunked")[0] == 400
    assert stream.taken == 0


@pytest.mark.parametrize("length", ["", "abc", "-1", "1e3", "½"])
def test_a_length_that_is_no_number_breaks_nothing(path, length):
    assert through_wsgi(path, Stream(padded(100)), CONTENT_LENGTH=length)[0] in {200, 400}


@pytest.mark.parametrize("before", [b"", b'{"id": "task'], ids=["before the first byte", "in the middle"])
def test_a_caller_that_goes_away_is_no_error_of_the_site(path, caplog, before):
    assert through_wsgi(path, Stream(before, breaks=True), CONTENT_LENGTH="4000")[0] == 400
    assert not CallbackReceipt.objects.exists()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("pieces", [1, 3, 17])
def test_a_chunked_body_through_asgi_is_taken(path, attempt, pieces):
    body = json.dumps({"id": attempt.provider_task_id}).encode()
    size = -(-len(body) // pieces)
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    assert through_asgi(path, chunks)[0] == 200
    assert CallbackReceipt.objects.get().provider_task_id == attempt.provider_task_id


def test_a_chunked_body_through_asgi_is_bounded(path):
    assert through_asgi(path, [b"{}", *[b" " * 65536] * 17])[0] == 413
    assert not CallbackReceipt.objects.exists()


def test_a_real_server_answers_a_chunked_call_at_once(live_server, attempt, path):
    """Django's own development server undoes no chunks: the call is refused, and polling finds the video."""
    host, port = live_server.thread.host, live_server.thread.port
    with socket.create_connection((host, port), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + b"2\r\n{}\r\n0\r\n\r\n")
        assert connection.recv(64).split()[1] == b"400"
    assert not CallbackReceipt.objects.exists()
