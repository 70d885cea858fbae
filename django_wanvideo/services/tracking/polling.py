"""Asking EvoLink about accepted tasks: for the sweep, for a callback, for a person who waits."""

from __future__ import annotations

import logging
import math
from contextlib import closing
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import queue
from django_wanvideo.choices import AttemptState, EventSource
from django_wanvideo.evolink.exceptions import EvoLinkError, NotFoundError
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services.holds import account
from django_wanvideo.services.installation import installation
from django_wanvideo.services.provider import parallel, provider
from django_wanvideo.services.tracking import lookup, rescheduling, snapshots
from django_wanvideo.services.tracking.rescheduling import POLLED_STATUSES

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Sequence

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

    from django_wanvideo.evolink.types import TaskSnapshot

logger = logging.getLogger(__name__)

#: Seconds that EvoLink has while a person waits for the page.
INTERACTIVE_TIMEOUT = 5.0


def sync(task_ids: Sequence[uuid.UUID]) -> None:
    """Look at tasks that EvoLink has and apply what it says; trouble puts them off and fails nothing."""
    if installation.is_foreign():
        return
    attempts = list(_followed(task_ids))
    if not attempts:
        return
    try:
        client = provider.client()
    except provider.ProviderUnavailable as unavailable:
        logger.warning("%d tasks cannot be followed: %s", len(attempts), unavailable)
        _put_off([attempt.task_id for attempt in attempts], unavailable.until)
        return
    until: dt.datetime | None = None
    waiting = {attempt.pk: attempt.task_id for attempt in attempts}
    answered = False
    with closing(parallel.read_many(client, attempts)) as answers:
        for attempt, answer in answers:
            if isinstance(answer, EvoLinkError):
                if answer.http_status == 429 and until is not None:
                    # Sent before the first one came: of these as well nobody has said a word.
                    until = provider.handle_error(answer) or until
                    continue
                until = _handle_error(attempt, answer) or until
            else:
                if not answered:
                    account.mark_key_valid()
                answered = True
                snapshots.apply_snapshot(attempt, answer, source=EventSource.POLL)
            del waiting[attempt.pk]
    if waiting:
        _put_off(list(waiting.values()), until or provider.backoff_until() or timezone.now())


def refresh(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Do what ``VideoTask.refresh`` does, and raise what ``fetch_snapshot`` raises."""
    attempt = _followed([task.pk]).first()
    if attempt is None and lookup.look_again(task, fetch_snapshot, by=by):
        return
    if attempt is None:
        message = _("EvoLink is not working on this task, so there is nothing to ask about.")
        raise TransitionNotAllowed(message, status=task.status, action="refresh")
    snapshot = fetch_snapshot(attempt.provider_task_id or "")
    snapshots.apply_snapshot(attempt, snapshot, source=EventSource.POLL)
    task.refresh_from_db()


def fetch_snapshot(provider_task_id: str) -> TaskSnapshot:
    """Read one of EvoLink's tasks for a person who waits: EvoLink is given ``INTERACTIVE_TIMEOUT`` seconds.

    Raises:
        TransitionNotAllowed: EvoLink has asked this site to wait.
        ConfigurationError: this process has no key.
        EvoLinkError: EvoLink does not know it, or cannot be asked just now.
    """
    installation.check_not_foreign()
    try:
        client = provider.client(timeout=INTERACTIVE_TIMEOUT)
    except ConfigurationError:
        raise
    except provider.ProviderUnavailable as busy:
        seconds = math.ceil((busy.until - timezone.now()).total_seconds())
        message = _("EvoLink asked this site to wait for %(n)s more seconds.") % {"n": max(seconds, 1)}
        raise TransitionNotAllowed(message, action="refresh") from busy
    return provider.read(client, provider_task_id)


def poll_soon(task: VideoTask) -> None:
    """Let a worker look at a task next, whenever it would have been due."""
    if VideoTask.objects.filter(pk=task.pk, status__in=POLLED_STATUSES).update(next_action_at=timezone.now()):
        queue.enqueue_on_commit("sync", task.pk)


def _handle_error(attempt: Attempt, error: EvoLinkError) -> dt.datetime | None:
    """A look that got no answer fails nothing; only an id that stays unknown does. Returns a pause's end."""
    until = provider.handle_error(error)
    # Without a status it is our client that cannot ask for such an id; EvoLink has not said a word.
    if isinstance(error, NotFoundError) and error.http_status is not None:
        rescheduling.handle_not_found(attempt, error)
        return until
    logger.warning("Task %s could not be looked at: %s", attempt.task_id, error)
    rescheduling.postpone_poll(attempt, error)
    return until


def _followed(task_ids: Sequence[uuid.UUID]) -> QuerySet[Attempt]:
    rows = Attempt.objects.filter(state=AttemptState.ACCEPTED, task_id__in=task_ids, task__status__in=POLLED_STATUSES)
    return rows.select_related("task")


def _put_off(task_ids: Sequence[uuid.UUID], until: dt.datetime) -> None:
    VideoTask.objects.filter(pk__in=task_ids, status__in=POLLED_STATUSES).update(next_action_at=until)
