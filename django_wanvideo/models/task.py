"""What a person or program asked for, once."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import FINISHED_STATUSES, Charge, InputRole, TaskStatus
from django_wanvideo.models.actions import TaskActions
from django_wanvideo.models.approvals import approved
from django_wanvideo.models.base import pricing
from django_wanvideo.models.base.origins import LONGEST, MadeForField
from django_wanvideo.models.base.people import PersonKey
from django_wanvideo.models.base.rows import RowKey
from django_wanvideo.models.batches.row import BatchRow
from django_wanvideo.models.chains import link
from django_wanvideo.models.credit_entry import charge_of
from django_wanvideo.models.querysets import MAY_NEED_ATTENTION, VideoTaskManager
from django_wanvideo.models.storage import task_storage, upload_to
from django_wanvideo.models.takes import poster, take

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models.base import ModelBase

    from django_wanvideo.models.attempt import Attempt
    from django_wanvideo.models.input import MediaInput


class VideoTask(TaskActions, BatchRow, link.Link, take.Take, poster.Poster, approved.Approved):
    """One wish for one video; the row is the truth about it.

    ``status`` is written by ``models.lifecycle.advance()`` alone.
    """

    Status = TaskStatus

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    status = models.CharField(_("status"), max_length=12, choices=TaskStatus, default=TaskStatus.DRAFT, editable=False)
    model = models.CharField(_("model"), max_length=80)
    prompt = models.TextField(_("prompt"))
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    progress = models.PositiveSmallIntegerField(_("progress"), default=0, editable=False, help_text=_("Per cent."))
    error_code = models.CharField(_("error code"), max_length=100, blank=True, editable=False)
    error_message = models.TextField(_("error message"), blank=True, editable=False)
    credits_estimated = models.DecimalField(
        _("credits estimated"), max_digits=12, decimal_places=4, null=True, blank=True, editable=False
    )
    credits_reserved = models.DecimalField(
        _("credits reserved"), max_digits=12, decimal_places=4, null=True, blank=True, editable=False
    )
    credits_used = models.DecimalField(
        _("credits used"), max_digits=12, decimal_places=4, null=True, blank=True, editable=False
    )
    video = models.FileField(
        _("video"), storage=task_storage, upload_to=upload_to, max_length=255, blank=True, editable=False
    )
    video_size = models.BigIntegerField(_("video size"), null=True, blank=True, editable=False, help_text=_("Bytes."))
    video_sha256 = models.CharField(_("video checksum"), max_length=64, blank=True, editable=False)
    result_url = models.TextField(_("result link"), blank=True, editable=False)
    result_expires_at = models.DateTimeField(_("result link ends at"), null=True, blank=True, editable=False)
    owner = PersonKey(verbose_name=_("owner"), db_index=False)
    parent = RowKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("made from"),
        editable=False,
    )
    metadata = models.JSONField(
        _("metadata"), default=dict, blank=True, help_text=_("Data that the site's own code needs later.")
    )
    made_for = MadeForField(_("made for"), max_length=LONGEST, blank=True, editable=False)
    notes = models.TextField(_("notes"), blank=True)
    #: Found at EvoLink by a callback whose attempt these rows do not know; shown to those who may settle such things.
    unmatched = models.BooleanField(_("unmatched"), default=False, editable=False)
    dismissed_at = models.DateTimeField(_("dismissed at"), null=True, blank=True, editable=False)
    idempotency_scope = models.CharField(
        _("scope of the key"),
        max_length=64,
        blank=True,
        editable=False,
        help_text=_("The owner’s primary key when the task was made; it stays when the owner is deleted."),
    )
    idempotency_key = models.CharField(  # noqa: DJ001 - unique where it is set
        _("idempotency key"), max_length=200, null=True, blank=True, default=None, editable=False
    )
    idempotency_content = models.JSONField(
        _("content of the key"),
        null=True,
        blank=True,
        default=None,
        editable=False,
        help_text=_("Hashes of what was asked for with the key, by field."),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    queued_at = models.DateTimeField(_("queued at"), null=True, blank=True, editable=False)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True, editable=False)
    next_action_at = models.DateTimeField(_("next action at"), null=True, blank=True, editable=False)
    delayed_until = models.DateTimeField(_("held until"), null=True, blank=True, editable=False)
    delay_reason = models.CharField(_("reason for waiting"), max_length=40, blank=True, editable=False)
    estimated_seconds = models.PositiveIntegerField(_("estimated time"), null=True, blank=True, editable=False)
    retry_count = models.PositiveIntegerField(_("tries in this stage"), default=0, editable=False)
    failed_looks = models.PositiveIntegerField(_("failed status checks in a row"), default=0, editable=False)
    not_found_since = models.DateTimeField(_("trouble since"), null=True, blank=True, editable=False)
    overdue_notified_at = models.DateTimeField(_("told overdue at"), null=True, blank=True, editable=False)
    expiry_notified_at = models.DateTimeField(_("told expiring at"), null=True, blank=True, editable=False)
    result_refreshed_at = models.DateTimeField(_("link asked for again at"), null=True, blank=True, editable=False)
    lease_expires_at = models.DateTimeField(_("held by a worker until"), null=True, blank=True, editable=False)

    objects = VideoTaskManager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("video task")
        verbose_name_plural = _("video tasks")
        ordering = ["-created_at", "-id"]
        permissions = [
            ("submit_videotask", _("Can spend credits on video tasks")),
            ("resolve_videotask", _("Can settle unconfirmed video tasks")),
            ("approve_videotask", _("Can approve what others want to spend")),
            ("pause_sending", _("Can pause and resume sending")),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=TaskStatus.values), name="wanvideo_task_status_known"),
            models.CheckConstraint(condition=Q(progress__lte=100), name="wanvideo_task_progress_percent"),
            # Any number of rows may have no key, on every database.
            models.UniqueConstraint(fields=["idempotency_scope", "idempotency_key"], name="wanvideo_task_key"),
            models.UniqueConstraint(fields=["batch", "row_number"], name="wanvideo_task_row"),
            *take.CONSTRAINTS,
        ]
        indexes = [
            models.Index(F("created_at").desc(), F("id").desc(), name="wanvideo_task_newest"),
            models.Index("status", F("created_at").desc(), name="wanvideo_task_status"),
            models.Index("owner", F("created_at").desc(), name="wanvideo_task_owner"),
            models.Index("model", F("created_at").desc(), name="wanvideo_task_model"),
            models.Index(
                fields=["next_action_at"], name="wanvideo_task_due", condition=Q(next_action_at__isnull=False)
            ),
            models.Index(fields=["delay_reason"], name="wanvideo_task_delayed", condition=~Q(delay_reason="")),
            models.Index(fields=["unmatched"], name="wanvideo_task_unmatched", condition=Q(unmatched=True)),
            models.Index(
                F("created_at").desc(), F("id").desc(), name="wanvideo_task_attention", condition=MAY_NEED_ATTENTION
            ),
            models.Index(
                "error_code", F("created_at").desc(), name="wanvideo_task_failure", condition=~Q(error_code="")
            ),
            # Before a file is deleted, it is asked whether a row refers to it.
            models.Index(fields=["video"], name="wanvideo_task_video"),
            models.Index(fields=["made_for"], name="wanvideo_task_made_for"),
            models.Index(fields=["content_sha256"], name="wanvideo_task_content", condition=~Q(content_sha256="")),
            *(link.INDEXES + take.INDEXES + poster.INDEXES + approved.INDEXES),
        ]

    def __str__(self) -> str:
        return Truncator(self.prompt).chars(60) or str(self.pk)

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Write a new row, or of an existing one what people may change.

        A worker may have moved the task on since it was read, so the columns that services write are left alone unless
        ``update_fields`` names them. The price of a draft follows its model and parameters.

        Raises:
            ValidationError: a draft's model or parameters were changed to what the catalogue refuses.
        """
        elsewhere = using is not None and using != self._state.db
        if update_fields is None and not (self._state.adding or force_insert or elsewhere):
            fields = self._meta.concrete_fields
            update_fields = [field.name for field in fields if field.editable and field.attname in self.__dict__]
        if update_fields is not None and pricing.PRICED & set(update_fields) and self.status == TaskStatus.DRAFT:
            pricing.set_price(self)
            update_fields = {*update_fields, "credits_estimated"}
        if update_fields is not None and "metadata" in update_fields:
            update_fields = {*update_fields, "made_for"}
        super().save(force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields)

    def clean(self) -> None:
        """Check a draft against the catalogue, its inputs too once it is saved.

        Raises ValidationError, keyed by this model's fields; what is wrong with inputs belongs to none of them.
        """
        super().clean()
        if errors := pricing.errors_of(self):
            raise ValidationError(errors)

    @property
    def is_finished(self) -> bool:
        """Whether nothing happens to the task by itself any more."""
        return self.status in FINISHED_STATUSES

    @property
    def charge(self) -> Charge:
        """What is known about the money of this task."""
        return charge_of(self)

    @property
    def first_frame(self) -> MediaInput | None:
        """The picture that the video starts from, or ``None``."""
        return next((item for item in self.inputs.all() if item.role == InputRole.FIRST_FRAME), None)

    @property
    def attempt(self) -> Attempt | None:
        """The latest attempt, or ``None`` before the first."""
        return max(self.attempts.all(), key=lambda attempt: attempt.number, default=None)
