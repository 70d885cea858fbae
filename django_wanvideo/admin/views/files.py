"""Files that pages show: the kept picture of a refused form, and videos in ranges where the site serves them itself."""

from __future__ import annotations

import logging
import re
from typing import IO, TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _

from django_wanvideo.admin.base import PRIVATE
from django_wanvideo.admin.forms import temporary_uploads
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.admin.base import TaskAdminBase

logger = logging.getLogger(__name__)

CHUNK = 64 * 1024
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))$")


def temporary_upload_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponseBase:
    """Show the picture of a refused form to the person who sent it."""
    if not (model_admin.has_add_permission(request) or model_admin.has_change_permission(request)):
        raise PermissionDenied
    stored = temporary_uploads.open_upload(request.GET.get("name", ""), owner=request.user.pk)
    if stored is None:
        raise Http404(_("This file is no longer kept. Choose it again."))
    with stored:
        return HttpResponse(stored.read(), content_type=stored.content_type, headers=PRIVATE)


def video_view(model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Serve a stored video in ranges, which a player needs to seek and Django's own view of files does not do."""
    task = model_admin.get_task_or_404(request, object_id, "view")
    if not task.video:
        raise Http404(_("This task has no video."))
    try:
        size, stream = task.video.size, task.video.open("rb")
    except Exception as error:
        # Every storage has errors of its own, and of a file that is gone too.
        logger.warning("The storage does not give the video %s. (%s)", task.video.name, files.brief(error))
        raise Http404(_("The site’s storage does not give this video just now.")) from error
    return _in_ranges(request, stream, size)


def _in_ranges(request: HttpRequest, stream: IO[bytes], size: int) -> HttpResponseBase:
    """Answer with the whole file, or with the one range that was asked for (RFC 9110 §14)."""
    asked = _RANGE.match(request.headers.get("Range", "").strip())
    start, end = 0, size - 1
    if asked:
        first, last, length = asked.groups()
        start = max(size - int(length), 0) if length else int(first)
        end = min(int(last), size - 1) if last else size - 1
        if start >= size or start > end:
            stream.close()
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start + 1),
        "Cache-Control": "private",
        "X-Content-Type-Options": "nosniff",
    }
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    pieces = _read(stream, start, end)
    return StreamingHttpResponse(pieces, content_type="video/mp4", status=206 if asked else 200, headers=headers)


def _read(stream: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    with stream:
        stream.seek(start)
        left = end - start + 1
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
