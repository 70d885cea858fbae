"""What was heard."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Told(models.Model):
    """One signal that one receiver got."""

    signal = models.CharField(max_length=40)
    task_id = models.UUIDField()
    event_id = models.BigIntegerField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["event_id"], name="soak_told_event")]

    def __str__(self) -> str:
        return f"{self.signal} {self.task_id}"
