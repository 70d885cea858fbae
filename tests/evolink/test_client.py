"""Reads and uploads, the session beneath them, and the key that shows nowhere."""

from __future__ import annotations

import decimal
import io
import logging
import os
import pickle
import socket
import time
import traceback
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests

from django_wanvideo.evolink import connections, multipart, parsing
from django_wanvideo.evolink.client import EvoLinkClient
from django_wanvideo.evolink.exceptions import (
    EvoLinkError,
    InvalidResponse,
    NotFoundError,
    ReadError,
    RejectedError,
    RetryLater,
)
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.http import deadlines
from django_wanvideo.http.text import Secret, clean_text
from tests.faults import HTML, error

from .conftest import API_KEY, TASK
from .server import answer, close, drip, hang, raw, reset
from .test_create import KEY


def test_a_task_is_read(serve, client_for):
    server = serve(answer(200, {**TASK, "status": "processing", "progress": 40}))
    assert client_for(server).get_task(TASK["id"]).progress == 40
    assert (server.requests[0].method, server.requests[0].path) == ("GET", f"/v1/tasks/{TASK['id']}")


@pytest.mark.parametrize(
    ("behaviour", "kind", "transient"),
    [
        pytest.param(answer(404, error("task_not_found")), NotFoundError, False, id="404"),
        pytest.param(answer(400, error("invalid_task_id")), NotFoundError, False, id="400-invalid-id"),
        pytest.param(answer(410, error("resource_not_found")), NotFoundError, False, id="410"),
        pytest.param(answer(404, {"error": {"code": 404, "message": "no"}}), NotFoundError, False, id="404-number"),
        pytest.param(
            answer(404, {"error": "task_not_found", "error_description": "no"}),
            NotFoundError,
            False,
            id="404-described",
        ),
        pytest.param(
            answer(404, {"success": False, "code": 404, "msg": "no"}), NotFoundError, False, id="404-no-success"
        ),
        pytest.param(answer(404, HTML), ReadError, True, id="404-page"),
        pytest.param(answer(404), ReadError, True, id="404-empty"),
        pytest.param(answer(404, {"message": "no Route matched"}), ReadError, True, id="404-json-of-somebody"),
        pytest.param(answer(404, {"error": "Not Found"}), ReadError, True, id="404-bare-error-text"),
        pytest.param(answer(404, {"code": "task_not_found"}), ReadError, True, id="404-code-alone"),
        pytest.param(
            answer(404, {"error": {"code": "", "message": "Invalid URL (GET /v1/tasks/x)"}}),
            ReadError,
            True,
            id="404-without-code",
        ),
        pytest.param(raw(b'HTTP/1.1 404 X\r\nContent-Length: 99\r\n\r\n{"error'), ReadError, True, id="404-cut-short"),
        pytest.param(answer(410, HTML), ReadError, True, id="410-page"),
        pytest.param(answer(400, {"code": "invalid_task_id"}), ReadError, False, id="400-code-alone"),
        pytest.param(answer(401, error("unauthorized")), ReadError, False, id="401"),
        pytest.param(answer(403, error("permission_denied")), ReadError, False, id="403"),
        pytest.param(answer(400, error("invalid_request")), ReadError, False, id="400"),
        pytest.param(answer(302, b"", Location="/elsewhere"), ReadError, False, id="302"),
        pytest.param(answer(402, error("quota_exceeded")), ReadError, True, id="402"),
        pytest.param(answer(429, error("rate_limit_exceeded")), ReadError, True, id="429"),
        pytest.param(answer(500, error("internal_error")), ReadError, True, id="500"),
        pytest.param(answer(503, HTML), ReadError, True, id="503"),
        pytest.param(answer(200, HTML), InvalidResponse, True, id="200-page"),
        pytest.param(answer(200, []), InvalidResponse, True, id="200-list"),
        pytest.param(answer(200, {"success": False, "code": 50001, "msg": "no"}), ReadError, True, id="200-no-success"),
        pytest.param(answer(200, {**TASK, "id": "task-unified-2-other"}), InvalidResponse, True, id="another-task"),
        pytest.param(answer(200, {"status": "completed"}), InvalidResponse, True, id="no-id"),
        pytest.param(raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"id'), InvalidResponse, True, id="cut-short"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536, pause=0), InvalidResponse, True, id="endless"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"), InvalidResponse, True, id="drip"),
        pytest.param(close, ReadError, True, id="close"),
        pytest.param(reset, ReadError, True, id="reset"),
        pytest.param(hang, ReadError, True, id="hang"),
    ],
)
def test_a_read_that_fails_says_whether_asking_again_can_help(serve, client_for, behaviour, kind, transient):
    server = serve(behaviour)
    with pytest.raises(kind) as caught:
        client_for(server).get_task(TASK["id"])
    assert type(caught.value) is kind
    assert caught.value.transient is transient
    assert len(server.requests) == 1


