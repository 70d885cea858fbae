"""Keeping the sums of days that are over."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from django_wanvideo.db import database
from django_wanvideo.models import CreditDay, CreditEntry, SiteState
from django_wanvideo.spending import ledger_rows
from django_wanvideo.spending.periods import begin_of

if TYPE_CHECKING:
    from django_wanvideo.spending.sums import Row

#: Seconds that one job works on; what is left is the next one's.
LONGEST_JOB = 60.0
#: The row that whoever sums has locked.
LOCK = "spending"
_CHUNK = 5000


def keep_sums(seconds: float = LONGEST_JOB) -> int:
    """Sum the days that are over and of which an entry is new or has changed, the oldest first; return how many."""
    SiteState.objects.get_or_create(name=LOCK)
    if ledger_rows.zone_of_sums() not in {None, settings.TIME_ZONE}:
        _forget_all()
    zone = timezone.get_default_timezone()
    today = begin_of(timezone.localdate(timezone=zone), zone)
    since, summed, started = None, 0, time.monotonic()
    while time.monotonic() - started < seconds and (day := ledger_rows.first_unsummed(since, today)) is not None:
        _sum(day, zone)
        summed += 1
        # An entry that a worker was about to change is left for the next job.
        since = begin_of(day + dt.timedelta(days=1), zone)
    return summed


@database.in_transaction
def _sum(day: dt.date, zone: dt.tzinfo) -> None:
    _lock()
    changed = ledger_rows.entries_of(day, zone).filter(is_summed=False)
    if database.connection().features.has_select_for_update_skip_locked:
        # Whoever writes an entry at this moment is neither waited for nor held up.
        free = changed.select_for_update(skip_locked=True).order_by()
        pks = list(free.values_list("pk", flat=True))
        for start in range(0, len(pks), _CHUNK):
            CreditEntry.objects.filter(pk__in=pks[start : start + _CHUNK]).update(is_summed=True)
    else:
        changed.update(is_summed=True)
    # Read after they were marked: who changes one from now on takes its mark away again.
    sums = [_kept(row) for row in ledger_rows.of_day(day, zone)]
    CreditDay.objects.filter(day=day).delete()
    CreditDay.objects.bulk_create(sums, batch_size=500)


def _kept(row: Row) -> CreditDay:
    sums = row.sums
    return CreditDay(
        day=row.day,
        zone=settings.TIME_ZONE,
        model=row.model,
        owner_id=row.owner_id,
        owner_label=row.owner_label,
        batch_id=row.batch_id,
        batch_label=row.batch_label,
        videos=sums.videos,
        seconds=sums.seconds,
        failed=sums.failed,
        credits=sums.credits,
        failed_credits=sums.failed_credits,
        open_credits=sums.open_credits,
        times=b"".join(sums.times),
    )


@database.in_transaction
def _forget_all() -> None:
    """The site's days are others since its ``TIME_ZONE`` was changed."""
    _lock()
    CreditDay.objects.all().delete()
    CreditEntry.objects.filter(is_summed=True).update(is_summed=False)


def _lock() -> None:
    # By a write: on every database only one at a time comes past it.
    SiteState.objects.filter(name=LOCK).update(updated_at=timezone.now())
