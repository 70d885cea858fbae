"""The forms of a task: one generated from the catalogue for drafts, one of notes for everything that was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin.forms import conflicts, repeats
from django_wanvideo.admin.forms.fields import file_name, link_name, task_fields
from django_wanvideo.admin.forms.form_inputs import ModelForm
from django_wanvideo.admin.forms.preset_forms import PresetMixin
from django_wanvideo.admin.forms.widgets import STORED
from django_wanvideo.db import database
from django_wanvideo.exceptions import EditConflict, IdempotencyConflict, TransitionNotAllowed
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation import creation, drafts, idempotency, inspection
from django_wanvideo.models.creation import repeats as recent
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from django_wanvideo.admin.forms.made_for import MadeFor
    from django_wanvideo.catalog import ModelSpec


class NotesForm(ModelForm):
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
        return super().is_valid() and self.theirs is None


class TaskForm(PresetMixin):
    """A draft. The service is called while the form is checked, because it is the one judge of what is acceptable."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_new:
            task = self.instance
            stored = by_role(task.inputs.all())
            links: dict[str, Any] = {
                link_name(role): "\n".join(item.url for item in items if item.url) for role, items in stored.items()
            }
            for role in (wanted.role.value for wanted in self.several):
                links[link_name(role)] = [item.url or f"{STORED}{item.pk}" for item in stored.get(role, [])]
            own = {name: getattr(task, name) for name in ("prompt", "model", "notes", "metadata")}
            self.initial = {**links, **task.parameters, **own, **self.initial}

    def is_valid(self) -> bool:
        """Save nothing that the person has to decide first."""
        return super().is_valid() and not self.is_question

    def _post_clean(self) -> None:
        """Let the service make or change the draft; nothing of the model's own checks is left to do."""
        if self.is_preset_save:
            self.keep_preset()
            return
        for role in self.picture_roles:
            if self.cleaned_data.get(file_name(role)) and self.is_new_link(role):
                self.add_error(link_name(role), _("Give a file or a link, not both. Empty one of them."))
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

    def _report_the_rest(self) -> None:
        """Beside fields that could not be read, say what else is wrong, so that nothing is found out one by one."""
        inputs = self.inputs()
        for role, items in by_role([] if self.is_new else self.instance.inputs.all()).items():
            if self.spec.has_role(role):
                inputs.setdefault(role, list(items))
        try:
            catalog.clean(
                self.spec, prompt=self.cleaned_data.get("prompt", ""), parameters=self.parameters(), inputs=inputs
            )
        except ValidationError as error:
            self._put_at_fields(error)
        inspection.inspect(self.spec, inputs, fix="images")

    def _put_at_fields(self, error: ValidationError) -> None:
        errors = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
        beside = {item.keys_parameter: item.role.value for item in self.several if item.keys_parameter}
        for wrong, problems in errors.items():
            # What an item belongs to is chosen beside it.
            name = key = beside.get(wrong, wrong)
            if key not in self.fields:
                links = link_name(key) in self.fields and self.cleaned_data.get(link_name(key))
                name = link_name(key) if links or file_name(key) not in self.fields else file_name(key)
            is_several = any(wanted.role == key for wanted in self.several)
            if name not in self.fields:
                self.add_error(None, problems)
            elif name not in self.errors:
                self.add_error(name, self.sorted_problems(key, problems) if is_several else problems)

    def _create(self) -> VideoTask:
        inputs: dict[str, Any] = self.inputs()
        parameters = self.parameters()
        prompt = self.filled_prompt(inputs)

        def wanted() -> list[Any]:
            digests = {role: [idempotency.digest_of(item) for item in items] for role, items in inputs.items()}
            return [self.spec.id, prompt, sorted(parameters.items()), sorted(digests.items())]

        key = repeats.key_of(self.data)
        if not repeats.is_another(self.data):
            # The same may have been asked for a moment ago, from another page.
            alike = recent.like(
                owner=self.user, model=self.spec.id, prompt=prompt, parameters=parameters, sources=inputs
            )
            if alike and key not in {task.idempotency_key for task in alike}:
                raise repeats.of_task(alike[0], wanted())
        try:
            task, is_new = creation.get_or_create_task(
                owner=self.user,
                by=self.user,
                parent=self.parent,
                model=self.spec.id,
                prompt=prompt,
                notes=self.cleaned_data.get("notes", ""),
                metadata=self.metadata(),
                idempotency_key=key,
                fix_inputs="images",
                **inputs,
                **parameters,
            )
        except IdempotencyConflict as conflict:
            labels = [conflicts.label(self, name) for name in conflict.fields]
            raise repeats.of_conflict(conflict, wanted(), labels) from conflict
        if not is_new:
            raise repeats.SentAlready(task)
        return task

    def _update(self) -> VideoTask:
        seen = self.data.get(conflicts.FIELD)
        while True:
            task = self.instance
            if seen and (differences := conflicts.changed(self, task, conflicts.read(seen))):
                raise conflicts.ChangedMeanwhile(differences)
            try:
                creation.update_draft(
                    task,
                    prompt=self.cleaned_data["prompt"],
                    parameters=self.parameters(),
                    notes=self.cleaned_data.get("notes", ""),
                    metadata=self.metadata(),
                    model=self.spec.id,
                    version=drafts.version_of(task) if seen else None,
                    fix_inputs="images",
                    **self.changed_inputs(),
                )
            except EditConflict:
                # Somebody was faster by a moment. The row is held from here on, so this comes once.
                self.instance = drafts.lock(task.pk) or task
            else:
                return task

    def save(self, commit: bool = True) -> VideoTask:
        if self.errors:
            raise ValueError("The form has errors; nothing was saved.")
        return self.instance

    def save_m2m(self) -> None:
        """Inputs were saved by the service."""


def task_form(
    spec: ModelSpec,
    user: Any,
    *,
    with_metadata: bool,
    parent: VideoTask | None = None,
    origin: MadeFor | None = None,
) -> type[TaskForm]:
    """Return the form for drafts of one model, filled in by ``user``.

    A new one is made from ``parent`` and for ``origin``, if any.
    """
    fields = task_fields(spec)
    if not with_metadata:
        del fields["metadata"]
    own = {"spec": spec, "user": user, "parent": parent, "origin": origin, "__module__": __name__}
    return type("TaskForm", (TaskForm,), {**fields, **own})
