"""The button that goes on from a stored video: a draft that begins with its last frame, once for one press."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_lazy

from django_wanvideo.admin.base import person
from django_wanvideo.admin.views.duplicate import Way
from django_wanvideo.chains import get_or_continue
from django_wanvideo.models.creation.repeats import WITHIN

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_wanvideo.models import VideoTask


def _recent(request: HttpRequest, task: VideoTask) -> list[VideoTask]:
    now = timezone.now()
    rows = task.continuations.filter(
        owner_id=person(request).pk, created_at__range=(now - WITHIN, now + WITHIN), prompt=task.prompt
    )
    return list(rows.order_by("-created_at"))


CONTINUE = Way(
    "continue",
    gettext_lazy("Continue"),
    ("add", "submit"),
    get_or_continue,
    _recent,
    gettext_lazy(
        "A draft that begins with the last frame of this video. Say what happens next; nothing is sent before you press "
        "Generate."
    ),
    gettext_lazy("Continued."),
    gettext_lazy("Made to go on from another video."),
)
