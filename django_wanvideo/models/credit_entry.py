"""What was spent: rows that stay when their tasks are deleted."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import CreditOutcome
from django_wanvideo.models.base.managers import PrimaryManager
from django_wanvideo.models.base.people import PersonKey


class CreditEntry(models.Model):
    """What one attempt reserved, used or released. Tasks and attempts are named, not referred to."""

    attempt_id = models.UUIDField(_("attempt"), primary_key=True, editable=False)
    task_id = models.UUIDField(_("task"), db_index=True, editable=False)
    owner = PersonKey(verbose_name=_("owner"), db_index=False)
    owner_label = models.CharField(_("owner’s name"), max_length=255, blank=True)
    batch_id = models.UUIDField(_("batch"), null=True, blank=True, editable=False)
    model = models.CharField(_("model"), max_length=80)
    seconds = models.PositiveIntegerField(_("seconds"), null=True, blank=True)
    quality = models.CharField(_("quality"), max_length=20, blank=True)
    estimated = models.DecimalField(_("estimated"), max_digits=12, decimal_places=4, null=True, blank=True)
    reserved = models.DecimalField(_("reserved"), max_digits=12, decimal_places=4, null=True, blank=True)
    used = models.DecimalField(_("used"), max_digits=12, decimal_places=4, null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=12, choices=CreditOutcome, default=CreditOutcome.CLAIMED)
    claimed_at = models.DateTimeField(_("claimed at"), default=timezone.now)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    objects = PrimaryManager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("credit entry")
        verbose_name_plural = _("credit entries")
        ordering = ["-claimed_at"]
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=CreditOutcome.values), name="wanvideo_credit_outcome_known"),
        ]
        indexes = [
            models.Index(fields=["claimed_at"], name="wanvideo_credit_claimed"),
            models.Index(fields=["owner", "claimed_at"], name="wanvideo_credit_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id} {self.get_outcome_display()}"


class DeletedTask(models.Model):
    """That a task with a caller's key was there: the key does not make a second one for a while."""

    task_id = models.UUIDField(_("task"), primary_key=True, editable=False)
    idempotency_scope = models.CharField(_("scope of the key"), max_length=64, blank=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=200)
    created_at = models.DateTimeField(_("created at"))
    deleted_at = models.DateTimeField(_("deleted at"), default=timezone.now)

    objects = PrimaryManager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("deleted task")
        verbose_name_plural = _("deleted tasks")
        ordering = ["-deleted_at"]
        indexes = [
            models.Index(fields=["idempotency_key", "idempotency_scope"], name="wanvideo_deleted_key"),
            models.Index(fields=["deleted_at"], name="wanvideo_deleted_at"),
        ]

    def __str__(self) -> str:
        return str(self.task_id)
