"""One of many workers that send the same tasks as fast as they may: ``python -m tests.promises.spender STOP TASK_ID...``."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from tests.promises.processes import wait_at_the_gate


def main(stop: str, *task_ids: str) -> None:
    """Do the job that sends a task, any of them, until a file is there."""
    import django

    django.setup()
    from django_wanvideo import jobs, queue

    queue.jobs.enqueue = lambda job, *ids: True
    wait_at_the_gate(600)
    while not Path(stop).exists():
        jobs.submit(random.choice(task_ids))


if __name__ == "__main__":
    main(*sys.argv[1:])
