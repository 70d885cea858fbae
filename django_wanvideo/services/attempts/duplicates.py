"""A duplicate charge: a second paid result of one wish is kept and shown, never dropped.

It becomes a task of its own, made from the first, and goes the usual road to storage.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import IntegrityError
from django.utils.translation import gettext as _

from django_wanvideo.choices import AttemptState, EventKind
from django_wanvideo.db import database
from django_wanvideo.models import Attempt, VideoTask, ledger, lifecycle

if TYPE_CHECKING:
    from django_wanvideo.choices import EventSource
    from django_wanvideo.evolink.types import TaskSnapshot

logger = logging.getLogger(__name__)


def create_from_duplicate(attempt: Attempt, snapshot: TaskSnapshot, *, source: EventSource) -> VideoTask | None:
    """Make a task of EvoLink's task that ``attempt`` paid for beside the one that counts.

    The new task carries no metadata, so that the host's receivers do not take it for the first one.

    Returns:
        The new task, or ``None`` when EvoLink's task is known already.
    """
    if Attempt.objects.filter(provider_task_id=snapshot.id).exclude(pk=attempt.pk).exists():
        return None
    first = attempt.task
    made = Attempt.objects.filter(task__parent_id=first.pk, idempotency_key=attempt.idempotency_key).count()
    if made > attempt.request_count:
        # EvoLink makes one video of one request; a token that leaked would make any number of tasks.
        logger.error("EvoLink's task %s is one too many for attempt %s; look at it by hand.", snapshot.id, attempt.pk)
        return None
    try:
        with database.atomic():
            if attempt.provider_task_id == snapshot.id:
                # The id goes with the video: from an attempt that was given up to the task that keeps its result.
                Attempt.objects.filter(pk=attempt.pk, state=AttemptState.FINISHED).update(provider_task_id=None)
            task = VideoTask(
                model=first.model,
                prompt=first.prompt,
                parameters=first.parameters,
                credits_estimated=first.credits_estimated,
                owner_id=first.owner_id,
                parent=first,
                notes=_("A second paid video for the same task: EvoLink’s first answer was lost."),
                queued_at=attempt.claimed_at,
            )
            bound = Attempt(
                idempotency_key=attempt.idempotency_key,
                request=attempt.request,
                claimed_at=attempt.claimed_at,
                sent_at=attempt.sent_at,
            )
            lifecycle.create_accepted(task, bound, snapshot, source=source, detail={"second_result_of": str(first.pk)})
            if attempt.provider_task_id in {None, snapshot.id}:
                # The attempt has no other task of EvoLink's that it may have paid for.
                ledger.hand_over(attempt.pk, to=bound.pk)
            detail = {"task": str(task.pk), "provider_task_id": snapshot.id}
            lifecycle.record(first, EventKind.DUPLICATE, source, attempt=attempt, detail=detail)
    except IntegrityError:
        return None
    logger.warning("Task %s was accepted twice by EvoLink; the second result is task %s.", first.pk, task.pk)
    return task


def attempt_for(snapshot: TaskSnapshot) -> Attempt | None:
    """Return the attempt that holds EvoLink's task already, if any."""
    bound = Attempt.objects.filter(provider_task_id=snapshot.id, state=AttemptState.ACCEPTED)
    return bound.select_related("task").first()
