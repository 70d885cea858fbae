"""What the whole site shares: a pause that EvoLink asked for, the sweep's last pass, which installation it is."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_wanvideo.models.base.rows import Row


class SiteState(Row):
    """One named fact about the site, shared by all its processes through the database."""

    name = models.CharField(_("name"), max_length=40, primary_key=True)
    value = models.JSONField(_("value"), default=dict)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta(Row.Meta):
        verbose_name = _("site state")
        verbose_name_plural = _("site states")

    def __str__(self) -> str:
        return self.name


class Installation(Row):
    """Which installation these rows belong to, and how many claims they have seen: one row, made with the tables.

    Copies of the tables carry it; that is how a copy, or a database that was restored, is told from the original.
    """

    #: The primary key of the one row, so that a restored row takes the place of a fresh one.
    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    database_id = models.UUIDField(_("database"), default=uuid.uuid4, editable=False)
    name = models.CharField(_("installation"), max_length=100, blank=True)
    host = models.CharField(_("host of callbacks"), max_length=255, blank=True)
    #: Since when another host than ``host`` works on these rows: what was queued until then stays where it is.
    other_host_since = models.DateTimeField(_("another host since"), null=True, blank=True)
    claims = models.BigIntegerField(_("claims"), default=0)
    #: When ``claims`` was last written into the task storage.
    stored_at = models.DateTimeField(_("stored at"), null=True, blank=True)
    rolled_back_at = models.DateTimeField(_("found behind at"), null=True, blank=True)
    claims_elsewhere = models.BigIntegerField(_("claims noted elsewhere"), null=True, blank=True)

    class Meta(Row.Meta):
        verbose_name = _("installation")
        verbose_name_plural = _("installations")

    def __str__(self) -> str:
        return self.name or str(self.database_id)
