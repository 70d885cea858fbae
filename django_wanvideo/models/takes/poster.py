"""The still picture that a video is shown by before it plays."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_wanvideo.models.storage import poster_upload_to, task_storage


class Poster(models.Model):
    """Columns of a task; empty as long as its first frame stands for the video."""

    poster = models.FileField(
        _("poster"), storage=task_storage, upload_to=poster_upload_to, max_length=255, blank=True, editable=False
    )
    poster_seconds = models.DecimalField(
        _("moment of the poster"),
        max_digits=7,
        decimal_places=3,
        null=True,
        blank=True,
        editable=False,
        help_text=_("Seconds from the beginning, where a person has chosen it."),
    )

    class Meta:
        abstract = True


#: Before a file is deleted, it is asked whether a row refers to it.
INDEXES = [models.Index(fields=["poster"], name="wanvideo_task_poster")]
