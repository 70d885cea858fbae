"""Reading a period: days that are over from their sums, all others from the ledger itself."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.utils import timezone

from django_wanvideo.choices import CreditOutcome, CreditResult
from django_wanvideo.models import CreditDay, CreditEntry, ledger
from django_wanvideo.spending.periods import begin_of, is_site_zone
from django_wanvideo.spending.sums import Row, Sums, packed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from django_wanvideo.spending.periods import Period

_KEY = ("model", "owner_id", "owner_label", "batch_id", "batch_label")
_NUMBERS = ("videos", "seconds", "failed", "credits", "failed_credits", "open_credits")
_OPEN = (CreditOutcome.CLAIMED, CreditOutcome.UNKNOWN, CreditOutcome.ACCEPTED)
_UNIT = Decimal("0.0001")


def rows(period: Period, **only: Any) -> Iterator[Row]:
    """Yield the sums of each day, model, person and batch, in no order.

    Args:
        only: columns that entries and sums have in common, such as ``model`` or ``owner_id``.
    """
    unsummed = set(_unsummed(period))
    # Looked for first: what is summed, or changed, meanwhile is read as it is then.
    if len(unsummed) < (period.last - period.first).days + 1:
        kept = CreditDay.objects.filter(day__range=(period.first, period.last), **only).order_by()
        if unsummed:
            kept = kept.exclude(day__in=unsummed)
        for *key, times, videos, seconds, failed, cost, failed_cost, open_cost in kept.values_list(
            "day", *_KEY, "times", *_NUMBERS
        ):
            sums = Sums(videos, seconds, failed, cost, failed_cost, open_cost, [bytes(times)])
            yield Row._make((*key, sums))
    for day in sorted(unsummed):
        yield from of_day(day, period.zone, **only)


def of_day(day: dt.date, zone: dt.tzinfo, **only: Any) -> Iterator[Row]:
    """Yield the sums of one day as the entries have them now."""
    released = Q(outcome=CreditOutcome.RELEASED)
    entries = entries_of(day, zone).filter(**only).order_by().values(*_KEY, "result", "seconds_to_video")
    found: dict[tuple[Any, ...], Sums] = defaultdict(Sums)
    for *key, result, time, count, seconds, credits_, open_credits in entries.annotate(
        count=Count("pk"),
        total_seconds=Sum("seconds"),
        credits=Sum(ledger.cost(), filter=~released),
        open_credits=Sum(ledger.cost(), filter=Q(outcome__in=_OPEN)),
    ).values_list(*_KEY, "result", "seconds_to_video", "count", "total_seconds", "credits", "open_credits"):
        # SQLite adds numbers with a point.
        cost = (credits_ or Decimal(0)).quantize(_UNIT)
        sums = Sums(credits=cost, open_credits=(open_credits or Decimal(0)).quantize(_UNIT))
        if result == CreditResult.VIDEO:
            sums.videos, sums.seconds = count, seconds or 0
            sums.times = [packed(time, count)] if time is not None else []
        elif result == CreditResult.FAILED:
            sums.failed, sums.failed_credits = count, cost
        found[tuple(key)].add(sums)
    for key_, sums in found.items():
        yield Row._make((day, *key_, sums))


def entries_of(day: dt.date, zone: dt.tzinfo) -> QuerySet[CreditEntry]:
    """Return the entries that were claimed on a day."""
    following = begin_of(day + dt.timedelta(days=1), zone)
    return CreditEntry.objects.filter(claimed_at__gte=begin_of(day, zone), claimed_at__lt=following)


def zone_of_sums() -> str | None:
    """Return the ``TIME_ZONE`` that the kept sums are of; ``None`` where there are none."""
    return CreditDay.objects.order_by("pk").values_list("zone", flat=True).first()


def _unsummed(period: Period) -> Iterator[dt.date]:
    """Yield the days of which no sums hold: those of another time zone, today, and those with an entry that changed."""
    if not is_site_zone(period.zone) or zone_of_sums() not in {None, settings.TIME_ZONE}:
        yield from period.days()
        return
    today = timezone.localdate(timezone=period.zone)
    day: dt.date | None = period.first
    while day is not None and day <= period.last:
        if day >= today:
            yield day
            day += dt.timedelta(days=1)
            continue
        upto = begin_of(min(period.last + dt.timedelta(days=1), today), period.zone)
        day = first_unsummed(begin_of(day, period.zone), upto) or max(today, period.first)
        if day < today:
            yield day
            day += dt.timedelta(days=1)


def first_unsummed(since: dt.datetime | None, upto: dt.datetime) -> dt.date | None:
    """Return the first of the site's days from ``since`` until ``upto`` with an entry that no sum counts as it is."""
    entries = CreditEntry.objects.filter(is_summed=False, claimed_at__lt=upto)
    if since is not None:
        entries = entries.filter(claimed_at__gte=since)
    found = entries.order_by("claimed_at").values_list("claimed_at", flat=True).first()
    return timezone.localdate(found, timezone.get_default_timezone()) if found is not None else None
