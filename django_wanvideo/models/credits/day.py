"""Sums of the ledger for days that are over, so that a year of it is read in a moment."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_wanvideo.models.base.people import PersonKey
from django_wanvideo.models.base.rows import Row


class CreditDay(Row):
    """What the entries of one day, model, person and batch come to.

    They hold for a day of whose entries every one says ``is_summed``; all others are summed anew when they are asked for.
    """

    day = models.DateField(_("day"))
    #: The site's ``TIME_ZONE`` when it was summed; one for all rows.
    zone = models.CharField(_("time zone"), max_length=64)
    model = models.CharField(_("model"), max_length=80)
    owner = PersonKey(verbose_name=_("owner"))
    owner_label = models.CharField(_("owner’s name"), max_length=255, blank=True)
    batch_id = models.UUIDField(_("batch"), null=True, blank=True)
    batch_label = models.CharField(_("batch’s name"), max_length=120, blank=True)
    videos = models.PositiveIntegerField(_("videos"))
    seconds = models.PositiveBigIntegerField(_("seconds"))
    failed = models.PositiveIntegerField(_("failed"))
    credits = models.DecimalField(_("credits"), max_digits=16, decimal_places=4)
    failed_credits = models.DecimalField(_("credits of failures"), max_digits=16, decimal_places=4)
    open_credits = models.DecimalField(_("credits not yet reported"), max_digits=16, decimal_places=4)
    #: The seconds to each video, in any order, two bytes each: medians of several rows need all of them.
    times = models.BinaryField(_("times to video"), default=b"")

    class Meta(Row.Meta):
        verbose_name = _("sums of a day")
        verbose_name_plural = _("sums of days")
        ordering = ["day"]
        indexes = [models.Index(fields=["day"], name="wanvideo_credit_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.model}"
