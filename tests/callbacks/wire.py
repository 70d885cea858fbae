"""Requests as servers hand them over, where Django's test client would be too polite."""

from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application


class Stream:
    """A body that counts what was read of it; it ends after ``size`` bytes, or breaks there."""

    def __init__(self, content: bytes, *, filler: int = 0, breaks: bool = False) -> None:
        self.content = content
        self.left = filler
        self.breaks = breaks
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "the whole body was asked for, however large it is"
        chunk, self.content = self.content[:size], self.content[size:]
        more = min(self.left, size - len(chunk))
        self.left -= more
        if self.breaks and not chunk:
            raise ConnectionResetError("gone")
        self.taken += len(chunk) + more
        return chunk + b" " * more

    def readline(self, size: int = -1) -> bytes:
        raise AssertionError("a JSON body has no lines")


def through_wsgi(path: str, stream: Stream, **environ: Any) -> tuple[int, bytes]:
    """POST to the site through its WSGI application; returns the status and the body of the answer."""
    answered: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        answered.append(status)

    response = get_wsgi_application()(
        {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "site.example",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": "application/json",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": stream,
            **environ,
        },
        start_response,
    )
    body = b"".join(response)
    response.close()
    return int(answered[0].split()[0]), body


def through_asgi(path: str, chunks: list[bytes]) -> tuple[int, bytes]:
    """POST to the site through its ASGI application, in chunks and with no length declared."""

    async def talk() -> tuple[int, bytes]:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"site.example"), (b"transfer-encoding", b"chunked")],
        }
        site = ApplicationCommunicator(get_asgi_application(), scope)
        for number, chunk in enumerate(chunks, start=1):
            await site.send_input({"type": "http.request", "body": chunk, "more_body": number < len(chunks)})
        start = await site.receive_output(timeout=10)
        body = b""
        while True:
            part = await site.receive_output(timeout=10)
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        await asyncio.wait_for(site.wait(timeout=10), timeout=10)
        return start["status"], body

    return async_to_sync(talk)()
