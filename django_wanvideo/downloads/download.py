"""Guarded downloads of results: bounded in size, time and memory, and only from where they may come.

EvoLink's links are data from outside. Each hop's host is resolved once, every address of the answer is checked, and the
connection goes to a checked address, so a name cannot change its meaning in between. No proxies, cookies, credentials.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

from django_wanvideo.downloads.addresses import Resolver, is_allowed, system_resolver
from django_wanvideo.downloads.connection import Limits, PinnedConnection
from django_wanvideo.downloads.hashing import SideHasher
from django_wanvideo.downloads.mp4 import BoxWalk, looks_like_video
from django_wanvideo.downloads.urls import DownloadError, Target, next_target, parse_target
from django_wanvideo.http.deadlines import USER_AGENT
from django_wanvideo.http.text import one_line

__all__ = ["DownloadError", "Downloaded", "fetch"]

CHUNK = 64 * 1024
MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429})

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What has been written: ``size`` in bytes, the SHA-256 in hexadecimal, and the server's word for the type."""

    size: int
    sha256: str
    content_type: str


def fetch(
    url: str,
    target: BinaryIO,
    *,
    max_bytes: int,
    deadline_seconds: float,
    connect_timeout: float = 10.0,
    read_timeout: float = 60.0,
    allowed_hosts: Iterable[str] = (),
    allow_private: bool = False,
    on_progress: Progress | None = None,
    resolver: Resolver | None = None,
) -> Downloaded:
    """Write the video at ``url`` to ``target``, 64 KiB at a time.

    ``deadline_seconds`` is for everything together, ``connect_timeout`` and ``read_timeout`` (seconds) for each step.
    ``allowed_hosts`` narrows the hosts: ``host``, ``.host`` (it and those below) or ``*.host`` (those below only).
    ``allow_private`` admits plain http and loopback and private addresses, but no link-local ones. ``on_progress`` is
    called with the bytes written and the bytes to come in total, if known. Exceptions of ``on_progress`` pass unchanged.

    Raises DownloadError; ``target`` may then hold a part of a file.
    """
    limits = Limits(time.monotonic() + deadline_seconds, connect_timeout, read_timeout)
    hosts = tuple(allowed_hosts)
    hop = parse_target(url, allowed_hosts=hosts, allow_private=allow_private)
    for _ in range(MAX_REDIRECTS + 1):
        addresses = _checked_addresses(hop, resolver or system_resolver, allow_private=allow_private)
        connection = PinnedConnection(hop, addresses, limits)
        try:
            with closing(_ask(connection, hop)) as response:
                if response.status not in _REDIRECTS:
                    return _receive(response, hop, target, max_bytes, on_progress)
                location = response.getheader("Location")
        finally:
            connection.close()
        hop = next_target(hop, location, allowed_hosts=hosts, allow_private=allow_private)
    raise DownloadError("bad_redirect", f"The link redirects more than {MAX_REDIRECTS} times.")


def _checked_addresses(hop: Target, resolver: Resolver, *, allow_private: bool) -> list[str]:
    with _connection_trouble(hop):
        addresses = list(resolver(hop.host, hop.port))
    if not addresses:
        raise DownloadError("connection", f"The host {hop.host} has no address.")
    for address in addresses:
        # One bad address condemns the whole answer: a public one beside it is how a private one gets in.
        if not is_allowed(address, allow_private=allow_private):
            raise DownloadError("forbidden_address", f"The host {hop.host} is at {address}, which is not public.")
    return addresses


