"""Stores videos in this process and prints what it has needed at most after each: ``python -m tests.services.storing.grower ID...``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.services.storing.child import MEDIA


def peak() -> int:
    """Bytes of memory that this process has had resident at most."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def main(*task_ids: str) -> None:
    """Store one after another."""
    import django

    django.setup()
    from django.conf import settings

    from django_wanvideo import jobs, queue

    settings.MEDIA_ROOT = os.environ[MEDIA]
    queue.jobs.enqueue = lambda job, *ids: True
    for task_id in task_ids:
        jobs.store(task_id)
        sys.stdout.write(f"{peak()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
