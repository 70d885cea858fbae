"""Checking and making a batch beside a bare ``bulk_create`` of the same rows: ``python -m benchmarks.batch``.

The rows are those of a table of links: nothing is fetched. Ours makes the batch, its rows, their tasks, inputs and
histories, in transactions that survive a death; the bare one writes the same rows of the same tables in one go, made
before its clock runs. Both by turns; times are medians, the ratio is the median of the rounds' ratios. Memory is that of
a process of its own which checks and makes all rows, over the same process before. PostgreSQL.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks.site import running_site
from benchmarks.tables import Verdict, table

ROWS_A_SECOND = 500
MOST_MIB = 60
MOST_TIMES = 1.5
MOST_QUERIES = 8


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-goal", action="store_true", help="print only; always leave with 0")
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.memory:
        return _memory(options.rows)
    with running_site("postgres"):
        return _measure(options)


def rows(count: int, round_: int = 0) -> list[dict[str, Any]]:
    """Return rows as a table has them."""
    return [
        {
            "first_frame": f"https://example.com/{round_}/{number}.jpg",
            "motif": f"fox {number}",
            "duration": "5",
            "quality": "720p",
            "metadata.sku": f"PC-{number:05}",
        }
        for number in range(count)
    ]


def _plan(count: int, round_: int) -> Any:
    from django_wanvideo import batches

    return batches.plan(rows(count, round_), name=f"Round {round_}", prompt="The {motif} looks up. {number}")


def _measure(options: argparse.Namespace) -> int:
    checking, ours, bare = [], [], []
    for round_ in range(options.rounds + 1):
        began = time.perf_counter()
        plan = _plan(options.rows, round_)
        checked = time.perf_counter()
        batch = plan.create()
        made = time.perf_counter()
        seconds = _bare(batch)
        # The first round warms both up.
        if round_:
            checking.append(options.rows / (checked - began))
            ours.append(made - checked)
            bare.append(seconds)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    print(f"{options.rows} rows, {options.rounds} rounds\n")
    cells = [
        ("check, rows a second", f"{statistics.median(checking):.0f}"),
        ("make, seconds", f"{statistics.median(ours):.2f}"),
        ("bare bulk_create of the same rows, seconds", f"{statistics.median(bare):.2f}"),
    ]
    print(table(["", "median"], cells))
    memory, queries = _memory_of_a_process(options.rows), _queries_of_its_page(batch)
    verdict = Verdict(binding=not options.no_goal)
    verdict.at_least("rows checked a second", statistics.median(checking), ROWS_A_SECOND)
    verdict.no_more_than("times a bare bulk_create", ratio, MOST_TIMES)
    verdict.below("memory over the start", memory, MOST_MIB, "MiB")
    verdict.at_most("queries of the batch's page", queries, MOST_QUERIES)
    return verdict.exit_code()


def _bare(batch: Any) -> float:
    """Write the rows that a batch consists of once more, under other keys; return the seconds."""
    from django.db import transaction

    from django_wanvideo.models import Batch, BatchItem, MediaInput, TaskEvent, VideoTask

    copy = Batch.objects.get(pk=batch.pk)
    copy.pk = uuid.uuid4()
    tasks = list(VideoTask.objects.filter(batch=batch).order_by("row_number"))
    items = list(BatchItem.objects.filter(batch=batch).order_by("number"))
    inputs = list(MediaInput.objects.filter(task__batch=batch))
    events = list(TaskEvent.objects.filter(task__batch=batch))
    new = {task.pk: uuid.uuid4() for task in tasks}
    for task in tasks:
        task.pk, task.batch_id = new[task.pk], copy.pk
    for item in items:
        item.pk, item.batch_id, item.task_id = None, copy.pk, new[item.task_id]
    for row in (*inputs, *events):
        row.pk, row.task_id = None, new[row.task_id]
    began = time.perf_counter()
    with transaction.atomic():
        copy.save(force_insert=True)
        VideoTask.objects.bulk_create(tasks)
        BatchItem.objects.bulk_create(items)
        MediaInput.objects.bulk_create(inputs)
        TaskEvent.objects.bulk_create(events)
    return time.perf_counter() - began


def _memory(count: int) -> int:
    """Print how many bytes a check and the making of all rows took over the start of this process."""
    import django

    django.setup()
    _plan(10, 10_000).create()
    before = _peak()
    _plan(count, 10_001).create()
    print(_peak() - before)
    return 0


def _peak() -> int:
    """Return the most bytes that this program has had; what it was started from does not count."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def _memory_of_a_process(count: int) -> float:
    command = [sys.executable, "-m", "benchmarks.batch", "--memory", "--rows", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    return int(done.stdout.split()[-1]) / 1024**2


def _queries_of_its_page(batch: Any) -> int:
    """Return how many queries the page asks, beside those of who is signed in."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client, override_settings
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    person = get_user_model().objects.create_superuser("boss", "boss@example.com", "x")
    client = Client()
    client.force_login(person)
    with override_settings(ROOT_URLCONF="tests.urls"):
        address = reverse("admin:wanvideo_batch_change", args=[batch.pk])
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
    return len([one for one in queries if "django_session" not in one["sql"] and "auth_user" not in one["sql"]])


if __name__ == "__main__":
    sys.exit(main())
