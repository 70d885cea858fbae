"""What was spent: rows that stay when their tasks are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import Charge, CreditOutcome, CreditResult, TaskStatus
from django_wanvideo.models.base.people import PersonKey
from django_wanvideo.models.base.rows import PrimaryManager, PrimaryQuerySet, Row

if TYPE_CHECKING:
    from django_wanvideo.models.task import VideoTask

#: Ends that EvoLink has not reported itself: it may have made the video, and charged for it.
GIVEN_UP = frozenset({"resource_not_found", "never_answered", "never_finished", "lookup_failed"})


def charge_of(task: VideoTask) -> Charge:
    """Return what is known, never more: EvoLink's reported use first, then what the status implies.

    A failed generation is refunded by EvoLink (evolink-api.md §4.5), but only a report of it is proof.
    """
    if task.credits_used is not None:
        return Charge.CHARGED if task.credits_used > 0 else Charge.NONE
    if task.status == TaskStatus.COMPLETED:
        return Charge.CHARGED
    if task.status in {TaskStatus.SUBMITTING, TaskStatus.UNCONFIRMED}:
        return Charge.MAYBE
    if task.accepted_at is None:
        return Charge.NONE
    if task.status == TaskStatus.QUEUED:
        # Tried again, and EvoLink has not been asked yet about the attempt that it had accepted.
        return Charge.MAYBE
    if task.status == TaskStatus.FAILED:
        # With or without a link: EvoLink has called it done, and that is what it charges for.
        if task.result_url or task.result_expires_at:
            return Charge.CHARGED
        return Charge.MAYBE if task.error_code in GIVEN_UP else Charge.NOT_EXPECTED
    if task.status == TaskStatus.CANCELLED:
        return Charge.MAYBE
    return Charge.NONE if task.status == TaskStatus.DRAFT else Charge.EXPECTED


class CreditEntryQuerySet(PrimaryQuerySet["CreditEntry"]):
    """Entries; whatever changes one takes it out of the sums of its day."""

    def update(self, **columns: Any) -> int:
        # Who is deleted is taken out of entries and sums alike.
        if not columns.keys() <= {"owner", "owner_id"}:
            columns.setdefault("is_summed", False)
        return super().update(**columns)


CreditEntryManager = PrimaryManager.from_queryset(CreditEntryQuerySet)


class CreditEntry(models.Model):
    """What one attempt reserved, used or released. Tasks, attempts and batches are named, not referred to."""

    attempt_id = models.UUIDField(_("attempt"), primary_key=True, editable=False)
    task_id = models.UUIDField(_("task"), db_index=True, editable=False)
    owner = PersonKey(verbose_name=_("owner"), db_index=False)
    owner_label = models.CharField(_("owner’s name"), max_length=255, blank=True)
    #: Keys of the groups that the owner was in, as ``,3,7,``: who leaves a group takes nothing that was spent along.
    group_keys = models.TextField(_("groups"), blank=True, editable=False)
    batch_id = models.UUIDField(_("batch"), null=True, blank=True, editable=False)
    batch_label = models.CharField(_("batch’s name"), max_length=120, blank=True, editable=False)
    model = models.CharField(_("model"), max_length=80)
    seconds = models.PositiveIntegerField(_("seconds"), null=True, blank=True)
    quality = models.CharField(_("quality"), max_length=20, blank=True)
    estimated = models.DecimalField(_("estimated"), max_digits=12, decimal_places=4, null=True, blank=True)
    reserved = models.DecimalField(_("reserved"), max_digits=12, decimal_places=4, null=True, blank=True)
    used = models.DecimalField(_("used"), max_digits=12, decimal_places=4, null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=12, choices=CreditOutcome, default=CreditOutcome.CLAIMED)
    result = models.CharField(_("result"), max_length=12, choices=CreditResult, blank=True, editable=False)
    seconds_to_video = models.PositiveIntegerField(
        _("time to video"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Seconds from the claim to the stored video."),
    )
    #: Whether the sums of its day count it as it is; see ``CreditDay``.
    is_summed = models.BooleanField(_("summed"), default=False, editable=False)
    claimed_at = models.DateTimeField(_("claimed at"), default=timezone.now)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    objects = CreditEntryManager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("credit entry")
        verbose_name_plural = _("credit entries")
        ordering = ["-claimed_at"]
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=CreditOutcome.values), name="wanvideo_credit_outcome_known"),
            models.CheckConstraint(
                condition=Q(result__in=["", *CreditResult.values]), name="wanvideo_credit_result_known"
            ),
        ]
        indexes = [
            models.Index(fields=["claimed_at"], name="wanvideo_credit_claimed"),
            models.Index(fields=["owner", "claimed_at"], name="wanvideo_credit_owner"),
            models.Index(fields=["claimed_at"], name="wanvideo_credit_unsummed", condition=Q(is_summed=False)),
            # The last bills of a model, beside what they were expected to be.
            models.Index(fields=["model", "settled_at"], name="wanvideo_credit_bills", condition=Q(used__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id} {self.get_outcome_display()}"


class DeletedTask(Row):
    """That a task with a caller's key was there: the key does not make a second one for a while."""

    task_id = models.UUIDField(_("task"), primary_key=True, editable=False)
    idempotency_scope = models.CharField(_("scope of the key"), max_length=64, blank=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=200)
    created_at = models.DateTimeField(_("created at"))
    deleted_at = models.DateTimeField(_("deleted at"), default=timezone.now)

    class Meta(Row.Meta):
        verbose_name = _("deleted task")
        verbose_name_plural = _("deleted tasks")
        ordering = ["-deleted_at"]
        indexes = [
            models.Index(fields=["idempotency_key", "idempotency_scope"], name="wanvideo_deleted_key"),
            models.Index(fields=["deleted_at"], name="wanvideo_deleted_at"),
        ]

    def __str__(self) -> str:
        return str(self.task_id)
