"""Following an accepted task: looks at EvoLink, and what they change."""

from __future__ import annotations

import datetime as dt
import logging
import math
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Exists, F, PositiveSmallIntegerField, Q, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import queue
from django_wanvideo.choices import AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.evolink.answers import RemoteStatus
from django_wanvideo.evolink.errors import EvoLinkError, NotFoundError
from django_wanvideo.exceptions import ConfigurationError, NotPossible
from django_wanvideo.models import Attempt, CallbackReceipt, VideoTask
from django_wanvideo.services import lifecycle, provider, reading, schedule

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator, Mapping, Sequence

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.evolink.answers import TaskSnapshot

logger = logging.getLogger(__name__)

#: Seconds that EvoLink has while a person waits for the page.
PERSON_PATIENCE = 5.0
FOLLOWED = frozenset({TaskStatus.PENDING, TaskStatus.PROCESSING})


def receive_callback(attempt_id: uuid.UUID, provider_task_id: str, payload: Mapping[str, Any]) -> None:
    """Keep a callback whose token was good, as a hint: one INSERT, and one wake-up for a whole burst of them."""
    CallbackReceipt.objects.create(
        attempt_id=attempt_id, provider_task_id=provider_task_id[:200], payload=dict(payload)
    )
    queue.wake_sync()


def sync(task_ids: Sequence[uuid.UUID]) -> None:
    """Look at tasks that EvoLink has and apply what it says; trouble puts them off and fails nothing."""
    attempts = list(_followed(task_ids))
    if not attempts:
        return
    if (until := provider.paused_until()) is not None:
        _put_off([attempt.task_id for attempt in attempts], until)
        return
    try:
        client = provider.client()
    except ConfigurationError:
        logger.warning("%d tasks cannot be followed: WANVIDEO['API_KEY'] is empty in this worker.", len(attempts))
        _put_off([attempt.task_id for attempt in attempts], timezone.now() + dt.timedelta(seconds=60))
        return
    waiting = {attempt.pk: attempt for attempt in attempts}
    answered = False
    for attempt, answer in reading.read(client, attempts):
        del waiting[attempt.pk]
        if isinstance(answer, EvoLinkError):
            _trouble(attempt, answer)
            if answer.http_status == 429:
                _put_off([other.task_id for other in waiting.values()], provider.pause(answer.retry_after))
                return
        else:
            if not answered:
                provider.note_key_answer(None)
            answered = True
            apply(attempt, answer, source=EventSource.POLL)


