"""A form that changes to another model's settings: nothing is made of what was typed, and nothing of it is lost.

What the new model has no field for stays in the page as hidden values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict

from django_wanvideo import catalog
from django_wanvideo.admin.forms import items, temporary_uploads
from django_wanvideo.admin.forms.base import TaskFormBase
from django_wanvideo.admin.forms.fields import kept_name, link_name
from django_wanvideo.admin.forms.widgets import KEPT
from django_wanvideo.catalog import media

if TYPE_CHECKING:
    from django_wanvideo.catalog import InputSpec, ModelSpec, ParameterSpec


class ModelSwitchMixin(TaskFormBase):
    @property
    def is_model_switch(self) -> bool:
        """Whether the form came in only to show, or without having shown, the settings of its model."""
        if not self.is_bound or self.is_read_only:
            return False
        return (
            "_model" in self.data
            or bool(items.pressed(self.data))
            or self.data.get("shown_model") not in {None, "", self.spec.id}
        )

    @property
    def carried_over(self) -> list[tuple[str, str]]:
        """Names and values that were filled in for other models."""
        if not self.is_bound:
            return []
        names = dict.fromkeys(name for spec in catalog.known() for name in _names(spec) if name not in self.fields)
        values = {name: self.data.getlist(self.add_prefix(name)) for name in names}
        # An empty one among others has its place.
        return [(name, value) for name, found in values.items() if any(found) for value in found]

    def is_valid(self) -> bool:
        """Refuse what was filled in for another model: its settings must be seen first."""
        return super().is_valid() and not self.is_model_switch

    def full_clean(self) -> None:
        """Where another model was chosen, only keep the upload and fill in what is new."""
        if not self.is_model_switch:
            super().full_clean()
            return
        self._errors = ErrorDict()
        self.cleaned_data = {}
        self.keep_uploads()
        self.focus = items.rearrange(self.data, self.several, self.add_prefix, self._beginning_of)
        shown = catalog.find(self.data.get("shown_model"))
        were = {parameter.name: parameter for parameter in shown.parameters} if shown is not None else {}
        for name, parameter in were.items():
            if parameter.kind == "boolean":
                # A tick box that is off sends nothing, which must not look like one that was never there.
                self.data.setdefault(self.add_prefix(name), "false")
        for parameter in self.spec.parameters:
            self._fill_in(parameter, were.get(parameter.name))

    def _beginning_of(self, wanted: InputSpec, position: int, value: str) -> str:
        """Keep the beginning of a clip or a sound that is too long, and return what stands for it in the form.

        Where it cannot be cut, the item stays, and it is said beside it what to do.
        """
        if not media.can_cut(wanted, self._facts(value)):
            return value
        stored = self._stored(value)
        token = value.removeprefix(KEPT) if stored is None else self._copied(wanted.role.value, stored)
        try:
            return KEPT + temporary_uploads.keep_beginning(token, owner=self.user.pk, wanted=wanted)
        except ValidationError as error:
            self.item_problems[wanted.role.value][position] = error.error_list
            return value

    def _fill_in(self, parameter: ParameterSpec, was: ParameterSpec | None) -> None:
        """Choose what the new field of ``parameter`` shows; ``was`` is the one that stood in the page, if any."""
        name, before = self.add_prefix(parameter.name), self.add_prefix(_before(parameter.name))
        posted, waiting = self.data.get(name), self.data.get(before)
        is_untouched = was is None or posted is None or posted == _default(was)
        if waiting and is_untouched and _takes(parameter, waiting):
            self.data[name] = waiting
            del self.data[before]
        elif posted is None:
            if was is None and parameter.default is not False:
                self.data[name] = _default(parameter)
        elif not _takes(parameter, posted):
            if not (waiting and is_untouched):
                self.data[before] = posted
            self.data[name] = _default(parameter)
        elif waiting and not is_untouched:
            del self.data[before]


def _names(spec: ModelSpec) -> list[str]:
    inputs = [name(item.role.value) for item in spec.inputs for name in (link_name, kept_name)]
    parameters = [parameter.name for parameter in spec.parameters]
    return [*inputs, *parameters, *(_before(name) for name in parameters)]


def _before(name: str) -> str:
    """The hidden value that stood in a field before a model that does not have this value."""
    return f"{name}_before"


def _default(parameter: ParameterSpec) -> str:
    return "" if parameter.default is None else str(parameter.default)


def _takes(parameter: ParameterSpec, text: str) -> bool:
    """Whether the field of a parameter can show a text at all; a number can be shown even if it is too large."""
    known = {str(option.value) for option in parameter.options} | ({""} if parameter.default is None else set())
    return parameter.kind != "choice" or text in known
