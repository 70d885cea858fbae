"""A line of history, from which signals are delivered: the outbox."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import EventSource
from django_wanvideo.models.base.people import PersonKey
from django_wanvideo.models.base.rows import Row


class Event(Row):
    """What every line of history has. ``notify_at`` is set while a signal is still to be delivered from it."""

    source = models.CharField(_("source"), max_length=12, choices=EventSource)
    actor = PersonKey(verbose_name=_("by"))
    detail = models.JSONField(_("detail"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    notify_at = models.DateTimeField(_("to be told at"), null=True, blank=True)
    #: ``done``: the receivers that have come to their end; ``calls``: how often each of the others was called.
    delivery = models.JSONField(_("delivery"), default=dict, editable=False)
    notified_at = models.DateTimeField(_("told at"), null=True, blank=True)

    class Meta(Row.Meta):
        abstract = True
