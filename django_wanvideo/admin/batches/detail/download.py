"""What can be taken home of a batch: its videos as a ZIP that is made while it is sent, and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Subquery
from django.http import Http404
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.base import PRIVATE
from django_wanvideo.admin.batches.detail import operations
from django_wanvideo.admin.presentation import formats, names
from django_wanvideo.admin.views import archives
from django_wanvideo.batches import tables
from django_wanvideo.http import ranges
from django_wanvideo.models import BatchItem
from django_wanvideo.models.batches.item import name_of_row

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.admin.batches.change import BatchPagesMixin
    from django_wanvideo.admin.batches.detail.numbers import Numbers
    from django_wanvideo.models import VideoTask

#: Rows that are read at a time.
CHUNK = 100


def words(found: Numbers) -> str:
    """Return the label of the button that downloads the videos; empty where what makes archives is not installed."""
    if not archives.can_zip():
        return ""
    label = ngettext("Download %(n)s video (ZIP, %(size)s)", "Download %(n)s videos (ZIP, %(size)s)", found.videos)
    return label % {"n": found.videos, "size": formats.megabytes(found.bytes)}


def name_of(task: Any) -> str:
    """Return how people know a task of a batch: its row's own name, its picture's, or the words of its prompt.

    ``given`` on the task is its row as it was given, if it has one.
    """
    return name_of_row(getattr(task, "given", None) or {}) or str(task)


def videos_view(model_admin: BatchPagesMixin, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Send all stored videos of a batch that the person may see, and ``manifest.csv``, as one ZIP."""
    batch = model_admin.get_batch_or_404(request, object_id)
    if not archives.can_zip():
        raise Http404(_("The site administrator has to install django-wanvideo[tables] for this."))
    given = BatchItem.objects.filter(batch=batch, number=OuterRef("row_number")).values("data")
    tasks = model_admin.get_visible_tasks(request).filter(batch=batch).exclude(video="")
    rows = _by_row(tasks.annotate(given=Subquery(given[:1])))
    return archives.answer(request, rows, _file_name, names.slug(str(batch), "batch"))


def _file_name(task: VideoTask) -> str:
    return f"{task.row_number or 0:04d}-{names.slug(name_of(task), 'video')}.mp4"


def _by_row(tasks: QuerySet[VideoTask]) -> Iterator[VideoTask]:
    """Yield tasks by row, some at a time: no cursor of the database is open as long as the download takes."""
    after = -1
    while chunk := list(tasks.filter(row_number__gt=after).order_by("row_number")[:CHUNK]):
        yield from chunk
        after = chunk[-1].row_number or 0


def table_view(model_admin: BatchPagesMixin, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Send the table of a batch with what became of each row; with ``?bad=1`` the rows that were left out, to be mended."""
    batch = model_admin.get_batch_or_404(request, object_id)
    if not operations.sees_all(batch):
        # Rows tell of tasks that are hidden from this person.
        raise PermissionDenied
    only_bad = "bad" in request.GET
    suffix = _("left-out") if only_bad else _("table")
    name = f"{names.slug(str(batch), 'batch')}-{suffix}.csv"
    headers = {**PRIVATE, "Content-Disposition": content_disposition_header(True, name) or "attachment"}
    return ranges.streamed(request, tables.export(batch, only_bad=only_bad), "text/csv; charset=utf-8", headers)
