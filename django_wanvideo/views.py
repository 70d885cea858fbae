"""Addresses of stored videos and of their pictures that stay the same, also where the storage signs its own.

Who may follow them says the setting ``VIDEO_ACCESS``. Whoever may not is told what is told of a video that is not there.
"""

from __future__ import annotations

import logging
import mimetypes
from typing import TYPE_CHECKING

from django.contrib.admin.sites import all_sites
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponseRedirect
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from django_wanvideo.conf import conf
from django_wanvideo.http import ranges
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    import uuid

    from django.db.models.fields.files import FieldFile
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

logger = logging.getLogger(__name__)

#: Short: a signed address ends, and so does a permission.
_HEADERS = {"Cache-Control": "private, max-age=60", "X-Content-Type-Options": "nosniff"}


# Who may see is asked below, whatever a site asks of everybody else.
@login_not_required
@require_safe
def video(request: HttpRequest, task_id: uuid.UUID) -> HttpResponseBase:
    """Lead to a stored video, or send it in ranges where the storage has no address for it."""
    return _answer(request, _task_or_404(request, task_id).video)


@login_not_required
@require_safe
def poster(request: HttpRequest, task_id: uuid.UUID) -> HttpResponseBase:
    """Lead to the picture that a stored video is shown by: its poster, or else its first frame, small."""
    return _answer(request, _task_or_404(request, task_id).still)


def public(request: HttpRequest, task: VideoTask) -> bool:
    """Let everybody see every stored video: for the setting ``VIDEO_ACCESS``."""
    return True


def staff(request: HttpRequest, task: VideoTask) -> bool:
    """Let those see a video who may look at its task in one of the site's admins; the default of ``VIDEO_ACCESS``."""
    for site in all_sites if getattr(request, "user", None) is not None else ():
        if site.is_registered(VideoTask) and site.has_permission(request):
            admin = site.get_model_admin(VideoTask)
            if admin.has_view_permission(request, task) and admin.get_queryset(request).filter(pk=task.pk).exists():
                return True
    return False


def _task_or_404(request: HttpRequest, task_id: uuid.UUID) -> VideoTask:
    task = VideoTask.objects.filter(pk=task_id).exclude(video="").first()
    access = conf.VIDEO_ACCESS or staff
    may_see = import_string(access) if isinstance(access, str) else access
    if task is None or not may_see(request, task):
        # With the same headers, of which one says that it was looked who asks, and in the same words, so that nobody
        # learns which videos there are.
        bool(getattr(request, "user", None))
        raise Http404(_("There is no such video, or you may not see it."))
    return task


def _answer(request: HttpRequest, stored: FieldFile | None) -> HttpResponseBase:
    if not stored:
        raise Http404(_("There is no such video, or you may not see it."))
    if address := files.player_url(stored):
        return HttpResponseRedirect(address, headers=_HEADERS)
    try:
        size, stream = stored.size, stored.open("rb")
    except Exception as error:
        # Every storage has errors of its own, and of a file that is gone too.
        logger.warning("The storage does not give %s. (%s)", stored.name, files.brief(error))
        raise Http404(_("There is no such video, or you may not see it.")) from error
    kind = mimetypes.guess_type(stored.name or "")[0] or ""
    return ranges.serve(request, stream, size, kind if kind.startswith("image/") else "video/mp4", _HEADERS)
