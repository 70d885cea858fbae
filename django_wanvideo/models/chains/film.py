"""What the parts of a film are joined into."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo.models.base.rows import Row, RowKey
from django_wanvideo.models.storage import film_upload_to, task_storage
from django_wanvideo.models.task import VideoTask


class Film(Row):
    """One file made of the videos of a chain, as they were when it was asked for; the same ones are joined once.

    It goes with its last part. ``next_action_at`` is when a worker shall look after it, or take it over from one that died.
    """

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    task = RowKey(VideoTask, on_delete=models.CASCADE, related_name="films", verbose_name=_("last part"))
    #: Primary keys of the tasks, in order.
    parts = models.JSONField(_("parts"), default=list, editable=False)
    #: A hash of the parts and of their videos.
    digest = models.CharField(_("checksum of the parts"), max_length=64, editable=False)
    video = models.FileField(
        _("video"), storage=task_storage, upload_to=film_upload_to, max_length=255, blank=True, editable=False
    )
    size = models.BigIntegerField(_("size"), null=True, blank=True, editable=False, help_text=_("Bytes."))
    #: Why it could not be joined, or had to be encoded for that: a ``reason``, and what there is to say of it.
    problem = models.JSONField(_("problem"), default=dict, blank=True, editable=False)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    next_action_at = models.DateTimeField(_("next action at"), null=True, blank=True, editable=False)

    class Meta(Row.Meta):
        verbose_name = _("film")
        verbose_name_plural = _("films")
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["task", "digest"], name="wanvideo_film_parts")]
        indexes = [
            # Before a file is deleted, it is asked whether a row refers to it.
            models.Index(fields=["video"], name="wanvideo_film_video"),
            models.Index(
                fields=["next_action_at"], name="wanvideo_film_due", condition=Q(next_action_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.video.name or str(self.pk)
