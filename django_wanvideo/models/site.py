"""What the whole site shares: a pause that EvoLink asked for, the sweep's last pass."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_wanvideo.models.managers import PrimaryManager


class SiteState(models.Model):
    """One named fact about the site, shared by all its processes through the database."""

    name = models.CharField(_("name"), max_length=40, primary_key=True)
    value = models.JSONField(_("value"), default=dict)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = PrimaryManager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("site state")
        verbose_name_plural = _("site states")

    def __str__(self) -> str:
        return self.name
