"""What a period comes to: the same by any way of reading it, whatever is deleted or corrected."""

from __future__ import annotations

import datetime as dt
import random
import statistics
import threading
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import CreditOutcome, CreditResult
from django_wanvideo.models import Batch, CreditDay, CreditEntry, ledger
from django_wanvideo.services import due, sweep
from django_wanvideo.spending import keeping, ledger_rows, periods
from django_wanvideo.spending.periods import Period
from django_wanvideo.spending.report import lines, report
from django_wanvideo.spending.sums import LONGEST_TIME, Sums, packed, total_of
from tests.spending.entries import at_random, entry
from tests.threads import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

BERLIN = ZoneInfo("Europe/Berlin")
#: Two days of 23 and of 24 hours among them.
MARCH = Period(dt.date(2026, 3, 27), dt.date(2026, 3, 30), BERLIN)


@pytest.fixture(autouse=True)
def berlin(settings):
    settings.TIME_ZONE = "Europe/Berlin"


@pytest.fixture
def now(monkeypatch):
    moment = dt.datetime(2026, 3, 30, 10, tzinfo=dt.UTC)
    monkeypatch.setattr(timezone, "now", lambda: moment)
    return moment


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann", first_name="Ann", last_name="Lee")


def figures(sums):
    return {name: getattr(sums, name) for name in (*ledger_rows._NUMBERS, "median", "success")}


def shown(found):
    """All that a report says, to be compared."""
    return {
        "total": figures(found.total),
        "times": {day: figures(sums) for day, sums in found.times.items()},
        "models": [(key, figures(sums)) for key, sums in found.models],
        "batches": [(key, name, figures(sums)) for key, name, sums in found.batches],
        "people": [(person, figures(sums)) for person, sums in found.people],
    }


def by_hand(entries, period):
    """Sum entries one by one, without the help of a database."""
    sums, times = Sums(), []
    for item in entries:
        if not period.first <= item.claimed_at.astimezone(period.zone).date() <= period.last:
            continue
        known = [amount for amount in (item.used, item.reserved, item.estimated) if amount is not None]
        cost = known[0] if known and item.outcome != CreditOutcome.RELEASED else Decimal(0)
        sums.credits += cost
        sums.open_credits += cost if item.outcome not in {CreditOutcome.CHARGED, CreditOutcome.RELEASED} else 0
        if item.result == CreditResult.VIDEO:
            sums.videos, sums.seconds = sums.videos + 1, sums.seconds + (item.seconds or 0)
            times.append(item.seconds_to_video)
        elif item.result == CreditResult.FAILED:
            sums.failed, sums.failed_credits = sums.failed + 1, sums.failed_credits + cost
    sums.times = [packed(seconds) for seconds in times]
    assert sums.median == (statistics.median_low(times) if times else None)
    return figures(sums)


@pytest.mark.parametrize("seed", range(3))
def test_kept_sums_say_what_the_entries_say(now, ann, seed):
    """Kept sums, entries read directly and a sum by hand agree, for all, by day and for one person."""
    entries = at_random(random.Random(seed), 300, dt.datetime(2026, 3, 26, tzinfo=dt.UTC), 6, [ann, None])
    before = shown(report(MARCH))
    assert before["total"] == by_hand(entries, MARCH)
    assert keeping.keep_sums() == 4, "today is not over"
    assert CreditEntry.objects.filter(is_summed=False).count() == sum(
        item.claimed_at.astimezone(BERLIN).date() >= MARCH.last for item in entries
    )
    assert shown(report(MARCH)) == before
    for day in MARCH.days():
        assert before["times"][day] == by_hand(entries, Period(day, day, BERLIN)), day
    mine = report(MARCH, owner_id=ann.pk)
    assert figures(mine.total) == by_hand([item for item in entries if item.owner_id == ann.pk], MARCH)
    assert [person.name for person, _sums in mine.people] == ["Ann Lee"]
    table = Sums()
    for row, _person, _batch in lines(MARCH):
        table.add(row.sums)
    assert figures(table) == before["total"], "the table to take away has the same"


def test_days_of_another_zone_are_read_from_the_entries(now):
    entries = at_random(random.Random(9), 200, dt.datetime(2026, 3, 26, tzinfo=dt.UTC), 5, [None])
    keeping.keep_sums()
    for zone in (ZoneInfo("Asia/Kolkata"), ZoneInfo("America/Los_Angeles")):
        period = Period(MARCH.first, MARCH.last, zone)
        assert figures(report(period).total) == by_hand(entries, period)


def test_reading_kept_days_asks_for_no_entry_of_theirs(now, django_assert_num_queries):
    entry(now - dt.timedelta(days=2))
    keeping.keep_sums()
    with django_assert_num_queries(4):
        # The zone of the sums, the first change, the sums, and the entries of today.
        assert report(MARCH).total.videos == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda pk: ledger.follow(pk, "not_accepted"),
        lambda pk: ledger.hand_over(pk, to=uuid.uuid4()),
        lambda pk: CreditEntry.objects.filter(pk=pk).update(used=5),
    ],
    ids=["released", "handed over", "any update"],
)
def test_a_later_word_about_a_day_that_was_summed_is_told_at_once(now, change):
    item = entry(now - dt.timedelta(days=2))
    keeping.keep_sums()
    assert report(MARCH).total.credits == Decimal("11.9")
    change(item.pk)
    corrected = report(MARCH).total.credits
    assert corrected in {Decimal(0), Decimal(5)}
    assert keeping.keep_sums() == 1
    assert report(MARCH).total.credits == corrected
    assert keeping.keep_sums() == 0


