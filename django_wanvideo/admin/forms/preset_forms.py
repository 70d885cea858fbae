"""Presets: filled into the form of a new task, kept from it, and changed by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.admin.forms.base import parameters_of
from django_wanvideo.admin.forms.fields import ParameterField, PromptField
from django_wanvideo.admin.forms.model_switch import ModelSwitchMixin
from django_wanvideo.db import database
from django_wanvideo.models import Preset
from django_wanvideo.models.batches import placeholders
from django_wanvideo.models.creation.presets import fill_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_wanvideo.catalog import ModelSpec

    PresetModelForm = forms.ModelForm[Preset]
else:
    PresetModelForm = forms.ModelForm

#: The field with the short name of the chosen preset, and the buttons that use one and keep one.
FIELD, USE, SAVE = "preset", "_preset", "_save_preset"
ME, ALL = "me", "all"
MAY_ADD, MAY_SHARE = "wanvideo.add_preset", "wanvideo.share_preset"


class SavePresetForm(forms.Form):
    """The fields that a preset needs beside those of the task's form."""

    preset_name = forms.CharField(label=_("Name"), max_length=60, required=False)
    preset_for = forms.ChoiceField(
        label=_("Who can use it"),
        choices=[(ME, _("Only you")), (ALL, _("Everyone who may make videos"))],
        initial=ME,
        required=False,
        widget=forms.RadioSelect,
    )


class PresetMixin(ModelSwitchMixin):
    """For the form of a new task."""

    #: What was kept just now.
    saved_preset: Preset | None = None
    _save_form: SavePresetForm | None = None

    @property
    def is_model_switch(self) -> bool:
        """Whether the form only asks to be filled in, with another model's settings or with a preset."""
        return super().is_model_switch or self.is_preset_use

    @property
    def is_preset_use(self) -> bool:
        """Whether the form came in to be filled in with a preset."""
        return self.is_bound and self.is_new and not self.is_read_only and USE in self.data

    @property
    def is_preset_save(self) -> bool:
        """Whether the form came in to keep its words and settings; nothing is made of it then."""
        return self.is_bound and self.is_new and not self.is_read_only and SAVE in self.data

    @property
    def used_preset(self) -> Preset | None:
        """The preset that is to be filled in now."""
        return Preset.objects.named(self.data.get(FIELD, ""), self.user) if self.is_preset_use else None

    @property
    def chosen_preset(self) -> Preset | None:
        """The preset that the form was filled in with, as far as is known."""
        if self.saved_preset is not None:
            return self.saved_preset
        slug = self.data.get(FIELD) if self.is_bound else self.initial.get(FIELD)
        return Preset.objects.named(slug, self.user) if slug else None

    @property
    def save_form(self) -> SavePresetForm:
        """The fields of *Save as preset*, with what is wrong with them."""
        if self._save_form is None:
            self._save_form = SavePresetForm(self.data if self.is_preset_save else None)
        return self._save_form

    def is_valid(self) -> bool:
        """Make nothing of what only fills in the form or keeps a preset."""
        return super().is_valid() and not self.is_preset_save

    def full_clean(self) -> None:
        """Fill in the chosen preset."""
        super().full_clean()
        if (preset := self.used_preset) is not None:
            for name, text in texts_of(preset, self.spec).items():
                self.data[self.add_prefix(name)] = text

    def filled_prompt(self, inputs: Mapping[str, list[Any]]) -> str:
        """Return the prompt, with names filled in where it is that of a preset which has some.

        Raises:
            ValidationError: it names what is not known here.
        """
        prompt = str(self.cleaned_data["prompt"])
        preset = self.chosen_preset if self.is_new else None
        has_names = preset is not None and bool(placeholders.names(preset.prompt))
        return fill_names(prompt, inputs) if has_names else prompt

    def keep_preset(self) -> None:
        """Keep words and settings under a name, where nothing is wrong with them; the picture stays for the form."""
        self.keep_uploads()
        form = self.save_form
        is_fine = form.is_valid() and not self.errors
        name = form.cleaned_data.get("preset_name", "")
        if not name:
            form.add_error("preset_name", _("Give the preset a name."))
        shared = form.cleaned_data.get("preset_for") == ALL
        if shared and not self.user.has_perm(MAY_SHARE):
            form.add_error("preset_for", _("You may not share presets."))
        if not self.user.has_perm(MAY_ADD):
            form.add_error(None, _("You may not keep presets."))
        if not is_fine or form.errors:
            return
        preset = Preset(name=name, owner_id=self.user.pk, is_shared=shared, model=self.spec.id)
        preset.prompt, preset.parameters = self.cleaned_data.get("prompt", ""), self.parameters()
        for field, found in preset.problems().items():
            if field in {"name", "slug"}:
                form.add_error("preset_name", found)
            else:
                self.add_error(field if field in self.fields else None, found)
        if form.errors or self.errors:
            return
        try:
            with database.atomic():
                preset.save()
        except IntegrityError:
            form.add_error("preset_name", _("There is a preset of this name already. Choose another name."))
        else:
            self.saved_preset = preset

    def preset_state(self) -> dict[str, list[str]]:
        """Return the labels of the fields that the chosen preset has filled in, and of those changed since."""
        preset = self.chosen_preset
        if preset is None or preset.model != self.spec.id:
            return {"filled": [], "changed": []}
        labels, changed = [], []
        for name, text in texts_of(preset, self.spec).items():
            if name == "model" or name not in self.fields:
                continue
            field: Any = self.fields[name]
            labels.append(str(field.label))
            if str(self[name].value()).lower() != text.lower():
                changed.append(str(field.label))
        return {"filled": labels, "changed": changed}


def texts_of(preset: Preset, spec: ModelSpec) -> dict[str, str]:
    """Return what a preset fills into the form of its model, as a browser would send it."""
    values = {name: str(value) for name, value in initial_of(preset, spec).items()}
    return {name: text.lower() if text in {"True", "False"} else text for name, text in values.items()}


def initial_of(preset: Preset, spec: ModelSpec) -> Mapping[str, Any]:
    """Return what a preset fills into the form of its model."""
    known = {item.name for item in spec.parameters}
    found: dict[str, Any] = {"model": spec.id}
    if preset.prompt:
        found["prompt"] = preset.prompt
    return found | {name: value for name, value in preset.parameters.items() if name in known}


class PresetForm(PresetModelForm):
    """A preset by itself, with the fields of its model's settings."""

    spec: ClassVar[ModelSpec]

    class Meta:
        model = Preset
        fields = ("name", "slug", "is_shared")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {"prompt": self.instance.prompt, **self.instance.parameters, **self.initial}

    def _post_clean(self) -> None:
        """Let the row say what is wrong with it; each thing at its field."""
        preset = self.instance
        for name in ("name", "slug", "is_shared", "prompt"):
            if name in self.cleaned_data:
                setattr(preset, name, self.cleaned_data[name])
        preset.parameters = parameters_of(self, self.spec, {})
        if not self.errors:
            for name, found in preset.problems().items():
                self.add_error(name if name in self.fields else None, ValidationError(found))


def preset_form(spec: ModelSpec) -> type[PresetForm]:
    """Return the form for presets of one model."""
    fields: dict[str, Any] = {"prompt": PromptField(spec)}
    fields["prompt"].help_text = _("Write {name} or {number} where each video differs.")
    fields["prompt"].is_needed = False
    fields |= {parameter.name: ParameterField(parameter) for parameter in spec.parameters}
    for field in fields.values():
        field.required = False
    return type("PresetForm", (PresetForm,), {**fields, "spec": spec, "__module__": __name__})
