"""The tables of the page, and the one to take away."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.template.defaultfilters import date as format_date
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from django_wanvideo.admin.presentation import formats, markup, status_text
from django_wanvideo.batches.tables import csv_files
from django_wanvideo.models import Batch
from django_wanvideo.models.base import people
from django_wanvideo.spending.money import money
from django_wanvideo.spending.report import Person, lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.spending.periods import Period
    from django_wanvideo.spending.report import Report
    from django_wanvideo.spending.sums import Sums

#: Rows of a table that may have any number; all of them are in the table to take away.
MOST_ROWS = 50


@dataclass(frozen=True)
class Line:
    """One row of a table, in words."""

    name: str
    url: str
    videos: str
    seconds: str
    failed: str
    failures_cost: str
    success: str
    median: str
    credits: str
    money: str
    #: For days: what the element ``time`` says.
    date: str = ""


@dataclass(frozen=True)
class Table:
    """One table with its sum; ``rest`` rows are left out."""

    slug: str
    heading: str
    first: str
    lines: list[Line]
    total: Line
    rest: int = 0


def line(name: str, sums: Sums, url: str = "", date: str = "") -> Line:
    """Put sums into words."""
    failures_cost = ""
    if sums.failed:
        cost = formats.credits_in_table(sums.failed_credits)
        failures_cost = _("cost %(n)s") % {"n": cost} if sums.failed_credits else _("not charged")
    return Line(
        name,
        url,
        number_format(sums.videos),
        formats.unbroken(_("%(s)s s") % {"s": number_format(sums.seconds)}),
        number_format(sums.failed),
        formats.unbroken(failures_cost),
        "–" if sums.success is None else status_text.percent(_per_cent(sums.success)),
        clock(sums.median),
        formats.credits_in_table(sums.credits),
        formats.money(sums.credits),
        date,
    )


def clock(seconds: int | None) -> str:
    """A stretch of time as minutes and seconds: 1:58."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def tables(model_admin: TaskAdminBase, report: Report, *, with_people: bool) -> list[Table]:
    """Return the tables by day or month, by model, by person where those are shown, and by batch."""
    total = line(_("All"), report.total)
    by_day = report.period.is_by_day
    days = [
        line(format_date(day, "D j M" if by_day else "F Y"), sums, date=f"{day:%Y-%m-%d}" if by_day else f"{day:%Y-%m}")
        for day, sums in reversed(report.times.items())
    ]
    found = [Table("days", _("By day") if by_day else _("By month"), _("Day") if by_day else _("Month"), days, total)]
    changelist = model_admin.get_page_url("changelist")

    def listed(**query: Any) -> str:
        return f"{changelist}?{urlencode(query)}"

    models = [
        line(markup.model_label(model), sums, listed(model=model) if markup.spec_of(model) else "")
        for model, sums in report.models[:MOST_ROWS]
    ]
    found.append(Table("models", _("By model"), _("Model"), models, total, _rest(report.models)))
    if with_people:
        persons = [
            line(person_words(person), sums, listed(owner=person.key) if person.key is not None else "")
            for person, sums in report.people[:MOST_ROWS]
        ]
        found.append(Table("people", _("By person"), _("Person"), persons, total, _rest(report.people)))
    if any(key is not None for key, _name, _sums in report.batches):
        keys = [key for key, _name, _sums in report.batches[:MOST_ROWS] if key is not None]
        there = set(Batch.objects.filter(pk__in=keys).values_list("pk", flat=True))
        batches = [
            line(batch_words(key, name), sums, listed(batch=key) if key in there else "")
            for key, name, sums in report.batches[:MOST_ROWS]
        ]
        found.append(Table("batches", _("By batch"), _("Batch"), batches, total, _rest(report.batches)))
    return found


def person_words(person: Person) -> str:
    """A person's name, also of one who is gone."""
    if person.is_gone:
        return _("%(name)s (deleted)") % {"name": person.name}
    return person.name or _("Nobody")


def batch_words(key: Any, name: str) -> str:
    """A batch's name; videos that were made one by one are no batch."""
    return name or str(key) if key is not None else _("Not in a batch")


def csv(period: Period, **only: Any) -> Iterator[bytes]:
    """Yield a table with a row for each day, model, batch and person, as it is read."""
    return csv_files.write(_cells(period, only))


def _cells(period: Period, only: dict[str, Any]) -> Iterable[Sequence[Any]]:
    _amount, currency = money(Decimal(0))
    yield [
        _("Day"),
        _("Model"),
        _("Batch"),
        _("Person"),
        _("Videos"),
        _("Seconds"),
        _("Credits"),
        currency,
        _("Failed"),
        _("Credits of failures"),
        _("Success (per cent)"),
        _("Median seconds to video"),
    ]
    for row, person, batch in lines(period, **only):
        sums = row.sums
        yield [
            row.day.isoformat(),
            row.model,
            batch if row.batch_id is not None else "",
            person_words(person) if person.name else "",
            sums.videos,
            sums.seconds,
            f"{sums.credits:f}",
            f"{money(sums.credits)[0]:.4f}",
            sums.failed,
            f"{sums.failed_credits:f}",
            "" if sums.success is None else _per_cent(sums.success),
            "" if sums.median is None else sums.median,
        ]


def _rest(rows: Sequence[Any]) -> int:
    return max(len(rows) - MOST_ROWS, 0)


def _per_cent(share: Decimal) -> int:
    return int((share * 100).quantize(Decimal(1), ROUND_HALF_UP))


def names_of(user: Any, report: Report, *, sees_all: bool) -> dict[Any, str]:
    """Return the people whose limits are told, the dearest first: everybody who is there, or the person alone."""
    if not sees_all:
        return {user.pk: people.name_of(user)}
    return {person.key: person.name for person, _sums in report.people if person.key is not None}
