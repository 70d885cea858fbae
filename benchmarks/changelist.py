"""Our list of tasks beside Django's own over the same rows: ``python -m benchmarks.changelist``.

One PostgreSQL, first with 10,000 tasks, then with 1,000,000, each with a first frame and an attempt. Every page is asked
for by a signed-in superuser through Django's whole stack, in turn with the others; times are medians. ``bare`` is
``site.register(VideoTask)`` with nothing set, ``usual`` has our columns, filters and search by ``ModelAdmin`` options.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.site import running_site
from benchmarks.tables import Verdict, table

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_QUERIES = 5
FASTER = 5.0
GROWTH = 1.5


@dataclass
class Page:
    """One list as one address; ``seconds`` and ``queries`` are measured."""

    name: str
    site: str
    query: str = ""
    per_page: int | None = None
    seconds: list[float] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Median milliseconds."""
        return statistics.median(self.seconds) * 1000


def pages(rows: int, rare: str) -> list[Page]:
    """Return what is asked for, ours and the others by turns."""
    last = rows // 50
    return [
        Page("first page", "admin"),
        Page("first page", "bare"),
        Page("first page", "usual"),
        Page("1 row per page", "admin", per_page=1),
        Page("100 rows per page", "admin", per_page=100),
        Page("100 rows per page", "bare", per_page=100),
        Page("100 rows per page", "usual", per_page=100),
        Page("two words", "admin", "?q=fox+cabin"),
        Page("two words", "usual", "?q=fox+cabin"),
        Page("a rare word", "admin", f"?q={rare}"),
        Page("a rare word", "usual", f"?q={rare}"),
        Page("EvoLink's id", "admin", "?q=task-unified-999777"),
        Page("EvoLink's id", "usual", "?q=task-unified-999777"),
        Page("status failed", "admin", "?status=failed"),
        Page("status failed", "usual", "?status__exact=failed"),
        Page("needs attention", "admin", "?attention=needed"),
        Page("my own", "admin", "?owner=me"),
        Page("page 20", "admin", "?p=20"),
        Page("last page", "admin", f"?p={last}"),
        Page("last page", "usual", f"?p={rows // 100}"),
    ]


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.changelist", description=__doc__)
    parser.add_argument("--few", type=int, default=10_000, help="tasks at first")
    parser.add_argument("--many", type=int, default=1_000_000, help="tasks in the end")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-goal", action="store_true", help="print only; always leave with 0")
    parser.add_argument("--explain", action="store_true", help="print the plan of every slow statement of ours")
    options = parser.parse_args(argv)
    with running_site("postgres"):
        from django.test import override_settings

        with override_settings(ROOT_URLCONF="benchmarks.changelist_urls"):
            return _run(options)


def _run(options: argparse.Namespace) -> int:
    from benchmarks import changelist_rows as rows

    few, many = options.few, options.many
    owners = rows.make_owners()
    ask = _browser()
    measured: dict[int, list[Page]] = {}
    for first, last, count in ((many - few + 1, many, few), (1, many - few, many)):
        started = time.perf_counter()
        rows.make_rows(first, last, many, owners)
        print(f"{count:,} tasks with first frame and attempt are there ({time.perf_counter() - started:.0f} s).")
        measured[count] = pages(count, rows.RARE)
        _measure(measured[count], ask, options.rounds)
    print(f"\nPostgreSQL, {options.rounds} rounds, medians in milliseconds; SQL: statements, of them that count\n")
    _print(measured[few], measured[many])
    if options.explain:
        _explain(measured[many])
    return _judge(measured[few], measured[many], ask, Verdict(binding=not options.no_goal))


