"""What a batch is made from: its rows and its files; and its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import BatchEventKind
from django_wanvideo.models.base.events import Event
from django_wanvideo.models.base.rows import Row, RowKey
from django_wanvideo.models.batches import placeholders
from django_wanvideo.models.batches.batch import Batch
from django_wanvideo.models.storage import input_upload_to, task_storage
from django_wanvideo.models.task import VideoTask

if TYPE_CHECKING:
    from collections.abc import Mapping


def name_of_row(given: Mapping[str, Any]) -> str:
    """Return how people know a row as it was given: by its own name, or its picture's; empty for neither."""
    frame = given.get("first_frame")
    return str(given.get("name") or placeholders.stem(frame if isinstance(frame, str) else "") or "")


class BatchItem(Row):
    """One row of a batch, as it was given and as it was understood.

    ``problems`` is a list of objects with ``column``, ``cell``, ``problem`` and ``repair``; a row that has any is not
    made. ``content`` is what its task is made of, empty where the row is not right.
    """

    batch = RowKey(Batch, on_delete=models.CASCADE, related_name="items", db_index=False, verbose_name=_("batch"))
    number = models.PositiveIntegerField(_("row"))
    data = models.JSONField(_("as given"), default=dict, blank=True)
    problems = models.JSONField(_("problems"), default=list, blank=True)
    content = models.JSONField(_("content"), default=dict, blank=True)
    content_sha256 = models.CharField(_("checksum of the content"), max_length=64, blank=True)
    credits_estimated = models.DecimalField(
        _("credits estimated"), max_digits=12, decimal_places=4, null=True, blank=True
    )
    is_repeat = models.BooleanField(_("made before"), default=False)
    task = RowKey(
        VideoTask, on_delete=models.SET_NULL, null=True, blank=True, related_name="batch_items", verbose_name=_("task")
    )

    class Meta(Row.Meta):
        verbose_name = _("row")
        verbose_name_plural = _("rows")
        ordering = ["batch_id", "number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="wanvideo_batch_row")]

    def __str__(self) -> str:
        return f"{self.batch} {self.number}"


class BatchFile(Row):
    """A file that was given for a batch, as it was found to be when it came.

    Tasks that are made from it refer to the same stored file, which goes with the last row that does.
    """

    batch = RowKey(Batch, on_delete=models.CASCADE, related_name="files", db_index=False, verbose_name=_("batch"))
    name = models.CharField(_("name"), max_length=255)
    file = models.FileField(_("file"), storage=task_storage, upload_to=input_upload_to, max_length=255)
    thumbnail = models.FileField(
        _("thumbnail"), storage=task_storage, upload_to=input_upload_to, max_length=255, blank=True
    )
    size = models.BigIntegerField(_("size"), help_text=_("Bytes."))
    sha256 = models.CharField(_("checksum"), max_length=64)
    #: What the picture was measured to be (``catalog.images.ImageFacts``); empty for what is no picture.
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    problem = models.TextField(_("problem"), blank=True)

    class Meta(Row.Meta):
        verbose_name = _("file of a batch")
        verbose_name_plural = _("files of batches")
        ordering = ["batch_id", "pk"]
        indexes = [
            models.Index(fields=["batch", "name"], name="wanvideo_batch_file_name"),
            # Before a file is deleted, it is asked whether a row refers to it.
            models.Index(fields=["file"], name="wanvideo_batch_file"),
            models.Index(fields=["thumbnail"], name="wanvideo_batch_thumbnail"),
        ]

    def __str__(self) -> str:
        return self.name


class BatchEvent(Event):
    """One line of a batch's history, and the outbox of ``batch_finished``; see ``TaskEvent``."""

    batch = RowKey(Batch, on_delete=models.CASCADE, related_name="events", verbose_name=_("batch"))
    kind = models.CharField(_("kind"), max_length=20, choices=BatchEventKind)

    class Meta(Event.Meta):
        verbose_name = _("event of a batch")
        verbose_name_plural = _("events of batches")
        ordering = ["batch_id", "id"]
        indexes = [
            models.Index(fields=["notify_at"], name="wanvideo_batch_outbox", condition=Q(notify_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.created_at:%Y-%m-%d %H:%M:%S}"
