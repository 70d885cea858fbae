"""Files of a local storage in ranges: what a player needs to seek, and Django's own view does not do."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from django.http import HttpResponse, StreamingHttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

CHUNK = 64 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


def in_ranges(request: HttpRequest, stream: IO[bytes], size: int, content_type: str) -> HttpResponseBase:
    """Answer with the whole file, or with the one range that was asked for (RFC 9110 §14)."""
    asked = _RANGE.match(request.headers.get("Range", "").strip())
    start, end = 0, size - 1
    if asked and any(asked.groups()):
        first, last = asked.groups()
        if first:
            start, end = int(first), min(int(last), size - 1) if last else size - 1
        else:
            start = max(size - int(last), 0)
        if start >= size or start > end:
            stream.close()
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
    response = StreamingHttpResponse(_read(stream, start, end), content_type=content_type)
    response.status_code = 206 if asked and any(asked.groups()) else 200
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(end - start + 1)
    response["Cache-Control"] = "private"
    response["X-Content-Type-Options"] = "nosniff"
    if response.status_code == 206:
        response["Content-Range"] = f"bytes {start}-{end}/{size}"
    return response


def _read(stream: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    with stream:
        stream.seek(start)
        left = end - start + 1
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
