"""Work for RQ: put in the queue after the commit, without ever waiting for Redis."""

from __future__ import annotations

from django_wanvideo.queue.callback_wakeup import clear_pending_read, request_callback_read, reset
from django_wanvideo.queue.connection import answer, ask
from django_wanvideo.queue.jobs import JOB_TIMEOUTS, depth, enqueue, enqueue_on_commit, workers

__all__ = [
    "JOB_TIMEOUTS",
    "answer",
    "ask",
    "clear_pending_read",
    "depth",
    "enqueue",
    "enqueue_on_commit",
    "request_callback_read",
    "reset",
    "workers",
]
