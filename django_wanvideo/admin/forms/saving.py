"""What a form makes or changes, once, and where it stops to ask the person first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_wanvideo.admin.forms import conflicts, repeats
from django_wanvideo.admin.forms.base import TaskFormBase
from django_wanvideo.exceptions import EditConflict, IdempotencyConflict
from django_wanvideo.models.creation import creation, drafts, idempotency
from django_wanvideo.models.creation import repeats as recent

if TYPE_CHECKING:
    from django_wanvideo.models import VideoTask


class SavingMixin(TaskFormBase):
    """For forms of drafts. Both ways run while the form is checked, in a transaction of its own."""

    def _create(self) -> VideoTask:
        inputs, parameters, prompt = self.inputs(), self.parameters(), self.cleaned_data["prompt"]

        def wanted() -> list[Any]:
            """What tells this wish from others."""
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
                fix_inputs=True,
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
                    fix_inputs=True,
                    **self.changed_inputs(),
                )
            except EditConflict:
                # Somebody was faster by a moment. The row is held from here on, so this comes once.
                self.instance = drafts.lock(task.pk) or task
            else:
                return task