def test_an_endless_answer_ends_at_four_mebibytes(serve, client_for):
    server = serve(drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536, pause=0))
    with pytest.raises(InvalidResponse, match="larger than 4 MiB"):
        client_for(server, read_timeout=30).get_task(TASK["id"])


def test_a_reader_waits_for_no_byte_beyond_its_deadline():
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb", buffering=0) as plain:
        started = time.monotonic()
        reader = deadlines.DeadlineReader(plain, ours, started + 0.1, read_timeout=20)
        theirs.sendall(b"x")
        assert reader.read(1) == b"x"
        for _ in range(2):
            with pytest.raises(TimeoutError, match=r"timed out|used up"):
                reader.read(1)
        assert 0.1 <= time.monotonic() - started < 5


def test_a_read_without_a_connection_is_transient(client_for, closed):
    with pytest.raises(ReadError) as caught:
        client_for(f"http://127.0.0.1:{closed}").get_task(TASK["id"])
    assert caught.value.transient
    assert caught.value.code == "connection_failed"


def test_a_polling_429_hands_on_how_long_to_wait(serve, client_for):
    with pytest.raises(ReadError) as caught:
        client_for(serve(answer(429, error("rate_limit_exceeded"), Retry_After="9"))).get_task(TASK["id"])
    assert caught.value.retry_after == 9


@pytest.mark.parametrize("task_id", ["", "..", ".", "a b", "x" * 200, "line\nbreak", "ü"])
def test_what_can_be_no_id_is_not_asked_for(client_for, task_id, closed):
    with pytest.raises(NotFoundError):
        client_for(f"http://127.0.0.1:{closed}").get_task(task_id)


def test_an_id_cannot_change_the_path(serve, client_for):
    server = serve(answer(404, error("task_not_found")))
    with pytest.raises(NotFoundError):
        client_for(server).get_task("../credits?x=1#y")
    assert server.requests[0].path == "/v1/tasks/..%2Fcredits%3Fx%3D1%23y"


def test_many_tasks_are_read_with_one_call(serve, client_for):
    other = {**TASK, "id": "task-unified-2-b"}
    server = serve(answer(200, {"data": [TASK, other, {"id": "task-unified-3-foreign"}, None, {"status": "x"}]}))
    found = client_for(server).get_tasks([TASK["id"], other["id"], TASK["id"], "task-unified-9-unknown"])
    assert set(found) == {TASK["id"], other["id"]}
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/tasks/batch")
    assert request.json == {"task_ids": [TASK["id"], other["id"], "task-unified-9-unknown"]}


def test_no_ids_are_no_call_and_more_than_fifty_are_a_mistake(serve, client_for):
    server = serve(answer(200, {"data": []}))
    assert client_for(server).get_tasks([]) == {}
    with pytest.raises(ValueError, match="50"):
        client_for(server).get_tasks([f"task-unified-{number}" for number in range(51)])
    assert not server.requests


@pytest.mark.parametrize(("body", "kind"), [(HTML, ReadError), (error("not_found"), NotFoundError)])
def test_a_batch_that_is_not_offered_says_so_by_its_status(serve, client_for, body, kind):
    with pytest.raises(kind) as caught:
        client_for(serve(answer(404, body))).get_tasks(["task-unified-1-a"])
    assert (type(caught.value), caught.value.http_status) == (kind, 404)


def test_the_list_of_tasks_is_read(serve, client_for):
    item = {
        "id": "task-unified-1-a",
        "model": "m",
        "status": "completed",
        "progress": 100,
        "created_at": 1757169743,
        "credits_used": 1.36,
    }
    server = serve(answer(200, {"data": [item, "x"], "total": 1}))
    (found,) = client_for(server).list_tasks(status="completed", page=2)
    assert (found.id, found.status, found.credits_used) == ("task-unified-1-a", "completed", Decimal("1.36"))
    assert found.created.year == 2025
    assert server.requests[0].path == "/v1/tasks?status=completed&page=2&page_size=20"


def test_credits_are_read(serve, client_for):
    body = {
        "data": {
            "token": {"remaining_credits": 99416.4429, "unlimited_credits": False},
            "user": {"remaining_credits": 1095.3996},
        },
        "message": "",
        "success": True,
    }
    found = client_for(serve(answer(200, body))).get_credits()
    assert (found.user_remaining, found.token_remaining, found.unlimited) == (
        Decimal("1095.3996"),
        Decimal("99416.4429"),
        False,
    )
    assert found.spendable == Decimal("1095.3996")


