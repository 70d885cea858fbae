"""What stands in the form of a draft, read as the services take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms

from django_wanvideo.admin.forms import repeats, temporary_uploads
from django_wanvideo.admin.forms.fields import ParameterField, file_name, kept_name, link_name
from django_wanvideo.catalog import text
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation import idempotency

if TYPE_CHECKING:
    from django_wanvideo.catalog import InputSpec, ModelSpec
    from django_wanvideo.models import MediaInput

    ModelForm = forms.ModelForm[VideoTask]
else:
    ModelForm = forms.ModelForm


class TaskFormBase(ModelForm):
    """Fields of one model of the catalogue, filled in by one person."""

    spec: ClassVar[ModelSpec]
    #: The person, as owner of a new task and for the signed names of kept files.
    user: ClassVar[Any]
    #: What the new task is made from, if anything.
    parent: ClassVar[VideoTask | None] = None
    #: Only to look at what was typed; nothing is made or changed.
    is_read_only = False

    #: What was sent; a copy that can be changed takes its place.
    data: Any

    class Meta:
        model = VideoTask
        fields = ()

    @property
    def is_new(self) -> bool:
        """Whether there is no draft yet."""
        return self.instance._state.adding  # noqa: SLF001 - Django's way to ask

    @property
    def is_question(self) -> bool:
        """Whether the person has to decide something first."""
        return False

    def parameters(self) -> dict[str, Any]:
        """Return the parameters that were chosen; a default that a rule forbids beside the others counts as unset."""
        given = {
            name: self.cleaned_data[name]
            for name, field in self.fields.items()
            if isinstance(field, ParameterField) and self.cleaned_data.get(name) is not None
        }
        in_force = self.spec.in_force(given) | {role: bool(items) for role, items in self.inputs().items()}
        for rule in self.spec.rules:
            name = rule.parameter
            if given.get(name) == self.spec.in_force({}).get(name) and rule.is_broken(given, in_force):
                del given[name]
        return given

    def inputs(self) -> dict[str, list[Any]]:
        """Return what was given for each role: an upload, a kept upload, or links."""
        found: dict[str, list[Any]] = {}
        for wanted in self.spec.inputs:
            role = wanted.role.value
            links = self._links(wanted)
            upload = self.cleaned_data.get(file_name(role))
            token = self.kept_token(role)
            if upload is not None:
                found[role] = [upload, *links] if self.is_new_link(role) else [upload]
            elif links and (self.is_new_link(role) or not token):
                found[role] = links
            elif token and (stored := temporary_uploads.open_kept(token, owner=self.user.pk)) is not None:
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
        if "metadata" not in self.fields:
            return self.instance.metadata
        value = self.cleaned_data.get("metadata")
        return {} if value is None else value

    def kept_token(self, role: str) -> str:
        """Return the signed name of a kept upload that the form sends back, or an empty text."""
        return str(self.cleaned_data.get(kept_name(role)) or "")

    def is_new_link(self, role: str) -> bool:
        """Whether another link was typed than was there."""
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
