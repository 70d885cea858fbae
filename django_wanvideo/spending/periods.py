"""Days from one to another, in a time zone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Days that are shown one by one; more are shown as months.
MOST_DAYS = 92


def begin_of(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    """Return the first moment of a day. From dates, not by adding hours: a day may have 23 or 25."""
    return dt.datetime.combine(day, dt.time.min, tzinfo=zone)


def is_site_zone(zone: dt.tzinfo) -> bool:
    """Tell whether days of a zone are those of the site, by which limits go and sums are kept."""
    return str(zone) == str(timezone.get_default_timezone())


@dataclass(frozen=True)
class Period:
    """All days from ``first`` to ``last``, both included."""

    first: dt.date
    last: dt.date
    zone: dt.tzinfo

    @property
    def is_by_day(self) -> bool:
        """Whether it is short enough to be shown day by day."""
        return (self.last - self.first).days < MOST_DAYS

    def days(self) -> Iterator[dt.date]:
        """Yield its days."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + dt.timedelta(days=number)

    def months(self) -> Iterator[Period]:
        """Yield its months, the first and the last as far as they belong to it."""
        first = self.first
        while first <= self.last:
            following = (first.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
            yield Period(first, min(following - dt.timedelta(days=1), self.last), self.zone)
            first = following


def month_of(day: dt.date, zone: dt.tzinfo, *, before: bool = False) -> Period:
    """Return the month that a day is in, up to that day; or the whole month before."""
    first = day.replace(day=1)
    if not before:
        return Period(first, day, zone)
    last = first - dt.timedelta(days=1)
    return Period(last.replace(day=1), last, zone)
