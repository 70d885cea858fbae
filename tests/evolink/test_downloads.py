"""The downloader against servers and resolvers that mean harm, and disks that are full."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import socket
import threading
import time
import tracemalloc

import pytest

from django_wanvideo.downloads import DownloadError, fetch
from django_wanvideo.downloads.mp4 import Mp4Scanner
from django_wanvideo.downloads.urls import system_resolver

from .server import answer, close, drip, hang, raw, reset


def box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4) + kind + content


VIDEO = box(b"ftyp", b"isom\0\0\2\0isomiso2mp41") + box(b"moov", b"m" * 500) + box(b"mdat", bytes(range(256)) * 1_000)
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def download():
    """Fetch from a server that stands on loopback, within short limits, and return result and file."""

    def run(server, path="/v.mp4?sig=1", **options):
        target = options.pop("target", None) or io.BytesIO()
        settings = {
            "max_bytes": 10_000_000,
            "deadline_seconds": 1.0,
            "connect_timeout": 0.5,
            "read_timeout": 0.3,
            "allow_private": True,
            **options,
        }
        url = server if isinstance(server, str) else server.url + path
        return fetch(url, target, **settings), target

    return run


def failure(download, server, **options) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        download(server, **options)
    assert "sig=1" not in str(caught.value)
    return caught.value


def test_a_video_is_written_and_described(serve, download):
    server, seen = serve(answer(200, VIDEO, Content_Type="video/mp4", Set_Cookie="a=b")), []
    result, target = download(server, on_progress=lambda done, total: seen.append((done, total)))
    assert target.getvalue() == VIDEO
    assert (result.size, result.sha256, result.content_type) == (
        len(VIDEO),
        hashlib.sha256(VIDEO).hexdigest(),
        "video/mp4",
    )
    assert seen[-1] == (len(VIDEO), len(VIDEO))
    assert len(seen) == -(-len(VIDEO) // 65_536)
    assert server.requests[0].path == "/v.mp4?sig=1"


def test_nothing_about_us_leaves_but_our_name(serve, download, monkeypatch, tmp_path, closed):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed}")
    second = serve(answer(200, VIDEO))
    first = serve(answer(302, b"", Location=f"{second.url}/b", Set_Cookie="session=1; Path=/"))
    download(first)
    for server in (first, second):
        headers = server.requests[0].headers
        assert set(headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}
        assert headers["user-agent"].startswith("django-wanvideo/")
        assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(raw(OK + b"\r\n" + VIDEO), id="until-closed"),
        pytest.param(
            raw(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n" % len(VIDEO), VIDEO, b"\r\n0\r\n\r\n"),
            id="chunked",
        ),
        pytest.param(
            raw(OK + b"Content-Encoding: identity\r\nContent-Length: %d\r\n\r\n" % len(VIDEO), VIDEO), id="identity"
        ),
        pytest.param(
            raw(OK + b"\r\n", *(VIDEO[index : index + 1] for index in range(30)), VIDEO[30:]), id="tiny-pieces-first"
        ),
        pytest.param(answer(200, VIDEO + b"more than was declared is not read"[:0]), id="declared"),
    ],
)
def test_each_honest_way_of_sending_is_understood(serve, download, behaviour):
    _, target = download(serve(behaviour))
    assert target.getvalue() == VIDEO


def test_bytes_after_the_declared_length_are_not_taken(serve, download):
    server = serve(raw(OK + b"Content-Length: %d\r\n\r\n" % len(VIDEO), VIDEO, b"HTTP/1.1 200 OK"))
    assert download(server)[1].getvalue() == VIDEO


HTML = b"<!DOCTYPE html><html><body>Sorry</body></html>"

FAULTS = {
    "html-with-200": (answer(200, HTML, Content_Type="video/mp4"), "not_a_video", True),
    "json-with-200": (answer(200, {"error": "expired"}), "not_a_video", True),
    "empty": (answer(200, b""), "not_a_video", True),
    "eleven-bytes": (answer(200, VIDEO[:11]), "not_a_video", True),
    "too-short": (raw(OK + b"Content-Length: 999999\r\n\r\n" + VIDEO), "truncated", True),
    "chunk-cut-short": (raw(OK + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n" + VIDEO), "truncated", True),
    "no-last-chunk": (
        raw(OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(VIDEO), VIDEO)),
        "truncated",
        True,
    ),
    "cut-inside-a-box": (raw(OK + b"\r\n" + VIDEO[:-1]), "truncated", True),
    "declared-too-large": (raw(OK + b"Content-Length: 10000001\r\n\r\n" + VIDEO), "too_large", False),
    "declared-absurdly": (raw(OK + b"Content-Length: %d\r\n\r\n" % 10**30 + VIDEO), "too_large", False),
    "endless": (drip(OK + b"\r\n" + VIDEO, b"x" * 65_536, pause=0), "too_large", False),
    "endless-chunks": (
        drip(
            OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(VIDEO), VIDEO),
            b"10000\r\n" + b"x" * 65_536 + b"\r\n",
            pause=0,
        ),
        "too_large",
        False,
    ),
    "drip-body": (drip(OK + b"Content-Length: 999999\r\n\r\n" + VIDEO), "timeout", True),
    "drip-headers": (drip(OK + b"X-Slow: "), "timeout", True),
    "drip-continue": (drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.001), "timeout", True),
    "hang": (hang, "timeout", True),
    "close": (close, "connection", True),
    "reset": (reset, "connection", True),
    "garbage": (raw(b"\0\1\2\3\r\n\r\n"), "connection", True),
    "header-flood": (raw(OK + b"X-A: b\r\n" * 5_000 + b"\r\n"), "connection", True),
    "chunk-size-garbage": (raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "truncated", True),
    "gzip": (answer(200, gzip.compress(VIDEO), Content_Encoding="gzip"), "encoded", False),
    "transfer-gzip": (raw(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n"), "encoded", False),
    "206": (answer(206, VIDEO), "http_error", False),
    "204": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), "http_error", False),
    "400": (answer(400, HTML), "http_error", False),
    "429": (answer(429, HTML), "http_error", True),
    "500": (answer(500, HTML), "http_error", True),
    "redirect-to-nowhere": (answer(302, b""), "bad_redirect", False),
    "redirect-in-circles": (answer(302, b"", Location="/v.mp4"), "bad_redirect", False),
    "redirect-to-ftp": (answer(302, b"", Location="ftp://127.0.0.1/v.mp4"), "bad_scheme", False),
    "redirect-with-user": (answer(302, b"", Location="http://user@127.0.0.1/v.mp4"), "bad_redirect", False),
    "redirect-to-metadata": (answer(302, b"", Location="http://169.254.169.254/latest/"), "forbidden_address", False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_reason_and_its_end(serve, download, fault):
    behaviour, reason, retryable = FAULTS[fault]
    started = time.monotonic()
    error = failure(download, serve(behaviour))
    assert (error.reason, error.retryable) == (reason, retryable)
    assert time.monotonic() - started < 2.5


@pytest.mark.parametrize("status", [401, 403, 404, 410, 500])
def test_the_status_of_a_refusal_is_told(serve, download, status):
    assert failure(download, serve(answer(status, HTML))).http_status == status


def test_what_is_no_video_never_reaches_the_target(serve):
    target = io.BytesIO()
    with pytest.raises(DownloadError):
        fetch(serve(answer(200, HTML)).url, target, max_bytes=10**6, deadline_seconds=1, allow_private=True)
    assert target.getvalue() == b""


def test_more_than_the_limit_never_reaches_the_target(serve):
    target = io.BytesIO()
    with pytest.raises(DownloadError, match="more than 100000 bytes"):
        fetch(serve(raw(OK + b"\r\n" + VIDEO)).url, target, max_bytes=100_000, deadline_seconds=1, allow_private=True)
    assert len(target.getvalue()) <= 100_000


def test_a_file_of_exactly_the_limit_is_fine(serve, download):
    assert download(serve(answer(200, VIDEO)), max_bytes=len(VIDEO))[0].size == len(VIDEO)


def test_five_redirects_are_followed_and_six_are_not(serve, download):
    def hops(count):
        def behave(sock, request, server):
            if len(server.requests) <= count:
                return answer(307, b"", Location=f"/{len(server.requests)}")(sock, request, server)
            return answer(200, VIDEO)(sock, request, server)

        return behave

    assert download(serve(hops(5)))[0].size == len(VIDEO)
    server = serve(hops(6))
    assert failure(download, server).reason == "bad_redirect"
    assert len(server.requests) == 6


def test_the_deadline_is_for_all_redirects_together(serve, download):
    def slow(sock, request, server):
        server.stopping.wait(0.2)
        return answer(302, b"", Location="/next")(sock, request, server)

    started = time.monotonic()
    assert failure(download, serve(slow), deadline_seconds=0.5).reason == "timeout"
    assert time.monotonic() - started < 3


# Addresses.

SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "localhost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "0.0.0.0",
    "0",
    "[::]",
    "169.254.169.254",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "100.64.0.1",
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021",
]


@pytest.fixture
def connected(monkeypatch) -> list[object]:
    """The addresses that sockets are connected to, instead of being connected."""
    reached: list[object] = []

    def connect(sock, address):
        reached.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return reached


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_a_private_address_is_connected(download, connected, host):
    error = failure(download, f"https://{host}/v.mp4", allow_private=False)
    assert error.reason in {"forbidden_address", "connection"}
    assert connected == []


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_redirect_leads_to_a_private_address(serve, download, server_tls, certificate, monkeypatch, host):
    location = f"https://{host}/v.mp4".encode()
    server = serve(raw(b"HTTP/1.1 302 Found\r\nLocation: %b\r\n\r\n" % location), tls=server_tls)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    connect, reached = socket.socket.connect, []

    def public_is_the_server(sock, address):
        reached.append(address[0])
        connect(sock, ("127.0.0.1", server.port))

    monkeypatch.setattr(socket.socket, "connect", public_is_the_server)
    error = failure(
        download,
        "https://results.example/v.mp4",
        allow_private=False,
        resolver=lambda name, port: ["8.8.8.8"] if name == "results.example" else system_resolver(name, port),
    )
    assert error.reason in {"forbidden_address", "forbidden_host", "connection"}
    assert reached == ["8.8.8.8"]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "addresses",
    [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2606:4700::1111", "::1"], ["8.8.8.8", "not an address"]],
)
def test_a_mixed_answer_is_refused_as_a_whole(connected, download, addresses):
    error = failure(download, "https://mixed.example/", allow_private=False, resolver=lambda host, port: addresses)
    assert error.reason == "forbidden_address"
    assert connected == []


def test_the_checked_address_is_the_connected_one(serve, download, monkeypatch):
    """A name that changes its meaning after the check changes nothing: it is asked once, and its answer is used."""
    server, asked = serve(answer(200, VIDEO)), []

    def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    system = socket.getaddrinfo

    def no_names(host, *args, **kwargs):
        assert host == "127.0.0.1", f"{host} was looked up a second time"
        return system(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    result, _ = download(f"http://rebinding.example:{server.port}/v.mp4", resolver=rebinding)
    assert result.size == len(VIDEO)
    assert asked == ["rebinding.example"]
    assert server.requests[0].headers["host"] == f"rebinding.example:{server.port}"


def test_each_redirect_is_resolved_and_checked_again(serve, download):
    server, asked = serve(answer(302, b"", Location="/again")), []

    def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    error = failure(download, f"http://rebinding.example:{server.port}/v.mp4", resolver=rebinding)
    assert error.reason == "forbidden_address"
    assert len(server.requests) == server.connections == 1


def test_the_next_address_is_tried_if_one_is_dead(serve, download):
    server = serve(answer(200, VIDEO))
    # Nothing listens on the second loopback address.
    result, _ = download(f"http://two.example:{server.port}/", resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert result.size == len(VIDEO)


def test_plain_http_is_refused_outside_development(serve, download):
    server = serve(answer(200, VIDEO))
    assert failure(download, server, allow_private=False).reason == "bad_scheme"
    assert server.connections == 0


def test_a_host_that_is_not_allowed_is_not_even_looked_up(download):
    error = failure(
        download,
        "https://other.example/",
        allowed_hosts=["files.evolink.ai"],
        resolver=lambda host, port: pytest.fail("looked up"),
    )
    assert error.reason == "forbidden_host"


def test_a_redirect_to_a_host_that_is_not_allowed_is_not_followed(serve, download):
    second = serve(answer(200, VIDEO))
    first = serve(answer(302, b"", Location=f"http://other.example:{second.port}/"))
    error = failure(
        download,
        f"http://ours.example:{first.port}/",
        allowed_hosts=["ours.example"],
        resolver=lambda host, port: ["127.0.0.1"],
    )
    assert error.reason == "forbidden_host"
    assert second.connections == 0


def no_such_name(host, port):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize("resolver", [no_such_name, lambda host, port: []], ids=["error", "no-address"])
def test_a_name_without_an_address_may_have_one_later(download, resolver):
    error = failure(download, "https://gone.example/", resolver=resolver)
    assert (error.reason, error.retryable) == ("connection", True)


def test_a_refused_connection_may_be_repeated(download, closed):
    error = failure(download, f"http://127.0.0.1:{closed}/")
    assert (error.reason, error.retryable) == ("connection", True)


# TLS.


def over_tls(server):
    return f"https://results.example:{server.port}/v.mp4"


def loopback(host, port):
    return ["127.0.0.1"]


def test_over_tls_the_certificate_is_checked_for_the_name_not_the_address(
    serve, download, server_tls, certificate, monkeypatch
):
    names = []
    server_tls.sni_callback = lambda sock, name, context: names.append(name)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    server = serve(answer(200, VIDEO), tls=server_tls)
    assert download(over_tls(server), resolver=loopback)[0].size == len(VIDEO)
    assert names == ["results.example"]
    wrong = f"https://another.example:{server.port}/v.mp4"
    assert failure(download, wrong, resolver=loopback).reason == "connection"
    assert len(server.requests) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(serve, download, server_tls):
    server = serve(answer(200, VIDEO), tls=server_tls)
    error = failure(download, over_tls(server), resolver=loopback)
    assert error.reason == "connection"
    assert "certificate" in str(error).lower()
    assert not server.requests


def test_a_redirect_from_https_to_http_is_refused_even_in_development(
    serve, download, server_tls, certificate, monkeypatch
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    plain = serve(answer(200, VIDEO))
    server = serve(answer(302, b"", Location=f"{plain.url}/v.mp4"), tls=server_tls)
    assert failure(download, over_tls(server), resolver=loopback).reason == "bad_redirect"
    assert plain.connections == 0


def test_a_handshake_that_never_ends_is_a_timeout(download):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = failure(download, f"https://results.example:{listener.getsockname()[1]}/", resolver=loopback)
    assert error.reason == "timeout"


# The other side of the copy.


class FullDisk(io.BytesIO):
    def write(self, data):
        if self.tell() + len(data) > 100_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_told_from_a_bad_connection(serve, download):
    error = failure(download, serve(answer(200, VIDEO)), target=FullDisk())
    assert (error.reason, error.retryable) == ("disk", True)
    assert error.__cause__.errno == errno.ENOSPC


class Raw(io.BytesIO):
    """Takes a little at a time, as an unbuffered file may."""

    def write(self, data):
        return super().write(data[:1000])


def test_a_target_that_takes_a_part_is_given_the_rest(serve, download):
    assert download(serve(answer(200, VIDEO)), target=Raw())[1].getvalue() == VIDEO


class ForeignError(Exception):
    pass


def test_an_exception_of_the_caller_passes_unchanged(serve, download):
    def stop(done, total):
        raise ForeignError

    with pytest.raises(ForeignError):
        download(serve(answer(200, VIDEO)), on_progress=stop)


class Nowhere(io.RawIOBase):
    def write(self, data):
        return len(data)


def test_memory_stays_flat_however_large_the_file(serve):
    size = 200 * 1024 * 1024
    block = b"x" * (1024 * 1024)
    head = b"\0\0\0\x10ftypisom\0\0\0\0" + (size - 16).to_bytes(4) + b"mdat"

    def large(sock, request, server):
        sock.sendall(OK + b"Content-Length: %d\r\n\r\n" % size + head + block[len(head) :])
        for _ in range(size // len(block) - 1):
            sock.sendall(block)
        return False

    server = serve(large)
    fetch(server.url, Nowhere(), max_bytes=size, deadline_seconds=60, allow_private=True)
    tracemalloc.start()
    try:
        result = fetch(server.url, Nowhere(), max_bytes=size, deadline_seconds=60, allow_private=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.size == size
    assert peak < 5_000_000


def test_file_that_server_holds_only_in_part(serve, download):
    """A file that a server holds only in part is noticed whatever length it declares."""
    body = b"\0\0\0\x10ftypisom\0\0\0\0" + (5000).to_bytes(4) + b"mdat" + b"x" * 1000
    assert failure(download, serve(answer(200, body))).reason == "truncated"


def test_no_socket_is_left_open(serve, download):
    server = serve(answer(302, b"", Location="/v.mp4"))
    failure(download, server)
    failure(download, serve(raw(OK + b"\r\n" + HTML)))
    server.wait_closed(6)


def test_downloads_do_not_disturb_each_other(serve, download):
    server, results = serve(answer(200, VIDEO)), []
    threads = [
        threading.Thread(target=lambda: results.append(download(server, deadline_seconds=5)[0].sha256))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert results == [hashlib.sha256(VIDEO).hexdigest()] * 4


# The end of a file.


@pytest.mark.parametrize("step", [1, 7, 8, 1000, 10**6])
def test_boxes_are_followed_in_pieces_of_any_size(step):
    long_box = b"\0\0\0\1mdat" + (16 + 100).to_bytes(8) + b"d" * 100
    whole = VIDEO[:2_000] if step == 1 else VIDEO
    whole = box(b"ftyp", b"isom1234") + long_box + (box(b"free", b"") if step == 1 else whole)
    scanner = Mp4Scanner()
    for index in range(0, len(whole), step):
        scanner.feed(whole[index : index + step])
    assert scanner.is_complete
    scanner.feed(b"\0")
    assert not scanner.is_complete


def test_a_box_without_an_end_is_complete_wherever_it_ends():
    scanner = Mp4Scanner()
    scanner.feed(box(b"ftyp", b"isom1234") + b"\0\0\0\0mdat" + b"d" * 50)
    assert scanner.is_complete
