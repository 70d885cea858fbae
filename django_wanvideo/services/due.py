"""Whether a pass of the sweep has anything to do, by one query over the partial indexes: most passes have nothing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db.models import Exists
from django.utils import timezone

from django_wanvideo.choices import ACTIVE_STATUSES
from django_wanvideo.models import CallbackReceipt, SiteState, TaskEvent, VideoTask
from django_wanvideo.services import notifications
from django_wanvideo.services.holds.lock import CREDITS_OUT, KEY_REJECTED
from django_wanvideo.services.limits import throttling
from django_wanvideo.services.storing import result_urls
from django_wanvideo.services.tracking import receipts

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: Right after its commit an event is left to the worker that was woken.
LEFT_TO_WORKERS = dt.timedelta(seconds=2)


def look(name: str) -> tuple[SiteState, set[str]]:
    """Return the sweep's own row, of this name, and the stages that have something to do.

    These are ``tasks``, ``links``, ``callbacks``, ``signals``, ``budgets`` where tasks wait for credits, and ``account``
    where something stands against a key of EvoLink's.
    """
    stages = {
        "tasks": VideoTask.objects.due().filter(status__in=ACTIVE_STATUSES),
        "links": result_urls.ending(),
        "callbacks": callbacks(),
        "signals": signals(),
        "budgets": throttling.waiting_for_credits(),
    }
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


def callbacks(after: int = 0) -> QuerySet[CallbackReceipt]:
    """Return the callbacks that are to be read, later than a row."""
    rows: QuerySet[CallbackReceipt] = CallbackReceipt.objects.filter(receipts.is_due())
    return rows.filter(pk__gt=after) if after else rows


def signals(after: int = 0) -> QuerySet[TaskEvent]:
    """Return the events that are to be told, later than a row."""
    rows: QuerySet[TaskEvent] = TaskEvent.objects.filter(notifications.is_due(timezone.now() - LEFT_TO_WORKERS))
    return rows.filter(pk__gt=after) if after else rows
