"""Who is to be told of an event: written down while the event is told to receivers, sent later by a job of its own."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from rq.timeouts import BaseTimeoutException

from django_wanvideo.choices import BatchEventKind, EventKind, NotificationKind, NotifyWhen
from django_wanvideo.conf import conf
from django_wanvideo.db import database
from django_wanvideo.mail.visibility import visible_to
from django_wanvideo.models import BatchEvent, Notification, NotificationChoice, TaskEvent
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

KINDS: Mapping[str, NotificationKind] = {
    EventKind.STORED: NotificationKind.READY,
    EventKind.FAILED: NotificationKind.FAILED,
    EventKind.NEEDS_DECISION: NotificationKind.DECISION,
}
#: Of these the people are told who may approve, or who has asked: of a submission's first task, for all of it.
APPROVAL_KINDS: Mapping[str, NotificationKind] = {
    EventKind.APPROVAL_REQUESTED: NotificationKind.APPROVAL,
    EventKind.SENT_BACK: NotificationKind.APPROVAL,
}
BATCH_KINDS: Mapping[str, NotificationKind] = {BatchEventKind.FINISHED: NotificationKind.BATCH}
#: What the e-mail about a batch has counted, so that it need not be told of each video.
COUNTED = frozenset(KINDS.values())
#: For those whom the site names and who have chosen nothing themselves.
USUAL = NotifyWhen.BATCH


def collect(event: TaskEvent | BatchEvent) -> BaseTimeoutException | None:
    """Write down who is to be told of an event; once, however often it is called. Never raises.

    Returns:
        The end of the job's time, if it came meanwhile.
    """
    kind = (BATCH_KINDS if isinstance(event, BatchEvent) else {**KINDS, **APPROVAL_KINDS}).get(event.kind)
    if kind is None:
        return None
    try:
        rows = _notifications(event, kind)
        if rows:
            database.insist(lambda: Notification.objects.bulk_create(rows, ignore_conflicts=True))
    except Exception as error:
        # A mail must not keep the event from being told, nor those behind it.
        logger.exception("Nobody is told by e-mail of event %s.", event.pk)
        return error if isinstance(error, BaseTimeoutException) else None
    return None


def _notifications(event: TaskEvent | BatchEvent, kind: NotificationKind) -> list[Notification]:
    named = _named(event)
    concerned = _concerned(event) - {None}
    ids = {user.pk for user in named if user.pk is not None} | concerned
    if not ids:
        return []
    chosen = dict(NotificationChoice.objects.filter(user_id__in=ids).values_list("user_id", "when"))
    wishes = {user: chosen.get(user.pk, USUAL) for user in named if user.pk is not None}
    for pk in (concerned & chosen.keys()) - {user.pk for user in wishes}:
        wishes |= {user: chosen[pk] for user in [people.find(pk)] if user is not None}
    column = "batch_event" if isinstance(event, BatchEvent) else "task_event"
    return [
        Notification(person_id=user.pk, kind=kind, due_at=_due_at(when), **{column: event})
        for user, when in wishes.items()
        if when != NotifyWhen.NEVER
        and address_of(user)
        and not (when == NotifyWhen.BATCH and kind in COUNTED and _is_told_with_its_batch(event))
        and (event.kind != EventKind.APPROVAL_REQUESTED or _may_approve(user, event))
        and may_see(user, event)
    ]


def _concerned(event: TaskEvent | BatchEvent) -> set[Any]:
    """Return the keys of those whom an event is about, or of all who may have to do with it."""
    if isinstance(event, BatchEvent):
        return {event.batch.owner_id}
    if event.kind == EventKind.APPROVAL_REQUESTED:
        return set(NotificationChoice.objects.exclude(when=NotifyWhen.NEVER).values_list("user_id", flat=True))
    if event.kind == EventKind.SENT_BACK:
        return {event.task.approval.requested_by_id} if event.task.approval is not None else set()
    return {event.task.owner_id}


def _may_approve(user: Any, event: TaskEvent | BatchEvent) -> bool:
    return bool(user.pk != event.actor_id and user.has_perm("wanvideo.approve_videotask"))


def _named(event: TaskEvent | BatchEvent) -> list[Any]:
    """Ask the site whom to tell."""
    if conf.NOTIFY is None:
        return []
    try:
        return list(dict.fromkeys(conf.NOTIFY(event) or ()))
    except BaseTimeoutException:
        raise
    except Exception:
        logger.exception("WANVIDEO['NOTIFY'] failed for event %s; only the owner can be told.", event.pk)
        return []


def _is_told_with_its_batch(event: TaskEvent | BatchEvent) -> bool:
    """Tell whether the e-mail about a batch has this in it, or will have."""
    batch = event.task.batch if isinstance(event, TaskEvent) else None
    return batch is not None and (batch.ended_at is None or event.created_at <= batch.ended_at)


def _due_at(when: str) -> dt.datetime:
    now = timezone.now()
    if when != NotifyWhen.HOUR:
        return now
    return now.replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=1)


def may_see(user: Any, event: TaskEvent | BatchEvent) -> bool:
    """Tell whether a person may know what an event is about; of a batch, at least one of its videos."""
    tasks = visible_to(user)
    wanted = {"batch_id": event.batch_id} if isinstance(event, BatchEvent) else {"pk": event.task_id}
    return tasks.filter(**wanted).exists()


def address_of(user: Any) -> str:
    """Return a person's e-mail address; empty where the user model has none."""
    name = getattr(user, "get_email_field_name", lambda: "email")()
    return str(getattr(user, name, "") or "").strip()
