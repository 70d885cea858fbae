"""Failures that a person has seen and does not want to be reminded of any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import VideoTask, lifecycle

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

#: What stands in the history.
DISMISSED, RESTORED = "dismissed", "dismissal_undone"
_DISMISSIBLE = Q(status=TaskStatus.FAILED) | Q(unmatched=True)


def can_be_dismissed(task: VideoTask) -> bool:
    """Tell whether the task needs attention only until somebody has seen it."""
    return task.dismissed_at is None and (task.status == TaskStatus.FAILED or task.unmatched)


def dismiss(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Let a failed task need no attention any more; trying it again undoes that.

    Raises:
        TransitionNotAllowed: it has not failed, or is dismissed already.
    """
    now = timezone.now()
    with database.atomic():
        rows = VideoTask.objects.filter(_DISMISSIBLE, pk=task.pk, dismissed_at=None).update(dismissed_at=now)
        if rows:
            _note(task, DISMISSED, by)
    if not rows:
        message = _("Only a failed task that is not dismissed yet can be dismissed.")
        raise TransitionNotAllowed(message, status=task.status, action="dismiss")
    task.dismissed_at = now


def restore(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Let a dismissed task need attention again.

    Raises:
        TransitionNotAllowed: it is not dismissed.
    """
    with database.atomic():
        rows = VideoTask.objects.filter(pk=task.pk, dismissed_at__isnull=False).update(dismissed_at=None)
        if rows:
            _note(task, RESTORED, by)
    if not rows:
        raise TransitionNotAllowed(_("This task is not dismissed."), status=task.status, action="restore")
    task.dismissed_at = None


def _note(task: VideoTask, reason: str, by: AbstractBaseUser | None) -> None:
    lifecycle.record(task, EventKind.NOTE, actor=by, detail={"reason": reason})
