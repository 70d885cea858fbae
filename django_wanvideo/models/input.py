"""Images, clips, sounds and documents that a task uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog import MediaFacts
from django_wanvideo.catalog.inputs import MEDIA_TYPES
from django_wanvideo.choices import InputRole
from django_wanvideo.models.base.rows import Row, RowKey
from django_wanvideo.models.storage import input_upload_to, task_storage
from django_wanvideo.models.task import VideoTask

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from django.db.models.fields.files import FieldFile


#: Kinds of pictures that most browsers cannot show.
NOT_SHOWN = frozenset({"image/tiff", "image/heic"})
_KINDS = {content_type: kind for kind, content_type in MEDIA_TYPES.items()}


class MediaInput(Row):
    """One input by its role: either a link that is passed on, or a file of ours that is uploaded before sending.

    Width and height are those of the picture as people see it, turned by its EXIF data; the file stays as it was given.
    What could not be measured of a file, and all that is behind a link, is empty.
    """

    task = RowKey(VideoTask, on_delete=models.CASCADE, related_name="inputs", verbose_name=_("task"))
    role = models.CharField(_("role"), max_length=20, choices=InputRole, default=InputRole.FIRST_FRAME)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    file = models.FileField(_("file"), storage=task_storage, upload_to=input_upload_to, max_length=255, blank=True)
    url = models.TextField(_("link"), blank=True)
    content_type = models.CharField(_("content type"), max_length=100, blank=True)
    width = models.PositiveIntegerField(_("width"), null=True, blank=True, help_text=_("Pixels."))
    height = models.PositiveIntegerField(_("height"), null=True, blank=True, help_text=_("Pixels."))
    size = models.BigIntegerField(_("size"), null=True, blank=True, help_text=_("Bytes."))
    seconds = models.DecimalField(
        _("length"), max_digits=9, decimal_places=3, null=True, blank=True, help_text=_("Seconds.")
    )
    pages = models.PositiveIntegerField(_("pages"), null=True, blank=True)
    sha256 = models.CharField(_("checksum"), max_length=64, blank=True, editable=False)
    sent_width = models.PositiveIntegerField(
        _("width as sent"), null=True, blank=True, editable=False, help_text=_("Pixels; empty when it is not changed.")
    )
    sent_height = models.PositiveIntegerField(
        _("height as sent"), null=True, blank=True, editable=False, help_text=_("Pixels; empty when it is not changed.")
    )
    thumbnail = models.FileField(
        _("thumbnail"), storage=task_storage, upload_to=input_upload_to, max_length=255, blank=True, editable=False
    )
    uploaded_url = models.TextField(_("link at EvoLink"), blank=True, editable=False)
    uploaded_expires_at = models.DateTimeField(_("link at EvoLink ends at"), null=True, blank=True, editable=False)
    uploaded_account = models.CharField(_("account of the link at EvoLink"), max_length=32, blank=True, editable=False)

    #: What the given file was, where only its beginning is stored; known to whoever makes the row.
    cut_from: MediaFacts | None = None

    class Meta(Row.Meta):
        verbose_name = _("input")
        verbose_name_plural = _("inputs")
        ordering = ["task_id", "role", "position"]
        # Before a file is deleted, it is asked whether a row refers to it.
        indexes = [
            models.Index(fields=["file"], name="wanvideo_input_file"),
            models.Index(fields=["thumbnail"], name="wanvideo_input_thumbnail"),
            models.Index(fields=["sha256"], name="wanvideo_input_sha256"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["task", "role", "position"], name="wanvideo_input_place"),
            models.CheckConstraint(condition=Q(role__in=InputRole.values), name="wanvideo_input_role_known"),
            models.CheckConstraint(
                condition=(Q(file="") & ~Q(url="")) | (~Q(file="") & Q(url="")), name="wanvideo_input_file_or_url"
            ),
        ]

    def __str__(self) -> str:
        return self.url or self.file.name or ""

    @property
    def sent_size(self) -> tuple[int, int] | None:
        """Width and height of the JPEG that is sent in place of the file; ``None`` when the picture itself is sent."""
        return (self.sent_width, self.sent_height) if self.sent_width and self.sent_height else None

    @property
    def facts(self) -> MediaFacts:
        """What was measured, in the form in which the catalogue judges and prices it."""
        kind = _KINDS.get(self.content_type)
        return MediaFacts(kind, self.size, self.width, self.height, self.seconds, self.pages)

    @facts.setter
    def facts(self, found: MediaFacts) -> None:
        self.content_type = MEDIA_TYPES.get(found.format or "", "")
        self.size, self.width, self.height = found.size, found.width, found.height
        self.seconds, self.pages = found.seconds, found.pages

    @property
    def shown_file(self) -> FieldFile:
        """The stored picture, or the small one where browsers do not show its kind; may be empty."""
        return self.thumbnail if self.thumbnail and self.content_type in NOT_SHOWN else self.file

    def fresh_upload_url(self, *, spare: dt.timedelta) -> str:
        """Return the link at EvoLink if it lives for at least ``spare`` more, else an empty string."""
        if self.uploaded_url and self.uploaded_expires_at and self.uploaded_expires_at > timezone.now() + spare:
            return self.uploaded_url
        return ""


def by_role(inputs: Iterable[MediaInput]) -> dict[str, list[MediaInput]]:
    """Group inputs by role, each group in its order."""
    groups: dict[str, list[MediaInput]] = {}
    for item in sorted(inputs, key=lambda item: item.position):
        groups.setdefault(item.role, []).append(item)
    return groups
