"""What a task knows of the takes that it was made with, to choose the best of them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Take(models.Model):
    """Columns of a task; empty for one that was made by itself."""

    #: The key of what the group began with: a task, or a batch of takes. It stays when that is deleted.
    take_group = models.UUIDField(_("group of takes"), null=True, blank=True, editable=False)
    take_number = models.PositiveIntegerField(_("take"), null=True, blank=True, editable=False)
    #: ``True`` for the one that was chosen and empty for all others, so that every database lets one be.
    picked = models.BooleanField(_("picked"), null=True, default=None, editable=False)

    class Meta:
        abstract = True


CONSTRAINTS = [
    models.UniqueConstraint(fields=["take_group", "take_number"], name="wanvideo_task_take"),
    models.UniqueConstraint(fields=["take_group", "picked"], name="wanvideo_task_picked"),
]
INDEXES = [
    models.Index(F("created_at").desc(), F("id").desc(), name="wanvideo_task_picks", condition=Q(picked=True)),
]
