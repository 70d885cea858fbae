"""Files that the site sends itself: whole or in ranges, which a player needs to seek, and piece by piece on any server."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

#: Bytes that are sent at a time.
CHUNK = 64 * 1024
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))$")


def serve(
    request: HttpRequest, stream: IO[bytes], size: int, content_type: str, headers: Mapping[str, str]
) -> HttpResponseBase:
    """Answer with the whole file, or with the one range that was asked for (RFC 9110 §14); closes ``stream``.

    ``size`` is the file's, in bytes.
    """
    headers = {"Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff", **headers}
    asked = _RANGE.match(request.headers.get("Range", "").strip())
    start, end = 0, size - 1
    if asked:
        first, last, length = asked.groups()
        start = max(size - int(length), 0) if length else int(first)
        end = min(int(last), size - 1) if last else size - 1
        if start >= size or start > end:
            stream.close()
            return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    headers["Content-Length"] = str(end - start + 1)
    status = 206 if asked else 200
    if request.method == "HEAD":
        stream.close()
        return HttpResponse(status=status, content_type=content_type, headers=headers)
    return streamed(request, _read(stream, start, end), content_type, headers, status=status)


def streamed(
    request: HttpRequest,
    pieces: Iterable[bytes | str],
    content_type: str,
    headers: Mapping[str, str],
    *,
    status: int = 200,
) -> StreamingHttpResponse:
    """Answer with pieces, each made as it is sent."""
    # A server of the other kind would read all of an iterator before it sends the first byte, and warn of it.
    content: Any = _asynchronously(pieces) if isinstance(request, ASGIRequest) else pieces
    return StreamingHttpResponse(content, content_type=content_type, headers=dict(headers), status=status)


def _read(stream: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    with stream:
        stream.seek(start)
        left = end - start + 1
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


async def _asynchronously(pieces: Iterable[bytes | str]) -> AsyncIterator[bytes | str]:
    """Yield the same, each piece made in the thread in which Django talks to the database."""
    iterator = iter(pieces)
    try:
        while (piece := await sync_to_async(lambda: next(iterator, None), thread_sensitive=True)()) is not None:
            yield piece
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            await sync_to_async(close, thread_sensitive=True)()
