"""The one call that costs money: what it concludes from every way it can end, and that it asks once."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest
import requests

from django_wanvideo.evolink.exceptions import OutcomeUnknownError, RejectedError, RetryLater
from django_wanvideo.http import deadlines
from tests.faults import HTML, ON_THE_WIRE, error
from tests.ports import closed_port, full_port
from tests.waiting import wait_until

from .conftest import API_KEY, TASK
from .server import answer, close, drip, hang, raw

KEY = "run_0123456789abcdef"
BODY = {"model": "wan2.6-image-to-video-flash", "prompt": "A cat", "duration": 5}


NOT_ACCEPTED_FOR_GOOD = {
    "400-integer-code": answer(400, error(400)),
    "400-nested": answer(400, {"error": {"error": {"code": "invalid_parameter", "message": "duration"}}}),
    "400-flat": answer(400, {"success": False, "code": 40000, "msg": "no"}),
    "400-oauth-shape": answer(400, {"error": "invalid_request", "error_description": "no"}),
    "401-page": answer(401, HTML),
    "413-page": answer(413, HTML),
    "422-content-policy": answer(422, error("content_policy_violation")),
}

NOT_ACCEPTED_FOR_NOW = {
    "429-page": answer(429, HTML),
    "429-empty": answer(429),
    "429-cut-short": raw(b"HTTP/1.1 429 X\r\nContent-Length: 100\r\n\r\n{"),
    "407-page": answer(407, HTML),
    "400-channel_selection_failed": answer(400, error("channel_selection_failed")),
    "400-model_unavailable": answer(400, error("model_unavailable")),
    "400-service_unavailable": answer(400, error("service_unavailable")),
    "400-capacity-in-words": answer(400, error("invalid_request", "No available channel for the requested model")),
}

UNKNOWN = {
    "200-id-no-string": answer(200, {"id": 12345, "status": "pending"}),
    "200-id-empty": answer(200, {"id": "", "status": "pending"}),
    "200-id-too-long-to-keep": answer(200, {"id": "t" * 500}),
    "200-list": answer(200, [TASK]),
    "200-error-body": answer(200, error("invalid_request")),
    "200-empty": answer(200),
    "200-invalid-utf8": answer(200, b'{"id": "\xff\xfe"}'),
    "200-deep-json": answer(200, b"[" * 200_000),
    "200-endless": drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536, pause=0),
    "204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "200-chunk-cut-short": raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{"id": "task'),
    "200-chunk-size-garbage": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
    "200-gzip-garbage": answer(200, b"no gzip", Content_Encoding="gzip"),
    "200-drip-body": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
    "drip-headers": drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "status-line-garbage": raw(b"\x00\x01\x02 garbage\r\n\r\n"),
    "103-early-hints": raw(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "301": answer(301, b"", Location="https://127.0.0.1:1/"),
    "302-unusable-location": answer(302, b"", Location="http://[::1"),
    "400-page": answer(400, HTML),
    "400-empty": answer(400),
    "400-json-of-somebody": answer(400, {"message": "Bad Request"}),
    "400-bare-error-text": answer(400, {"error": "Bad Request"}),
    "400-cloudflare-json": answer(400, {"success": False, "errors": [{"code": 1010}]}),
    "400-cut-short": raw(b'HTTP/1.1 400 X\r\nContent-Length: 100\r\n\r\n{"error": {"code": "x"'),
    "403-page": answer(403, HTML),
    "404-page": answer(404, HTML),
    "405": answer(405, error("method_not_allowed")),
    "408": answer(408, error("request_timeout")),
    "409-unsettled": answer(409, error("paid_outcome_unknown")),
    "400-conflict": answer(400, error("idempotency_conflict")),
    "429-unsettled": answer(429, error("paid_outcome_unknown")),
    "409-other": answer(409, error("whatever")),
    "425": answer(425, error("too_early")),
    "504": answer(504, b""),
    "599": answer(599, b""),
}

#: What only the wire can say, beside the faults that all levels know.
TABLE = [
    *(pytest.param(fault.says, fault.kind, fault, id=str(fault)) for fault in ON_THE_WIRE),
    *(
        pytest.param(behaviour, kind, None, id=name)
        for kind, rows in (
            (RejectedError, NOT_ACCEPTED_FOR_GOOD),
            (RetryLater, NOT_ACCEPTED_FOR_NOW),
            (OutcomeUnknownError, UNKNOWN),
        )
        for name, behaviour in rows.items()
    ),
]


@pytest.mark.parametrize(("behaviour", "kind", "fault"), TABLE)
def test_every_ending_has_its_class_and_is_reached_by_one_post(serve, client_for, behaviour, kind, fault):
    server, asked = serve(behaviour), []
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        client_for(server).create(BODY, idempotency_key=KEY, before_send=lambda: asked.append(len(server.requests)))
    assert type(caught.value) is kind
    if fault is not None:
        assert caught.value.http_status == fault.http_status
        assert caught.value.code == fault.code or not fault.code
    assert [request.method for request in server.requests] == ["POST"]
    assert server.connections == 1
    assert asked == [0]
    assert time.monotonic() - started < 3
    assert API_KEY not in str(caught.value)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_answer_with_an_id_is_accepted(serve, client_for, status):
    server = serve(answer(status, TASK, x_request_id="req-1"))
    created = client_for(server).create(BODY, idempotency_key=KEY)
    assert (created.snapshot.id, created.http_status, created.request_id) == (TASK["id"], status, "req-1")
    assert created.snapshot.credits_reserved == Decimal("11.9")
    assert created.snapshot.estimated_seconds == 120


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_id_counts_even_if_the_connection_breaks_right_after_it(serve, client_for, framing):
    whole = json.dumps(TASK).encode()
    if framing == "length":
        server = serve(raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(whole) + 10), whole))
    else:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        server = serve(raw(head + b"%x\r\n%b\r\n" % (len(whole), whole)))
    assert client_for(server).create(BODY, idempotency_key=KEY).snapshot.id == TASK["id"]


def test_the_request_is_what_evolink_documents(serve, client_for):
    server = serve(answer(200, TASK))
    client_for(server).create(BODY, idempotency_key=KEY)
    (request,) = server.requests
    assert (request.method, request.path, request.json) == ("POST", "/v1/videos/generations", BODY)
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert request.headers["idempotency-key"] == KEY
    assert request.headers["content-type"] == request.headers["accept"] == "application/json"
    assert request.headers["user-agent"].startswith("django-wanvideo/")
    assert "cookie" not in request.headers


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("1.5", 1.5),
        ("999999", 3600),
        ("-5", 0),
        ("soon", None),
        ("", None),
        (None, None),
        ("nan", None),
    ],
)
def test_retry_after_in_seconds_is_understood_within_an_hour(serve, client_for, header, seconds):
    headers = {} if header is None else {"Retry_After": header}
    with pytest.raises(RetryLater) as caught:
        client_for(serve(answer(429, error("rate_limit_exceeded"), **headers))).create(BODY, idempotency_key=KEY)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(("ahead", "low", "high"), [(90, 80, 90), (-90, 0, 0), (90_000, 3600, 3600)])
def test_retry_after_as_a_date_is_understood_within_an_hour(serve, client_for, ahead, low, high):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    with pytest.raises(RetryLater) as caught:
        client_for(serve(answer(429, b"", Retry_After=date))).create(BODY, idempotency_key=KEY)
    assert low <= caught.value.retry_after <= high


def test_the_facts_of_an_error_are_kept(serve, client_for):
    more = {"remaining_credits": 1.5, "reset_timezone": "Asia/Shanghai\n" + "x" * 9_999}
    body = error("insufficient_quota", "Top up.", action_url="https://evolink.ai/credits", request_id="req-9", **more)
    with pytest.raises(RejectedError) as caught:
        client_for(serve(answer(402, body))).create(BODY, idempotency_key=KEY)
    found = caught.value
    assert (found.http_status, found.code, found.message) == (402, "insufficient_quota", "Top up.")
    assert found.request_id == "req-9"
    assert found.reset_timezone.startswith("Asia/Shanghai x")
    assert len(found.reset_timezone) <= 60
    assert str(found) == "HTTP 402 insufficient_quota: Top up."


# The connect phase: nothing can have been accepted, and before_send is not even asked.


def refuse_to_be_asked() -> None:
    pytest.fail("before_send was called although no connection stood")


@pytest.mark.parametrize("host", ["nobody.invalid", "a..b", "x" * 70 + ".example"])
def test_a_name_without_an_address_is_a_wait(client_for, monkeypatch, host):
    with pytest.raises(RetryLater) as caught:
        client_for(f"http://{host}").create(BODY, idempotency_key=KEY, before_send=refuse_to_be_asked)
    assert caught.value.code == "connection_failed"


def test_a_refused_connection_is_a_wait(client_for):
    with closed_port() as port, pytest.raises(RetryLater, match="refused"):
        client_for(f"http://127.0.0.1:{port}").create(BODY, idempotency_key=KEY, before_send=refuse_to_be_asked)


def test_a_connect_timeout_is_a_wait(client_for):
    with full_port() as port:
        client = client_for(f"http://127.0.0.1:{port}", connect_timeout=0.3)
        with pytest.raises(RetryLater, match="timed out"):
            client.create(BODY, idempotency_key=KEY, before_send=refuse_to_be_asked)


def test_plain_text_instead_of_tls_is_a_wait(serve, client_for):
    server = serve(close)
    with pytest.raises(RetryLater):
        client_for(server.url.replace("http:", "https:")).create(
            BODY, idempotency_key=KEY, before_send=refuse_to_be_asked
        )
    assert not server.requests


def test_a_certificate_that_nobody_vouches_for_is_a_wait(serve, client_for, server_tls):
    server = serve(answer(200, TASK), tls=server_tls)
    with pytest.raises(RetryLater, match=r"(?i)certificate"):
        client_for(server).create(BODY, idempotency_key=KEY, before_send=refuse_to_be_asked)
    assert not server.requests


def test_a_handshake_that_never_ends_is_a_wait(client_for):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(RetryLater):
            client_for(url, connect_timeout=0.3).create(BODY, idempotency_key=KEY, before_send=refuse_to_be_asked)
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("proxy", ["dead", "refusing", "closing"])
def test_a_proxy_that_does_not_connect_is_a_wait(serve, client_for, monkeypatch, proxy):
    with closed_port() as dead:
        port = dead if proxy == "dead" else serve(answer(502, HTML) if proxy == "refusing" else close).port
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{port}")
        with pytest.raises(RetryLater) as caught:
            client_for("https://api.example").create(BODY, idempotency_key=KEY, before_send=refuse_to_be_asked)
    assert "secret" not in str(caught.value)


def test_through_a_forwarding_proxy_a_lost_answer_is_unknown(serve, client_for, monkeypatch):
    server = serve(close)
    monkeypatch.setenv("HTTP_PROXY", server.url)
    with pytest.raises(OutcomeUnknownError):
        client_for("http://api.example").create(BODY, idempotency_key=KEY)
    assert len(server.requests) == 1


# After the handshake, TLS trouble proves nothing.


def test_over_tls_an_answer_arrives(serve, client_for, server_tls, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    resolve_to_loopback(monkeypatch)
    server = serve(answer(200, TASK), tls=server_tls)
    created = client_for(f"https://results.example:{server.port}").create(BODY, idempotency_key=KEY)
    assert created.snapshot.id == TASK["id"]


def test_session_of_ones_own_lends_its_certificates(serve, client_for, server_tls, certificate, monkeypatch):
    """A session of ones own lends its certificates but not its connections."""
    resolve_to_loopback(monkeypatch)
    server = serve(answer(200, {**TASK, "data": []}), tls=server_tls)
    with requests.Session() as session:
        session.verify = str(certificate[0])
        client = client_for(f"https://results.example:{server.port}", session=session)
        client.list_models()
        assert client.create(BODY, idempotency_key=KEY).snapshot.id == TASK["id"]
    assert [request.connection for request in server.requests] == [1, 2]


def test_tls_that_breaks_after_the_request_is_unknown(serve, client_for, server_tls, certificate, monkeypatch):
    def break_tls(sock, request, server):
        # Not a TLS record: the client's next read fails inside its TLS library.
        with socket.socket(fileno=sock.detach()) as plain:
            plain.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
            plain.shutdown(socket.SHUT_WR)
            plain.recv(65_536)
        return False

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    resolve_to_loopback(monkeypatch)
    server = serve(break_tls, tls=server_tls)
    with pytest.raises(OutcomeUnknownError, match=r"(?i)ssl"):
        client_for(f"https://results.example:{server.port}").create(BODY, idempotency_key=KEY)
    assert len(server.requests) == 1


def resolve_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    system = socket.getaddrinfo

    def resolve(host, *args, **kwargs):
        return system("127.0.0.1" if host == "results.example" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


# Connections and libraries.


def test_each_post_has_a_connection_of_its_own_so_none_can_be_stale(serve, client_for):
    def answer_and_close(sock, request, server):
        answer(200, TASK)(sock, request, server)
        return False

    server = serve(answer_and_close)
    client = client_for(server)
    for expected in (1, 2, 3):
        assert client.create(BODY, idempotency_key=KEY).snapshot.id == TASK["id"]
        assert len(server.requests) == server.connections == expected
    assert "close" in server.requests[0].headers["connection"]


def test_reads_before_it_lend_it_no_connection(serve, client_for):
    server = serve(answer(200, {**TASK, "data": []}))
    client = client_for(server)
    client.list_models()
    client.list_models()
    assert server.connections == 1
    client.create(BODY, idempotency_key=KEY)
    assert server.requests[-1].connection == 2


def test_a_netrc_does_not_replace_the_key(serve, client_for, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(answer(200, TASK))
    client_for(server).create(BODY, idempotency_key=KEY)
    client_for(server).get_task(TASK["id"])
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {API_KEY}"}


def test_a_cookie_is_never_sent_back(serve, client_for):
    server = serve(answer(200, TASK, Set_Cookie="session=1; Path=/"))
    client = client_for(server)
    for _ in range(2):
        client.get_task(TASK["id"])
        client.create(BODY, idempotency_key=KEY)
    assert not any("cookie" in request.headers for request in server.requests)


# before_send and foreign exceptions.


class JobTimeoutException(Exception):  # noqa: N818 - its name in RQ
    """What RQ raises from a signal handler."""


@pytest.mark.parametrize(
    "trouble",
    [
        JobTimeoutException("late"),
        ConnectionResetError("database"),
        BrokenPipeError("database"),
        TimeoutError("lock"),
        ValueError("x"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_if_before_send_raises_nothing_is_sent_and_its_exception_comes_out(serve, client_for, trouble):
    def refuse():
        raise trouble

    server = serve(answer(200, TASK))
    with pytest.raises(type(trouble)) as caught:
        client_for(server).create(BODY, idempotency_key=KEY, before_send=refuse)
    assert caught.value is trouble
    assert not server.requests


def test_before_send_is_asked_once_with_connection(serve, client_for):
    """Before send is asked once with the connection standing and nothing sent."""
    server, seen = serve(answer(200, TASK)), []

    def look():
        wait_until(lambda: server.connections, "the connection")
        seen.append((server.connections, len(server.requests)))

    client_for(server).create(BODY, idempotency_key=KEY, before_send=look)
    assert seen == [(1, 0)]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"x": object()}, KEY),
        ({"x": float("nan")}, KEY),
        (BODY, "short"),
        (BODY, "k" * 97),
        (BODY, "line\nbreak" * 3),
        (BODY, "ü" * 20),
    ],
    ids=["no-json", "nan", "short-key", "long-key", "newline-in-key", "odd-key"],
)
def test_what_cannot_be_sent_is_noticed_before_before_send(serve, client_for, body, key):
    server = serve(answer(200, TASK))
    with pytest.raises((ValueError, TypeError)):
        client_for(server).create(body, idempotency_key=key, before_send=refuse_to_be_asked)
    assert server.connections == 0


def test_an_exception_of_another_kind_while_waiting_passes_unchanged(serve, client_for, monkeypatch):
    def interrupted(self, buffer):
        raise JobTimeoutException("the job's time is over")

    monkeypatch.setattr(deadlines.DeadlineReader, "readinto", interrupted)
    server = serve(hang)
    with pytest.raises(JobTimeoutException):
        client_for(server).create(BODY, idempotency_key=KEY)


def test_two_threads_do_not_share_what_was_sent(serve, client_for):
    """A refusal in one thread while another one sends: each gets its own outcome."""
    server, outcomes, barrier = serve(answer(200, TASK)), {}, threading.Barrier(2, timeout=5)

    def run(name, before_send):
        def meet():
            barrier.wait()
            before_send()

        try:
            client_for(server, read_timeout=2).create(BODY, idempotency_key=KEY, before_send=meet)
            outcomes[name] = "accepted"
        except KeyError:
            outcomes[name] = "withheld"

    threads = [
        threading.Thread(target=run, args=("a", lambda: None)),
        threading.Thread(target=run, args=("b", lambda: {}["nothing"])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert outcomes == {"a": "accepted", "b": "withheld"}
    assert len(server.requests) == 1
