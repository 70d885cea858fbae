"""Which tasks are takes of one wish, and making more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation import creation, media

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Mapping

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

    from django_wanvideo.models import MediaInput


def takes_of(task: VideoTask) -> QuerySet[VideoTask]:
    """Return the takes that ``task`` is one of, in their order; of a task by itself that task."""
    if task.take_group is None:
        return VideoTask.objects.filter(pk=task.pk)
    return VideoTask.objects.filter(take_group=task.take_group).order_by("take_number")


def make(
    task: VideoTask, changes: Iterable[Mapping[str, Any]], *, by: AbstractBaseUser | None = None
) -> list[VideoTask]:
    """Make drafts like ``task`` that are takes of its group, all of them or none; nothing is sent.

    A task by itself becomes the first take of a new group.

    Args:
        changes: for each draft what differs, in ``create_task``'s words; an empty one is a plain repeat.

    Raises:
        ValidationError: keyed by field, of the first draft that is not acceptable.
        IdempotencyConflict: a key among the changes has made another task.
        TransitionNotAllowed: the task is gone.
    """
    stored: list[MediaInput] = []
    with media.discarding_files_on_error(stored), database.atomic():
        hold(task)
        made: list[VideoTask] = []
        for differing in changes:
            draft, is_new = creation.get_or_duplicate(task, by=by, **differing)
            made.append(draft)
            stored.extend(draft.inputs.all() if is_new else [])
        group(task, made)
    return made


def group(task: VideoTask, others: Iterable[VideoTask]) -> None:
    """Make those of ``others`` that are no takes yet the next takes of the group of ``task``, in one transaction.

    Raises TransitionNotAllowed where the task is gone.
    """
    with database.atomic():
        key, takes = hold(task)
        if key is None:
            key = task.pk
            if task.pk not in {take.pk for take in takes}:
                takes.append(_number(task, key, max((take.take_number or 0 for take in takes), default=0) + 1))
        last = max(take.take_number or 0 for take in takes)
        new = (other for other in others if other.take_group is None)
        for number, other in enumerate(new, start=last + 1):
            _number(other, key, number)


def hold(task: VideoTask) -> tuple[uuid.UUID | None, list[VideoTask]]:
    """Return the key of the group of ``task``, if it has one, and its takes, held until the transaction ends.

    To be called before drafts are made in the same transaction: MariaDB holds what these refer to, so that two who made
    some and then wanted to hold all would wait for each other.
    """
    key = VideoTask.objects.filter(pk=task.pk).values_list("take_group", flat=True).first()
    return key, locked(key or task.pk)


def locked(key: uuid.UUID) -> list[VideoTask]:
    """Return the takes of a group in their order, held until the transaction ends.

    With the task that the group began with, which stands for the group before it has any take.
    """
    first = VideoTask.objects.select_for_update().filter(pk=key)
    list(first.values_list("pk", flat=True))
    rows = VideoTask.objects.select_for_update().filter(take_group=key).order_by("take_number")
    return list(rows.only("status", "take_group", "take_number", "picked"))


def _number(task: VideoTask, key: uuid.UUID, number: int) -> VideoTask:
    if not VideoTask.objects.filter(pk=task.pk, take_group=None).update(take_group=key, take_number=number):
        raise TransitionNotAllowed(_("This task is gone, or is a take of others by now."), action="make_takes")
    task.take_group, task.take_number = key, number
    return task
