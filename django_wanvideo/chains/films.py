"""Asking for the parts of a film as one file: the same parts are joined once, however often they are asked for."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import queue
from django_wanvideo.chains.continuing import last_frame
from django_wanvideo.chains.parts import Part, parts_of
from django_wanvideo.choices import EventKind, InputRole
from django_wanvideo.db import database
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import Film, VideoTask, lifecycle
from django_wanvideo.models.creation import creation, media
from django_wanvideo.services.storing import posters
from django_wanvideo.takes.groups import group, hold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.models import MediaInput

#: What the history says of the last part of a film that somebody has had joined.
JOINED = "joined"


def join(task: VideoTask, *, by: AbstractBaseUser | None = None, anyway: bool = False) -> Film:
    """Let a worker join the film that ``task`` is in, unless that is done already; return the row of the file.

    Its ``video`` is empty until the file is there; ``problem`` says why it could not be made.

    Args:
        anyway: also where a part was made from another frame than the part before it ends with.

    Raises:
        TransitionNotAllowed: there is no film, a part is not ready, or one was made from another frame.
        ConfigurationError: the extra ``posters`` is not installed.
    """
    parts = parts_of(task)
    if reason := why_not(parts, anyway=anyway):
        raise TransitionNotAllowed(reason, status=task.status, action="join")
    if not posters.is_installed():
        raise ConfigurationError(_("Joining videos needs: pip install 'django-wanvideo[posters]'"))
    now, last = timezone.now(), parts[-1].task
    values: dict[str, Any] = {"parts": [str(part.task.pk) for part in shown(parts)], "next_action_at": now}
    with database.atomic():
        film, is_new = Film.objects.get_or_create(task_id=last.pk, digest=digest_of(parts), defaults=values)
        if is_new:
            lifecycle.record(last, EventKind.NOTE, actor=by, detail={"reason": JOINED})
        else:
            # One that failed is tried again; one that a worker has is left to it.
            waits = Q(next_action_at=None) | Q(next_action_at__lte=now)
            Film.objects.filter(waits, pk=film.pk, video="").update(next_action_at=now, tries=0, problem={})
            film.refresh_from_db()
        if not film.video:
            queue.enqueue_on_commit("join", film.pk)
    return film


def shown(parts: Sequence[Part]) -> list[Part]:
    """Return the parts whose videos make the film: those that are no part of the next one's."""
    return [part for part in parts if not part.is_in_next]


def digest_of(parts: Sequence[Part]) -> str:
    """Return a hash of the videos that a film consists of."""
    videos = [[str(part.task.pk), part.task.video.name, part.task.video_sha256] for part in shown(parts)]
    return hashlib.sha256(json.dumps(videos).encode()).hexdigest()


def why_not(parts: Sequence[Part], *, anyway: bool = False) -> str:
    """Return why parts cannot be joined, and what to do; an empty text where they can."""
    if not parts:
        return _("This video has no other parts. Continue it first.")
    if len(shown(parts)) == 1:
        return _("There is nothing to join: the last video begins with those before it.")
    for number, part in enumerate(parts, start=1):
        if not part.is_ready:
            words = _("Part %(n)s has no video yet (%(status)s).")
            return words % {"n": number, "status": part.task.get_status_display()}
    for number, part in enumerate(parts, start=1):
        if part.begins_elsewhere and not anyway:
            words = _(
                "Part %(n)s was made from another frame than part %(before)s ends with. Remake part %(n)s, or pick the "
                "take of part %(before)s that it was made from."
            )
            return words % {"n": number, "before": number - 1}
    return ""


def remake(
    task: VideoTask, *, by: AbstractBaseUser | None = None, idempotency_key: str | None = None
) -> tuple[VideoTask, bool]:
    """Make a draft of a part, as a take of it, and tell whether that was now; nothing is sent.

    It begins with the part before it as that is now, its last frame or the clip, whatever the part was made from.

    Raises what ``continue_with`` and ``make_takes`` raise.
    """
    part = next((part for part in parts_of(task) if part.task.pk == task.pk), None)
    changes: dict[str, Any] = {}
    if part is not None and part.previous is not None and part.begins_elsewhere and _is_ready(part.previous):
        changes = {"continues_id": part.previous.pk}
        if task.inputs.filter(role=InputRole.SOURCE_VIDEO).exists():
            changes[InputRole.SOURCE_VIDEO] = part.previous.video
        else:
            changes |= {InputRole.FIRST_FRAME: last_frame(part.previous), "fix_inputs": "images"}
    stored: list[MediaInput] = []
    with media.discarding_files_on_error(stored), database.atomic():
        hold(task)
        draft, is_new = creation.get_or_duplicate(task, by=by, idempotency_key=idempotency_key, **changes)
        if is_new:
            stored.extend(draft.inputs.all())
            group(task, [draft])
    return draft, is_new


def _is_ready(task: VideoTask) -> bool:
    return Part(task, None).is_ready


def films_of(parts: Sequence[Part]) -> list[Film]:
    """Return what was joined of a film, or is being joined, the present one first where it is there."""
    if not parts:
        return []
    now = digest_of(parts)
    films = Film.objects.filter(task__in=[part.task.pk for part in parts]).order_by("-created_at")
    return sorted(films, key=lambda film: film.digest != now)
