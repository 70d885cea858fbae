"""Our list of tasks beside Django's own over the same rows: ``python -m benchmarks.changelist``.

One PostgreSQL with two sets of the same tables: 10,000 tasks and 1,000,000, each with a first frame and an attempt. Every
page is asked for by a signed-in superuser through Django's whole stack, few and many by turns, so that a busy machine
disturbs all alike; times are medians, ratios are medians of the rounds' ratios.

``usual`` is a ``ModelAdmin`` with our columns, filters and search by the options that Django documents for them; it is
what ours is judged by, at Django's 100 rows per page and at each one's own. ``bare`` is ``site.register(VideoTask)`` with
nothing set, a list of one column: it is printed beside, but cannot be beaten much by any list of seven columns, as
Django's templates alone take as long for a page.
"""

from __future__ import annotations

import argparse
import datetime as dt
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
#: Milliseconds that a page of many tasks may take where the database has the index of prompts.
MOST_MS = 60
QUICK = ("two words", "a rare word", "last page")
FASTER = 5.0
GROWTH = 1.5


@dataclass
class Page:
    """One list as one address; ``seconds`` and ``queries`` are measured."""

    name: str
    site: str
    query: str = ""
    per_page: int | None = None
    #: Asked for by somebody who has chosen the grid.
    is_grid: bool = False
    seconds: list[float] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Median milliseconds."""
        return statistics.median(self.seconds) * 1000


NO_INDEX = "This PostgreSQL has no contrib modules: searches go without the index, and have no goal."


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
        Page("failed for want of credits", "admin", "?failure=credits"),
        Page("failed for another reason", "admin", "?failure=other"),
        Page("from one day to another", "admin", f"?created_from={_day(40)}&created_to={_day(30)}"),
        Page("picked", "admin", "?takes=picked"),
        Page("takes that were not picked", "admin", "?takes=others"),
        Page("grid of 60", "admin", is_grid=True),
        Page("sum of failed", "admin", "totals/?status=failed"),
        Page("sum of two words", "admin", "totals/?q=fox+cabin"),
        Page("sum of one owner", "admin", "totals/?owner=2"),
        Page("sum of too many", "admin", "totals/?status=completed"),
        Page("needs attention", "admin", "?attention=needed"),
        Page("my own", "admin", "?owner=me"),
        Page("page 20", "admin", "?p=20"),
        Page("last page", "admin", "?oldest=1"),
        Page("last page by its number", "admin", f"?p={last}"),
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
    rows.make_schema("few")
    for schema, count in (("few", few), ("public", many)):
        started = time.perf_counter()
        rows.use_schema(schema)
        rows.make_rows(many - count + 1, many, many, owners)
        print(f"{count:,} tasks with first frame and attempt are there ({time.perf_counter() - started:.0f} s).")
    rows.use_schema("public")
    started = time.perf_counter()
    has_index = rows.make_search_index()
    print(f"The index of prompts took {time.perf_counter() - started:.0f} s." if has_index else NO_INDEX)
    measured = {"few": pages(few, rows.RARE), "public": pages(many, rows.RARE)}
    _measure(measured, ask, options.rounds)
    print(f"\nPostgreSQL, {options.rounds} rounds, medians in milliseconds; SQL: statements, of them that count\n")
    _print(measured["few"], measured["public"])
    if options.explain:
        _explain(measured["public"])
    verdict = Verdict(binding=not options.no_goal)
    for page in measured["public"]:
        if page.site == "admin" and page.name in QUICK and (has_index or page.name == "last page"):
            verdict.at_most(f"milliseconds of {page.name} of many tasks", round(page.median, 1), MOST_MS)
    return _judge(measured["few"], measured["public"], ask, verdict)


def _browser() -> Callable[[Page], Any]:
    from django.contrib import admin
    from django.contrib.auth import get_user_model
    from django.core.cache import cache
    from django.test import Client

    from benchmarks.changelist_sites import bare_site, usual_site
    from django_wanvideo.models import SiteState, VideoTask

    clients = {}
    for is_grid in (False, True):
        boss = get_user_model().objects.create_superuser("grid" if is_grid else "boss", password=None)
        clients[is_grid] = Client(headers={"host": "site.example"})
        clients[is_grid].force_login(boss)
        SiteState.objects.create(name=f"view:{boss.pk}", value={"view": "grid" if is_grid else "list"})
    admins = {site.name: site._registry[VideoTask] for site in (admin.site, bare_site, usual_site)}
    usual = {name: model_admin.list_per_page for name, model_admin in admins.items()}

    def ask(page: Page) -> Any:
        admins[page.site].list_per_page = page.per_page or usual[page.site]
        response = clients[page.is_grid].get(f"/{page.site}/wanvideo/videotask/{page.query}")
        assert response.status_code == 200, f"{page.site} {page.query} answered {response.status_code}"
        return response

    cache.clear()
    return ask


def _measure(measured: dict[str, list[Page]], ask: Callable[[Page], Any], rounds: int) -> None:
    from benchmarks.changelist_rows import use_schema
    from django_wanvideo.admin import banner

    # Looked for once in half a minute, whatever is asked for; it is counted apart.
    banner.get_banner = lambda: None
    for schema, found in measured.items():
        use_schema(schema)
        for page in found:
            # Once for nothing: templates, connection, pages of the database in memory.
            ask(page)
            page.statements = _statements(lambda page=page: ask(page))
    for _round in range(rounds):
        for pair in zip(*measured.values(), strict=True):
            for schema, page in zip(measured, pair, strict=True):
                use_schema(schema)
                started = time.perf_counter()
                ask(page)
                page.seconds.append(time.perf_counter() - started)


def _day(ago: int) -> str:
    return (dt.date.today() - dt.timedelta(days=ago)).isoformat()  # noqa: DTZ011 - rows are made by the same clock


def _ratio(above: Page, below: Page) -> float:
    """The median over the rounds of one page's time by another's."""
    return statistics.median(a / b for a, b in zip(above.seconds, below.seconds, strict=True))


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
                f"{_ratio(large, small):.2f}",
                len(large.statements),
                _counts(large),
                "" if mine is None or mine is large else f"{_ratio(large, mine):.1f}",
            )
        )
    head = ["page", "list", "few", "many", "growth", "SQL", "counts", "by ours"]
    print(table(head, lines))
    print()


def _judge(few: list[Page], many: list[Page], ask: Callable[[Page], Any], verdict: Verdict) -> int:
    from django.core.cache import cache

    def page(found: list[Page], name: str, site: str = "admin") -> Page:
        return next(item for item in found if item.name == name and item.site == site)

    # A sum is no part of a list, and is meant to count.
    own = [item for item in many if item.site == "admin" and not item.query.startswith("totals")]
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
    for name in ("first page", "100 rows per page"):
        ratio = _ratio(page(many, name, "usual"), page(many, name))
        verdict.at_least(f"{name} of many tasks, usual ModelAdmin by ours", ratio, FASTER)
        verdict.below(f"{name}, many by few", _ratio(page(many, name), page(few, name)), GROWTH, "times")
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
