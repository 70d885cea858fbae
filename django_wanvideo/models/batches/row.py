"""What a task knows of the batch that it was made for."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_wanvideo.models.base.rows import RowKey


class BatchRow(models.Model):
    """Columns of a task; empty for one that was made by itself."""

    batch = RowKey(
        "wanvideo.Batch",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="tasks",
        db_index=False,
        verbose_name=_("batch"),
        editable=False,
    )
    row_number = models.PositiveIntegerField(_("row"), null=True, blank=True, editable=False)
    #: Of what a row of a batch asked for, so that the same row is known when it is given again.
    content_sha256 = models.CharField(_("checksum of the content"), max_length=64, blank=True, editable=False)

    class Meta:
        abstract = True
