"""The still picture that a video is shown by before it plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_wanvideo.models.storage import poster_upload_to, task_storage

if TYPE_CHECKING:
    from django.db.models.fields.files import FieldFile

    from django_wanvideo.models.input import MediaInput


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

    if TYPE_CHECKING:

        @property
        def first_frame(self) -> MediaInput | None:
            """The picture that the video starts from."""

    class Meta:
        abstract = True

    @property
    def still(self) -> FieldFile | None:
        """The stored picture that stands for the video: its poster, or a small copy of its first frame, or ``None``."""
        frame = None if self.poster else self.first_frame
        return self.poster or (frame.thumbnail if frame is not None else None) or None


#: Before a file is deleted, it is asked whether a row refers to it.
INDEXES = [models.Index(fields=["poster"], name="wanvideo_task_poster")]
