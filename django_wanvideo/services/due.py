"""Whether a pass of the sweep has anything to do, by one query over the partial indexes: most passes have nothing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db.models import Exists
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.db import timestamps
from django_wanvideo.models import (
    Batch,
    CallbackReceipt,
    CreditEntry,
    Film,
    Notification,
    SiteState,
    TaskEvent,
    VideoTask,
)
from django_wanvideo.services import notifications
from django_wanvideo.services.holds.lock import CREDITS_OUT, KEY_REJECTED
from django_wanvideo.services.limits import throttling
from django_wanvideo.services.storing import result_urls
from django_wanvideo.services.tracking import receipts

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: Right after its commit an event is left to the worker that was woken.
LEFT_TO_WORKERS = dt.timedelta(seconds=2)
#: The longest that a batch is ever left alone: for as long as a check waits for somebody to confirm it.
LONGEST_BATCH = dt.timedelta(hours=24)
#: How often days that are over are summed anew where an entry of theirs has changed.
SUMS_EVERY = dt.timedelta(hours=1)
#: The longest that an e-mail ever waits for its hour, its next try, or the worker that has it.
LONGEST_MAIL = dt.timedelta(minutes=65)
#: The longest that a film is left to the worker that joins it, or waits for another try.
LONGEST_FILM = dt.timedelta(minutes=17)


def look(name: str, *, is_full: bool = True) -> tuple[SiteState, set[str]]:
    """Return the sweep's own row, of this name, and the stages that have something to do.

    These are ``tasks``, ``callbacks``, ``signals`` and ``batches``, ``account`` where something stands against a key of
    EvoLink's and, of a full look, what bears to wait for some seconds: ``links``, ``mail``, ``films``, and ``budgets`` where tasks
    wait for credits.
    """
    # Of a completed task only the picture that shows it can be due, which bears to wait as well.
    statuses = ACTIVE_STATUSES | {TaskStatus.COMPLETED} if is_full else ACTIVE_STATUSES
    stages: dict[str, QuerySet[Any]] = {
        "tasks": VideoTask.objects.due().filter(status__in=statuses),
        "callbacks": callbacks(),
        "signals": signals(),
        "batches": batches(),
    }
    if is_full:
        stages |= {"links": result_urls.ending(), "mail": mail(), "budgets": throttling.waiting_for_credits()}
        stages["films"] = films()
    # With other names than any column has. The troubles of the account are rows beside the sweep's own.
    rows = SiteState.objects.filter(name__in=[name, KEY_REJECTED, CREDITS_OUT]).annotate(
        **{f"has_{stage}": Exists(waiting) for stage, waiting in stages.items()}
    )
    found = {row.name: row for row in rows}
    if name not in found:
        SiteState.objects.get_or_create(name=name)
        found = {row.name: row for row in rows.all()}
    state = found[name]
    found_stages = {stage for stage in stages if getattr(state, f"has_{stage}")}
    return state, found_stages | ({"account"} if len(found) > 1 else set())


def sums(state: SiteState) -> bool:
    """Tell whether days that are over are to be summed, once an hour; the hour is kept in ``state``, the sweep's own row."""
    note = state.value.get("sums") or {}
    if timestamps.stands(parse_datetime(str(note.get("until", ""))), SUMS_EVERY):
        return False
    state.value["sums"] = {"until": (timezone.now() + SUMS_EVERY).isoformat()}
    today = dt.datetime.combine(
        timezone.localdate(timezone=(zone := timezone.get_default_timezone())), dt.time.min, zone
    )
    return CreditEntry.objects.filter(is_summed=False, claimed_at__lt=today).exists()


def batches() -> QuerySet[Batch]:
    """Return the batches that a worker has something to do for, their signals included."""
    # A clock that was ahead for a moment keeps no batch for longer than a check is kept.
    return Batch.objects.filter(timestamps.is_over("next_action_at", LONGEST_BATCH))


def mail(after: int = 0) -> QuerySet[Notification]:
    """Return the e-mails that are to be sent, later than a row."""
    rows = Notification.objects.filter(timestamps.is_over("due_at", LONGEST_MAIL))
    return rows.filter(pk__gt=after) if after else rows


def films() -> QuerySet[Film]:
    """Return the films that a worker is to join."""
    return Film.objects.filter(timestamps.is_over("next_action_at", LONGEST_FILM))


def callbacks(after: int = 0) -> QuerySet[CallbackReceipt]:
    """Return the callbacks that are to be read, later than a row."""
    rows = CallbackReceipt.objects.filter(receipts.is_due())
    return rows.filter(pk__gt=after) if after else rows


def signals(after: int = 0) -> QuerySet[TaskEvent]:
    """Return the events that are to be told, later than a row."""
    rows = TaskEvent.objects.filter(notifications.is_due(timezone.now() - LEFT_TO_WORKERS))
    return rows.filter(pk__gt=after) if after else rows