def refresh(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Look at one task now, for a person who waits: EvoLink is given ``PERSON_PATIENCE`` seconds.

    Raises:
        NotPossible: EvoLink does not have it, or has asked this site to wait.
        ConfigurationError: this process has no key.
        EvoLinkError: EvoLink cannot be asked just now.
    """
    attempt = next(iter(_followed([task.pk])), None)
    if attempt is None:
        raise NotPossible(_("EvoLink is not working on this task, so there is nothing to ask about."))
    if (until := provider.paused_until()) is not None:
        seconds = math.ceil((until - timezone.now()).total_seconds())
        raise NotPossible(_("EvoLink asked this site to wait for %(n)s more seconds.") % {"n": max(seconds, 1)})
    client = provider.client(patience=PERSON_PATIENCE)
    try:
        snapshot = client.get_task(attempt.provider_task_id or "")
    except EvoLinkError as error:
        provider.note_key_answer(error)
        if error.http_status == 429:
            provider.pause(error.retry_after)
        raise
    provider.note_key_answer(None)
    apply(attempt, snapshot, source=EventSource.POLL)
    task.refresh_from_db()


def look_soon(task: VideoTask) -> None:
    """Let a worker look at a task next, whenever it would have been due."""
    if VideoTask.objects.filter(pk=task.pk, status__in=FOLLOWED).update(next_action_at=timezone.now()):
        queue.after_commit("sync", task.pk)


def apply(attempt: Attempt, snapshot: TaskSnapshot, *, source: EventSource) -> None:
    """Bring an accepted task to where EvoLink says it is; a late or repeated message changes nothing."""
    task_id, current = attempt.task_id, _current(attempt)
    match snapshot.status:
        case RemoteStatus.COMPLETED if snapshot.result_urls:
            _completed(attempt, snapshot, source)
        case RemoteStatus.COMPLETED:
            _lasting_trouble(
                attempt, "result_missing", _("EvoLink says the video is done but gives no file."), source=source
            )
        case RemoteStatus.FAILED:
            error = snapshot.error
            lifecycle.advance(
                task_id,
                TaskStatus.FAILED,
                allowed=FOLLOWED,
                kind=EventKind.FAILED,
                source=source,
                attempt=attempt,
                guard=current,
                detail={"code": error.code, "message": error.message} if error else {},
                error_code=((error.code if error else "") or "unknown_error")[:100],
                error_message=error.message if error else "",
                credits_used=provider.storable(snapshot.credits_used),
            )
        case RemoteStatus.CANCELLED:
            lifecycle.advance(
                task_id,
                TaskStatus.CANCELLED,
                allowed=FOLLOWED,
                kind=EventKind.CANCELLED,
                source=source,
                attempt=attempt,
                guard=current,
                error_code="request_cancelled",
                error_message=snapshot.error.message if snapshot.error else "",
                credits_used=provider.storable(snapshot.credits_used),
            )
        case _:
            _still_going(attempt, snapshot, source)


def _completed(attempt: Attempt, snapshot: TaskSnapshot, source: EventSource) -> None:
    now = timezone.now()
    made_at = now
    if snapshot.created is not None and snapshot.created < now and snapshot.elapsed_seconds is not None:
        ended_at = snapshot.created + dt.timedelta(seconds=snapshot.elapsed_seconds)
        # An odd clock of EvoLink's must not make a link look dead that lives.
        made_at = min(now, max(ended_at, attempt.claimed_at))
    used = provider.storable(snapshot.credits_used)
    result: dict[str, Any] = {
        "result_url": snapshot.result_urls[0],
        "result_expires_at": made_at + schedule.RESULT_LIFETIME,
        "credits_used": used,
    }
    moved = lifecycle.advance(
        attempt.task_id,
        TaskStatus.STORING,
        allowed=FOLLOWED,
        kind=EventKind.RESULT_READY,
        source=source,
        attempt=attempt,
        guard=_current(attempt),
        detail={} if used is None else {"credits_used": str(used)},
        **result,
    )
    if moved is None:
        _came_after_all(attempt, result, source)


@transaction.atomic
def _came_after_all(attempt: Attempt, result: dict[str, Any], source: EventSource) -> None:
    """A paid video of a task that has failed meanwhile: the end stands, but a person is told that it can be fetched."""
    rows = VideoTask.objects.filter(
        pk=attempt.task_id, status__in=[TaskStatus.FAILED, TaskStatus.CANCELLED], result_url=""
    ).update(**result)
    if rows:
        lifecycle.record(
            attempt.task_id,
            EventKind.NEEDS_DECISION,
            source,
            attempt=attempt,
            detail={"reason": "result_came_after_all"},
        )


def _still_going(attempt: Attempt, snapshot: TaskSnapshot, source: EventSource) -> None:
    if snapshot.status == RemoteStatus.PROCESSING and attempt.task.status != TaskStatus.PROCESSING:
        lifecycle.advance(
            attempt.task_id,
            TaskStatus.PROCESSING,
            allowed=frozenset({TaskStatus.PENDING}),
            kind=EventKind.PROGRESS,
            source=source,
            attempt=attempt,
            guard=_current(attempt),
            tries=F("tries"),
            next_action_at=F("next_action_at"),
        )
    # 100 is for a file that is in our storage.
    percent = min(snapshot.progress or 0, 99)
    if source != EventSource.CALLBACK:
        look_again(attempt, reset_trouble=True, percent=percent)
    elif percent:
        _row(attempt).filter(progress__lt=percent).update(progress=percent)


def look_again(attempt: Attempt, *, reset_trouble: bool = False, percent: int = 0) -> None:
    """Set when an unfinished task is looked at next; an overdue one is told once. ``percent`` never lowers progress."""
    task, now = attempt.task, timezone.now()
    deadline = (task.accepted_at or now) + dt.timedelta(seconds=conf.POLL_DEADLINE)
    overdue = now > deadline
    columns: dict[str, Any] = {"trouble_since": None} if reset_trouble else {}
    if percent:
        columns["progress"] = Greatest(F("progress"), Value(percent, output_field=PositiveSmallIntegerField()))
    rows = _row(attempt).update(
        tries=F("tries") + 1, next_action_at=now + schedule.next_look(task.tries, overdue=overdue), **columns
    )
    if rows and overdue and task.told_overdue_at is None:
        lifecycle.tell_once(task, "told_overdue_at", EventKind.OVERDUE, statuses=FOLLOWED)


def _trouble(attempt: Attempt, error: EvoLinkError) -> None:
    """A look that got no answer fails nothing; only an id that stays unknown does."""
    provider.note_key_answer(error)
    if isinstance(error, NotFoundError):
        _lasting_trouble(
            attempt, "resource_not_found", _("EvoLink no longer knows this task."), source=EventSource.POLL
        )
        return
    logger.warning("Task %s could not be looked at: %s", attempt.task_id, error)
    look_again(attempt)


def _lasting_trouble(attempt: Attempt, code: str, message: str, *, source: EventSource) -> None:
    """Fail a task once the same trouble has stood for ten minutes; a first time may be EvoLink's lag."""
    now = timezone.now()
    _row(attempt).filter(trouble_since=None).update(trouble_since=now)
    since = _row(attempt).values_list("trouble_since", flat=True).first()
    if since is not None and now - since >= schedule.TROUBLE_DEADLINE:
        lifecycle.advance(
            attempt.task_id,
            TaskStatus.FAILED,
            allowed=FOLLOWED,
            kind=EventKind.FAILED,
            source=source,
            attempt=attempt,
            guard=_current(attempt),
            detail={"code": code, "since": since.isoformat()},
            error_code=code,
            error_message=message,
        )
    else:
        look_again(attempt)


def _current(attempt: Attempt) -> Q:
    """A condition: the task still hangs on this attempt. What EvoLink says of an earlier one must not touch it."""
    return Q(Exists(Attempt.objects.filter(pk=attempt.pk, state=AttemptState.ACCEPTED)))


def _row(attempt: Attempt) -> QuerySet[VideoTask]:
    rows: QuerySet[VideoTask] = VideoTask.objects.filter(_current(attempt), pk=attempt.task_id, status__in=FOLLOWED)
    return rows


def _followed(task_ids: Sequence[uuid.UUID]) -> Iterator[Attempt]:
    yield from Attempt.objects.filter(
        Q(state=AttemptState.ACCEPTED), task_id__in=task_ids, task__status__in=FOLLOWED
    ).select_related("task")


def _put_off(task_ids: Sequence[uuid.UUID], until: dt.datetime) -> None:
    VideoTask.objects.filter(pk__in=task_ids, status__in=FOLLOWED).update(next_action_at=until)
