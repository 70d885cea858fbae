"""Choosing one of several takes. The database lets one be picked; of two people at once one wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError
from django.utils.translation import gettext as _

from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import EditConflict, TransitionNotAllowed
from django_wanvideo.models import VideoTask, lifecycle
from django_wanvideo.takes.groups import locked

if TYPE_CHECKING:
    import uuid
    from collections.abc import Collection

    from django.contrib.auth.models import AbstractBaseUser

#: What the history says of a take that is not the picked one any more.
UNPICKED = "unpicked"


def pick(task: VideoTask, *, by: AbstractBaseUser | None = None, seen: Collection[uuid.UUID] | None = None) -> None:
    """Make this take the picked one of its group, and bring ``task`` up to date; once more changes nothing.

    Args:
        seen: the take that the caller has seen picked, empty where none was: nothing is changed where it is another by
            now. Without it, whatever is picked is replaced.

    Raises:
        TransitionNotAllowed: it is no take, or has no video.
        EditConflict: somebody else has picked another take meanwhile.
    """
    try:
        with database.atomic():
            takes = {take.pk: take for take in _group_of(task)}
            chosen, before = takes.get(task.pk), [take for take in takes.values() if take.picked]
            if chosen is None or chosen.status != TaskStatus.COMPLETED:
                raise TransitionNotAllowed(_why_not(chosen), status=chosen.status if chosen else "", action="pick")
            if not chosen.picked:
                if seen is not None and {take.pk for take in before} != set(seen):
                    raise _conflict(before)
                for other in before:
                    _release(other, by)
                VideoTask.objects.filter(pk=task.pk).update(picked=True)
                lifecycle.record(task, EventKind.PICKED, actor=by, detail={"take": chosen.take_number})
    except IntegrityError as error:
        # Another one was picked between the look and the writing: where rows are not locked.
        raise _conflict([take for take in _group_of(task) if take.picked]) from error
    task.picked = True


def unpick(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Let this take not be the picked one any more, and bring ``task`` up to date; of others nothing changes."""
    with database.atomic():
        for take in _group_of(task):
            if take.pk == task.pk and take.picked:
                _release(take, by)
    task.picked = None


def _group_of(task: VideoTask) -> list[VideoTask]:
    key = VideoTask.objects.filter(pk=task.pk).values_list("take_group", flat=True).first()
    return locked(key) if key is not None else []


def _release(take: VideoTask, by: AbstractBaseUser | None) -> None:
    VideoTask.objects.filter(pk=take.pk).update(picked=None)
    lifecycle.record(take, EventKind.NOTE, actor=by, detail={"reason": UNPICKED, "take": take.take_number})


def _why_not(take: VideoTask | None) -> str:
    if take is None:
        return _("Only one of several takes can be picked; this video has no other takes.")
    return _("This take cannot be picked: its video is not ready.")


def _conflict(picked: list[VideoTask]) -> EditConflict:
    if not picked:
        return EditConflict(_("Somebody else has just undone the pick. Nothing was changed; look again."))
    words = _("Somebody else has just picked take %(n)s. Nothing was changed; look again.")
    return EditConflict(words % {"n": picked[0].take_number})
