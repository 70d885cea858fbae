"""Which videos a person may know of, as the site's admin says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from rq.timeouts import BaseTimeoutException

from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from django_wanvideo.models.querysets import VideoTaskQuerySet

logger = logging.getLogger(__name__)


def visible_to(user: Any) -> VideoTaskQuerySet:
    """Return the tasks that a person may know of: those of the site's own admin of videos, if they may look at it.

    Its ``get_queryset`` gets a request that has ``user`` and nothing else; one that breaks on it shows nothing.
    """
    rows = VideoTask.objects.all()
    if not getattr(user, "is_active", True):
        return rows.none()
    if not (apps.is_installed("django.contrib.admin") and admin.site.is_registered(VideoTask)):
        return rows if user.has_perm("wanvideo.view_videotask") else rows.none()
    model_admin = admin.site.get_model_admin(VideoTask)
    request = HttpRequest()
    request.method, request.user = "GET", user
    try:
        if not model_admin.has_view_permission(request):
            return rows.none()
        # As a condition, so that it can be narrowed and counted whatever the site made of it.
        return rows.filter(pk__in=model_admin.get_queryset(request).order_by().values("pk"))
    except BaseTimeoutException:
        raise
    except Exception:
        logger.exception("The admin of videos cannot tell what a person may see; no e-mail is sent to them about it.")
        return rows.none()
