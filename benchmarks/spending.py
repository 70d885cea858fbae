"""The spending page over a ledger of 1,000,000 tasks: ``python -m benchmarks.spending``.

The ledger is filled by the database itself: a year of attempts of twenty people with five models, half of them in batches,
one in ten failed. Days that are over are summed as the job of the sweep does it. Then a superuser asks for the page of this
month, of the whole year, of one model's year and for the year's table, through Django's whole stack; the sums are compared
with one query over all entries. PostgreSQL.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import sys
import time
from typing import Any

from benchmarks.site import running_site
from benchmarks.tables import Verdict, table

MOST_SECONDS = 1.0
MODELS = 5
#: Rows made by one statement.
STEP = 100_000


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spending", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=365, help="over which they are spread")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-goal", action="store_true", help="print only; always leave with 0")
    options = parser.parse_args(argv)
    with running_site("postgres"):
        from django.test import override_settings

        _fill(options.rows, options.days)
        with override_settings(ROOT_URLCONF="benchmarks.changelist_urls"):
            return _measure(options)


def _fill(rows: int, days: int) -> None:
    from django.db import connection

    from benchmarks.changelist_rows import make_owners

    owners = make_owners()
    statement = f"""INSERT INTO wanvideo_creditentry (attempt_id, task_id, owner_id, owner_label, group_keys, batch_id,
        batch_label, model, seconds, quality, estimated, reserved, used, outcome, result, seconds_to_video, is_summed,
        claimed_at, accepted_at, settled_at)
    SELECT md5('attempt' || n)::uuid, md5('task' || n)::uuid, (%(owners)s::int[])[1 + n %% 20], 'person' || n %% 20, '',
        CASE WHEN n %% 2 = 0 THEN md5('batch' || n / 1000)::uuid END,
        CASE WHEN n %% 2 = 0 THEN 'Batch ' || n / 1000 ELSE '' END, 'model-' || n %% {MODELS}, 5 + n %% 10, '720p', 11.9, 11.9,
        CASE WHEN n %% 10 > 0 THEN 11.9 ELSE 0 END, CASE WHEN n %% 10 > 0 THEN 'charged' ELSE 'released' END,
        CASE WHEN n %% 10 > 0 THEN 'video' ELSE 'failed' END,
        CASE WHEN n %% 10 > 0 THEN 60 + (random() * random() * 300)::int END, false, at, at, at
    FROM generate_series(%(first)s, %(last)s) AS n,
        LATERAL (SELECT now() - interval '{days - 1} days' * ((%(total)s - n) / %(total)s) AS at) AS moment"""
    with connection.cursor() as cursor:
        for first in range(1, rows + 1, STEP):
            last = min(first + STEP - 1, rows)
            cursor.execute(statement, {"owners": owners, "first": first, "last": last, "total": float(rows)})
        cursor.execute("VACUUM ANALYZE wanvideo_creditentry")


def _measure(options: argparse.Namespace) -> int:
    from django.db import connection
    from django.utils import timezone

    from django_wanvideo.spending import keeping

    started, days = time.perf_counter(), 0
    while summed := keeping.keep_sums():
        days += summed
    print(
        f"{options.rows:,} entries of {options.days} days; {days} days summed in {time.perf_counter() - started:.0f} s."
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE wanvideo_creditentry")
        cursor.execute("VACUUM ANALYZE wanvideo_creditday")
    today = timezone.localdate()
    year = {"from": today - dt.timedelta(days=options.days - 1), "to": today}
    ask = _browser()
    pages: dict[str, dict[str, Any]] = {
        "this month": {},
        "the year": year,
        "the year of one model": year | {"model": "model-1"},
        "the year as a table": year | {"format": "csv"},
    }
    times: dict[str, list[float]] = {name: [] for name in pages}
    for number in range(options.rounds + 1):
        for name, query in pages.items():
            begun = time.perf_counter()
            ask(query)
            if number:
                # The first is for nothing: templates, connection, pages of the database in memory.
                times[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    print(f"PostgreSQL, {options.rounds} rounds, seconds\n")
    print(table(["page", "best", "median", "worst"], [
        (name, f"{min(of):.3f}", f"{medians[name]:.3f}", f"{max(of):.3f}") for name, of in times.items()
    ]), "\n")  # fmt: skip
    verdict = Verdict(binding=not options.no_goal)
    for name in ("this month", "the year", "the year of one model"):
        verdict.below(f"seconds for the page of {name}", round(medians[name], 3), MOST_SECONDS, "s")
    verdict.exactly("differences between the page and all entries", _differences(year["from"], today), 0)
    return verdict.exit_code()


def _browser() -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    boss = get_user_model().objects.create_superuser("boss", password=None)
    client = Client(headers={"host": "site.example"})
    client.force_login(boss)

    def ask(query: dict[str, Any]) -> None:
        response = client.get("/admin/wanvideo/videotask/spending/", query)
        assert response.status_code == 200, response.status_code
        if response.streaming:
            assert sum(map(len, response)) > 0

    return ask


def _differences(first: dt.date, last: dt.date) -> int:
    """Count what the report says otherwise than one query over all entries."""
    from django.db import connection
    from django.utils import timezone

    from django_wanvideo.spending.periods import Period
    from django_wanvideo.spending.report import report

    total = report(Period(first, last, timezone.get_default_timezone())).total
    with connection.cursor() as cursor:
        cursor.execute("""SELECT count(*) FILTER (WHERE result = 'video'), count(*) FILTER (WHERE result = 'failed'),
            sum(seconds) FILTER (WHERE result = 'video'), sum(used),
            percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds_to_video) FROM wanvideo_creditentry""")
        known = cursor.fetchone()
    said = (total.videos, total.failed, total.seconds, total.credits, total.median)
    return sum(one != other for one, other in zip(said, known, strict=True))


if __name__ == "__main__":
    sys.exit(main())
