"""The prompt for all as the first video would have it, with what was filled in marked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseNotAllowed, JsonResponse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from django_wanvideo.admin.base import PRIVATE, as_uuid
from django_wanvideo.batches import checking, rows
from django_wanvideo.batches.given import TABLE
from django_wanvideo.models import Batch
from django_wanvideo.models.batches import placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.batches.base import BatchAdminBase

#: Around what was filled in: control characters, which no prompt has.
_BEGIN, _END = "\x02", "\x03"
#: A prompt that is longer is refused anyway.
_LONGEST = 10_000


def preview_view(model_admin: BatchAdminBase, request: HttpRequest) -> HttpResponse:
    """Answer how the prompt reads in the first video."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    pk = as_uuid(request.POST.get("batch", ""))
    batch = model_admin.get_own_batch(request, pk) if pk is not None else None
    return JsonResponse({"html": filled(request.POST.get("prompt", ""), batch or Batch())}, headers=PRIVATE)


def filled(template: str, batch: Batch) -> SafeString:
    """Return the prompt of a batch's first row as HTML; empty where nothing is filled in, or there is no row yet."""
    if not placeholders.names(template) or len(template) > _LONGEST:
        return SafeString("")
    row = _first_row(batch)
    if row is None:
        return SafeString("")
    names = rows.names_of(row, 1, row.get("first_frame"))
    try:
        text = placeholders.fill(template, {name: _marked(value) for name, value in names.items()})
    except ValidationError as error:
        return escape(" ".join(error.messages))
    # Every second part stood between the marks.
    parts = enumerate(re.split(f"{_BEGIN}(.*?){_END}", text, flags=re.DOTALL))
    return format_html_join("", "{}", ((format_html("<mark>{}</mark>", part) if n % 2 else part,) for n, part in parts))


def _first_row(batch: Batch) -> Mapping[str, Any] | None:
    if "way" not in batch.settings or (batch.settings["way"] == TABLE and not batch.settings.get("table")):
        return None
    try:
        return next(iter(checking.rows_of(batch)), None)
    except (ValidationError, KeyError, ValueError):
        # The check says what is wrong with the table; takes that were not chosen yet have no row.
        return None


def _marked(value: Any) -> str:
    text = "" if value is None else str(value).replace(_BEGIN, "").replace(_END, "")
    return f"{_BEGIN}{text}{_END}" if text.strip() else ""