def _browser() -> Callable[[Page], Any]:
    from django.contrib import admin
    from django.contrib.auth import get_user_model
    from django.core.cache import cache
    from django.test import Client

    from benchmarks.changelist_sites import bare_site, usual_site
    from django_wanvideo.models import VideoTask

    boss = get_user_model().objects.create_superuser("boss", password=None)
    client = Client(headers={"host": "site.example"})
    client.force_login(boss)
    admins = {site.name: site._registry[VideoTask] for site in (admin.site, bare_site, usual_site)}
    usual = {name: model_admin.list_per_page for name, model_admin in admins.items()}

    def ask(page: Page) -> Any:
        admins[page.site].list_per_page = page.per_page or usual[page.site]
        response = client.get(f"/{page.site}/wanvideo/videotask/{page.query}")
        assert response.status_code == 200, f"{page.site} {page.query} answered {response.status_code}"
        return response

    cache.clear()
    return ask


def _measure(found: list[Page], ask: Callable[[Page], Any], rounds: int) -> None:
    for page in found:
        # Once for nothing: templates, connection, pages of the database in memory.
        ask(page)
        page.statements = _statements(lambda page=page: ask(page))
    for _round in range(rounds):
        for page in found:
            started = time.perf_counter()
            ask(page)
            page.seconds.append(time.perf_counter() - started)


def _statements(call: Callable[[], Any]) -> list[str]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        call()
    return [query["sql"] for query in captured.captured_queries]


def _counts(page: Page) -> int:
    return sum("COUNT(" in sql for sql in page.statements)


def _print(few: list[Page], many: list[Page]) -> None:
    ours = {page.name: page for page in many if page.site == "admin"}
    lines = []
    for small, large in zip(few, many, strict=True):
        mine = ours.get(large.name)
        lines.append(
            (
                large.name,
                "django-wanvideo" if large.site == "admin" else f"{large.site} ModelAdmin",
                f"{small.median:.1f}",
                f"{large.median:.1f}",
                f"{large.median / small.median:.2f}",
                len(large.statements),
                _counts(large),
                "" if mine is None or mine is large else f"{large.median / mine.median:.1f}",
            )
        )
    head = ["page", "list", "few", "many", "growth", "SQL", "counts", "by ours"]
    print(table(head, lines))
    print()


def _judge(few: list[Page], many: list[Page], ask: Callable[[Page], Any], verdict: Verdict) -> int:
    from django.core.cache import cache

    def page(found: list[Page], name: str, site: str = "admin") -> Page:
        return next(item for item in found if item.name == name and item.site == site)

    own = [item for item in many if item.site == "admin"]
    first = page(many, "first page")
    cache.clear()
    cold = _statements(lambda: ask(first))
    verdict.at_most(
        "queries of a page, session and user among them", max(len(item.statements) for item in own), MOST_QUERIES
    )
    verdict.at_most("queries of a page that also looks for site trouble (once in 30 s)", len(cold), 2 * MOST_QUERIES)
    verdict.exactly("COUNTs", sum(_counts(item) for item in own), 0)
    verdict.exactly("DISTINCTs", sum("DISTINCT" in sql for item in own for sql in item.statements), 0)
    single, hundred = page(many, "1 row per page"), page(many, "100 rows per page")
    verdict.exactly("queries at 100 rows by those at 1 row", len(hundred.statements), len(single.statements))
    for site in ("bare", "usual"):
        ratio = page(many, "first page", site).median / first.median
        verdict.at_least(f"first page of many tasks, {site} ModelAdmin by ours", ratio, FASTER)
    verdict.below("first page, many by few", first.median / page(few, "first page").median, GROWTH, "times")
    return verdict.exit_code()


def _explain(found: list[Page]) -> None:
    from django.db import connection

    for page in found:
        if page.site != "admin" or page.median < 100:
            continue
        for sql in page.statements:
            if "wanvideo" not in sql or not sql.startswith("SELECT"):
                continue
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + sql.replace("%", "%%"))
                plan = "\n".join(line for (line,) in cursor.fetchall())
            print(f"\n{page.name}: {sql[:120]}…\n{plan}\n")


if __name__ == "__main__":
    sys.exit(main())
