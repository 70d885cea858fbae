"""Videos as one ZIP that is made while it is sent: those of a batch, or those that were selected in the list."""

from __future__ import annotations

import csv
import tempfile
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from django_wanvideo.admin.base import PRIVATE
from django_wanvideo.admin.presentation import names
from django_wanvideo.batches.tables.cells import guard
from django_wanvideo.http import ranges
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import VideoTask

#: Videos that are selected for one archive.
MOST = 500
#: Rows that are read at a time; bytes of a file that are, and that are kept in memory before they go to the disk.
CHUNK, PIECE, IN_MEMORY = 100, 256 * 1024, 1024 * 1024
COLUMNS = ("row", "file", "task", "prompt", "credits", "sha256", "problem")


def can_zip() -> bool:
    """Tell whether what makes archives is installed; another package of the same name has no such class."""
    try:
        from zipstream import ZipStream  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True


def answer(
    request: HttpRequest, tasks: Iterable[VideoTask], name_of: Callable[[VideoTask], str], name: str
) -> HttpResponseBase:
    """Send the videos of ``tasks`` as a file of this name, each called by ``name_of``."""
    headers = {**PRIVATE, "Content-Disposition": content_disposition_header(True, f"{name}.zip") or "attachment"}
    return ranges.streamed(request, archive(tasks, name_of), "application/zip", headers)


def selected(request: HttpRequest, tasks: QuerySet[VideoTask]) -> HttpResponseBase:
    """Send the videos of selected tasks, which are at most ``MOST``, in the order of the list."""
    pks = list(tasks.values_list("pk", flat=True)[:MOST])
    day = timezone.localdate().isoformat()
    return answer(
        request, _by_key(tasks.defer(None), pks), names.of_video, names.slug(_("videos"), "videos") + f"-{day}"
    )


def archive(tasks: Iterable[VideoTask], name_of: Callable[[VideoTask], str]) -> Iterator[bytes]:
    """Yield a ZIP of the videos of ``tasks``, one after the other; memory does not grow with their number or size.

    A video that is not there, or that the storage does not give whole, is left out, and named in ``manifest.csv``.
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
        for task in tasks:
            name, problem = name_of(task), ""
            copy = _copied(task) if task.video else None
            if copy is not None:
                with copy:
                    zipped.add(_read(copy), name)
                    yield from zipped.all_files()
            elif task.video:
                problem = _("The site’s storage did not give this video.")
            else:
                problem = _("There is no video: the task is %(status)s.") % {"status": task.get_status_display()}
            lines.writerow(guard(cell) for cell in _line(task, name if copy is not None else "", problem))
        manifest.flush()
        manifest.seek(0)
        zipped.add(_read(manifest.buffer), "manifest.csv")
        yield from zipped.finalize()


def _line(task: VideoTask, name: str, problem: str) -> list[str]:
    used = "" if task.credits_used is None else f"{task.credits_used.normalize():f}"
    row = "" if task.row_number is None else str(task.row_number)
    return [row, name, str(task.pk), task.prompt, used, task.video_sha256, problem]


def _by_key(tasks: QuerySet[VideoTask], pks: Sequence[uuid.UUID]) -> Iterator[VideoTask]:
    """Yield tasks in the order of their keys, some at a time; one that is gone by then is not among them."""
    for start in range(0, len(pks), CHUNK):
        chunk = pks[start : start + CHUNK]
        found = tasks.in_bulk(chunk)
        yield from (found[pk] for pk in chunk if pk in found)


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
