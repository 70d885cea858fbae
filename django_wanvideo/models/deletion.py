"""Deleting tasks: never one that may still cost or bring something, and never without its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import FileField
from django.db.models.signals import post_delete, pre_delete
from django.utils.translation import gettext as _

from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import BatchFile, DeletedTask, Film, MediaInput, VideoTask
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    from django.db.models import Model


def connect() -> None:
    """Bind the receivers; called once when Django is ready."""
    pre_delete.connect(refuse_active, sender=VideoTask, dispatch_uid="wanvideo.refuse_active")
    for model in (VideoTask, MediaInput, BatchFile, Film):
        if model is not VideoTask:
            pre_delete.connect(read_names, sender=model, dispatch_uid="wanvideo.read_names")
        post_delete.connect(delete_files, sender=model, dispatch_uid="wanvideo.delete_files")


def refuse_active(sender: type[Model], instance: VideoTask, using: str, **kwargs: Any) -> None:
    """Refuse (TransitionNotAllowed) a task that is on its way, whoever deletes it; of others, remember the caller's key."""
    # Locked, so that no worker claims the row between this look and the deletion.
    rows = VideoTask.objects.using(using).select_for_update().filter(pk=instance.pk)
    # The row rather than the instance, which may be old, or loaded in part.
    row = rows.values_list("status", "idempotency_scope", "idempotency_key", "created_at", "poster").first()
    if row is None:
        return
    status, scope, key, created_at, poster = row
    if status in ACTIVE_STATUSES:
        message = _("A task that has not ended cannot be deleted; this one is %(status)s.")
        raise TransitionNotAllowed(message % {"status": TaskStatus(status).label}, status=status, action="delete")
    read_names(sender, instance, using)
    # A worker may have given it another one since it was read.
    instance.poster = poster
    if key is not None:
        gone = DeletedTask(task_id=instance.pk, idempotency_scope=scope, idempotency_key=key, created_at=created_at)
        gone.save(using=using)


def read_names(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    """Read the names of files that the query left out: after the deletion there is no row to ask."""
    left_out = instance.get_deferred_fields().intersection(_file_fields(sender))
    if left_out:
        instance.refresh_from_db(using=using, fields=list(left_out))


def delete_files(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    """Delete the files of a row once the deletion is committed."""
    for name in _file_fields(sender):
        if stored := getattr(instance, name):
            files.delete_unreferenced_on_commit(stored.storage, stored.name)


def _file_fields(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if isinstance(field, FileField)]  # noqa: SLF001 - documented model API
