"""What stands in the form of a draft, read as the services take it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django_wanvideo.admin.forms import items, made_for, temporary_uploads
from django_wanvideo.admin.forms.fields import ParameterField, file_name, kept_name, link_name
from django_wanvideo.admin.forms.form_inputs import InputsForm
from django_wanvideo.admin.forms.widgets import KEPT, joined, posted_keys
from django_wanvideo.catalog import MediaFacts
from django_wanvideo.choices import InputRole
from django_wanvideo.db import database
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django import forms

    from django_wanvideo.admin.forms import repeats
    from django_wanvideo.admin.forms.conflicts import Difference
    from django_wanvideo.catalog import ModelSpec


FIRST_FRAME = InputRole.FIRST_FRAME.value


def parameters_of(form: forms.BaseForm, spec: ModelSpec, inputs: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return the parameters that were chosen; a default that a rule forbids beside the others counts as unset."""
    given = {
        name: form.cleaned_data[name]
        for name, field in form.fields.items()
        if isinstance(field, ParameterField) and form.cleaned_data.get(name) is not None
    }
    effective = spec.effective_values(given) | {role: bool(items) for role, items in inputs.items()}
    for rule in spec.rules:
        name = rule.parameter
        if given.get(name) == spec.effective_values({}).get(name) and rule.is_broken(given, effective):
            del given[name]
    return given


class TaskFormBase(InputsForm):
    """Fields of one model of the catalogue, filled in by one person."""

    #: What the new task is made from, if anything.
    parent: ClassVar[VideoTask | None] = None
    #: The object of the site's own that the new task is made for, if any.
    origin: ClassVar[made_for.MadeFor | None] = None
    #: Only to look at what was typed; nothing is made or changed.
    is_read_only = False
    #: What is there already and was asked for again.
    repeat: repeats.Repeat | None = None
    #: What somebody else has changed while this form was open.
    changed_meanwhile: Sequence[Difference] = ()

    class Meta:
        model = VideoTask
        fields = ()

    @property
    def is_question(self) -> bool:
        """Whether the person has to decide first; nothing is wrong with what was typed."""
        return self.repeat is not None or bool(self.changed_meanwhile)

    def parameters(self) -> dict[str, Any]:
        """Return the parameters that were chosen; a default that a rule forbids beside the others counts as unset."""
        inputs = self.inputs()
        if not self.is_new:
            changed = self.changed_inputs()
            kept = by_role(self.instance.inputs.all()).items()
            inputs = {role: items for role, items in kept if role not in changed} | inputs
        return parameters_of(self, self.spec, inputs)

    def clips(self) -> dict[str, list[MediaFacts]]:
        """Return what is known of the clips in the form that are billed, by role."""
        found: dict[str, list[MediaFacts]] = {}
        for role in (item.role.value for item in self.spec.price.input_seconds):
            field: Any = self.fields[link_name(role)]
            given = [self._facts(value) for value in field.to_python(self._values(role))]
            # What cannot be left out is part of every price.
            found[role] = given or [MediaFacts()] * self.spec.input(role).required
        return found

    def metadata(self) -> Any:
        """Return the data for the site's own code; what is there already where the form does not offer it."""
        origin = self.origin if self.is_new else None
        known = {} if origin is None else {**origin.metadata, made_for.NAME: origin.key}
        if "metadata" not in self.fields:
            return known or self.instance.metadata
        value = self.cleaned_data.get("metadata")
        # A list without anything in it is no object, which the service says.
        return known if value is None else {**known, **value} if known and isinstance(value, dict) else value

    def _settle_upload(self) -> None:
        """Keep the uploads of a form that is shown again; forget the kept ones of an accepted form."""
        if not (self.errors or self.is_question or self.is_read_only):
            several = [value for wanted in self.several for value in self._values(wanted.role.value)]
            tokens = [value.removeprefix(KEPT) for value in several if value.startswith(KEPT)]
            for token in filter(None, [*map(self.kept_token, self.picture_roles), *tokens]):
                # Not before the task is there for good: until then this is the only copy.
                database.on_commit(partial(temporary_uploads.forget, token, owner=self.user.pk))
            return
        came = self.keep_uploads()
        given = self.inputs() if self.is_question and self.is_new else {}
        for role, found in given.items():
            # Where the picture is that of the task which this page has made, the form gets a copy of its own.
            for position, item in enumerate(found):
                if role not in came and isinstance(item, MediaInput) and item.file:
                    self._carry(role, position, self._copied(role, item))

    def keep_uploads(self) -> list[str]:
        """Keep the files that came with the form, and return the roles that one came for."""
        came = []
        self.data = self.data.copy()
        several = {wanted.role.value for wanted in self.several}
        if not items.pressed(self.data):
            self._settle_keys({role: self._values(role) for role in several})
        # Also those that another model takes, so that choosing it again brings them back.
        for role in InputRole.values:
            uploads = self.files.getlist(self.add_prefix(file_name(role))) if self.files else []
            if role in several:
                self._keep_several(role, uploads)
            elif uploads:
                # Also where it cannot be kept: the picture that was chosen before is not the one that is meant now.
                self._carry(role, 0, temporary_uploads.keep(uploads[0], owner=self.user.pk))
            came += [role] if uploads else []
        return came

    def _settle_keys(self, rows: Mapping[str, Sequence[str]]) -> None:
        """Let what belongs to other inputs follow them where empty rows go, also what waits for another model."""
        for parameter, wanted in items.with_keys().items():
            name = self.add_prefix(parameter)
            if any(keys := posted_keys(self.data, name)):
                self.data[name] = joined(items.keys_of_given(wanted, keys, rows))

    def _keep_several(self, role: str, uploads: list[Any]) -> None:
        field: Any = self.fields[link_name(role)]
        # A button names an item by its place among all that the page shows, empty ones too.
        values = self._values(role) if items.pressed(self.data) else field.to_python(self._values(role))
        for upload in uploads:
            token = temporary_uploads.keep(upload, owner=self.user.pk, wanted=self.spec.input(role))
            if not token:
                self._unkept[role, len(values)] = upload.name or ""
            values.append(f"{KEPT}{token}" if token else "")
        self.data.setlist(self.add_prefix(link_name(role)), values)

    def _carry(self, role: str, position: int, token: str) -> None:
        if any(wanted.role == role for wanted in self.several):
            values = self._values(role)
            values[position] = f"{KEPT}{token}" if token else ""
            self.data.setlist(self.add_prefix(link_name(role)), values)
        else:
            self.data[self.add_prefix(kept_name(role))] = token

    def portable(self, role: str) -> list[str]:
        """Return the items of a role so that another form takes them: stored files as kept copies."""
        found = []
        for value in self._values(role):
            stored = self._stored(value)
            copy = self._copied(role, stored) if stored is not None and stored.file else ""
            found.append(f"{KEPT}{copy}" if copy else value)
        return found

    def _copied(self, role: str, item: MediaInput) -> str:
        return temporary_uploads.keep_copy(item.file, owner=self.user.pk, wanted=self.spec.input(role))
