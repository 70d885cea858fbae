"""A pass of the sweep that finds nothing due, beside many tasks: ``python -m benchmarks.sweep``.

Every task has had its attempt, a callback and two events; one in a thousand is with EvoLink and one waits in the queue,
none of them due yet. Measured is the whole pass, what it asks of Redis included. The plans of its queries are proof that
the next table will not be slower: none of them may read a large table from end to end. PostgreSQL.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

from benchmarks.site import running_site
from benchmarks.tables import Verdict, table

MOST_QUERIES = 5
MOST_MS = 5.0
#: Tables that grow with the site.
LARGE = ("wanvideo_videotask", "wanvideo_attempt", "wanvideo_taskevent", "wanvideo_callbackreceipt")
#: Rows made by one statement.
STEP = 100_000


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--passes", type=int, default=200)
    parser.add_argument("--explain", action="store_true", help="print the plans of the queries")
    parser.add_argument("--no-goal", action="store_true", help="print only; always leave with 0")
    options = parser.parse_args(argv)
    with running_site("postgres"):
        _fill(options.rows)
        return _measure(options)


def _fill(rows: int) -> None:
    from django.db import connection

    from benchmarks.changelist_rows import make_owners, make_rows

    owners = make_owners()
    for first in range(0, rows, STEP):
        make_rows(first, min(first + STEP, rows) - 1, rows, owners)
    later = "now() + interval '40 minutes'"
    statements = [
        """INSERT INTO wanvideo_callbackreceipt (attempt_id, provider_task_id, payload, received_at, process_at, retry_count)
        SELECT id, provider_task_id, '{}', claimed_at, NULL, 1 FROM wanvideo_attempt""",
        """INSERT INTO wanvideo_taskevent (task_id, attempt_id, kind, source, from_status, to_status, detail, created_at,
        notified_at, delivery) SELECT task_id, id, kind, 'worker', '', '', '{}', claimed_at, claimed_at, '{}'
        FROM wanvideo_attempt, unnest(ARRAY['accepted', 'stored']) AS kind""",
        f"UPDATE wanvideo_videotask SET next_action_at = {later} WHERE status = 'processing'",
        f"""UPDATE wanvideo_videotask SET next_action_at = {later}, delayed_until = {later}, delay_reason = 'max_in_flight'
        WHERE status = 'queued'""",
    ]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        for name in LARGE:
            cursor.execute(f"VACUUM ANALYZE {name}")


def _measure(options: argparse.Namespace) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from django_wanvideo import queue
    from django_wanvideo.services.sweep import FULL_EVERY, sweep

    for _pass in range(5):
        sweep(queue.enqueue)
    with CaptureQueriesContext(connection) as captured:
        swept = sweep(queue.enqueue)
    times: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * options.passes):
        is_full = bool(number % 2)
        started = time.perf_counter()
        swept = sweep(queue.enqueue, is_full=is_full)
        times[is_full].append(1000 * (time.perf_counter() - started))
        assert not swept.counts, swept
    reads = [query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    plans = [_plan(sql) for sql in reads]
    if options.explain:
        for sql, plan in zip(reads, plans, strict=True):
            print(f"{sql[:100]} …\n{plan}\n")
    walked = sorted({name for plan in plans for name in LARGE if f"Seq Scan on {name}" in plan})
    medians = {is_full: statistics.median(measured) for is_full, measured in times.items()}
    rows: list[tuple[Any, ...]] = [
        (name, len(captured), f"{min(of):.2f}", f"{statistics.median(of):.2f}", f"{max(of):.2f}")
        for name, of in ((f"a full pass, every {FULL_EVERY:.0f} s", times[True]), ("each of the others", times[False]))
    ]
    share = min(1.0, 1 / FULL_EVERY)
    in_the_mean = share * medians[True] + (1 - share) * medians[False]
    print(f"{options.rows:,} tasks, {options.passes} passes with nothing due\n")
    print(table(["", "queries", "best ms", "median ms", "worst ms"], rows), "\n")
    verdict = Verdict(binding=not options.no_goal)
    verdict.at_most("queries of a pass with nothing due", len(captured), MOST_QUERIES)
    verdict.below("mean of the medians of a pass, one a second, with nothing due", in_the_mean, MOST_MS, "ms")
    verdict.exactly(f"large tables that are read from end to end {' '.join(walked)}".rstrip(), len(walked), 0)
    return verdict.exit_code()


def _plan(sql: str) -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {sql}")
        return "\n".join(line for (line,) in cursor.fetchall())


if __name__ == "__main__":
    sys.exit(main())
