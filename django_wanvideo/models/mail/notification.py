"""Who wants to be told what when, and what is still to be told."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import NotificationKind, NotifyWhen
from django_wanvideo.models.base.people import PersonKey
from django_wanvideo.models.base.rows import Row, RowKey
from django_wanvideo.models.batches.item import BatchEvent
from django_wanvideo.models.event import TaskEvent


class NotificationChoice(Row):
    """How often one person wants an e-mail about their videos. Without a row: never, unless the site says otherwise."""

    user = PersonKey(verbose_name=_("person"), db_index=False)
    when = models.CharField(_("e-mail me"), max_length=8, choices=NotifyWhen, default=NotifyWhen.BATCH)

    class Meta(Row.Meta):
        verbose_name = _("my e-mails")
        verbose_name_plural = _("my e-mails")
        constraints = [models.UniqueConstraint(fields=["user"], name="wanvideo_notification_choice")]

    def __str__(self) -> str:
        return str(self.get_when_display())


class Notification(Row):
    """One thing that one person is to be told by e-mail; the outbox of mails.

    It waits while ``due_at`` is set, was sent at ``sent_at``, or was given up at ``gave_up_at``.
    """

    person = PersonKey(verbose_name=_("person"), db_index=False)
    kind = models.CharField(_("about"), max_length=8, choices=NotificationKind)
    task_event = RowKey(
        TaskEvent,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="notifications",
        verbose_name=_("event"),
    )
    batch_event = RowKey(
        BatchEvent,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="notifications",
        verbose_name=_("event of a batch"),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    due_at = models.DateTimeField(_("to be sent at"), null=True, blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    #: The class of the error only: its text may hold anything.
    error = models.CharField(_("last error"), max_length=100, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    gave_up_at = models.DateTimeField(_("given up at"), null=True, blank=True)

    class Meta(Row.Meta):
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["task_event", "person"], name="wanvideo_notification_task"),
            models.UniqueConstraint(fields=["batch_event", "person"], name="wanvideo_notification_batch"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="wanvideo_notification_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["person", "sent_at"], name="wanvideo_notification_sent"),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())
