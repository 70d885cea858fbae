"""A task's history, which is also the outbox of its signals."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.models.attempt import Attempt
from django_wanvideo.models.base.events import Event
from django_wanvideo.models.base.rows import RowKey
from django_wanvideo.models.task import VideoTask


class TaskEvent(Event):
    """One line of a task's history."""

    task = RowKey(VideoTask, on_delete=models.CASCADE, related_name="events", verbose_name=_("task"))
    attempt = RowKey(
        Attempt, on_delete=models.SET_NULL, null=True, blank=True, related_name="events", verbose_name=_("attempt")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=EventKind)
    from_status = models.CharField(_("from"), max_length=12, choices=TaskStatus, blank=True)
    to_status = models.CharField(_("to"), max_length=12, choices=TaskStatus, blank=True)

    class Meta(Event.Meta):
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["task_id", "id"]
        indexes = [
            models.Index(fields=["notify_at"], name="wanvideo_event_outbox", condition=Q(notify_at__isnull=False)),
            models.Index(fields=["created_at"], name="wanvideo_event_created"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.created_at:%Y-%m-%d %H:%M:%S}"
