"""The forms of a task: one generated from the catalogue for drafts, one of notes for everything that was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin.forms import conflicts, repeats, temporary_uploads
from django_wanvideo.admin.forms.fields import ParameterField, file_name, kept_name, link_name, task_fields
from django_wanvideo.admin.forms.model_switch import SwitchingMixin
from django_wanvideo.admin.forms.saving import SavingMixin
from django_wanvideo.admin.forms.uploads import FIRST_FRAME, UploadsMixin
from django_wanvideo.catalog import text
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation import drafts, inspection

if TYPE_CHECKING:
    from django_wanvideo.catalog import InputSpec, ModelSpec

    _ModelForm = forms.ModelForm[VideoTask]
else:
    _ModelForm = forms.ModelForm


class NotesForm(_ModelForm):
    """All that can be changed once a task was sent. What somebody else has written meanwhile is not overwritten."""

    #: The notes as they are now, where they are not what the person saw.
    theirs: str | None = None

    class Meta:
        model = VideoTask
        fields = ("notes",)
        widgets = {"notes": forms.Textarea(attrs={"rows": 3, "class": "wv-notes"})}

    def clean(self) -> dict[str, Any] | None:
        """Look at the row once more, and hold it until the end of the transaction."""
        present, seen = drafts.lock(self.instance.pk), self.data.get(conflicts.FIELD)
        if present is not None and seen and conflicts.read(seen).get("notes") != drafts.digest(present.notes):
            is_same = self.cleaned_data.get("notes") == present.notes
            self.theirs = None if is_same else present.notes
        return super().clean()

    def is_valid(self) -> bool:
        """Ask again where both have written something."""
        return bool(super().is_valid()) and self.theirs is None


class TaskForm(SwitchingMixin, UploadsMixin, SavingMixin, _ModelForm):
    """A draft. What is acceptable the service says; its errors are put at their fields.

    The service is called while the form is checked, inside the transaction of the admin's view, because it is the one
    judge of what is acceptable.
    """

    spec: ClassVar[ModelSpec]
    #: Only to look at what was typed; nothing is made or changed.
    is_read_only = False
    #: What is there already and was asked for again.
    repeat: repeats.Repeat | None = None
    #: What somebody else has changed while this form was open.
    changed_meanwhile: list[conflicts.Difference]

    class Meta:
        model = VideoTask
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.changed_meanwhile = []
        if not self.is_new:
            self._fill_from_instance()

    # What is shown ------------------------------------------------------------------------------------------------

    def _fill_from_instance(self) -> None:
        task = self.instance
        stored = {item.role: item for item in task.inputs.all()}
        for name in ("prompt", "model", "notes", "metadata"):
            self.initial.setdefault(name, getattr(task, name))
        for name, value in task.parameters.items():
            self.initial.setdefault(name, value)
        for role, item in stored.items():
            if item.url:
                self.initial.setdefault(link_name(role), item.url)

    # What is checked ----------------------------------------------------------------------------------------------

    @property
    def is_question(self) -> bool:
        """Whether the person has to decide first; nothing is wrong with what was typed."""
        return self.repeat is not None or bool(self.changed_meanwhile)

    def is_valid(self) -> bool:
        """Save nothing that the person has to decide first."""
        return super().is_valid() and not self.is_question

    def parameters(self) -> dict[str, Any]:
        """Return the parameters that were chosen; a default that a rule forbids beside the others counts as unset."""
        given = {
            name: self.cleaned_data[name]
            for name, field in self.fields.items()
            if isinstance(field, ParameterField) and self.cleaned_data.get(name) is not None
        }
        in_force = self.spec.effective_values(given) | {role: bool(items) for role, items in self.inputs().items()}
        for rule in self.spec.rules:
            name = rule.parameter
            if given.get(name) == self.spec.effective_values({}).get(name) and rule.is_broken(given, in_force):
                del given[name]
        return given

    def inputs(self) -> dict[str, list[Any]]:
        """Return what was given for each role: an upload, a kept upload, or links."""
        found: dict[str, list[Any]] = {}
        for wanted in self.spec.inputs:
            role = wanted.role.value
            links = self._links(wanted)
            upload = self.cleaned_data.get(file_name(role))
            token = self.cleaned_data.get(kept_name(role)) or ""
            if upload is not None:
                found[role] = [upload, *links] if self._is_new_link(role) else [upload]
            elif links and (self._is_new_link(role) or not token):
                found[role] = links
            elif (stored := self._kept_picture_of(token)) is not None:
                found[role] = [stored]
            elif (token or wanted.required) and (earlier := self.picture_of_earlier(role)) is not None:
                found[role] = [earlier]
        return found

    def _kept_picture_of(self, token: str) -> Any:
        return temporary_uploads.open_kept(token, owner=self.user.pk) if token else None

    def _links(self, wanted: InputSpec) -> list[str]:
        """Return the links of one input: one in each line where there may be several, else all that was typed."""
        typed = (self.cleaned_data.get(link_name(wanted.role.value)) or "").strip()
        if wanted.max_items > 1:
            return text.lines(typed)
        return [typed] if typed else []

    def _is_new_link(self, role: str) -> bool:
        return link_name(role) in self.changed_data and bool(self.cleaned_data.get(link_name(role)))

    def _post_clean(self) -> None:
        """Let the service make or change the draft; nothing of the model's own checks is left to do."""
        self._refuse_two_pictures()
        self._refuse_lost_upload()
        try:
            if self.errors:
                self._report_the_rest()
            elif not self.is_read_only:
                with database.atomic():
                    self.instance = self._create() if self.is_new else self._update()
        except ValidationError as error:
            self._put_at_fields(error)
        except TransitionNotAllowed as error:
            self.add_error(None, str(error))
        except repeats.Repeated as repeated:
            self.repeat = repeated.repeat
        except conflicts.ChangedMeanwhile as changed:
            self.changed_meanwhile = changed.differences
        self._settle_upload()

    def _refuse_two_pictures(self) -> None:
        name = link_name(FIRST_FRAME)
        if self.cleaned_data.get(file_name(FIRST_FRAME)) and self._is_new_link(FIRST_FRAME):
            self.add_error(name, _("Give a file or a link, not both. Empty one of them."))

    def metadata(self) -> Any:
        if "metadata" not in self.fields:
            return self.instance.metadata
        value = self.cleaned_data.get("metadata")
        return {} if value is None else value

    def changed_inputs(self) -> dict[str, Any]:
        """Return new inputs by role; "" for those taken away, also those that another model does not take."""
        given = self.inputs()
        found: dict[str, Any] = {item.role: "" for item in self.instance.inputs.all()}
        for wanted in self.spec.inputs:
            role = wanted.role.value
            is_file = self.cleaned_data.get(file_name(role)) or self.cleaned_data.get(kept_name(role))
            if is_file or link_name(role) in self.changed_data:
                found[role] = given.get(role, "")
            else:
                found.pop(role, None)
        return found

    def _report_the_rest(self) -> None:
        """Beside fields that could not be read, say what else is wrong, so that nothing is found out one by one."""
        inputs = self.inputs()
        if not self.is_new and self.instance.first_frame is not None:
            inputs.setdefault(FIRST_FRAME, [self.instance.first_frame])
        try:
            catalog.clean(
                self.spec, prompt=self.cleaned_data.get("prompt", ""), parameters=self.parameters(), inputs=inputs
            )
        except ValidationError as error:
            self._put_at_fields(error)
        inspection.inspect(self.spec, inputs, fix=True)

    def _put_at_fields(self, error: ValidationError) -> None:
        errors = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
        for key, problems in errors.items():
            name = key
            if key not in self.fields:
                links = link_name(key) in self.fields and self.cleaned_data.get(link_name(key))
                name = link_name(key) if links or file_name(key) not in self.fields else file_name(key)
            if name not in self.fields:
                self.add_error(None, problems)
            elif name not in self.errors:
                self.add_error(name, problems)

    # What is saved ------------------------------------------------------------------------------------------------

    def _save_m2m(self) -> None:
        """Inputs were saved by the service."""

    def save(self, commit: bool = True) -> VideoTask:
        """Return the draft that the service has made or changed."""
        if self.errors:
            raise ValueError("The form has errors; nothing was saved.")
        self.save_m2m = self._save_m2m  # type: ignore[method-assign]
        task: VideoTask = self.instance
        return task


def task_form(spec: ModelSpec, user: Any, *, with_metadata: bool, parent: VideoTask | None = None) -> type[TaskForm]:
    """Return the form for drafts of one model, filled in by ``user``; a new one is made from ``parent``, if any."""
    fields = task_fields(spec)
    if not with_metadata:
        del fields["metadata"]
    return type(
        "TaskForm", (TaskForm,), {**fields, "spec": spec, "user": user, "parent": parent, "__module__": __name__}
    )
