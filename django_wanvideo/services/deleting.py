"""Deleting tasks: never one that may still cost or bring something, and never without its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models.signals import post_delete, pre_delete
from django.utils.translation import gettext as _

from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.exceptions import NotPossible
from django_wanvideo.models import DeletedTask, MediaInput, VideoTask
from django_wanvideo.services.media import delete_after_commit

if TYPE_CHECKING:
    from django.db.models import Model


def connect() -> None:
    """Bind the receivers; called once when Django is ready."""
    pre_delete.connect(refuse_active, sender=VideoTask, dispatch_uid="wanvideo.refuse_active")
    post_delete.connect(remember_key, sender=VideoTask, dispatch_uid="wanvideo.remember_key")
    post_delete.connect(delete_video, sender=VideoTask, dispatch_uid="wanvideo.delete_video")
    post_delete.connect(delete_input_files, sender=MediaInput, dispatch_uid="wanvideo.delete_input_files")


def refuse_active(sender: type[Model], instance: VideoTask, using: str, **kwargs: Any) -> None:
    """Keep a task that is on its way, whoever deletes it.

    Raises:
        NotPossible: the task is queued, at EvoLink, or being stored.
    """
    # Locked, so that no worker claims the row between this look and the deletion.
    rows = VideoTask.objects.using(using).select_for_update().filter(pk=instance.pk)
    status = rows.values_list("status", flat=True).first()
    if status in ACTIVE_STATUSES:
        words = {"status": TaskStatus(status).label}
        raise NotPossible(_("A task that has not ended cannot be deleted; this one is %(status)s.") % words)


def remember_key(sender: type[Model], instance: VideoTask, using: str, **kwargs: Any) -> None:
    """Leave a row where the caller gave the task a key, in the deletion's own transaction."""
    key = getattr(instance, "idempotency_key", None)
    if key:
        DeletedTask.objects.using(using).update_or_create(
            task_id=instance.pk,
            defaults={
                "idempotency_scope": getattr(instance, "idempotency_scope", "") or "",
                "idempotency_key": key,
                "created_at": instance.created_at,
            },
        )


def delete_video(sender: type[Model], instance: VideoTask, **kwargs: Any) -> None:
    """Delete the stored video once the deletion is committed."""
    if instance.video:
        delete_after_commit(instance.video.storage, instance.video.name)


def delete_input_files(sender: type[Model], instance: MediaInput, **kwargs: Any) -> None:
    """Delete an input's file and its small picture once the deletion is committed."""
    for stored in (instance.file, instance.thumbnail):
        if stored:
            delete_after_commit(stored.storage, stored.name)
