"""Guarded downloads of results: bounded in size, time and memory, and only from where they may come.

EvoLink's links are data from outside. Each hop's host is resolved once, every address of the answer is checked, and the
connection goes to a checked address, so a name cannot change its meaning in between. No proxies, cookies, credentials.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from django_wanvideo.downloads.connection import Limits, ask, connect
from django_wanvideo.downloads.hashing import BackgroundHasher
from django_wanvideo.downloads.mp4 import Mp4Scanner, looks_like_video
from django_wanvideo.downloads.urls import (
    DownloadError,
    DownloadUrl,
    Resolver,
    is_allowed,
    parse_url,
    redirect_url,
    system_resolver,
)
from django_wanvideo.http.text import one_line

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
    here = parse_url(url, allowed_hosts=hosts, allow_private=allow_private)
    for _ in range(MAX_REDIRECTS + 1):
        addresses = _checked_addresses(here, resolver or system_resolver, allow_private=allow_private)
        with _open(here, addresses, limits) as response:
            if response.status not in _REDIRECTS:
                return _receive(response, here, target, max_bytes, on_progress)
            location = response.getheader("Location")
        here = redirect_url(here, location, allowed_hosts=hosts, allow_private=allow_private)
    raise DownloadError("bad_redirect", f"The link redirects more than {MAX_REDIRECTS} times.")


def _checked_addresses(url: DownloadUrl, resolver: Resolver, *, allow_private: bool) -> list[str]:
    with _translate_errors(url):
        addresses = list(resolver(url.host, url.port))
    if not addresses:
        raise DownloadError("connection", f"The host {url.host} has no address.")
    for address in addresses:
        # One bad address condemns the whole answer: a public one beside it is how a private one gets in.
        if not is_allowed(address, allow_private=allow_private):
            raise DownloadError("forbidden_address", f"The host {url.host} is at {address}, which is not public.")
    return addresses


@contextmanager
def _open(url: DownloadUrl, addresses: list[str], limits: Limits) -> Iterator[http.client.HTTPResponse]:
    with _translate_errors(url):
        connection = connect(url, addresses, limits)
    with closing(connection):
        with _translate_errors(url):
            response = ask(connection, url)
        with closing(response):
            yield response


def _receive(
    response: http.client.HTTPResponse, url: DownloadUrl, target: BinaryIO, max_bytes: int, on_progress: Progress | None
) -> Downloaded:
    declared = _checked_head(response, url, max_bytes)
    is_framed = declared is not None or response.chunked
    # A server may declare the length of a file that it holds only in part; the file itself tells.
    scanner = Mp4Scanner()
    received, at_end = 0, False
    with BackgroundHasher() as hasher:
        while not at_end:
            block, filled = hasher.buffer(), 0
            for piece in _pieces(response, url, block):
                if received == 0 and not looks_like_video(piece):
                    raise DownloadError("not_a_video", f"{url.host} answered with something that is no MP4 file.")
                filled += len(piece)
                received += len(piece)
                if received > max_bytes:
                    raise DownloadError("too_large", f"{url.host} sent more than {max_bytes} bytes.")
                _write(target, piece)
                if on_progress is not None:
                    on_progress(received, declared)
            scanner.feed(block[:filled])
            hasher.commit(block, filled)
            at_end = filled < len(block)
        missing = declared is not None and received < declared
        if missing or (scanner.is_truncated if is_framed else not scanner.is_complete):
            raise DownloadError("truncated", f"{url.host} ended after {received} of {declared or 'more'} bytes.")
        if received == 0:
            raise DownloadError("not_a_video", f"{url.host} answered with an empty file.")
        sha256 = hasher.hexdigest()
    return Downloaded(received, sha256, one_line(response.getheader("Content-Type") or "", 100))


def _checked_head(response: http.client.HTTPResponse, url: DownloadUrl, max_bytes: int) -> int | None:
    status = response.status
    if status != 200:
        retryable = status >= 500 or status in _PASSING
        message = f"{url.host} answered with HTTP {status}."
        raise DownloadError("http_error", message, http_status=status, retryable=retryable)
    encoding = response.getheader("Content-Encoding", "identity").strip().lower()
    transfer = response.getheader("Transfer-Encoding", "chunked").strip().lower()
    if encoding not in {"", "identity"} or transfer != "chunked":
        raise DownloadError("encoded", f"{url.host} sent the file compressed, which was not asked for.")
    # http.client drops a length that is no number, so that None means: not said.
    if response.length is not None and response.length > max_bytes:
        raise DownloadError("too_large", f"The file has {response.length} bytes, the limit is {max_bytes}.")
    return response.length


def _pieces(response: http.client.HTTPResponse, url: DownloadUrl, block: memoryview) -> Iterator[memoryview]:
    """Read into a block until it is full, and yield each piece of at most 64 KiB."""
    start = 0
    with _translate_errors(url):
        # Each piece is filled, however little arrives at a time, so the first one shows how the file begins.
        while start < len(block) and (count := response.readinto(block[start : start + CHUNK])):
            yield block[start : start + count]
            start += count


def _write(target: BinaryIO, piece: memoryview) -> None:
    try:
        while piece:
            written = target.write(piece)
            piece = piece[len(piece) if written is None else written :]
    except OSError as error:
        raise DownloadError("disk", f"The file could not be written: {error.strerror or error}.") from error


@contextmanager
def _translate_errors(url: DownloadUrl) -> Iterator[None]:
    """Turn what a connection raises into a DownloadError."""
    try:
        yield
    except TimeoutError as error:
        raise DownloadError("timeout", f"{url.host} took too long: {error}.") from error
    except http.client.IncompleteRead as error:
        raise DownloadError("truncated", f"{url.host} ended the answer too early.") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        # ValueError: a chunk size that is no number, a host name that cannot be looked up.
        words = one_line(str(error), 300)
        raise DownloadError("connection", f"No file from {url.host}: {words}.") from error
