"""What stands in the form of a draft, read as the services take it."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.admin.forms import made_for, repeats, temporary_uploads
from django_wanvideo.admin.forms.fields import ParameterField, file_name, kept_name, link_name
from django_wanvideo.catalog import text
from django_wanvideo.catalog.images import inspection
from django_wanvideo.choices import InputRole
from django_wanvideo.db import database
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.models.creation import files, idempotency
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_wanvideo.admin.forms.conflicts import Difference
    from django_wanvideo.catalog import InputSpec, ModelSpec

    ModelForm = forms.ModelForm[VideoTask]
else:
    ModelForm = forms.ModelForm


FIRST_FRAME = InputRole.FIRST_FRAME.value


def parameters_of(form: forms.BaseForm, spec: ModelSpec, inputs: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return the parameters that were chosen; a default that a rule forbids beside the others counts as unset."""
    given = {
        name: form.cleaned_data[name]
        for name, field in form.fields.items()
        if isinstance(field, ParameterField) and form.cleaned_data.get(name) is not None
    }
    in_force = spec.effective_values(given) | {role: bool(items) for role, items in inputs.items()}
    for rule in spec.rules:
        name = rule.parameter
        if given.get(name) == spec.effective_values({}).get(name) and rule.is_broken(given, in_force):
            del given[name]
    return given