def test_an_entry_in_a_summed_day_counts_at_once(now):
    """An entry that is written into a day that was summed counts at once."""
    entry(now - dt.timedelta(days=2))
    keeping.keep_sums()
    entry(now - dt.timedelta(days=2, hours=1))
    assert report(MARCH).total.videos == 2


def test_a_site_that_moves_to_another_time_zone_is_summed_anew(now, settings):
    entry(dt.datetime(2026, 3, 27, 22, 30, tzinfo=dt.UTC))
    keeping.keep_sums()
    assert report(MARCH).times[dt.date(2026, 3, 27)].videos == 1
    settings.TIME_ZONE = "Asia/Shanghai"
    there = Period(MARCH.first, MARCH.last, ZoneInfo("Asia/Shanghai"))
    assert report(there).times[dt.date(2026, 3, 28)].videos == 1
    assert keeping.keep_sums() == 1
    assert list(CreditDay.objects.values_list("day", "zone")) == [(dt.date(2026, 3, 28), "Asia/Shanghai")]
    assert report(there).times[dt.date(2026, 3, 28)].videos == 1


def test_who_and_what_was_deleted_is_a_label(now, ann):
    spring = Batch.objects.create(name="Spring", owner=ann)
    two_days_ago = now - dt.timedelta(days=2)
    for owner, label in ((ann, "ann"), (None, "bob"), (None, "")):
        entry(two_days_ago, owner=owner, owner_label=label, batch_id=spring.pk, batch_label="Spring")
    keeping.keep_sums()
    spring.name = "Spring, again"
    spring.save()
    found = report(MARCH)
    assert [name for _key, name, _sums in found.batches] == ["Spring, again"], "as it is called now"
    assert {(person.name, person.is_gone) for person, _sums in found.people} == {
        ("Ann Lee", False),
        ("bob", True),
        ("", False),
    }
    spring.delete()
    ann.delete()
    assert keeping.keep_sums() == 0, "who is gone is gone from the sums as well"
    found = report(MARCH)
    assert [name for _key, name, _sums in found.batches] == ["Spring"]
    assert {person.name for person, _sums in found.people} == {"ann", "bob", ""}
    assert found.total.videos == 3
    ledger.forget_user("ann")
    assert {person.name for person, _sums in report(MARCH).people} == {"", "bob"}
    assert not CreditDay.objects.filter(owner_label="ann").exists()


def test_a_long_period_is_told_by_months(now):
    year = Period(dt.date(2025, 4, 10), dt.date(2026, 3, 30), BERLIN)
    entry(dt.datetime(2025, 4, 12, tzinfo=dt.UTC))
    entry(dt.datetime(2025, 5, 31, 23, tzinfo=dt.UTC))
    entry(dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    found = report(year)
    assert len(found.times) == 12
    assert {day: sums.videos for day, sums in found.times.items() if sums.videos} == {
        dt.date(2025, 4, 10): 1,
        dt.date(2025, 6, 1): 1,
        dt.date(2026, 3, 1): 1,
    }


def test_months():
    day = dt.date(2026, 3, 30)
    assert periods.month_of(day, BERLIN) == Period(dt.date(2026, 3, 1), day, BERLIN)
    assert periods.month_of(day, BERLIN, before=True) == Period(dt.date(2026, 2, 1), dt.date(2026, 2, 28), BERLIN)


def test_the_sweep_has_days_summed_once_an_hour(now):
    state = sweep.SiteState(value={})
    assert due.sums(state) is False
    entry(now - dt.timedelta(days=1))
    assert due.sums(state) is False, "not again within the hour"
    state.value.clear()
    assert due.sums(state) is True
    sweep.sweep(jobs.run_here)
    assert CreditEntry.objects.get().is_summed
    state.value.clear()
    assert due.sums(state) is False, "nothing is left"


def test_what_took_very_long_is_counted_as_long(now):
    for seconds in (10**6, 5, LONGEST_TIME + 1):
        entry(now, seconds_to_video=seconds)
    assert report(MARCH).total.median == LONGEST_TIME


def test_sums_of_nothing():
    assert (Sums().median, Sums().success, total_of([]).median, Sums().is_empty) == (None, None, None, True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time: nobody can overtake")
def test_who_is_writing_an_entry_is_not_waited_for_and_counts_afterwards(now):
    pk = entry(now - dt.timedelta(days=2)).pk
    entry(now - dt.timedelta(days=2))
    written, summed = threading.Event(), threading.Event()

    def write():
        with transaction.atomic():
            ledger.follow(pk, "not_accepted")
            written.set()
            assert summed.wait(30)

    def add_up():
        assert written.wait(30)
        keeping.keep_sums()
        summed.set()
        return report(MARCH).total.credits

    _none, before = at_once(write, add_up)
    assert before in {Decimal("23.8"), Decimal("11.9")}
    assert report(MARCH).total.credits == Decimal("11.9"), "by the entry, whose day is not said to be summed"
    assert keeping.keep_sums() == 1
    assert report(MARCH).total.credits == Decimal("11.9")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time: nobody can overtake")
def test_two_jobs_sum_a_day_once(now):
    for _number in range(50):
        entry(now - dt.timedelta(days=2))
    at_once(*[keeping.keep_sums] * 4)
    assert report(MARCH).total.videos == 50
    assert CreditDay.objects.count() == 1
