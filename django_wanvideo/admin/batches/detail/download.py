"""What can be taken home of a batch: its videos as a ZIP that is made while it is sent, and its table."""

from __future__ import annotations

import csv
import re
import tempfile
from typing import IO, TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import OuterRef, Subquery
from django.http import Http404, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.base import PRIVATE
from django_wanvideo.admin.batches.detail import operations
from django_wanvideo.admin.presentation import detail_page, formats
from django_wanvideo.batches import tables
from django_wanvideo.batches.tables.cells import guard
from django_wanvideo.models import BatchItem
from django_wanvideo.models.batches import placeholders
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Iterable, Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.admin.batches.change import BatchPagesMixin
    from django_wanvideo.admin.batches.detail.numbers import Numbers
    from django_wanvideo.models import VideoTask

#: Rows that are read at a time; bytes of a file that are, and that are kept in memory before they go to the disk.
CHUNK, PIECE, IN_MEMORY = 100, 256 * 1024, 1024 * 1024
#: Characters of a name that a file in the archive keeps.
NAME_LENGTH = 60
COLUMNS = ("row", "file", "task", "prompt", "credits", "sha256", "problem")


# Videos --------------------------------------------------------------------------------------------------------------


def can_zip() -> bool:
    """Tell whether what makes archives is installed; another package of the same name has no such class."""
    try:
        from zipstream import ZipStream  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True


def words(found: Numbers) -> str:
    """Return the label of the button that downloads the videos; empty where what makes archives is not installed."""
    if not can_zip():
        return ""
    label = ngettext("Download %(n)s video (ZIP, %(size)s)", "Download %(n)s videos (ZIP, %(size)s)", found.videos)
    return label % {"n": found.videos, "size": formats.megabytes(found.bytes)}


def name_of(task: Any) -> str:
    """Return how people know a task of a batch: its row's own name, its picture's, or the words of its prompt.

    ``given`` on the task is its row as it was given, if it has one.
    """
    given = getattr(task, "given", None) or {}
    frame = given.get("first_frame")
    return str(given.get("name") or placeholders.stem(frame if isinstance(frame, str) else "") or task)


def videos_view(model_admin: BatchPagesMixin, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Send all stored videos of a batch that the person may see, and ``manifest.csv``, as one ZIP."""
    batch = model_admin.get_batch_or_404(request, object_id)
    if not can_zip():
        raise Http404(_("The site administrator has to install django-wanvideo[tables] for this."))
    given = BatchItem.objects.filter(batch=batch, number=OuterRef("row_number")).values("data")
    tasks = model_admin.get_visible_tasks(request).filter(batch=batch).exclude(video="")
    pieces = archive(tasks.annotate(given=Subquery(given[:1])))
    return _streamed(request, pieces, f"{_slug(str(batch), 'batch')}.zip", "application/zip")


def archive(tasks: QuerySet[VideoTask]) -> Iterator[bytes]:
    """Yield a ZIP of the videos of ``tasks``, one after the other; memory does not grow with their number or size.

    A video that the storage does not give whole is left out, and named in ``manifest.csv``.
    """
    from zipstream import ZipStream

    zipped = ZipStream(sized=False)
    with tempfile.TemporaryFile(
        "w+", encoding="utf-8", errors="replace", newline="", dir=settings.FILE_UPLOAD_TEMP_DIR
    ) as manifest:
        # The mark by which Excel knows the letters.
        manifest.write("\N{BOM}")
        lines = csv.writer(manifest)
        lines.writerow(COLUMNS)
        for task in _by_row(tasks):
            name = f"{task.row_number or 0:04d}-{_slug(name_of(task), 'video')}.mp4"
            copy = _copied(task)
            if copy is not None:
                with copy:
                    zipped.add(_read(copy), name)
                    yield from zipped.all_files()
            problem = "" if copy is not None else _("The site’s storage did not give this video.")
            lines.writerow(guard(cell) for cell in _line(task, name if copy is not None else "", problem))
        manifest.flush()
        manifest.seek(0)
        zipped.add(_read(manifest.buffer), "manifest.csv")
        yield from zipped.finalize()


def _line(task: VideoTask, name: str, problem: str) -> list[str]:
    used = "" if task.credits_used is None else f"{task.credits_used.normalize():f}"
    return [str(task.row_number), name, str(task.pk), task.prompt, used, task.video_sha256, problem]


def _by_row(tasks: QuerySet[VideoTask]) -> Iterator[VideoTask]:
    """Yield tasks by row, some at a time: no cursor of the database is open as long as the download takes."""
    after = -1
    while chunk := list(tasks.filter(row_number__gt=after).order_by("row_number")[:CHUNK]):
        yield from chunk
        after = chunk[-1].row_number or 0


def _copied(task: VideoTask) -> IO[bytes] | None:
    """Return the whole video as a file that is gone when it is closed; ``None`` where the storage does not give it.

    What has been sent cannot be taken back, so that the archive begins a video only when all of it is here.
    """
    copy: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - given to whoever asked
    with files.BestEffort("The video of task %s is left out of a download.", task.pk):
        with task.video.storage.open(str(task.video.name), "rb") as stored:
            for piece in _read(stored):
                copy.write(piece)
        if task.video_size in {None, copy.tell()}:
            copy.seek(0)
            return copy
    copy.close()
    return None


def _read(stored: Any) -> Iterator[bytes]:
    while piece := stored.read(PIECE):
        yield piece


def _slug(name: str, otherwise: str) -> str:
    """Return a name that is safe on every system; letters beyond ASCII are spelled out where that is known."""
    spelled = slugify(name.translate(detail_page.SPELLED)) or slugify(name, allow_unicode=True)
    return re.sub(r"-+", "-", spelled[:NAME_LENGTH]).strip("-_") or otherwise


# Table ---------------------------------------------------------------------------------------------------------------


def table_view(model_admin: BatchPagesMixin, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Send the table of a batch with what became of each row; with ``?bad=1`` the rows that were left out, to be mended."""
    batch = model_admin.get_batch_or_404(request, object_id)
    if not operations.sees_all(batch):
        # Rows tell of tasks that are hidden from this person.
        raise PermissionDenied
    only_bad = "bad" in request.GET
    suffix = _("left-out") if only_bad else _("table")
    name = f"{_slug(str(batch), 'batch')}-{suffix}.csv"
    return _streamed(request, tables.export(batch, only_bad=only_bad), name, "text/csv; charset=utf-8")


def _streamed(
    request: HttpRequest, pieces: Iterable[bytes | str], name: str, content_type: str
) -> StreamingHttpResponse:
    headers = {**PRIVATE, "Content-Disposition": content_disposition_header(True, name) or "attachment"}
    # A server of the other kind would read all of an iterator before it sends the first byte, and warn of it.
    content: Any = _asynchronously(pieces) if isinstance(request, ASGIRequest) else pieces
    return StreamingHttpResponse(content, content_type=content_type, headers=headers)


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
