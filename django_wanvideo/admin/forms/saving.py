"""What a form makes or changes, once, and where it stops to ask the person first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django_wanvideo.admin.forms import conflicts, repeats
from django_wanvideo.admin.forms import idempotency as keys
from django_wanvideo.exceptions import EditConflict, IdempotencyConflict
from django_wanvideo.models.creation import creation, drafts, idempotency
from django_wanvideo.models.creation import repeats as recent

if TYPE_CHECKING:
    from django_wanvideo.admin.forms.task_forms import TaskForm
    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import MediaInput, VideoTask


class SavingMixin:
    """For forms of drafts. Both ways run while the form is checked, in a transaction of its own."""

    spec: ClassVar[ModelSpec]
    user: ClassVar[Any]
    #: What the new task is made from, if anything.
    parent: ClassVar[VideoTask | None] = None
    data: Any
    instance: Any
    cleaned_data: dict[str, Any]
    inputs: Any
    changed_inputs: Any
    parameters: Any
    is_new: Any
    metadata: Any

    def _create(self) -> VideoTask:
        wish = {"prompt": self.cleaned_data["prompt"], "model": self.spec.id, **self.inputs(), **self.parameters()}
        key = keys.posted(self.data) or keys.new()
        if not keys.is_another(self.data):
            self._ask_about_the_same(key)
        try:
            task, is_new = creation.get_or_create_task(
                owner=self.user,
                by=self.user,
                parent=self.parent,
                notes=self.cleaned_data.get("notes", ""),
                metadata=self.metadata(),
                idempotency_key=key,
                fix_inputs=True,
                **wish,
            )
        except IdempotencyConflict as conflict:
            labels = [conflicts.label(cast("TaskForm", self), name) for name in conflict.fields]
            raise repeats.Repeated(repeats.of_conflict(conflict, self._wanted(), labels)) from conflict
        if not is_new:
            raise repeats.SentAlready(task)
        return task

    def _ask_about_the_same(self, key: str) -> None:
        """Stop where the same person has asked for the same a moment ago, from another page."""
        alike = recent.like(
            owner=self.user,
            model=self.spec.id,
            prompt=self.cleaned_data["prompt"],
            parameters=self.parameters(),
            sources=self.inputs(),
        )
        if alike and key not in {task.idempotency_key for task in alike}:
            raise repeats.Repeated(repeats.of_task(alike[0], self._wanted()))

    def picture_of_earlier(self, role: str) -> MediaInput | None:
        """Return the picture of the task that this very page has made.

        A kept upload is forgotten once its task is there, and not every browser chooses a file again after Back.
        """
        key = keys.posted(self.data)
        if not (self.is_new and key) or idempotency.key_problem(key) is not None:
            return None
        task = idempotency.task_of(key, self.user)
        return task.inputs.filter(role=role).first() if task is not None else None

    def _wanted(self) -> list[Any]:
        """Return what tells this wish from others."""
        inputs = {role: [idempotency.digest_of(item) for item in items] for role, items in self.inputs().items()}
        return [self.spec.id, self.cleaned_data["prompt"], sorted(self.parameters().items()), sorted(inputs.items())]

    def _update(self) -> VideoTask:
        seen = self.data.get(conflicts.FIELD)
        while True:
            task: VideoTask = self.instance
            if seen and (differences := conflicts.changed(cast("TaskForm", self), task, conflicts.read(seen))):
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
