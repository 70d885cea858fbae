"""A worker in a process of its own that dies at a chosen point: ``python -m tests.services.storing.child POINT TASK_ID``."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from typing import Any

from tests.promises.child import die, dying_after

#: The environment variable with the folder of the site's files.
MEDIA = "WANVIDEO_CHILD_MEDIA"
#: Seconds that the lease of a worker lasts that dies while its storage hangs.
LEASE = 0.6


def arrange(point: str) -> None:
    """Make this process die at ``point``."""
    from django.core.files.base import File
    from django.core.files.storage import FileSystemStorage

    from django_wanvideo import downloads
    from django_wanvideo.choices import EventKind
    from django_wanvideo.models import lifecycle
    from django_wanvideo.services import leases
    from django_wanvideo.services.storing import staging

    if point == "in the download":
        fetch, downloads.download.CHUNK = downloads.fetch, 1024

        def fetch_and_die(*args: Any, on_progress: Any, **options: Any) -> Any:
            return fetch(*args, on_progress=lambda done, _total: die() if done > 2048 else None, **options)

        downloads.fetch = fetch_and_die
    elif point == "with half a file in the storage":
        # As on a disk that has no unnamed files: the storage reads the copy and writes another.
        staging._unnamed = lambda _folder: None
        chunks = File.chunks

        def half(file: Any, chunk_size: int | None = None) -> Any:
            yield next(iter(chunks(file, 1024)))
            die()

        File.chunks = half
    elif point == "as its copy has got a name":
        staging._give_name = dying_after(staging._give_name)
    elif point == "while the storage hangs":
        leases.LEASE, leases.RENEWAL = dt.timedelta(seconds=LEASE), dt.timedelta(seconds=0.1)

        def hang(*_args: Any) -> None:
            time.sleep(LEASE * 1.5)
            die()

        FileSystemStorage._save = hang
    elif point == "when the storage has the file":
        FileSystemStorage._save = dying_after(FileSystemStorage._save)
    elif point == "before the commit":
        record = lifecycle.record

        def record_and_die(task: Any, kind: Any, *args: Any, **options: Any) -> Any:
            event = record(task, kind, *args, **options)
            return die() if kind == EventKind.STORED else event

        lifecycle.record = record_and_die
    elif point == "after the commit":
        lifecycle.advance = dying_after(lifecycle.advance)
    else:
        raise SystemExit(f"no such point: {point}")


def main(point: str, task_id: str) -> None:
    """Store the video of a task, or a part of it."""
    import django

    django.setup()
    from django.conf import settings

    from django_wanvideo import jobs, queue

    settings.MEDIA_ROOT = os.environ[MEDIA]
    queue.jobs.enqueue = lambda job, *ids: True
    arrange(point)
    jobs.store(task_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
