"""Prompts and settings under a name, to be used again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo.models.base.people import PersonKey
from django_wanvideo.models.base.rows import PrimaryQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


class PresetQuerySet(PrimaryQuerySet["Preset"]):
    """Presets, by whose they are."""

    def usable_by(self, user: AbstractBaseUser | None) -> Self:
        """Those of one person, before those of everyone; for code (``None``) those of everyone."""
        mine = Q(owner_id=user.pk) if user is not None else Q(pk=None)
        rows = self.filter(mine | Q(is_shared=True))
        return rows.annotate(is_own=models.Case(models.When(mine, then=True), default=False)).order_by(
            "-is_own", "name", "pk"
        )

    def named(self, slug: str, user: AbstractBaseUser | None) -> Preset | None:
        """Return the preset with this slug that ``user`` may use: their own before a shared one."""
        return self.usable_by(user).filter(slug=slug).first()


class Preset(models.Model):
    """A prompt, with places for names such as ``{name}``, and a model's settings.

    A task keeps what it was made with: changing a preset changes no task.
    """

    name = models.CharField(_("name"), max_length=60)
    slug = models.SlugField(_("short name"), max_length=60, help_text=_("For tables, commands and Python."))
    model = models.CharField(_("model"), max_length=80)
    prompt = models.TextField(
        _("prompt"), blank=True, help_text=_("Write {name} or {number} where each video differs.")
    )
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    owner = PersonKey(verbose_name=_("owner"))
    is_shared = models.BooleanField(_("for everyone"), default=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = models.Manager.from_queryset(PresetQuerySet)()

    class Meta:
        verbose_name = _("preset")
        verbose_name_plural = _("presets")
        ordering = ["name", "pk"]
        permissions = [("share_preset", _("Can share presets with everyone"))]
        constraints = [
            models.UniqueConstraint(fields=["owner", "slug"], name="wanvideo_preset_own_slug"),
            models.UniqueConstraint(fields=["slug"], name="wanvideo_preset_shared_slug", condition=Q(is_shared=True)),
        ]

    def __str__(self) -> str:
        return self.name
