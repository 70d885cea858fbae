"""What the bare view inserts: a row of the same columns and indexes as ``CallbackReceipt``."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone


class BareReceipt(models.Model):
    """The columns of ``CallbackReceipt``; the attempt's id is indexed, as a foreign key without constraint is."""

    attempt_id = models.UUIDField(db_index=True)
    provider_task_id = models.CharField(max_length=200, blank=True)
    payload = models.JSONField(default=dict)
    received_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="bare_receipt_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["received_at"], name="bare_receipt_received"),
        ]

    def __str__(self) -> str:
        return str(self.attempt_id)
