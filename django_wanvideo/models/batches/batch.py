"""Many tasks that are made from one plan."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import BatchOperation, BatchState
from django_wanvideo.models.base.people import PersonKey
from django_wanvideo.models.base.rows import Row, RowKey
from django_wanvideo.models.batches.preset import Preset

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


def _operate(name: str, batch: Batch, **options: Any) -> None:
    # Above this file, which the rows need to be defined.
    import_string(f"django_wanvideo.batches.operations.{name}")(batch, **options)


class Batch(Row):
    """A plan of many tasks. Counts and credits are read from its rows and tasks, none is kept here.

    ``operation`` is what a worker still does to its rows one after the other; ``cursor`` is the number of the last row
    that it has done.
    """

    State = BatchState

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120)
    owner = PersonKey(verbose_name=_("owner"), db_index=False)
    state = models.CharField(
        _("state"), max_length=12, choices=BatchState, default=BatchState.UPLOADING, editable=False
    )
    preset = RowKey(
        Preset, on_delete=models.SET_NULL, null=True, blank=True, related_name="batches", verbose_name=_("preset")
    )
    source_name = models.CharField(_("file"), max_length=255, blank=True, editable=False)
    source_sha256 = models.CharField(_("checksum of the file"), max_length=64, blank=True, editable=False)
    #: What was chosen for all rows: the way in, model, prompt, parameters, and how rows are treated.
    settings = models.JSONField(_("settings"), default=dict, blank=True, editable=False)
    #: A hash of prices, limits and preset as they were when the rows were checked.
    terms = models.CharField(_("terms"), max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(
        _("kept until"), null=True, blank=True, editable=False, help_text=_("Until it is confirmed.")
    )
    operation = models.CharField(
        _("going on"), max_length=12, choices=BatchOperation, blank=True, default="", editable=False
    )
    cursor = models.PositiveIntegerField(_("last row done"), default=0, editable=False)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True, editable=False)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True, editable=False)
    submitted_by = PersonKey(verbose_name=_("submitted by"), db_index=False)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True, editable=False)
    cancelled_by = PersonKey(verbose_name=_("cancelled by"), db_index=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)
    next_action_at = models.DateTimeField(_("next action at"), null=True, blank=True, editable=False)
    #: What it waits for as a whole, was sent back with, or is being sent by.
    approval = RowKey(
        "wanvideo.Approval",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="batches",
        verbose_name=_("approval"),
        editable=False,
    )

    class Meta(Row.Meta):
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=BatchState.values), name="wanvideo_batch_state_known"),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="wanvideo_batch_newest"),
            models.Index(fields=["owner", "-created_at"], name="wanvideo_batch_owner"),
            models.Index(fields=["source_sha256"], name="wanvideo_batch_source"),
            models.Index(
                fields=["next_action_at"], name="wanvideo_batch_due", condition=Q(next_action_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def submit(self, *, by: AbstractBaseUser | None = None) -> Self:
        """Send all drafts of this batch, once they are made; return it. A worker queues them one after the other.

        Raises:
            TransitionNotAllowed: it was not confirmed, has been submitted, or was cancelled.
            ApprovalRequired: all together cost more than is sent without a second person; they wait for approval now.
                While its tasks are being made this is found out later, and it waits then.
            PermissionDenied: ``by`` may not spend credits.
        """
        _operate("submit", self, by=by)
        return self

    def cancel(self, *, by: AbstractBaseUser | None = None) -> Self:
        """Make no more rows, and cancel all tasks that have not been sent; return it.

        Raises:
            TransitionNotAllowed: nothing is left that could be cancelled.
        """
        _operate("cancel", self, by=by)
        return self

    def retry(self, *, by: AbstractBaseUser | None = None) -> Self:
        """Try those failed tasks again where trying again helps; return it. Each new attempt is a new charge.

        Raises:
            TransitionNotAllowed: something is going on, or no failed task would gain by it.
            ApprovalRequired: all together cost more than is sent without a second person. What is only fetched goes on.
            PermissionDenied: ``by`` may not spend credits.
        """
        _operate("retry", self, by=by)
        return self