@pytest.mark.parametrize("body", [{"data": None}, {"data": []}, {"data": {"user": 3}}, {}])
def test_credits_of_odd_shape_are_not_known(serve, client_for, body):
    assert client_for(serve(answer(200, body))).get_credits().spendable is None


def test_models_are_read(serve, client_for):
    body = {"data": [{"id": "wan2.6-image-to-video-flash"}, {"id": 3}, {}, "x"]}
    assert client_for(serve(answer(200, body))).list_models() == ["wan2.6-image-to-video-flash", "3"]


# Uploads.

STORED = {
    "file_id": "file_1",
    "file_url": "https://files.evolink.ai/p/a.png",
    "expires_at": "2025-10-12T00:00:00+08:00",
}


def uploaded(**more: object) -> dict[str, object]:
    return {"success": True, "code": 200, "msg": "", "data": {**STORED, **more}}


def test_a_file_is_uploaded_as_a_form_of_known_length(serve, client_for):
    server, content = serve(answer(200, uploaded())), os.urandom(300_000)
    file = io.BytesIO(content)
    file.read(7)
    found = client_for(server).upload(file, file_name='../a "b"\r\n.png', content_type="image/png")
    (request,) = server.requests
    assert request.path == "/api/v1/files/upload/stream"
    assert "transfer-encoding" not in request.headers
    boundary = request.headers["content-type"].removeprefix("multipart/form-data; boundary=").encode()
    head, _, rest = request.body.partition(b"\r\n\r\n")
    assert head.startswith(b"--" + boundary)
    assert b'name="file"; filename="a__b___.png"' in head
    assert b"Content-Type: image/png" in head
    assert rest == content + b"\r\n--" + boundary + b"--\r\n"
    assert found.url == STORED["file_url"]
    assert request.headers["authorization"] == f"Bearer {API_KEY}"


def test_an_upload_is_read_piece_by_piece(serve, client_for):
    class Watching(io.BytesIO):
        largest = 0

        def read(self, size=-1):
            piece = super().read(size)
            Watching.largest = max(Watching.largest, len(piece))
            return piece

    client_for(serve(answer(200, uploaded())), read_timeout=5).upload(
        Watching(b"x" * 1_000_000), file_name="a", content_type="video/mp4"
    )
    assert Watching.largest == 64 * 1024


NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2026-11-02T12:00:00+08:00", datetime(2026, 11, 2, 4, tzinfo=UTC)),
        ("2026-11-02 12:00:00", datetime(2026, 11, 2, 12, tzinfo=UTC)),
        (1793620800, datetime(2026, 11, 2, 12, tzinfo=UTC)),
        (1793620800000, datetime(2026, 11, 2, 12, tzinfo=UTC)),
        ("2027-11-01T12:00:00Z", NOW + timedelta(hours=72)),
        ("2020-01-01T00:00:00Z", NOW + timedelta(hours=72)),
        (None, NOW + timedelta(hours=72)),
        ("soon", NOW + timedelta(hours=72)),
    ],
)
def test_an_upload_ends_when_evolink_says_but_within_72_hours(stated, expected):
    assert multipart.expiry(stated, NOW) == expected


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        pytest.param(answer(400, {"success": False, "code": 40001, "msg": "too large"}), RejectedError, id="too-large"),
        pytest.param(answer(200, {"success": False, "code": 40002, "msg": "type"}), RejectedError, id="type-with-200"),
        pytest.param(answer(413, HTML), RejectedError, id="413-page"),
        pytest.param(answer(415, error("x")), RejectedError, id="415"),
        pytest.param(answer(401, error("unauthorized")), RejectedError, id="401"),
        pytest.param(answer(302, b"", Location="/"), RejectedError, id="302"),
        pytest.param(answer(400, {"success": False, "code": 40003, "msg": "quota"}), RetryLater, id="quota"),
        pytest.param(answer(400, {"success": False, "code": 40004, "msg": "download"}), RetryLater, id="download"),
        pytest.param(answer(500, {"success": False, "code": 50001, "msg": "storage"}), RetryLater, id="storage"),
        pytest.param(
            answer(200, {"success": False, "code": 50001, "msg": "storage"}), RetryLater, id="storage-with-200"
        ),
        pytest.param(answer(429, HTML), RetryLater, id="429"),
        pytest.param(answer(502, HTML), RetryLater, id="502"),
        pytest.param(answer(200, HTML), RetryLater, id="200-page"),
        pytest.param(answer(200, uploaded(file_url="file:///etc/passwd")), RetryLater, id="no-web-link"),
        pytest.param(answer(200, {"success": True}), RetryLater, id="no-data"),
        pytest.param(close, RetryLater, id="close"),
        pytest.param(reset, RetryLater, id="reset"),
        pytest.param(hang, RetryLater, id="hang"),
    ],
)
def test_an_upload_that_fails_may_be_repeated_unless_the_file_is_at_fault(serve, client_for, behaviour, kind):
    server = serve(behaviour)
    with pytest.raises(kind) as caught:
        client_for(server).upload(io.BytesIO(b"x" * 1000), file_name="a.png", content_type="image/png")
    assert type(caught.value) is kind
    assert len(server.requests) == 1


