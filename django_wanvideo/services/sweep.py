"""The pass over due rows that makes every stage converge, whatever was lost.

Safe in several places at once: rows are marked as handed out before work is made of them, and the work itself claims.
"""

from __future__ import annotations

import datetime as dt
import logging
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from django_wanvideo import queue
from django_wanvideo.choices import AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.db import database, timestamps
from django_wanvideo.models import Attempt, SiteState, VideoTask, lifecycle
from django_wanvideo.services import due
from django_wanvideo.services.attempts import binding, settlement
from django_wanvideo.services.holds import holds
from django_wanvideo.services.installation import installation
from django_wanvideo.services.limits import throttling
from django_wanvideo.services.provider import account_checks, provider
from django_wanvideo.services.storing import result_urls

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterator

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

SWEEP = "sweep"
CHUNK = 500
#: Seconds between full passes of one process.
FULL_EVERY = 10.0
SYNC_BATCH = 100
#: Pictures of videos that are handed out by a full pass while workers have nothing else to do: some seconds' work.
POSTERS = 10
#: Receivers are called one after the other.
SIGNAL_BATCH = 50
#: How much longer at most, however many jobs wait: a queue that lost its jobs must not be believed for hours.
LONGEST_QUEUE = dt.timedelta(minutes=5)
#: The least time that a task, and that a callback, signal or mail, is left to the job that was made of it.
TASK_VISIBILITY, MESSAGE_VISIBILITY = dt.timedelta(seconds=60), dt.timedelta(seconds=5)


class Dispatch(Protocol):
    """Hands one job to a worker; ``False`` when there is nobody to take it now."""

    def __call__(self, job: str, *ids: str) -> bool: ...


@dataclass
class SweepResult:
    """What one pass found and handed out, by stage."""

    counts: dict[str, int] = field(default_factory=dict)
    queue_reachable: bool = True
    #: The database belongs to another installation, so nothing was looked at.
    is_foreign: bool = False
    dispatch: Dispatch = field(default=queue.enqueue, repr=False)
    #: How long handed-out rows are left alone: longer where many jobs wait, so that none is handed out twice.
    visibility_timeout: dt.timedelta = field(default_factory=lambda: TASK_VISIBILITY)

    def hand_out(self, job: str, *ids: object) -> bool:
        """Hand one job to a worker; once nobody took one, none is handed out any more."""
        self.queue_reachable = self.queue_reachable and self.dispatch(job, *map(str, ids))
        return self.queue_reachable

    def add(self, stage: str, number: int) -> None:
        """Count rows of a stage."""
        if number:
            self.counts[stage] = self.counts.get(stage, 0) + number

    def __str__(self) -> str:
        if self.is_foreign:
            return "the database belongs to another installation; see wanvideo_adopt"
        return ", ".join(f"{number} {stage}" for stage, number in self.counts.items()) or "nothing due"


def sweep(dispatch: Dispatch = queue.enqueue, *, is_full: bool = True) -> SweepResult:
    """Make one pass.

    Args:
        dispatch: takes a job's name and ids; ``jobs.run_here`` does the work in this process instead of through RQ.
        is_full: whether what bears to wait is looked for as well. Who sweeps every second does so every ``FULL_EVERY``.
    """
    guard = installation.look_before_sending()
    swept = SweepResult(is_foreign=guard.is_foreign, dispatch=dispatch)
    if guard.is_foreign:
        return swept
    swept.add("recovered", binding.bind_all())
    state, found = due.look(SWEEP, is_full=is_full)
    swept.add("reconsidered", throttling.reconsider(state, some_wait="budgets" in found))
    # What this pass does itself may make further tasks due.
    tasks = "tasks" in found or bool(swept.counts)
    depth = queue.depth() if tasks or found else 0
    swept.visibility_timeout += min(dt.timedelta(seconds=depth), LONGEST_QUEUE)
    if tasks and not guard.is_rolled_back:
        # There a claim that seems unsent may have been sent by what is forgotten.
        _recover_stale_claims(swept)
    if tasks:
        _settle_unconfirmed(swept)
    if "links" in found:
        swept.add("expiring", result_urls.warn_of_ends(CHUNK))
    if tasks:
        _dispatch_due(swept, TaskStatus.STORING, "store", order="result_expires_at")
    if "callbacks" in found:
        _one_job(swept, state, "callbacks", "sync", due.callbacks, "process_at")
    if "signals" in found:
        _events(swept, state)
    for stage, job, rows in (("batches", "batch", due.batches), ("films", "join", due.films)):
        if stage in found:
            _each(swept, stage, job, rows())
    if "mail" in found:
        _one_job(swept, state, "mail", "mail", due.mail, "due_at")
    swept.add("sums", int(due.sums(state) and swept.hand_out("sums")))
    if tasks or swept.counts:
        for status in (TaskStatus.PENDING, TaskStatus.PROCESSING):
            _dispatch_due(swept, status, "sync", SYNC_BATCH)
    may_send = bool(tasks or "account" in found or swept.counts) and not guard.is_rolled_back
    if may_send and provider.backoff_until() is None:
        if account_checks.is_due():
            # Without ids the job only asks EvoLink whether the account's trouble is over.
            swept.hand_out("submit")
        places = [most for most in (throttling.available_slots(), holds.places()) if most is not None]
        _dispatch_due(swept, TaskStatus.QUEUED, "submit", most=min(places, default=None))
    if tasks and is_full:
        # A queue is worked off in order: what brings a video must not stand behind pictures of others.
        most = 1 if depth or swept.counts else POSTERS
        _dispatch_due(swept, TaskStatus.COMPLETED, "poster", most=most)
    # Not save(), which would cost more than all that an idle pass has to find out.
    SiteState.objects.filter(name=SWEEP).update(value=state.value, updated_at=timezone.now())
    return swept


