"""One of several processes that make the same tasks: ``python -m tests.promises.key_racer KEYS PICTURE``."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from tests.promises.processes import wait_at_the_gate


def main(keys: str, picture: str) -> None:
    """Make a task for each key in an order of one's own, and print what came of each."""
    import django

    django.setup()
    from django.db import connection

    from django_wanvideo.models import VideoTask

    connection.ensure_connection()
    wait_at_the_gate(600)
    for number in random.sample(range(int(keys)), int(keys)):
        task = VideoTask.objects.create_task(f"Wish {number}", Path(picture), idempotency_key=f"order-{number}")
        sys.stdout.write(f"{number} {task.pk}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
