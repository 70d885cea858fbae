"""Numbers, times and sizes as staff read them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.spending import money as spending

if TYPE_CHECKING:
    import datetime as dt
    from typing import Any

    from django_stubs_ext import StrOrPromise

    from django_wanvideo.catalog import MediaFacts, ParameterSpec

_NBSP = "\N{NO-BREAK SPACE}"


def unbroken(text: StrOrPromise) -> str:
    """Keep a number and its unit on one line."""
    return str(text).replace(" ", _NBSP)


def count(number: int) -> str:
    """A whole number in groups of digits: 12,345."""
    return number_format(number, force_grouping=True)


def credits_in_table(amount: Decimal | None) -> str:
    """Two decimals, so that columns line up; a dash for what is not known."""
    return "–" if amount is None else number_format(_rounded(amount), decimal_pos=2)


def credits_on_button(amount: Decimal | None) -> str:
    """Without needless zeros: 11.9 rather than 11.90."""
    if amount is None:
        return "–"
    rounded = _rounded(amount)
    return number_format(rounded.normalize() if rounded % 1 else rounded.quantize(Decimal(1)))


def money(credits_: Decimal) -> str:
    """What credits are in money: "$27.90", "25.80 EUR"."""
    amount, currency = spending.money(credits_)
    shown = number_format(_rounded(amount), decimal_pos=2)
    return f"${shown}" if currency == "USD" else unbroken(f"{shown} {currency}")


def number(value: Decimal) -> str:
    """Return a number without zeros that say nothing."""
    return number_format(f"{value.normalize():f}")


def _rounded(amount: Decimal) -> Decimal:
    """Round half up, as EvoLink does; Django's own formatting cuts decimals off."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def seconds_in_words(seconds: float) -> str:
    """A stretch of time, exact to the second below an hour: "1 min 58 s"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return unbroken(_("%(s)s s") % {"s": whole})
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        text = _("%(m)s min %(s)s s") % {"m": minutes, "s": rest} if rest else _("%(m)s min") % {"m": minutes}
        return unbroken(text)
    hours, rest = divmod(whole // 60, 60)
    text = _("%(h)s h %(m)s min") % {"h": hours, "m": rest} if rest else _("%(h)s h") % {"h": hours}
    return unbroken(text)


def seconds_since(moment: dt.datetime) -> str:
    """How long ago, exact to the second below an hour."""
    return seconds_in_words((timezone.now() - moment).total_seconds())


def age(moment: dt.datetime) -> str:
    """How long ago, in the largest unit: "just now", "42 min ago", "1 day ago"."""
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 60:
        return _("just now")
    if seconds < 3600:
        return unbroken(_("%(m)s min ago") % {"m": int(seconds // 60)})
    if seconds < 86400:
        return unbroken(_("%(h)s h ago") % {"h": int(seconds // 3600)})
    days = int(seconds // 86400)
    if days < 60:
        return unbroken(ngettext("%(n)s day ago", "%(n)s days ago", days) % {"n": days})
    return format_date(timezone.localtime(moment), "DATE_FORMAT")


def clock(moment: dt.datetime | None) -> str:
    """The time of day; with the day when that is not today. Nothing where it is not known."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return format_date(local, "H:i" if local.date() == timezone.localdate() else "j M, H:i")


def megabytes(size: int | None) -> str:
    if size is None:
        return "–"
    if size < 1_000_000:
        return unbroken(_("%(n)s kB") % {"n": number_format(Decimal(size) / 1000, decimal_pos=0)})
    if size < 1_000_000_000:
        return unbroken(_("%(n)s MB") % {"n": number_format(Decimal(size) / 1_000_000, decimal_pos=1)})
    return unbroken(_("%(n)s GB") % {"n": number_format(Decimal(size) / 1_000_000_000, decimal_pos=1)})


def measured(facts: MediaFacts) -> str:
    """Return what is known of a file: pixels, seconds, pages, size; empty for a link."""
    known = []
    if facts.width and facts.height:
        known.append(_("%(w)s × %(h)s px") % {"w": facts.width, "h": facts.height})
    if facts.seconds is not None:
        known.append(_("%(s)s s") % {"s": number(facts.seconds)})
    if facts.pages is not None:
        known.append(ngettext("%(n)s page", "%(n)s pages", facts.pages) % {"n": facts.pages})
    if facts.size is not None:
        known.append(megabytes(facts.size))
    return ", ".join(map(unbroken, known))


def setting(parameter: ParameterSpec, value: Any) -> str:
    """The value of a model's parameter, with its unit."""
    if parameter.kind == "boolean":
        return _("yes") if value else _("no")
    if label := str(parameter.label_of(value)):
        return label
    if parameter.kind != "integer":
        return str(value)
    return unbroken(_("%(s)s s") % {"s": value} if parameter.unit == "s" else f"{value} {parameter.unit}".strip())
