"""Files of tasks: the kept picture of a refused form, stored videos, and the moment of one that stands for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from django_wanvideo.admin import action_results
from django_wanvideo.admin.base import PRIVATE
from django_wanvideo.admin.forms import temporary_uploads
from django_wanvideo.admin.presentation import names
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.http import ranges
from django_wanvideo.models.creation import files
from django_wanvideo.services.storing import posters

if TYPE_CHECKING:
    import uuid

    from django.db.models.fields.files import FieldFile
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.admin.base import TaskAdminBase

logger = logging.getLogger(__name__)


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
    """Serve a stored video, to be played or, with ``?download=1``, to be kept under a name that says what it shows."""
    task = model_admin.get_task_or_404(request, object_id, "view")
    if not task.video:
        raise Http404(_("This task has no video."))
    return serve_video(request, task.video, names.of_video(task))


def serve_video(request: HttpRequest, stored: FieldFile, name: str) -> HttpResponseBase:
    """Answer with a stored video, whole or in ranges; with ``?download=1`` as a file of that ``name``."""
    try:
        size, stream = stored.size, stored.open("rb")
    except Exception as error:
        # Every storage has errors of its own, and of a file that is gone too.
        logger.warning("The storage does not give the video %s. (%s)", stored.name, files.brief(error))
        raise Http404(_("The site’s storage does not give this video just now.")) from error
    headers = {"Cache-Control": "private"}
    if "download" in request.GET:
        headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return ranges.serve(request, stream, size, "video/mp4", headers)


def poster_view(model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Let a moment of a stored video, ``seconds`` from its beginning, stand for it; without one its middle does."""
    if request.method != "POST":
        return action_results.not_pressed(request, model_admin.get_page_url("change", object_id))
    task = model_admin.get_task_or_404(request, object_id, "view", "change")
    try:
        posters.choose(task, request.POST.get("poster_seconds", "").strip().replace(",", ".") or None)
    except (WanVideoError, ValueError) as error:
        messages.warning(request, str(error))
    else:
        action_results.log(request, [task], _("Chose the moment that is the picture."))
        messages.success(request, _("The picture is being taken. It is here in a moment."))
    return HttpResponseRedirect(model_admin.get_page_url("change", task.pk))
