"""Waiting: for one task, by looking at its row or doing the work that there is no worker for; and for a signal to stop."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import OperationalError, connections
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import TaskStatus
from django_wanvideo.db import timestamps
from django_wanvideo.models import CallbackReceipt, VideoTask
from django_wanvideo.services.tracking import receipts

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from django.core.management.base import OutputWrapper

#: Seconds between two looks at the row.
LOOK = 1.0
#: Characters of a bar of progress, and per cent between two plain lines.
WIDTH, STEP = 24, 10
#: Which job goes on with a task.
_JOBS = {
    TaskStatus.QUEUED: "submit",
    TaskStatus.PENDING: "sync",
    TaskStatus.PROCESSING: "sync",
    TaskStatus.STORING: "store",
}
#: Why a queued task waits, in words; others are shown as they are.
REASONS = {
    "no_api_key": "the worker has no API_KEY",
    "misconfigured": "a setting of the worker is wrong; see its log",
    "evolink_busy": "EvoLink asked to wait",
    "evolink_unreachable": "EvoLink cannot be reached",
    "upload_failed": "the picture could not be uploaded yet",
    "files_full": "EvoLink keeps as many files of the account as it takes; room comes as they end",
    "input_unreadable": "the storage does not give a file",
    "max_in_flight": "MAX_IN_FLIGHT tasks are under way",
    "max_per_minute": "MAX_SUBMITS_PER_MINUTE is reached",
    "daily_credit_limit": "the site's credits of today are used up",
    "weekly_credit_limit": "the site's credits of this week are used up",
    "monthly_credit_limit": "the site's credits of this month are used up",
    "group_daily_credit_limit": "the group's credits of today are used up",
    "group_weekly_credit_limit": "the group's credits of this week are used up",
    "group_monthly_credit_limit": "the group's credits of this month are used up",
    "user_daily_credit_limit": "the owner's credits of today are used up",
    "user_weekly_credit_limit": "the owner's credits of this week are used up",
    "user_monthly_credit_limit": "the owner's credits of this month are used up",
    "above_credit_limit": "it costs more than a credit limit allows; raise the limit or cancel it",
    "installation": "it was queued under another installation; see wanvideo_adopt",
    "rolled_back": "the database has gone back; see wanvideo_adopt",
    "lookup_unanswered": "EvoLink does not say what became of the earlier attempt",
    "lookup_not_found": "EvoLink is asked again about the earlier attempt before another is sent",
    "worker_lost": "its worker stopped before sending it",
}


class ProgressLine:
    """Shows where a task is; ``close`` ends the line that is being redrawn."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._live = out.isatty()
        self._start = time.monotonic()
        self._shown: tuple[str, int] | None = None
        self._length = 0

    def show(self, percent: int, words: str) -> None:
        """Show ``percent`` (0 to 100) and what is going on now."""
        if self._live:
            text = f"{bar(percent)} {percent:3d} %  {self._clock()}  {words}"
            # Spaces wipe what a longer line before has left behind.
            self._out.write("\r" + text.ljust(self._length), ending="")
            self._length = len(text)
            self._out.flush()
            return
        here = (words, percent // STEP)
        if here != self._shown:
            self._shown = here
            self._out.write(f"{self._clock()}  {percent:3d} %  {words}")
            self._out.flush()

    def close(self) -> None:
        if self._live and self._length:
            self._out.write("")
            self._length = 0

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        return f"{minutes:d}:{seconds:02d}"


def bar(percent: int) -> str:
    done = min(max(percent, 0), 100) * WIDTH // 100
    return f"[{'#' * done}{'.' * (WIDTH - done)}]"


def wait_for_task(task_id: uuid.UUID, progress: ProgressLine, *, timeout: float, inline: bool) -> VideoTask:
    """Wait until a task has ended or ``timeout`` seconds are over; return it as it then stands.

    Between two looks no database connection is held, however long the video takes.

    Raises:
        VideoTask.DoesNotExist: somebody has deleted it.
        TimeoutError: the database did not answer when the time was up.
    """
    deadline = time.monotonic() + timeout
    while True:
        task = _look(task_id, progress, inline=inline)
        late = time.monotonic() >= deadline
        if task is not None and (task.is_finished or late):
            return task
        if late:
            raise TimeoutError
        time.sleep(min(LOOK, max(deadline - time.monotonic(), 0)))


def _look(task_id: uuid.UUID, progress: ProgressLine, *, inline: bool) -> VideoTask | None:
    """Return the task as it stands, or ``None`` while the database does not answer."""
    try:
        task: VideoTask = VideoTask.objects.get(pk=task_id)
        progress.show(task.progress, words_for(task))
        if inline and run_due_jobs(task):
            task.refresh_from_db()
            progress.show(task.progress, words_for(task))
        return task
    except OperationalError:
        # It may be restarting; the task is in good hands without this process.
        progress.show(0, "the database does not answer; waiting for it")
        return None
    finally:
        release_connections()


def run_due_jobs(task: VideoTask) -> bool:
    """Do in this process what is due for a task, as a worker would; return whether there was anything to do."""
    now = timezone.now()
    done = False
    if CallbackReceipt.objects.filter(receipts.is_due(), attempt__task_id=task.pk).exists():
        done = jobs.run_here("sync")
    job = _JOBS.get(TaskStatus(task.status))
    held = _is_held(task)
    # Right after it came to this status its row waits for the worker that was woken; here there may be none.
    fresh = task.status in {TaskStatus.QUEUED, TaskStatus.STORING} and task.retry_count == 0
    due = task.next_action_at is not None and task.next_action_at <= now
    if job is not None and not held and (fresh or due):
        done = jobs.run_here(job, str(task.pk))
    return done and jobs.run_here("notify", str(task.pk))


def words_for(task: VideoTask) -> str:
    """Say in a few words what a task is doing."""
    held = _is_held(task)
    if task.status == TaskStatus.QUEUED and held:
        return f"queued: {REASONS.get(task.delay_reason, task.delay_reason)}"
    if task.status == TaskStatus.UNCONFIRMED:
        return "unconfirmed: EvoLink's answer was lost"
    return str(TaskStatus(task.status).label)


def _is_held(task: VideoTask) -> bool:
    return timestamps.stands(task.delayed_until, timestamps.longest_hold(task.delay_reason))


def release_connections() -> None:
    """Close database connections, of tasks and of whatever receivers used, unless somebody's transaction runs on them."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


@contextmanager
def until_told() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; elsewhere than in the main thread nobody sets it."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    earlier = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
