"""What the sweep hands out beside tasks: callbacks to be read, signals and mails to be sent, batches to go on with.

A job that finds nothing costs one query, so of messages only the newest row that was handed out is remembered.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from django_wanvideo.db import timestamps
from django_wanvideo.services import due

if TYPE_CHECKING:
    from collections.abc import Collection

    from django_wanvideo.models import SiteState
    from django_wanvideo.services.sweep import Dispatch, SweepResult

CHUNK = 500
#: Receivers are called one after the other.
SIGNAL_BATCH = 50
#: How much longer at most, however many jobs wait: a queue that lost its jobs must not be believed for hours.
LONGEST_QUEUE = dt.timedelta(minutes=5)
#: The least time a row is left to the job that was made of it.
TASK_VISIBILITY = dt.timedelta(seconds=60)
#: The same for callbacks, signals and mails.
MESSAGE_VISIBILITY = dt.timedelta(seconds=5)


def hand_out(
    found: Collection[str],
    dispatch: Dispatch,
    swept: SweepResult,
    state: SiteState,
    visibility_timeout: dt.timedelta,
) -> None:
    """Hand out what waits at the stages that were found."""
    if "callbacks" in found:
        _one_job("callbacks", "sync", dispatch, swept, state, visibility_timeout)
    if "signals" in found:
        _signals(dispatch, swept, state, visibility_timeout)
    if "batches" in found:
        _batches(dispatch, swept)
    if "mail" in found:
        _one_job("mail", "mail", dispatch, swept, state, visibility_timeout)


def _one_job(
    stage: str, job: str, dispatch: Dispatch, swept: SweepResult, state: SiteState, visibility_timeout: dt.timedelta
) -> None:
    """Hand out one job that does all that waits at a stage."""
    rows, column = {"callbacks": (due.callbacks, "process_at"), "mail": (due.mail, "due_at")}[stage]
    last = _handed_out(state, stage)
    # By the indexed column: ordered by key, a database may walk the whole table to find that nothing is due.
    newest = max(rows(last).order_by(column).values_list("pk", flat=True)[:CHUNK], default=None)
    if newest is None or not swept.queue_reachable:
        return
    if dispatch(job):
        _note_handed_out(state, stage, newest, visibility_timeout)
        swept.add(stage, 1)
    else:
        swept.queue_reachable = False


def _signals(dispatch: Dispatch, swept: SweepResult, state: SiteState, visibility_timeout: dt.timedelta) -> None:
    last = _handed_out(state, "signals")
    rows = sorted(due.signals(last).order_by("notify_at").values_list("pk", "task_id")[:CHUNK])
    task_ids = list(dict.fromkeys(task_id for _pk, task_id in rows))
    for start in range(0, len(task_ids), SIGNAL_BATCH):
        batch = task_ids[start : start + SIGNAL_BATCH]
        if not swept.queue_reachable or not dispatch("notify", *(str(pk) for pk in batch)):
            swept.queue_reachable = False
            return
        swept.add("signals", len(batch))
    if rows:
        _note_handed_out(state, "signals", rows[-1][0], visibility_timeout)


def _batches(dispatch: Dispatch, swept: SweepResult) -> None:
    for pk in due.batches().order_by("next_action_at").values_list("pk", flat=True)[:CHUNK]:
        if not swept.queue_reachable or not dispatch("batch", str(pk)):
            swept.queue_reachable = False
            return
        swept.add("batches", 1)


def _handed_out(state: SiteState, stage: str) -> int:
    """Return up to which row a stage was handed out lately: an idle worker must not find the same job a hundred times."""
    note = state.value.get(stage) or {}
    until = parse_datetime(str(note.get("until", "")))
    return int(note["last"]) if timestamps.stands(until, TASK_VISIBILITY + LONGEST_QUEUE) else 0


def _note_handed_out(state: SiteState, stage: str, last: int, visibility_timeout: dt.timedelta) -> None:
    standing = _handed_out(state, stage)
    # Shorter than for tasks: these are messages, and a job that finds nothing costs one query.
    wait = visibility_timeout - TASK_VISIBILITY + MESSAGE_VISIBILITY
    until = state.value[stage]["until"] if standing else (timezone.now() + wait).isoformat()
    state.value[stage] = {"last": last, "until": until}
