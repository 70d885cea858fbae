"""What a task knows of the video that it goes on from."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from django_wanvideo.models.base.rows import RowKey


class Link(models.Model):
    """A column of a task; empty for one that begins by itself."""

    #: Its first frame is the last frame of that one's video; of takes it says which.
    continues = RowKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="continuations",
        db_index=False,
        verbose_name=_("continues"),
        editable=False,
    )

    class Meta:
        abstract = True


INDEXES = [
    models.Index(fields=["continues"], name="wanvideo_task_continues", condition=Q(continues__isnull=False)),
]
