"""Whether a pass of the sweep has anything to do, by one query over the partial indexes: most passes have nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Exists
from django.utils import timezone

from django_wanvideo.choices import ACTIVE_STATUSES
from django_wanvideo.models import CallbackReceipt, SiteState, TaskEvent, VideoTask
from django_wanvideo.services import notifications
from django_wanvideo.services.holds.lock import CREDITS_OUT, KEY_REJECTED
from django_wanvideo.services.limits import throttling
from django_wanvideo.services.storing import result_urls
from django_wanvideo.services.tracking import callbacks as receipts

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: Right after its commit an event is left to the worker that was woken.
LEFT_TO_WORKERS = dt.timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Due:
    """What there is to do, by stage."""

    #: Tasks in any of the stages that the sweep hands out or settles.
    tasks: bool
    links: bool
    callbacks: bool
    signals: bool
    #: Tasks that wait for credits.
    budgets: bool
    #: Something stands against a key of EvoLink's.
    account: bool

    @property
    def is_any(self) -> bool:
        """Whether there is anything."""
        return any((self.tasks, self.links, self.callbacks, self.signals, self.budgets, self.account))


def look(name: str) -> tuple[SiteState, Due]:
    """Return the sweep's own row, of this name, and what is due."""
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
    flags = {stage: bool(getattr(state, f"has_{stage}")) for stage in stages}
    return state, Due(**flags, account=len(found) > 1)


def callbacks(after: int = 0) -> QuerySet[CallbackReceipt]:
    """Return the callbacks that are to be read, later than a row."""
    rows: QuerySet[CallbackReceipt] = CallbackReceipt.objects.filter(receipts.is_due())
    return rows.filter(pk__gt=after) if after else rows


def signals(after: int = 0) -> QuerySet[TaskEvent]:
    """Return the events that are to be told, later than a row."""
    rows: QuerySet[TaskEvent] = TaskEvent.objects.filter(notifications.is_due(timezone.now() - LEFT_TO_WORKERS))
    return rows.filter(pk__gt=after) if after else rows