def test_an_upload_that_takes_too_long_or_ends_early_is_a_wait(serve, client_for):
    class Short(io.BytesIO):
        def read(self, size=-1):
            return b""

    client = client_for(serve(answer(200, uploaded())))
    with pytest.raises(RetryLater, match="time for the upload"):
        client.upload(io.BytesIO(b"x" * 100), file_name="a", content_type="", deadline_seconds=-1)
    with pytest.raises(RetryLater, match="100 bytes early"):
        client.upload(Short(b"x" * 100), file_name="a", content_type="")


# The session.


def test_one_session_per_process(serve, client_for):
    assert connections.process_session() is connections.process_session()
    server = serve(answer(200, {"data": []}))
    client_for(server).list_models()
    client_for(server).list_models()
    assert (len(server.requests), server.connections) == (2, 1)


def test_a_forked_worker_does_not_use_its_parents_sockets(serve, client_for):
    server = serve(answer(200, {"data": []}))
    client = client_for(server, read_timeout=5)
    client.list_models()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            client.list_models()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    client.list_models()
    assert [request.connection for request in server.requests] == [1, 2, 1]


def test_a_pooled_connection_that_the_server_closed_is_replaced(serve, client_for):
    def answer_and_close(sock, request, server):
        answer(200, {"data": []})(sock, request, server)
        sock.shutdown(socket.SHUT_RDWR)
        return False

    server = serve(answer_and_close)
    client = client_for(server)
    for number in (1, 2, 3):
        client.list_models()
        server.wait_closed(number)
    assert len(server.requests) == server.connections == 3


# Settings.


@pytest.mark.parametrize("key", ["", "  ", "sk-a\nb", "sk-\u00fc", "sk a"])
def test_a_key_that_cannot_be_sent_is_a_configuration_error(key):
    with pytest.raises(ConfigurationError, match="API_KEY"):
        EvoLinkClient(key)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example",
        "ftp://api.example",
        "api.example",
        "https://",
        "https://user:pw@api.example",
        "https://api.example?x=1",
        "https://[",
        "https://a:b",
    ],
)
def test_an_address_that_would_be_unsafe_is_a_configuration_error(url):
    with pytest.raises(ConfigurationError, match="BASE_URL"):
        EvoLinkClient(API_KEY, base_url=url)
    with pytest.raises(ConfigurationError, match="FILES_URL"):
        EvoLinkClient(API_KEY, files_url=url)


def test_a_path_in_the_address_is_kept():
    assert (
        EvoLinkClient(API_KEY, base_url="https://gateway.example/evolink/").base_url
        == "https://gateway.example/evolink"
    )


# The key.

ECHOES = {
    "message": answer(401, error("unauthorized", f"Invalid token {API_KEY}.", hint=f"got {API_KEY}", list=[API_KEY])),
    "code": answer(400, error(API_KEY)),
    "page": answer(403, f"<p>Bearer {API_KEY}</p>".encode()),
    "half-at-the-cut": answer(400, error("x", "y" * 990 + API_KEY)),
    "header": answer(500, error("x"), x_request_id=API_KEY),
    "accepted": answer(200, {**TASK, "model": API_KEY, "echo": {"Authorization": f"Bearer {API_KEY}"}}),
    "unreadable": answer(200, API_KEY.encode()),
    "close": close,
}


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("call", ["create", "get_task", "upload"])
def test_the_key_is_in_no_error_no_log_and_no_traceback(serve, client_for, caplog, echo, call):
    client = client_for(serve(ECHOES[echo]))
    calls = {
        "create": lambda: client.create({"model": "m"}, idempotency_key=KEY),
        "get_task": lambda: client.get_task(TASK["id"]),
        "upload": lambda: client.upload(io.BytesIO(b"x"), file_name="a", content_type="image/png"),
    }
    told: list[object] = [repr(client), str(client), vars(client)]
    with caplog.at_level(logging.DEBUG):
        try:
            told.append(calls[call]())
        except EvoLinkError as trouble:
            told += [str(trouble), repr(trouble), vars(trouble), trouble.__cause__, trouble.__context__]
            told += traceback.TracebackException.from_exception(trouble, capture_locals=True).format()
            told.append(pickle.loads(pickle.dumps(trouble)).__dict__)
    told.append(caplog.text)
    for text in map(str, told):
        assert API_KEY not in text
        assert API_KEY[:16] not in text


