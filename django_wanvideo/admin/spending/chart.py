"""A chart of credits, drawn by the server: numbers for an SVG without script or style."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any

from django.template.defaultfilters import date as format_date
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from django_wanvideo.admin.presentation import formats

if TYPE_CHECKING:
    import datetime as dt

    from django_wanvideo.spending.report import Report

WIDTH, HEIGHT = 1040, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 1030, 26, 224
#: Bars that have room for a number above and for a name of their own below.
_MOST_NAMES = 16


@dataclass(frozen=True)
class Bar:
    """One bar; lengths are in the units of the picture, as texts that no language writes with a comma."""

    x: str
    y: str
    width: str
    height: str
    middle: str
    name: str
    value: str


@dataclass(frozen=True)
class Line:
    """A line across, and the number at its left end."""

    y: str
    text_y: str
    words: str


def chart(report: Report, limit: Decimal | None) -> dict[str, Any] | None:
    """Return what the chart of a report needs; ``None`` where nothing was spent.

    Args:
        limit: credits that the site may spend in a day, drawn where the chart shows days.
    """
    amounts = {day: sums.credits for day, sums in report.times.items()}
    highest = max(amounts.values())
    if not highest:
        return None
    limit = limit if report.period.is_by_day and limit and limit < 4 * highest else None
    reach = max(highest, limit or Decimal(0))
    step = _step(reach)
    top = step * (reach / step).to_integral_value(ROUND_CEILING)
    slot = (_RIGHT - _LEFT) / len(amounts)
    every = -(-len(amounts) // _MOST_NAMES)
    bars = []
    for number, (day, amount) in enumerate(amounts.items()):
        y, middle = _y(amount, top), _LEFT + (number + 0.5) * slot
        bars.append(
            Bar(
                _text(middle - slot * 0.32),
                _text(y),
                _text(slot * 0.64),
                _text(_BOTTOM - y),
                _text(middle),
                _name(day, report) if number % every == 0 else "",
                _whole(amount) if every == 1 else "",
            )
        )
    best = max(amounts, key=lambda day: amounts[day])
    return {
        "bars": bars,
        "lines": [_line(step * number, top) for number in range(int(top / step) + 1)],
        "limit": _line(limit, top) if limit else None,
        "best": formats.credits_in_table(highest),
        "best_day": _long(best, report),
    }


def _step(highest: Decimal) -> Decimal:
    """Return the distance of lines, so that there are three to five: 1, 2 or 5 with any number of noughts."""
    size = Decimal(1).scaleb((highest / 5).adjusted())
    return next(size * factor for factor in (1, 2, 5, 10) if highest / (size * factor) <= 5)


def _line(amount: Decimal, top: Decimal) -> Line:
    y = _y(amount, top)
    return Line(_text(y), _text(y + 4), _whole(amount))


def _y(amount: Decimal, top: Decimal) -> float:
    return _BOTTOM - float(amount / top) * (_BOTTOM - _TOP)


def _text(length: float) -> str:
    return f"{length:.1f}"


def _whole(amount: Decimal) -> str:
    """A number for a chart: whole, unless it is small."""
    return number_format(amount.normalize(), decimal_pos=0 if amount >= 10 or not amount % 1 else 1)


def _name(day: dt.date, report: Report) -> str:
    """What stands below a bar."""
    if not report.period.is_by_day:
        return format_date(day, "M Y")
    return format_date(day, "D j" if len(report.times) <= _MOST_NAMES else "j M")


def _long(day: dt.date, report: Report) -> str:
    return format_date(day, "l, j F Y" if report.period.is_by_day else "F Y") or _("a day")
