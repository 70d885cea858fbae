"""The lock that claims take one after another, and the marks beside it that hold sending back.

All marks are written by whoever holds the lock, so what a claim reads under it stays true until the claim has committed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from django_wanvideo.choices import TaskStatus
from django_wanvideo.db import database
from django_wanvideo.models import SiteState, VideoTask
from django_wanvideo.services import schedule

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The row that claims lock; it also keeps the count of lost answers.
LOCK_NAME = "submission_lock"
#: Names of the rows: the key that EvoLink rejects, the credits that are used up, the pause that a person made.
KEY_REJECTED, CREDITS_OUT, PAUSED = "key_rejected", "credits_out", "sending_paused"
MARKS = (LOCK_NAME, KEY_REJECTED, CREDITS_OUT, PAUSED)
#: A mark is believed no further ahead than the longest wait that is ever set; a clock may have jumped.
LONGEST_WAIT = dt.timedelta(seconds=1.2 * schedule.SLOWEST_PROBE)
_CHUNK = 500


@dataclass(frozen=True)
class Delay:
    """Why a task must wait, and until when."""

    reason: str
    until: dt.datetime


@dataclass(frozen=True)
class Hold:
    """One reason why sending is held back."""

    #: "account", "breaker", "person", "installation" or "rolled_back".
    kind: str
    since: dt.datetime
    #: What people are shown; no secrets.
    detail: dict[str, Any]


def lock() -> SiteState:
    """Wait for the lock, which is held until the present transaction ends; its row keeps the count of lost answers."""
    return SiteState.objects.select_for_update().get_or_create(name=LOCK_NAME)[0]


def marks(*others: str) -> dict[str, SiteState]:
    """Return the rows that are there, and those of the names in ``others``, by name; one query."""
    return {row.name: row for row in SiteState.objects.filter(name__in=[*MARKS, *others])}


def note_end(state: SiteState) -> None:
    """Write down that a hold has ended: until then nothing was EvoLink's delay. The lock must be held."""
    state.value["hold_ended"] = timezone.now().isoformat()
    state.save()


def release(*reasons: str) -> None:
    """Make queued tasks that wait for one of ``reasons`` due now. Rows that somebody works on at this moment are left."""
    waiting = VideoTask.objects.filter(status=TaskStatus.QUEUED, delay_reason__in=reasons)
    now_due: dict[str, Any] = {"delayed_until": None, "delay_reason": "", "next_action_at": timezone.now()}
    if not database.connection().features.has_select_for_update_skip_locked:
        waiting.update(**now_due)
        return
    # Waits for nobody, so that two of these and the workers can never wait for each other in a circle.
    while True:
        with database.atomic():
            ours = list(waiting.select_for_update(skip_locked=True).values_list("pk", flat=True)[:_CHUNK])
            VideoTask.objects.filter(pk__in=ours).update(**now_due)
        if len(ours) < _CHUNK:
            return


def moment(value: Mapping[str, Any], name: str) -> dt.datetime | None:
    """Return a time that a mark keeps; ``None`` for none, or for what cannot be read."""
    try:
        found = parse_datetime(str(value.get(name) or ""))
    except ValueError:
        return None
    return found if found is None or timezone.is_aware(found) else None


def believed(at: dt.datetime | None, longest: dt.timedelta | None = None) -> dt.datetime:
    """Return when something is due; now for a time that lies further ahead than it was ever set to."""
    now = timezone.now()
    return at if at is not None and at <= now + (longest or LONGEST_WAIT) else now
