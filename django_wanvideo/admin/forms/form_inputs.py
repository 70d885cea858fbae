"""The inputs that stand in the form of a draft: read as the services take them, and shown again."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.admin.forms import items, repeats, temporary_uploads
from django_wanvideo.admin.forms.fields import file_name, kept_name, link_name
from django_wanvideo.admin.forms.temporary_uploads import TemporaryUpload
from django_wanvideo.admin.forms.widgets import KEPT, STORED, Row
from django_wanvideo.catalog import MediaFacts
from django_wanvideo.models.creation import idempotency, inspection
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from django_wanvideo.catalog import InputSpec, ModelSpec
    from django_wanvideo.models import MediaInput, VideoTask

    ModelForm = forms.ModelForm[VideoTask]
else:
    ModelForm = forms.ModelForm


class InputsForm(ModelForm):
    """Inputs of one model: one of a role has a field for a file and one for a link, several stand in one order."""

    spec: ClassVar[ModelSpec]
    #: The person, as owner of a new task and for the signed names of kept files.
    user: ClassVar[Any]
    #: What was sent; a copy that can be changed takes its place.
    data: Any
    #: The role and the place of the item that was moved or added just now.
    focus: tuple[str, int] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: What is wrong with single items, by role and place.
        self.item_problems: defaultdict[str, dict[int, list[ValidationError]]] = defaultdict(dict)
        #: Names of chosen files that could not be kept, by role and place.
        self._unkept: dict[tuple[str, int], str] = {}

    @property
    def is_new(self) -> bool:
        return self.instance._state.adding  # noqa: SLF001 - Django's way to ask

    def inputs(self) -> dict[str, list[Any]]:
        """Return what was given for each role: uploads, kept uploads, links, and stored inputs of several."""
        found: dict[str, list[Any]] = {}
        for wanted in self.spec.inputs:
            role = wanted.role.value
            given = self._several(role) if items.is_listed(wanted) else self._one(wanted)
            if given:
                found[role] = given
        return found

    def _one(self, wanted: InputSpec) -> list[Any]:
        role = wanted.role.value
        typed = (self.cleaned_data.get(link_name(role)) or "").strip()
        links, token = [typed] if typed else [], self.kept_token(role)
        if (upload := self.cleaned_data.get(file_name(role))) is not None:
            return [upload, *links] if self.is_new_link(role) else [upload]
        if links and (self.is_new_link(role) or not token):
            return links
        if token and (stored := temporary_uploads.open_upload(token, owner=self.user.pk)) is not None:
            return [stored]
        if (token or wanted.required) and (earlier := self._input_of_earlier(role)) is not None:
            return [earlier]
        return []

    def _several(self, role: str) -> list[Any]:
        given = self.cleaned_data.get(link_name(role)) or []
        found = (self._item(role, position, value) for position, value in enumerate(given))
        return [item for item in found if item is not None]

    def _item(self, role: str, position: int, value: Any) -> Any:
        """Return what an item stands for; ``None`` for a file that is gone."""
        if not isinstance(value, str):
            return value
        if value.startswith(KEPT):
            kept = temporary_uploads.open_upload(value.removeprefix(KEPT), owner=self.user.pk)
            return kept if kept is not None else self._input_of_earlier(role, position)
        return self._stored(value) if value.startswith(STORED) else value

    def _stored(self, value: str) -> MediaInput | None:
        stored = [] if self.is_new else self.instance.inputs.all()
        return next((item for item in stored if f"{STORED}{item.pk}" == value), None)

    def changed_inputs(self) -> dict[str, Any]:
        """Return new inputs by role; "" for those taken away, also those that another model does not take."""
        given = self.inputs()
        found: dict[str, Any] = {item.role: "" for item in self.instance.inputs.all()}
        for wanted in self.spec.inputs:
            role = wanted.role.value
            is_file = self.cleaned_data.get(file_name(role)) or self.kept_token(role)
            if is_file or link_name(role) in self.changed_data:
                found[role] = given.get(role, "")
            else:
                found.pop(role, None)
        return found

    def kept_token(self, role: str) -> str:
        """Return the signed name of a kept upload that the form sends back, or an empty text."""
        return str(self.cleaned_data.get(kept_name(role)) or "")

    def is_new_link(self, role: str) -> bool:
        return link_name(role) in self.changed_data and bool(self.cleaned_data.get(link_name(role)))

    def _input_of_earlier(self, role: str, position: int = 0) -> MediaInput | None:
        """Return the input of the task that this very page has made.

        A kept upload is forgotten once its task is there, and not every browser chooses a file again after Back.
        """
        key = repeats.posted_key(self.data)
        if not (self.is_new and key) or idempotency.key_problem(key) is not None:
            return None
        task = idempotency.task_of(key, self.user)
        return task.inputs.filter(role=role, position=position).first() if task is not None else None

    @property
    def picture_roles(self) -> list[str]:
        """The roles whose one input can be given as a file."""
        return [item.role.value for item in self.spec.inputs if file_name(item.role.value) in self.fields]

    @property
    def several(self) -> list[InputSpec]:
        """The inputs that stand in a list."""
        return [item for item in self.spec.inputs if items.is_listed(item)]

    def _facts(self, value: str) -> MediaFacts:
        if value.startswith(KEPT):
            return temporary_uploads.facts(value.removeprefix(KEPT), owner=self.user.pk)
        stored = self._stored(value)
        return stored.facts if stored is not None else MediaFacts()

    def clean(self) -> dict[str, Any] | None:
        """Read to which input each item belongs that belongs to another."""
        cleaned = super().clean()
        for wanted in filter(lambda item: item.keys_parameter, self.several):
            self.cleaned_data[wanted.keys_parameter] = self._keys(wanted)
        return cleaned

    def _keys(self, wanted: InputSpec) -> str | None:
        roles = [wanted.role.value, *(role for _word, role in wanted.key_roles)]
        counts = {role: len(self.cleaned_data.get(link_name(role)) or []) for role in roles}
        chosen = items.keys_of_given(wanted, self._chosen_keys(wanted), {role: self._values(role) for role in roles})
        keys = [*chosen, *[""] * counts[wanted.role]][: counts[wanted.role]]
        for position in [position for position, key in enumerate(keys) if key is None]:
            words = _("What you chose for it is empty. Choose again.")
            self.item_problems[wanted.role.value][position] = [ValidationError(words)]
        return items.filled_keys(wanted, keys, counts)

    def _chosen_keys(self, wanted: InputSpec) -> list[str]:
        return str(self[wanted.keys_parameter].value() or "").replace(" ", "").split(",")

    # What is wrong ---------------------------------------------------------------------------------------------------

    def _refuse_lost_upload(self) -> None:
        """Say so where a kept file is gone, so that nothing is made without what was meant."""
        lost = _("The file that you chose cannot be read here any more. Choose it again.")
        for role in self.picture_roles:
            name = file_name(role)
            is_meant = self.kept_token(role) and not self.cleaned_data.get(name)
            if is_meant and link_name(role) not in self.changed_data and not self.inputs().get(role):
                self.add_error(name, lost)
        for wanted in self.several:
            role = wanted.role.value
            for position, value in enumerate(self.cleaned_data.get(link_name(role)) or []):
                if self._item(role, position, value) is None:
                    self.item_problems[role][position] = [ValidationError(lost)]
            if problems := self.item_problems.get(role):
                self.add_error(link_name(role), items.refused(wanted, problems))

    def sorted_problems(self, role: str, problems: list[ValidationError]) -> list[ValidationError]:
        """Put what is wrong with single items beside them, and return what stands at their field."""
        wanted = self.spec.input(role)
        if wanted.max_items == 1:
            return problems
        keep_of = None if self.is_new or self.instance.model != self.spec.id else self.instance
        own: list[str] = []
        for position, value in enumerate(self.cleaned_data.get(link_name(role)) or []):
            item = self._item(role, position, value)
            try:
                inspection.inspect(self.spec, {role: [item]}, keep_of=keep_of, fix="images")
            except ValidationError as error:
                self.item_problems[role][position] = error.error_dict[role]
                own += error.messages
        rest = [problem for problem in problems if not set(problem.messages) <= {*own}]
        return [items.refused(wanted, self.item_problems[role]), *rest] if own else rest

    # What is shown again ---------------------------------------------------------------------------------------------

    def show_inputs(self, kept_url: str) -> None:
        """Tell the fields which files are there already; ``kept_url`` is the address that shows kept uploads."""
        stored = {} if self.is_new else by_role(self.instance.inputs.all())
        for role in self.picture_roles:
            widget: Any = self.fields[file_name(role)].widget
            token = self[kept_name(role)].value() or ""
            widget.present = self._kept(role, token, kept_url) if token else None
            item = next(iter(stored.get(role, [])), None)
            if widget.present is None and item is not None and item.file:
                widget.present = temporary_uploads.stored(item)
        for wanted in self.several:
            role = wanted.role.value
            several: Any = self.fields[link_name(role)].widget
            several.rows = [self._row(wanted, *item, kept_url) for item in enumerate(self._values(role))]
            if wanted.max_items == 1 and several.rows:
                # What is wrong with the only one stands at the field.
                items.worded(self.errors.as_data().get(link_name(role), []), several.rows[0])
        for wanted in filter(lambda item: item.keys_parameter, self.several):
            self._show_keys(wanted)

    def _show_keys(self, wanted: InputSpec) -> None:
        field: Any = self.fields[wanted.keys_parameter]
        several: Any = self.fields[link_name(wanted.role.value)].widget
        several.keys_name, several.keys_unset = self.add_prefix(wanted.keys_parameter), field.parameter.unset_label
        field.widget.rows = len(several.rows)
        counts: dict[str, int] = {role: len(self._values(role)) for _word, role in wanted.key_roles}
        items.set_keys(several.rows, items.key_choices(self.spec, wanted, counts), self._chosen_keys(wanted))

    def _values(self, role: str) -> list[str]:
        name = link_name(role)
        values = self.data.getlist(self.add_prefix(name)) if self.is_bound else self.initial.get(name) or []
        return [values] if isinstance(values, str) else list(values)

    def _row(self, wanted: InputSpec, position: int, value: str, kept_url: str) -> Row:
        role = wanted.role.value
        row = Row(items.name_of(wanted, position), value, has_focus=self.focus == (role, position))
        if value.startswith(KEPT):
            row.present = self._kept(role, value.removeprefix(KEPT), kept_url)
        elif (item := self._stored(value)) is not None:
            row.present = temporary_uploads.stored(item)
        elif (role, position) in self._unkept:
            row.present = TemporaryUpload(self._unkept[role, position], "")
        return items.describe(row, wanted, self.item_problems[role].get(position, []))

    def _kept(self, role: str, token: str, kept_url: str) -> TemporaryUpload | None:
        return temporary_uploads.present(token, self.spec.input(role), kept_url, owner=self.user.pk)