def _dispatch_due(
    swept: SweepResult,
    status: TaskStatus,
    job: str,
    per_job: int = 1,
    *,
    order: str = "next_action_at",
    most: int | None = None,
) -> None:
    if not swept.queue_reachable:
        return
    for ids in _claimed_chunks(swept, status, order, most):
        for start in range(0, len(ids), per_job):
            batch = ids[start : start + per_job]
            if not swept.hand_out(job, *batch):
                # Nobody took it: due again at once, with all that come after it, so that the next pass finds them.
                VideoTask.objects.filter(pk__in=ids[start:], status=status).update(next_action_at=timezone.now())
                return
            swept.add("posters" if job == "poster" else status, len(batch))


def _claimed_chunks(swept: SweepResult, status: TaskStatus, order: str, most: int | None) -> Iterator[list[uuid.UUID]]:
    """Yield ids of due rows that this pass, and no other, has marked as handed out."""
    rows, left = VideoTask.objects.filter(status=status), sys.maxsize if most is None else most
    while left > 0:
        size = min(CHUNK, left)
        found, ours = rows.claim_due(swept.visibility_timeout, order=order, most=size)
        if ours:
            yield ours
        if found < size:
            return
        left -= found


def _recover_stale_claims(swept: SweepResult) -> None:
    rows = VideoTask.objects.due().filter(status=TaskStatus.SUBMITTING)
    for task_id in rows.order_by("next_action_at").values_list("pk", flat=True)[:CHUNK]:
        settlement.recover_stale_claim(task_id)
        swept.add(TaskStatus.SUBMITTING, 1)


def _settle_unconfirmed(swept: SweepResult) -> None:
    for ids in _claimed_chunks(swept, TaskStatus.UNCONFIRMED, "next_action_at", CHUNK):
        attempts = Attempt.objects.filter(task_id__in=ids, state=AttemptState.UNCONFIRMED).select_related("task")
        by_task = {attempt.task_id: attempt for attempt in attempts}
        for pk in ids:
            attempt = by_task.get(pk)
            if attempt is not None and binding.bind_kept(attempt):
                swept.add("recovered", 1)
                continue
            if attempt is None or not settlement.may_repeat(attempt):
                _request_decision(pk)
            elif not swept.hand_out("submit", pk):
                VideoTask.objects.filter(pk=pk, status=TaskStatus.UNCONFIRMED).update(next_action_at=timezone.now())
            swept.add(TaskStatus.UNCONFIRMED, 1)


@database.in_transaction
def _request_decision(task_id: uuid.UUID) -> None:
    """Tell people once that they must decide; a callback or a person moves the task from now on, nothing else does."""
    if VideoTask.objects.filter(pk=task_id, status=TaskStatus.UNCONFIRMED).update(next_action_at=None):
        lifecycle.record(task_id, EventKind.NEEDS_DECISION, EventSource.SWEEP, detail={"reason": "unconfirmed"})


def _one_job(
    swept: SweepResult, state: SiteState, stage: str, job: str, rows: Callable[[int], QuerySet[Any]], column: str
) -> None:
    """Hand out one job that does all that waits at a stage."""
    # By the indexed column: ordered by key, a database may walk the whole table to find that nothing is due.
    due_rows = rows(_handed_out(state, stage)).order_by(column)
    newest = max(due_rows.values_list("pk", flat=True)[:CHUNK], default=None)
    if newest is not None and swept.hand_out(job):
        _note_handed_out(swept, state, stage, newest)
        swept.add(stage, 1)


def _events(swept: SweepResult, state: SiteState) -> None:
    last = _handed_out(state, "signals")
    rows = sorted(due.signals(last).order_by("notify_at").values_list("pk", "task_id")[:CHUNK])
    task_ids = list(dict.fromkeys(task_id for _pk, task_id in rows))
    for start in range(0, len(task_ids), SIGNAL_BATCH):
        batch = task_ids[start : start + SIGNAL_BATCH]
        if not swept.hand_out("notify", *batch):
            return
        swept.add("signals", len(batch))
    if rows:
        _note_handed_out(swept, state, "signals", rows[-1][0])


def _each(swept: SweepResult, stage: str, job: str, rows: QuerySet[Any]) -> None:
    for pk in rows.order_by("next_action_at").values_list("pk", flat=True)[:CHUNK]:
        if not swept.hand_out(job, pk):
            return
        swept.add(stage, 1)


def _handed_out(state: SiteState, stage: str) -> int:
    """Return up to which row a stage was handed out lately: an idle worker must not find the same job a hundred times."""
    note = state.value.get(stage) or {}
    until = parse_datetime(str(note.get("until", "")))
    return int(note["last"]) if timestamps.stands(until, TASK_VISIBILITY + LONGEST_QUEUE) else 0


def _note_handed_out(swept: SweepResult, state: SiteState, stage: str, last: int) -> None:
    standing = _handed_out(state, stage)
    # Shorter than for tasks: these are messages, and a job that finds nothing costs one query.
    wait = swept.visibility_timeout - TASK_VISIBILITY + MESSAGE_VISIBILITY
    until = state.value[stage]["until"] if standing else (timezone.now() + wait).isoformat()
    state.value[stage] = {"last": last, "until": until}
