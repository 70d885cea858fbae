"""Wishes like one that came a moment ago: the same person, words, pictures and settings."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from django_wanvideo import catalog
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.models.creation.idempotency import digest_of
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser

logger = logging.getLogger(__name__)

#: For how long the same wish is asked about.
WITHIN = dt.timedelta(minutes=10)
#: Tasks with the same words that are looked at.
_MOST = 50


def like(
    *,
    owner: AbstractBaseUser,
    model: str,
    prompt: str,
    parameters: Mapping[str, Any],
    sources: Mapping[str, list[Any]],
    ignoring: frozenset[str] = frozenset(),
) -> list[VideoTask]:
    """Return the owner's tasks of the last ten minutes that are what is asked for, the newest first.

    Args:
        sources: inputs by role, as they were given.
        ignoring: names of settings that make no difference.
    """
    now = timezone.now()
    # Bounded on both sides, for a clock that was ahead for a moment.
    rows = VideoTask.objects.filter(
        owner_id=owner.pk, created_at__range=(now - WITHIN, now + WITHIN), model=model, prompt=prompt
    )
    spec = catalog.find(model)

    def settings(of: Mapping[str, Any]) -> dict[str, Any]:
        values = spec.effective_values(of) if spec is not None else dict(of)
        return {name: value for name, value in values.items() if name not in ignoring}

    wanted = settings(parameters)
    return [
        task
        for task in rows.prefetch_related("inputs").order_by("-created_at")[:_MOST]
        if task.prompt == prompt and settings(task.parameters) == wanted and same_inputs(sources, task)
    ]


def same_inputs(sources: Mapping[str, list[Any]], task: VideoTask) -> bool:
    """Tell whether what was given is what the task has, by links and by bytes."""
    stored = by_role(task.inputs.all())
    given = {role: items for role, items in sources.items() if items}
    return given.keys() == stored.keys() and all(
        len(items) == len(stored[role]) and all(map(same_input, items, stored[role])) for role, items in given.items()
    )


def same_input(source: Any, stored: MediaInput) -> bool:
    """Tell whether an input as it was given is the stored one; a file that cannot be read is not."""
    if isinstance(source, MediaInput):
        if source.pk == stored.pk:
            return True
        size, is_link = source.size, bool(source.url)
    else:
        size, is_link = getattr(source, "size", None), isinstance(source, str)
    if is_link or stored.url:
        return is_link and stored.url == (source.url if isinstance(source, MediaInput) else source)
    if None not in {size, stored.size} and size != stored.size:
        return False
    try:
        return digest_of(source) == digest_of(stored)
    except Exception:
        # Every storage has errors of its own. Not noticing a repetition must not keep anybody from working.
        logger.info("A picture could not be compared with that of task %s.", stored.task_id, exc_info=True)
        return False
