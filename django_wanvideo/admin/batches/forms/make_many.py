"""The form of *Make many*: where the videos come from, and what holds for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.admin.batches.forms import fields, given
from django_wanvideo.admin.forms.fields import (
    ParameterField,
    file_name,
    input_fields,
    kept_name,
    link_name,
)
from django_wanvideo.batches import rows
from django_wanvideo.batches.given import PICTURES, TABLE, TAKES
from django_wanvideo.catalog import text
from django_wanvideo.models import Preset
from django_wanvideo.models.batches import placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import Batch

#: The hidden fields that say which settings the page has shown.
SHOWN_MODEL, SHOWN_PRESET = "shown_model", "shown_preset"
#: For which ways a field is there; the others are for all.
WAYS = {"pictures": PICTURES, "table": TABLE, "media": TABLE, "takes": TAKES, "prompts": TAKES}


class MakeManyForm(forms.Form):
    """Fields of one model of the catalogue. Files are the batch's; see ``given.take``."""

    spec: ClassVar[ModelSpec]
    presets: ClassVar[Mapping[str, Preset]]
    #: What stands in each column of the page, by the names of fields.
    columns: ClassVar[tuple[list[str], list[str]]]
    ways: ClassVar[dict[str, str]]

    def __init__(
        self, *args: Any, batch: Batch, refused: Mapping[str, ValidationError] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.batch = batch
        #: Why files that came with the form were not taken, by the names of fields.
        self.refused = refused or {}
        given.show(self)

    @property
    def groups(self) -> list[tuple[str, str, list[tuple[forms.BoundField, str]]]]:
        """Headings, an id for each, and the fields below them, each with the ways that it is there for."""
        found = ((_("Pictures and words"), "words"), (_("Settings for all"), "settings"))
        return [
            (heading, key, [(self[name], self.ways.get(name, "")) for name in names])
            for (heading, key), names in zip(found, self.columns, strict=True)
        ]

    @property
    def preset(self) -> Preset | None:
        """The preset that was chosen."""
        return self.presets.get(self.cleaned_data.get("preset") or "")

    def parameters(self) -> dict[str, Any]:
        """Return the parameters for all rows.

        A default that may stand against what a row says is left to the row, unless a preset says otherwise.
        """
        defaults, ruled = self.spec.effective_values({}), {rule.parameter for rule in self.spec.rules}
        kept = self.preset.parameters if self.preset is not None else {}
        return {
            name: value
            for name, field in self.fields.items()
            if isinstance(field, ParameterField) and (value := self.cleaned_data.get(name)) is not None
            if not (name in ruled and value == defaults[name] and name not in kept)
        }

    def takes(self) -> dict[str, Any]:
        """Return what the takes are made of, as ``Batch.settings`` keeps it; the seed counts up from the one given."""
        links = {
            item.role.value: text.lines(typed) if item.max_items > 1 else typed
            for item in self.spec.inputs
            if (typed := (self.cleaned_data.get(link_name(item.role.value)) or "").strip())
        }
        prompts = text.lines(self.cleaned_data.get("prompts") or "")
        found: dict[str, Any] = {"inputs": links | given.inputs_of(self.batch)}
        found |= {"prompts": prompts} if prompts else {"count": self.cleaned_data.get("takes") or 1}
        seed = self.cleaned_data.get("seed")
        return found | ({"seed": seed} if seed is not None else {})

    def settings(self) -> dict[str, Any]:
        """Return what ``Batch.settings`` keeps of the form."""
        data, parameters = self.cleaned_data, self.parameters()
        chosen = {"model": self.spec.id, "prompt": data.get("prompt", ""), "fix_inputs": data["fix_inputs"]}
        if data["way"] == TAKES:
            parameters.pop("seed", None)
            chosen["takes"] = self.takes()
        return chosen | {"way": data["way"], "parameters": parameters}

    def clean(self) -> dict[str, Any]:
        """Say at once what would be wrong with every row."""
        data = super().clean() or self.cleaned_data
        way = data.get("way", PICTURES)
        prompts = text.lines(data.get("prompts") or "") if way == TAKES else []
        for name, error in self.refused.items():
            self.add_error(name, error)
        if way == TAKES:
            self._check_takes(prompts)
        elif way not in self.refused and not given.is_given(self.batch, way):
            missing = {PICTURES: _("Choose pictures, or a ZIP file with them."), TABLE: _("Choose a table.")}
            self.add_error(way, missing[way])
        template = data.get("prompt", "")
        preset = self.preset
        has_words = bool(template.strip() or prompts or (preset is not None and preset.prompt))
        if way != TABLE and self.spec.prompt.required and not has_words:
            self.add_error("prompt", _("Write what should happen in the videos."))
        if way != TABLE:
            row = {"first_frame": "picture", "name": "picture"}
            for name, words in [("prompt", template), *(("prompts", line) for line in prompts)]:
                self._check_names(name, words, row)
        self._check_rules(way)
        return data

    def _check_takes(self, prompts: list[str]) -> None:
        if len(prompts) > fields.MOST_TAKES:
            self.add_error("prompts", _("At most %(n)s takes can be made at a time.") % {"n": fields.MOST_TAKES})
        if not prompts and not self.cleaned_data.get("takes") and "takes" not in self.errors:
            self.add_error("takes", _("Say how many takes, or write a prompt for each."))
        sources = self.takes()["inputs"]
        for wanted in self.spec.inputs:
            role = wanted.role.value
            if wanted.required and not sources.get(role) and file_name(role) not in self.refused:
                name = file_name(role) if file_name(role) in self.fields else link_name(role)
                self.add_error(name, _("This model needs it."))

    def _check_names(self, field: str, template: str, row: Mapping[str, Any]) -> None:
        try:
            placeholders.fill(template, rows.names_of(row, 1, "picture"))
        except ValidationError as error:
            if field not in self.errors:
                self.add_error(field, error)

    def _check_rules(self, way: str) -> None:
        """Find settings that exclude each other; a row of a table may still say otherwise."""
        if way == TABLE or any(name in self.errors for name in self.fields if name in self.columns[1]):
            return
        chosen = self.parameters()
        roles = set(self.takes()["inputs"]) if way == TAKES else {"first_frame"}
        effective = self.spec.effective_values(chosen) | {
            item.role.value: item.role.value in roles for item in self.spec.inputs
        }
        for rule in self.spec.rules:
            if rule.is_broken(chosen, effective):
                self.add_error(rule.parameter, ValidationError(rule.message, code=rule.kind))


def make_many_form(spec: ModelSpec, user: Any) -> type[MakeManyForm]:
    """Return the form for one model, filled in by ``user``."""
    presets: dict[str, Preset] = {}
    for preset in Preset.objects.usable_by(user):
        # A person's own come first, also before one for everyone of the same name.
        presets.setdefault(preset.slug, preset)
    inputs = {
        name: field
        for wanted in spec.inputs
        for name, field in input_fields(wanted).items()
        if name != kept_name(wanted.role.value)
    }
    own = {parameter.name: ParameterField(parameter) for parameter in spec.parameters}
    words = {**fields.source_fields(spec), **inputs, **fields.word_fields(spec)}
    settings = {**fields.choice_fields(spec, presets), **own, "fix_inputs": fields.fix_field()}
    columns = (list(words), list(settings))
    ways = WAYS | dict.fromkeys(inputs, TAKES)
    attributes = {"spec": spec, "presets": presets, "columns": columns, "ways": ways, "__module__": __name__}
    return type("MakeManyForm", (MakeManyForm,), {**words, **settings, **attributes})
