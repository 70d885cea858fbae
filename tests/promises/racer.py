"""One of several processes that hear, read or look at the same tasks: ``python -m tests.promises.racer ROLE TASK_ID...``."""

from __future__ import annotations

import os
import sys
from typing import Any

from tests.promises.processes import wait_at_the_gate

#: The signals that a task which becomes a video sends, each once.
SIGNALS = ("video_submitted", "video_completed", "video_finished")
#: The environment variable with the file that receivers write into.
HEARD = "WANVIDEO_CHILD_HEARD"


def write_down(path: str) -> list[Any]:
    """Connect receivers that add a line ``SIGNAL TASK_ID`` to a file; return them, as signals hold them weakly."""
    from django_wanvideo import signals

    def hear(name: str) -> Any:
        def receiver(task: Any, **_options: Any) -> None:
            # One write at the end of a file is whole, whoever else writes.
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, f"{name} {task.pk}\n".encode())
            os.close(file)

        getattr(signals, name).connect(receiver)
        return receiver

    return [hear(name) for name in (*SIGNALS, "video_failed", "video_cancelled")]


def call_back(ids: tuple[str, ...]) -> None:
    """What the web server does with EvoLink's messages, and what the worker does that it wakes."""
    from django_wanvideo import jobs
    from django_wanvideo.models import Attempt
    from django_wanvideo.services.tracking import receipts

    for attempt in Attempt.objects.filter(task_id__in=ids):
        receipts.receive(attempt.pk, attempt.provider_task_id or "", {"status": "completed"})
    jobs.run_here("sync")


def poll(ids: tuple[str, ...]) -> None:
    """A worker that reads tasks which are due."""
    from django_wanvideo import jobs

    jobs.run_here("sync", *ids)


def sweep(ids: tuple[str, ...]) -> None:
    """A sweep, and a worker that stores and tells."""
    from django_wanvideo import jobs
    from django_wanvideo.services import sweep as sweeping

    sweeping.sweep(jobs.run_here)
    jobs.run_here("store", *ids)
    jobs.run_here("notify", *ids)


ROLES = {role.__name__: role for role in (call_back, poll, sweep)}


def main(role: str, *task_ids: str) -> None:
    """Play a role, once the gate is open."""
    import django

    django.setup()
    from django_wanvideo import queue

    queue.jobs.enqueue = lambda job, *ids: True
    _receivers = write_down(os.environ[HEARD])
    wait_at_the_gate()
    ROLES[role](task_ids)


if __name__ == "__main__":
    main(*sys.argv[1:])
