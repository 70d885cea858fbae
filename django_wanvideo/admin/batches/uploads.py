"""One file a request: Django takes at most 100 in one form, and what is interrupted is gone on with."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.http import JsonResponse
from django.template.loader import render_to_string

from django_wanvideo import catalog
from django_wanvideo.admin.base import PRIVATE
from django_wanvideo.admin.batches.forms import given
from django_wanvideo.batches import checking
from django_wanvideo.batches.given import PICTURES
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Batch

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.batches.base import BatchAdminBase


def files_view(model_admin: BatchAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Take one picture, which makes the batch if it is the first; without one, say which are there."""
    batch = model_admin.get_own_batch(request, object_id)
    if request.method != "POST":
        known = [] if batch is None else given.pictures_of(batch).values("name", "size", "sha256")
        return JsonResponse({"files": list(known)}, headers=PRIVATE)
    batch = batch or Batch(pk=object_id, owner_id=request.user.pk)
    upload = request.FILES.get("picture")
    try:
        batch = checking.begin(batch)
        given.choose(batch, PICTURES)
        if upload is not None:
            given.add_picture(batch, posixpath.basename((upload.name or "").replace("\\", "/")), upload)
    except (TransitionNotAllowed, ValidationError) as error:
        words = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        return JsonResponse({"problem": words}, status=409, headers=PRIVATE)
    return JsonResponse(_answer(request, batch), headers=PRIVATE)


def _answer(request: HttpRequest, batch: Batch) -> dict[str, Any]:
    spec = catalog.find(request.POST.get("model")) or catalog.models()[0]
    shown = given.pictures_shown(batch, spec, fix="fix_inputs" in request.POST)
    return {"html": render_to_string("wanvideo/given.html", {"shown": shown, "id": "id_pictures"})}
