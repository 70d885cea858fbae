"""Which take a task is: on its own page, and the way from there to the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask


@dataclass(frozen=True)
class TakeLink:
    """The way to the takes that a task is one of."""

    url: str
    words: str
    is_picked: bool


def link(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask | None) -> TakeLink | None:
    """Return the link to the takes that this person may see; ``None`` for a new task or one by itself."""
    if task is None or task.take_group is None:
        return None
    count = model_admin.get_queryset(request).filter(take_group=task.take_group).count()
    words = _("Take %(n)s of %(count)s") % {"n": task.take_number, "count": max(count, task.take_number or 0)}
    return TakeLink(model_admin.get_page_url("takes", task.pk), words, bool(task.picked))