def test_a_client_cannot_be_pickled_with_its_key(client_for):
    with pytest.raises(TypeError, match="API key"):
        pickle.dumps(client_for("https://api.example"))


@pytest.mark.fault("K13.looks-one-after-another")
def test_may_not_be_asked_any_more_is_not_sent(serve, client_for):
    """What may not be asked any more is not sent although the connection stands."""

    class WithheldError(Exception):
        pass

    def withhold():
        raise WithheldError

    server = serve(answer(200, TASK))
    client = client_for(server)
    client.get_task(TASK["id"])
    token = connections.before_request.set(withhold)
    try:
        with pytest.raises(WithheldError):
            client.get_task(TASK["id"])
    finally:
        connections.before_request.reset(token)
    client.get_task(TASK["id"])
    assert len(server.requests) == 2


@pytest.mark.fault("K13.environment-read-twice-a-call")
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxy_that_is_set_or_taken_away_meanwhile(serve, client_for, monkeypatch, name):
    """A proxy that is set or taken away meanwhile is heeded at the next call."""
    server, proxy = serve(answer(200, TASK)), serve(answer(200, TASK))
    client = client_for(server)
    client.get_task(TASK["id"])
    monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    client.get_task(TASK["id"])
    assert (len(server.requests), len(proxy.requests)) == (1, 1)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client.get_task(TASK["id"])
    assert (len(server.requests), len(proxy.requests)) == (2, 1)
    monkeypatch.setenv("NO_PROXY", "elsewhere.example")
    client.get_task(TASK["id"])
    monkeypatch.delenv(name)
    client.get_task(TASK["id"])
    assert (len(server.requests), len(proxy.requests)) == (3, 2)


@pytest.mark.fault("K13.environment-read-twice-a-call")
def test_the_environment_is_gone_through_once_for_many_calls(serve, client_for, monkeypatch):
    client, seen = client_for(serve(answer(200, TASK))), []
    merge = requests.Session.merge_environment_settings
    monkeypatch.setattr(requests.Session, "merge_environment_settings", lambda *args: seen.append(args) or merge(*args))
    for _call in range(5):
        client.get_task(TASK["id"])
    assert len(seen) == 1
    monkeypatch.setattr(connections, "KNOWN_SECONDS", 0.0)
    connections.process_session()._known.clear()
    for _call in range(3):
        client.get_task(TASK["id"])
    assert len(seen) == 4, "what is no variable is read anew after a while"


@pytest.mark.fault("K13.environment-read-twice-a-call")
def test_certificates_follow_the_environment_and_the_session(monkeypatch, tmp_path):
    url = "https://api.example/v1/tasks/1"
    session = connections.new_session()
    assert session.merge_environment_settings(url, {}, True, None, None)["verify"] is True
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path))
    assert session.merge_environment_settings(url, {}, True, None, None)["verify"] == str(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/elsewhere.pem")
    assert session.merge_environment_settings(url, {}, True, None, None)["verify"] == "/elsewhere.pem"
    session.trust_env = False
    assert session.merge_environment_settings(url, {}, True, None, None)["verify"] is True
    session.proxies["https"] = "http://proxy.example:3128"
    assert (
        session.merge_environment_settings(url, {}, True, None, None)["proxies"]["https"] == "http://proxy.example:3128"
    )


def test_amounts_do_not_depend_on_the_sites_own_precision():
    with decimal.localcontext(prec=3, rounding=decimal.ROUND_UP):
        assert parsing.decimal("12345.67891") == Decimal("12345.6789")
        assert parsing.decimal(1e30) is None


def test_plain_text_goes_the_short_way_to_the_same_end():
    secret = Secret("sk-Zq7WvT2mLk9XcB4nHs8RdYp3")
    for word in ("", "  a b ", "".join(map(chr, range(32, 127))), f"key {secret.get()}", "x" * 5000):
        # A character that is taken out sends a text the long way.
        assert clean_text(word, secret=secret) == clean_text(f"\x00{word}", secret=secret)