class TaskFormBase(ModelForm):
    """Fields of one model of the catalogue, filled in by one person."""

    spec: ClassVar[ModelSpec]
    #: The person, as owner of a new task and for the signed names of kept files.
    user: ClassVar[Any]
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

    #: What was sent; a copy that can be changed takes its place.
    data: Any

    class Meta:
        model = VideoTask
        fields = ()

    @property
    def is_new(self) -> bool:
        return self.instance._state.adding  # noqa: SLF001 - Django's way to ask

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

    def inputs(self) -> dict[str, list[Any]]:
        """Return what was given for each role: an upload, a kept upload, or links."""
        found: dict[str, list[Any]] = {}
        for wanted in self.spec.inputs:
            role = wanted.role.value
            links, token = self._links(wanted), self.kept_token(role)
            if (upload := self.cleaned_data.get(file_name(role))) is not None:
                found[role] = [upload, *links] if self.is_new_link(role) else [upload]
            elif links and (self.is_new_link(role) or not token):
                found[role] = links
            elif token and (stored := temporary_uploads.open_upload(token, owner=self.user.pk)) is not None:
                found[role] = [stored]
            elif (token or wanted.required) and (earlier := self._picture_of_earlier(role)) is not None:
                found[role] = [earlier]
        return found

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

    def metadata(self) -> Any:
        """Return the data for the site's own code; what is there already where the form does not offer it."""
        origin = self.origin if self.is_new else None
        known = {} if origin is None else {**origin.metadata, made_for.NAME: origin.key}
        if "metadata" not in self.fields:
            return known or self.instance.metadata
        value = self.cleaned_data.get("metadata")
        # A list without anything in it is no object, which the service says.
        return known if value is None else {**known, **value} if known and isinstance(value, dict) else value

    def kept_token(self, role: str) -> str:
        """Return the signed name of a kept upload that the form sends back, or an empty text."""
        return str(self.cleaned_data.get(kept_name(role)) or "")

    def is_new_link(self, role: str) -> bool:
        return link_name(role) in self.changed_data and bool(self.cleaned_data.get(link_name(role)))

    def _links(self, wanted: InputSpec) -> list[str]:
        """Return the links of one input: one in each line where there may be several, else all that was typed."""
        typed = (self.cleaned_data.get(link_name(wanted.role.value)) or "").strip()
        if wanted.max_items > 1:
            return text.lines(typed)
        return [typed] if typed else []

    def _picture_of_earlier(self, role: str) -> MediaInput | None:
        """Return the picture of the task that this very page has made.

        A kept upload is forgotten once its task is there, and not every browser chooses a file again after Back.
        """
        key = repeats.posted_key(self.data)
        if not (self.is_new and key) or idempotency.key_problem(key) is not None:
            return None
        task = idempotency.task_of(key, self.user)
        return task.inputs.filter(role=role).first() if task is not None else None

    @property
    def picture_roles(self) -> list[str]:
        """The roles whose picture can be given as a file."""
        return [item.role.value for item in self.spec.inputs if file_name(item.role.value) in self.fields]

    def show_pictures(self, kept_url: str) -> None:
        """Tell the file fields which pictures are there already; ``kept_url`` is the address that shows kept uploads."""
        stored = {} if self.is_new else by_role(self.instance.inputs.all())
        for role in self.picture_roles:
            token = self[kept_name(role)].value() or ""
            self._show_picture(role, token, next(iter(stored.get(role, [])), None), kept_url)

    def _show_picture(self, role: str, token: str, item: MediaInput | None, kept_url: str) -> None:
        widget: Any = self.fields[file_name(role)].widget
        widget.present = self._kept_picture(role, token, kept_url) if token else None
        if widget.present is None and item is not None and item.file:
            widget.present = temporary_uploads.TemporaryUpload(
                _("the present picture"),
                files.url_of(item.shown_file),
                width=item.width,
                height=item.height,
                size=item.size,
                sent=item.sent_size,
            )

    def _kept_picture(self, role: str, token: str, kept_url: str) -> temporary_uploads.TemporaryUpload | None:
        stored = temporary_uploads.open_upload(token, owner=self.user.pk)
        if stored is None:
            return None
        measured: dict[str, Any] = {}
        # What was refused may be no picture at all; the field says so.
        with stored, contextlib.suppress(ValidationError):
            facts = inspection.inspect_image(stored, convertible=True, spec=self.spec.input(role))
            sent = inspection.size_to_send(facts, self.spec.input(role))
            measured = {"width": facts.width, "height": facts.height, "sent": sent}
        url = f"{kept_url}?name={token}"
        return temporary_uploads.TemporaryUpload(str(stored.name), url, token=token, size=stored.size, **measured)

    def _refuse_lost_upload(self) -> None:
        """Say so where the kept picture is gone, so that nothing is made without the picture that was meant."""
        for role in self.picture_roles:
            name = file_name(role)
            is_meant = self.kept_token(role) and not self.cleaned_data.get(name)
            if is_meant and link_name(role) not in self.changed_data and not self.inputs().get(role):
                self.add_error(name, _("The picture that you chose cannot be read here any more. Choose it again."))

    def _settle_upload(self) -> None:
        """Keep the uploads of a form that is shown again; forget the kept ones of an accepted form."""
        if not (self.errors or self.is_question or self.is_read_only):
            for role in self.picture_roles:
                if token := self.kept_token(role):
                    # Not before the task is there for good: until then this is the only copy.
                    database.on_commit(partial(temporary_uploads.forget, token, owner=self.user.pk))
            return
        came = self.keep_uploads()
        given = self.inputs() if self.is_question and self.is_new else {}
        for role in [role for role in self.picture_roles if role not in came]:
            # Where the picture is that of the task which this page has made, the form gets a copy of its own.
            for item in given.get(role, []):
                if isinstance(item, MediaInput) and item.file:
                    self._carry(role, temporary_uploads.keep_copy(item.file, owner=self.user.pk))

    def keep_uploads(self) -> list[str]:
        """Keep the files that came with the form, and return the roles that one came for."""
        came = []
        # Also those that another model takes, so that choosing it again brings them back.
        for role in InputRole.values:
            upload = self.files.get(self.add_prefix(file_name(role)))
            if upload is not None:
                # Also where it cannot be kept: the picture that was chosen before is not the one that is meant now.
                self._carry(role, temporary_uploads.keep(upload, owner=self.user.pk))
                came.append(role)
        return came

    def _carry(self, role: str, token: str) -> None:
        self.data = self.data.copy()
        self.data[self.add_prefix(kept_name(role))] = token
