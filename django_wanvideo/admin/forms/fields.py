"""One form field per entry of the catalogue; which control it gets, and how what was typed is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext_lazy as _

from django_wanvideo import catalog
from django_wanvideo.admin.forms.items import ItemsField, is_listed
from django_wanvideo.admin.forms.widgets import DropZone, KeysWidget, PromptArea, Slider, Tiles, joined
from django_wanvideo.catalog import json_values
from django_wanvideo.catalog.text import normalised
from django_wanvideo.choices import InputRole

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from django_wanvideo.catalog import InputSpec, ModelSpec, ParameterSpec

#: What is not done for a link.
_AS_IT_IS = _("EvoLink gets the link as it is: the picture behind it is neither turned nor made smaller by this site.")
#: What is done for a file.
_MADE_FIT = _("A larger picture is sent smaller, as JPEG; place and camera are never sent.")
#: What the fold of an input is called while it is empty; whole sentences, because languages join words differently.
_FOLDS = {
    InputRole.LAST_FRAME: _("Add a last frame"),
    InputRole.REFERENCE_IMAGES: _("Add reference pictures"),
    InputRole.REFERENCE_VIDEOS: _("Add reference clips"),
    InputRole.SOURCE_VIDEO: _("Add a clip"),
    InputRole.AUDIO: _("Add a sound"),
    InputRole.VOICES: _("Add voices"),
    InputRole.DOCUMENT: _("Add a document"),
}


class ParameterField(forms.Field):
    """A parameter of a model. What it may be is the catalogue's to say."""

    def __init__(self, parameter: ParameterSpec) -> None:
        widget: forms.Widget
        help_text = str(parameter.help_text)
        if parameter.kind == "boolean":
            widget = forms.CheckboxInput()
        elif parameter.kind == "text":
            widget = forms.Textarea(attrs={"rows": 2, "class": "wv-notes", "dir": "auto"})
        elif parameter.kind == "choice" and parameter.default is None:
            widget = forms.Select(choices=[("", capfirst(parameter.unset_label)), *parameter.choices])
        elif parameter.kind == "choice":
            widget = Tiles(parameter) if len(parameter.options) <= 6 else forms.Select(choices=parameter.choices)
        elif parameter.also:
            low = min(parameter.minimum or 0, *(int(option.value) for option in parameter.also))
            widget = forms.NumberInput(attrs={"min": low, "max": parameter.maximum})
            meant = [f"{option.value}: {option.label} ({option.description})." for option in parameter.also]
            help_text = " ".join([help_text, *meant])
        elif parameter.minimum is not None and parameter.maximum is not None and parameter.maximum <= 100:
            widget = Slider(parameter)
        else:
            widget = forms.NumberInput(attrs={"min": parameter.minimum, "max": parameter.maximum})
        super().__init__(
            label=parameter.label,
            help_text=help_text,
            initial=parameter.default,
            required=parameter.always_sent,
            widget=widget,
        )
        self.parameter = parameter

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        return value if isinstance(value, bool) else self.parameter.parse(str(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (self.parameter.default if initial is None else initial))
        except ValidationError:
            return True


class KeysField(ParameterField):
    """To which other input each item of a list belongs: one value for each row, chosen beside it."""

    def __init__(self, parameter: ParameterSpec) -> None:
        super().__init__(parameter)
        self.widget = KeysWidget()

    def to_python(self, value: Any) -> Any:
        # What it means depends on the rows, which the form knows.
        return value or None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return joined(str(initial or "").replace(" ", "").split(",")) != str(data or "")


class PromptField(forms.CharField):
    """The words. Line ends count as one character, as EvoLink counts them; what else is wrong the catalogue says."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(
            label=spec.prompt.label or _("Prompt"),
            help_text=str(spec.prompt.help_text),
            required=False,
            strip=False,
            widget=PromptArea(spec.prompt.max_length),
        )
        # Marked as needed for the eye; whether it is there is judged with everything else, all at once.
        self.is_needed = spec.prompt.required

    def to_python(self, value: Any) -> str:
        return normalised(str(super().to_python(value)))


class MetadataField(forms.JSONField):
    """A JSON object. A refused one is shown as it was typed: what it means may be nothing that a page can hold."""

    def to_python(self, value: Any) -> Any:
        if self.disabled or value in self.empty_values:
            return value if self.disabled else None
        return json_values.clean(json_values.read(value) if isinstance(value, str) else value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial if self.disabled else InvalidJSONInput(data or "")


class LinkField(forms.CharField):
    """An address that anyone can open, or one in each line. ``fold`` is what it is folded under while it is empty."""

    def __init__(
        self, wanted: InputSpec, label: StrOrPromise, help_text: StrOrPromise, fold: StrOrPromise = ""
    ) -> None:
        widget = (
            forms.Textarea(attrs={"rows": 3}) if wanted.max_items > 1 else forms.URLInput({"placeholder": "https://"})
        )
        super().__init__(label=label, help_text=help_text, required=False, widget=widget)
        # What cannot be left out is never folded away.
        self.is_needed, self.fold = wanted.required and not fold, fold


class PictureField(forms.FileField):
    """A picture, chosen here or kept from a form that was refused."""

    def __init__(self, wanted: InputSpec, label: StrOrPromise) -> None:
        help_text = format_lazy("{} {}", wanted.help_text, _MADE_FIT)
        super().__init__(
            label=label, help_text=help_text, required=False, allow_empty_file=True, widget=DropZone(wanted)
        )
        self.is_needed = wanted.required


def file_name(role: str) -> str:
    return f"{role}_file"


def link_name(role: str) -> str:
    return f"{role}_url"


def kept_name(role: str) -> str:
    return f"{role}_kept"


def input_fields(wanted: InputSpec) -> dict[str, forms.Field]:
    """Return the fields for one input of a model: a file for a picture, a link for everything."""
    role, label = wanted.role.value, wanted.label or capfirst(wanted.role.label)
    address = format_lazy(_("{input}: address that anyone can open"), input=label)
    if wanted.media == "image" and wanted.max_items == 1:
        return {
            file_name(role): PictureField(wanted, label),
            kept_name(role): forms.CharField(required=False, widget=forms.HiddenInput),
            link_name(role): LinkField(wanted, address, _AS_IT_IS, _("Use a link instead")),
        }
    if wanted.max_items > 1:
        address = format_lazy(_("{input}: addresses that anyone can open, one in each line"), input=label)
    help_text = f"{wanted.help_text} {_AS_IT_IS}" if wanted.media == "image" else str(wanted.help_text)
    fold = "" if wanted.required else _FOLDS.get(wanted.role, _("Add more"))
    return {link_name(role): LinkField(wanted, address, help_text, fold)}


def _fields_of(wanted: InputSpec) -> dict[str, forms.Field]:
    """Return the fields for one input of a task."""
    if not is_listed(wanted):
        return input_fields(wanted)
    role, label = wanted.role.value, wanted.label or capfirst(wanted.role.label)
    help_text = f"{wanted.help_text} {_AS_IT_IS}" if wanted.media == "image" else str(wanted.help_text)
    fold = "" if wanted.required else _FOLDS.get(wanted.role, _("Add more"))
    return {link_name(role): ItemsField(wanted, file_name(role), label, help_text, fold)}


def task_fields(spec: ModelSpec) -> dict[str, forms.Field]:
    """Return all fields for one model, in the order in which they are filled in."""
    fields: dict[str, forms.Field] = {}
    later: dict[str, forms.Field] = {}
    for wanted in spec.inputs:
        comes_first = wanted.required or wanted.role == InputRole.FIRST_FRAME
        (fields if comes_first else later).update(_fields_of(wanted))
    fields["prompt"] = PromptField(spec)
    fields.update(later)
    fields["model"] = model_field(spec)
    beside = {item.keys_parameter for item in spec.inputs}
    for parameter in spec.parameters:
        fields[parameter.name] = (KeysField if parameter.name in beside else ParameterField)(parameter)
    fields["notes"] = forms.CharField(
        label=_("Notes"), required=False, widget=forms.Textarea(attrs={"rows": 3, "class": "wv-notes"})
    )
    fields["metadata"] = MetadataField(
        label=_("Data for the site’s own code"),
        help_text=_('A JSON object, such as {"sku": "X1"}. It comes back with every signal.'),
        required=False,
        initial=dict,
        widget=forms.Textarea(attrs={"rows": 2, "class": "wv-notes wv-mono", "spellcheck": "false"}),
    )
    return fields


def model_field(spec: ModelSpec) -> forms.ChoiceField:
    """Return the choice of a model; a draft's own one is among them also where it is not offered any more."""
    offered = catalog.models()
    shown = offered if any(known.id == spec.id for known in offered) else (spec, *offered)
    models = [(known.id, known.label) for known in shown]
    return forms.ChoiceField(label=_("Model"), choices=models, initial=spec.id, required=False)


def fieldsets(spec: ModelSpec, *, with_metadata: bool) -> list[tuple[Any, dict[str, Any]]]:
    """Return where each field of the form stands: picture and words, the video's settings, and the rest."""
    beside = {item.keys_parameter: link_name(item.role.value) for item in spec.inputs if item.keys_parameter}
    settings = ["model", *(parameter.name for parameter in spec.parameters if parameter.name not in beside)]
    rest = ["notes", "metadata"] if with_metadata else ["notes"]
    words = [name for name in task_fields(spec) if name not in {*settings, *beside, "notes", "metadata"}]
    for parameter, name in beside.items():
        words.insert(words.index(name) + 1, parameter)
    media = {item.media for item in spec.inputs}
    first = _("Picture and words") if "image" in media else _("Clip and words") if "video" in media else _("Words")
    return [
        (first, {"fields": words}),
        (_("Video"), {"fields": settings}),
        (_("Notes"), {"fields": rest, "classes": ["wv-rest"]}),
    ]