def _ask(connection: PinnedConnection, hop: Target) -> http.client.HTTPResponse:
    headers = {
        # EvoLink's file host refuses Python's default user agent with 403.
        "User-Agent": USER_AGENT,
        "Accept": "video/*, */*;q=0.5",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    with _connection_trouble(hop):
        connection.request("GET", hop.path, headers=headers)
        return connection.getresponse()


def _receive(
    response: http.client.HTTPResponse, hop: Target, target: BinaryIO, max_bytes: int, on_progress: Progress | None
) -> Downloaded:
    declared = _checked_head(response, hop, max_bytes)
    with SideHasher() as hasher:
        received = _copy(response, hop, target, max_bytes, on_progress, declared, hasher)
        sha256 = hasher.hexdigest()
    return Downloaded(received, sha256, one_line(response.getheader("Content-Type") or "", 100))


def _copy(
    response: http.client.HTTPResponse,
    hop: Target,
    target: BinaryIO,
    max_bytes: int,
    on_progress: Progress | None,
    declared: int | None,
    hasher: SideHasher,
) -> int:
    # A server may declare the length of a file that it holds only in part; the file itself tells.
    boxes = BoxWalk()
    received = 0
    for chunk in _chunks(response, hop, hasher):
        if received == 0 and not looks_like_video(chunk):
            raise DownloadError("not_a_video", f"{hop.host} answered with something that is no MP4 file.")
        received += len(chunk)
        if received > max_bytes:
            raise DownloadError("too_large", f"{hop.host} sent more than {max_bytes} bytes.")
        boxes.feed(chunk)
        _write(target, chunk)
        if on_progress is not None:
            on_progress(received, declared)
    told = declared is not None or response.chunked
    missing = declared is not None and received < declared
    if missing or (boxes.cut_short if told else not boxes.complete):
        raise DownloadError("truncated", f"{hop.host} ended after {received} of {declared or 'more'} bytes.")
    if received == 0:
        raise DownloadError("not_a_video", f"{hop.host} answered with an empty file.")
    return received


def _checked_head(response: http.client.HTTPResponse, hop: Target, max_bytes: int) -> int | None:
    status = response.status
    if status != 200:
        retryable = status >= 500 or status in _PASSING
        message = f"{hop.host} answered with HTTP {status}."
        raise DownloadError("http_error", message, http_status=status, retryable=retryable)
    encoding = response.getheader("Content-Encoding", "identity").strip().lower()
    transfer = response.getheader("Transfer-Encoding", "chunked").strip().lower()
    if encoding not in {"", "identity"} or transfer != "chunked":
        raise DownloadError("encoded", f"{hop.host} sent the file compressed, which was not asked for.")
    # http.client drops a length that is no number, so that None means: not said.
    if response.length is not None and response.length > max_bytes:
        raise DownloadError("too_large", f"The file has {response.length} bytes, the limit is {max_bytes}.")
    return response.length


def _chunks(response: http.client.HTTPResponse, hop: Target, hasher: SideHasher) -> Iterator[memoryview]:
    trouble = _connection_trouble(hop)
    while True:
        view = hasher.room(CHUNK)
        with trouble:
            # Fills the buffer, however small the pieces arrive, so the first chunk shows how the file begins.
            count = response.readinto(view)
        if not count:
            return
        yield view[:count]
        hasher.took(count)


def _write(target: BinaryIO, chunk: memoryview) -> None:
    try:
        while chunk:
            written = target.write(chunk)
            chunk = chunk[len(chunk) if written is None else written :]
    except OSError as error:
        raise DownloadError("disk", f"The file could not be written: {error.strerror or error}.") from error


class _connection_trouble:  # noqa: N801 - used like a function; a class, as it is entered for each chunk
    """Turns what a connection raises into a DownloadError."""

    def __init__(self, hop: Target) -> None:
        self._host = hop.host

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        match error:
            case None:
                return
            case TimeoutError():
                raise DownloadError("timeout", f"{self._host} took too long: {error}.") from error
            case http.client.IncompleteRead():
                raise DownloadError("truncated", f"{self._host} ended the answer too early.") from error
            case OSError() | http.client.HTTPException() | ValueError():
                # ValueError: a chunk size that is no number, a host name that cannot be looked up.
                words = one_line(str(error), 300)
                raise DownloadError("connection", f"No file from {self._host}: {words}.") from error
