"""The POSTs that may be billed, and what EvoLink calls back about them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import OPEN_ATTEMPT_STATES, AttemptState
from django_wanvideo.models.base.rows import Row, RowKey
from django_wanvideo.models.task import VideoTask

# An attempt's id is derived from its task and number: a restored database makes the same attempts again, under the same
# ``Idempotency-Key`` and with the callback address at which EvoLink may already have told what became of the first.
_NAMESPACE = uuid.UUID("6d9a2a5e-6f0c-5d3b-9a57-2f1f0c7f4f0e")


def attempt_id_of(task_id: uuid.UUID, number: int) -> uuid.UUID:
    """Return the id of a task's attempt, whose callback address and idempotency key hang on it."""
    return uuid.uuid5(_NAMESPACE, f"{task_id}:{number}")


def idempotency_key_of(attempt: uuid.UUID) -> str:
    """Return the ``Idempotency-Key`` of an attempt: 41 characters that EvoLink takes."""
    return f"wanvideo-{attempt.hex}"


class Attempt(Row):
    """One POST that may be billed. A task has at most one of them open."""

    State = AttemptState

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    task = RowKey(VideoTask, on_delete=models.CASCADE, related_name="attempts", verbose_name=_("task"))
    number = models.PositiveIntegerField(_("number"))
    state = models.CharField(_("state"), max_length=12, choices=AttemptState, default=AttemptState.CLAIMED)
    provider_task_id = models.CharField(
        _("EvoLink's task id"), max_length=200, null=True, blank=True, unique=True, default=None
    )
    idempotency_key = models.CharField(_("idempotency key"), max_length=96)
    request = models.JSONField(_("request"), help_text=_("The body as it was sent; the callback token left out."))
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    request_id = models.CharField(_("EvoLink's request id"), max_length=200, blank=True)
    error_code = models.CharField(_("error code"), max_length=100, blank=True)
    error_message = models.TextField(_("error message"), blank=True)
    request_count = models.PositiveSmallIntegerField(_("POSTs with this key"), default=0)
    claimed_at = models.DateTimeField(_("claimed at"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    callback_received_at = models.DateTimeField(_("callback received at"), null=True, blank=True)

    class Meta(Row.Meta):
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["task_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="wanvideo_attempt_number"),
            models.UniqueConstraint(
                fields=["task"],
                condition=Q(state__in=sorted(OPEN_ATTEMPT_STATES)),
                name="wanvideo_attempt_one_open",
            ),
            models.CheckConstraint(condition=Q(state__in=AttemptState.values), name="wanvideo_attempt_state_known"),
        ]
        indexes = [
            models.Index(fields=["sent_at"], name="wanvideo_attempt_sent"),
            models.Index(fields=["claimed_at"], name="wanvideo_attempt_claimed"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} #{self.number}"

    @property
    def is_open(self) -> bool:
        """Whether EvoLink may still answer for this attempt."""
        return self.state in OPEN_ATTEMPT_STATES


class CallbackReceipt(Row):
    """A callback as it came in: a hint, kept until a worker has read the task with our own key.

    There is no database constraint on ``attempt``: taking a receipt in is one INSERT that cannot fail.
    """

    attempt = RowKey(
        Attempt, on_delete=models.CASCADE, related_name="receipts", db_constraint=False, verbose_name=_("attempt")
    )
    provider_task_id = models.CharField(_("EvoLink's task id"), max_length=200, blank=True)
    payload = models.JSONField(_("what it said"), default=dict)
    received_at = models.DateTimeField(_("received at"), default=timezone.now)
    process_at = models.DateTimeField(_("to be read at"), null=True, blank=True, default=timezone.now)
    retry_count = models.PositiveSmallIntegerField(_("tries"), default=0)

    class Meta(Row.Meta):
        verbose_name = _("callback receipt")
        verbose_name_plural = _("callback receipts")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["process_at"], name="wanvideo_receipt_due", condition=Q(process_at__isnull=False)),
            models.Index(fields=["received_at"], name="wanvideo_receipt_received"),
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id} {self.received_at:%Y-%m-%d %H:%M:%S}"
