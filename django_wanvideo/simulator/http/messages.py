"""Requests and answers as plain values; what HTTP needs beyond the standard library."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from .accounts import Account


@dataclass
class Request:
    """One request. `read_body` reads the whole body from the socket, once; ApiError when it is too large."""

    method: str
    target: str
    headers: Message
    read_body: Callable[[], bytes]
    #: Set by the router once the key is known.
    account: Account | None = None
    api_key: str = ""
    endpoint: str = "unknown"
    fault: str | None = None
    note: str | None = None
    seen_body: Any = None
    #: Called when the exchange is over, however it went.
    when_over: list[Callable[[], None]] = field(default_factory=list)
    _body: bytes | None = None

    @property
    def path(self) -> str:
        """The decoded path."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """The query's first value of each name."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def body(self) -> bytes:
        """The whole body."""
        if self._body is None:
            self._body = self.read_body()
        return self._body

    @property
    def unread(self) -> bool:
        """Whether the body is still on the socket."""
        has_body = self.headers.get("Transfer-Encoding") or self.headers.get("Content-Length", "0") != "0"
        return bool(has_body) and self._body is None

    @property
    def content_type(self) -> str:
        """The media type, without parameters."""
        return self.headers.get_content_type() if "Content-Type" in self.headers else ""

    def json(self) -> Any:
        """The body as JSON; ValueError (also for invalid UTF-8 and endless nesting) when it is none."""
        try:
            return json.loads(self.body.decode("utf-8"))
        except RecursionError as error:
            raise ValueError("The JSON is nested too deeply.") from error

    def header(self, name: str) -> str:
        """A header's value, empty when absent."""
        return str(self.headers.get(name) or "").strip()


@dataclass
class Response:
    """An answer. What deviates from HTTP is for faults only.

    body: bytes, or the path of a file of which `span` (first byte, byte after the last) is sent.
    after: called when the answer is out. delay: seconds before the first byte. declared: a false Content-Length.
    cut: bytes of the body after which the connection is closed. drip: bytes per write and seconds between them.
    endless: the body is repeated until the client leaves.
    """

    status: int = 200
    body: bytes | Path = b""
    headers: dict[str, str] = field(default_factory=dict)
    span: tuple[int, int] | None = None
    after: Callable[[], None] | None = None
    delay: float = 0.0
    declared: int | None = None
    cut: int | None = None
    drip: tuple[int, float] | None = None
    endless: bool = False
    close: bool = False

    @property
    def takes_time(self) -> bool:
        """Whether sending it can take longer than a moment."""
        return isinstance(self.body, Path) or self.drip is not None or self.endless

    @property
    def size(self) -> int:
        """Bytes of the body."""
        if self.span is not None:
            return self.span[1] - self.span[0]
        return self.body.stat().st_size if isinstance(self.body, Path) else len(self.body)


@dataclass
class Drop:
    """No answer: after `seconds`, close the connection, or reset it (`reset`)."""

    reset: bool = False
    seconds: float = 0.0
    after: Callable[[], None] | None = None


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    data = json.dumps(body, default=str).encode()
    return Response(status, data, {"Content-Type": "application/json; charset=utf-8"} | (headers or {}))


def html_response(text: str, status: int = 200) -> Response:
    """An answer in HTML."""
    return Response(status, text.encode(), {"Content-Type": "text/html; charset=utf-8"})


@dataclass(frozen=True)
class Part:
    """One part of a multipart form."""

    name: str
    file_name: str | None
    content_type: str
    data: bytes


def read_multipart(content_type: str, body: bytes) -> list[Part]:
    """The parts of a `multipart/form-data` body; ValueError when it is none."""
    header = _parse_header(f"Content-Type: {content_type}")
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str) or not boundary:
        raise ValueError("The body is not multipart/form-data with a boundary.")
    delimiter = b"\r\n--" + boundary.encode("latin-1")
    chunks = (b"\r\n" + body).split(delimiter)
    if len(chunks) < 3 or not chunks[-1].startswith(b"--"):
        raise ValueError("The multipart body has no parts or no end.")
    return [_part(chunk) for chunk in chunks[1:-1]]


def _part(chunk: bytes) -> Part:
    head, separator, data = chunk.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not separator:
        raise ValueError("A part of the multipart body has no headers.")
    header = _parse_header(head.decode("utf-8", "replace"))
    name = header.get_param("name", header="content-disposition")
    file_name = header.get_filename()
    return Part(str(name or ""), file_name, header.get_content_type(), data)


def _parse_header(text: str) -> Message:
    message = Message()
    for line in re.sub(r"\r\n[ \t]+", " ", text).splitlines():
        name, _, value = line.partition(":")
        message[name.strip()] = value.strip()
    return message


def read_range(header: str, size: int) -> tuple[int, int] | None:
    """A `Range` header's one span as (first, after last); None to send everything; ValueError when not satisfiable."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.replace(" ", ""))
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        first, after = max(size - int(match[2]), 0), size
        if int(match[2]) == 0:
            raise ValueError("An empty range.")
    else:
        first = int(match[1])
        after = min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < first:
            return None
    if first >= size:
        raise ValueError("The range starts after the end.")
    return first, after
