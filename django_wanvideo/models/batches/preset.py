"""Prompts and settings under a name, to be used again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo import catalog
from django_wanvideo.choices import InputRole
from django_wanvideo.models.base.people import PersonKey
from django_wanvideo.models.base.rows import PrimaryQuerySet
from django_wanvideo.models.batches import placeholders

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


_LONGEST_SLUG = 60


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
    slug = models.SlugField(
        _("short name"), max_length=_LONGEST_SLUG, blank=True, help_text=_("For tables, commands and Python.")
    )
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

    def save(self, **options: Any) -> None:
        """Write the row; one without a short name gets one that is made from its name."""
        self.slug = self.slug or self._free_slug()
        super().save(**options)

    def clean(self) -> None:
        """Check it against the catalogue, and against the presets that stand beside it.

        Raises:
            ValidationError: keyed by this model's fields.
        """
        super().clean()
        self.slug = self.slug or self._free_slug()
        errors: dict[str, list[Any]] = {}
        for name, found in self.problems().items():
            if name in {"name", "slug", "model", "prompt", "parameters"}:
                errors.setdefault(name, []).extend(found)
            else:
                named = [ValidationError(f"{name}: {text}", error.code) for error in found for text in error]
                errors.setdefault("parameters", []).extend(named)
        if errors:
            raise ValidationError(errors)

    def problems(self) -> dict[str, list[ValidationError]]:
        """Return what is wrong with it, by field and by parameter. Inputs, which it has none of, are not missed."""
        errors: dict[str, list[ValidationError]] = {}
        try:
            catalog.clean(catalog.get(self.model), prompt=self.prompt, parameters=self.parameters, inputs={})
        except ValidationError as error:
            own = {name: found for name, found in error.error_dict.items() if name not in InputRole.values}
            errors = {
                name: left for name, found in own.items() if (left := [one for one in found if not _is_of_inputs(one)])
            }
        if not self.prompt:
            errors.pop("prompt", None)
        try:
            placeholders.fill(self.prompt, dict.fromkeys(placeholders.names(self.prompt), "x"))
        except ValidationError as error:
            errors.setdefault("prompt", []).extend(error.error_list)
        # In the code as well: not every database has constraints with conditions.
        beside = self._beside()
        if beside.filter(name__iexact=self.name).exists():
            message = gettext("There is a preset of this name already. Choose another name.")
            errors["name"] = [ValidationError(message, code="unique")]
        elif self.slug and beside.filter(slug=self.slug).exists():
            message = gettext("There is a preset of this short name already. Choose another one.")
            errors["slug"] = [ValidationError(message, code="unique")]
        return errors

    def _beside(self) -> models.QuerySet[Preset]:
        """Return the presets that it must not be taken for: its owner's, and if it is shared, the other shared ones."""
        scope = Q(pk=None) if self.owner_id is None else Q(owner_id=self.owner_id)
        return Preset.objects.filter(scope | Q(is_shared=True) if self.is_shared else scope).exclude(pk=self.pk)

    def _free_slug(self) -> str:
        base = slugify(self.name)[: _LONGEST_SLUG - 4].strip("-_") or "preset"
        taken = set(self._beside().filter(slug__startswith=base).values_list("slug", flat=True))
        candidates = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 2))]
        return next(slug for slug in candidates if slug not in taken)


def _is_of_inputs(error: ValidationError) -> bool:
    """Tell whether a setting is only refused because of inputs that it needs, which are given later."""
    rule = (error.params or {}).get("rule")
    needed = [name for name, _value in rule.others] if rule is not None else []
    return error.code == "requires" and (rule is None or any(name in InputRole.values for name in needed))
