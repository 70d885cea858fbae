"""Tables to take away: an empty one to start from, and the rows of a check that cannot be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.utils.text import slugify

from django_wanvideo import catalog
from django_wanvideo.admin.base import PRIVATE
from django_wanvideo.admin.batches.base import no_such_check
from django_wanvideo.batches import tables

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

    from django.http import HttpRequest

    from django_wanvideo.admin.batches.base import BatchAdminBase

_TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def template_view(model_admin: BatchAdminBase, request: HttpRequest) -> HttpResponse:
    """Give an empty table with the columns of one model."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    try:
        spec = catalog.get(request.GET.get("model", ""))
    except ValidationError as error:
        raise Http404(" ".join(error.messages)) from error
    kind = _kind(request)
    return _file(tables.template(spec, kind), spec.id, kind)


def bad_rows_view(model_admin: BatchAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Give the rows that cannot be made, as they were given, with what is wrong with each."""
    batch = model_admin.get_own_batch(request, object_id)
    if batch is None:
        raise Http404(no_such_check())
    kind = _kind(request)
    return _file(tables.export(batch, only_bad=True, kind=kind), f"{slugify(batch.name) or 'batch'}-problems", kind)


def _kind(request: HttpRequest) -> str:
    kind = request.GET.get("format", "csv")
    return kind if kind in _TYPES else "csv"


def _file(content: Iterable[bytes], name: str, kind: str) -> HttpResponse:
    try:
        # At most 5,000 rows, so whole: a stream would be another thing under ASGI.
        whole = b"".join(content)
    except ValidationError as error:
        raise Http404(" ".join(error.messages)) from error
    headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return HttpResponse(whole, content_type=_TYPES[kind], headers=headers)
