"""The buttons that make a draft of a part: one that goes on from it, or another take of it; once for one press."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_lazy

from django_wanvideo.admin.base import person
from django_wanvideo.admin.views.duplicate import Way, recent_copies
from django_wanvideo.chains import get_or_continue, remake
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
CONTINUE_CLIP = Way(
    "continue_clip",
    gettext_lazy("Continue the clip"),
    ("add", "submit"),
    partial(get_or_continue, with_clip=True),
    _recent,
    gettext_lazy(
        "A draft that begins with this whole video and goes on from its end. Say what happens next; its length counts both."
    ),
    gettext_lazy("Continued."),
    gettext_lazy("Made to go on from another video."),
)
REMAKE = Way(
    "remake",
    gettext_lazy("Remake this part"),
    ("add", "submit"),
    remake,
    lambda request, task: recent_copies(request, task, task.prompt),
    gettext_lazy(
        "Another take of this part, as a draft. Change what you like; nothing is sent before you press Generate. The film "
        "uses the take that is picked."
    ),
    gettext_lazy("Remade."),
    gettext_lazy("Made as another take of a part."),
)
