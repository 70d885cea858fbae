"""Joining the parts of a film from its page, and the file that came of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.utils.translation import gettext as _

from django_wanvideo import chains
from django_wanvideo.admin import action_results
from django_wanvideo.admin.base import person
from django_wanvideo.admin.chains import panel
from django_wanvideo.admin.presentation import names
from django_wanvideo.admin.views.files import serve_video
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.models import Film, VideoTask

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from django_wanvideo.admin.base import TaskAdminBase

logger = logging.getLogger(__name__)


def join_view(model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Have the film joined that a task is in; ``anyway`` also where a part begins with another frame."""
    if request.method != "POST":
        return action_results.not_pressed(request, model_admin.get_page_url("change", object_id))
    task = model_admin.get_task_or_404(request, object_id, "view", "change")
    parts = chains.parts_of(task)
    if not panel.may_change(
        model_admin, request, parts, panel.visible(model_admin, request, [part.task for part in parts])
    ):
        raise PermissionDenied
    try:
        film = chains.join(task, by=person(request), anyway="anyway" in request.POST)
    except WanVideoError as error:
        action_results.tell_refusal(request, error)
    else:
        if film.video:
            messages.info(request, _("These parts are joined already."))
        else:
            action_results.log(request, [task], _("Asked for the parts as one video."))
            messages.success(request, _("The parts are being joined. The video is here in a moment."))
    return HttpResponseRedirect(f"{model_admin.get_page_url('change', task.pk)}#film-heading")


def film_view(
    model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID, film_id: uuid.UUID
) -> HttpResponseBase:
    """Serve a joined film, to be played or, with ``?download=1``, to be kept, to whoever may see all of its parts."""
    task = model_admin.get_task_or_404(request, object_id, "view")
    film = Film.objects.filter(pk=film_id).exclude(video="").first()
    left = list(VideoTask.objects.filter(pk__in=film.parts)) if film is not None else []
    if film is None or len(panel.visible(model_admin, request, left)) < len(left):
        raise Http404(_("There is no such film, or you may not see all of its parts."))
    return serve_video(request, film.video, names.of_film(film, task))
