"""Tables to take away: an empty one to start from, and the rows of a check that cannot be made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
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
    try:
        return _file(tables.template(spec, kind=kind), spec.id, kind)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(model_admin.get_page_url("add"))


def bad_rows_view(model_admin: BatchAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Give the rows that cannot be made, as they were given, with what is wrong with each."""
    batch = model_admin.get_own_batch(request, object_id)
    if batch is None:
        raise Http404(no_such_check())
    kind, name = _kind(request), f"{slugify(batch.name) or 'batch'}-problems"
    try:
        return _file(tables.export(batch, only_bad=True, kind=kind), name, kind)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(model_admin.get_page_url("check", batch.pk))


def _kind(request: HttpRequest) -> Literal["csv", "xlsx"]:
    return "xlsx" if request.GET.get("format") == "xlsx" else "csv"


def _file(content: Iterable[bytes], name: str, kind: str) -> HttpResponse:
    headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    # At most 5,000 rows, so whole: a stream would be another thing under ASGI.
    return HttpResponse(b"".join(content), content_type=_TYPES[kind], headers=headers)
