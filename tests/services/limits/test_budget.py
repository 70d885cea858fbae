"""Limits on credits by day, week and month: what they are, what fits, what is told, and what never fits."""

from __future__ import annotations

import datetime as dt
import pickle
import uuid
from decimal import Decimal
from types import SimpleNamespace
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from django_wanvideo.choices import CreditOutcome, TaskStatus
from django_wanvideo.exceptions import BudgetExceeded, ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import CreditEntry, SiteState, VideoTask
from django_wanvideo.services import sweep
from django_wanvideo.services.limits import budget, credit_limits, throttling
from django_wanvideo.services.sending import submission
from tests.factories import make_task
from tests.services.limits.test_throttling import queued
from tests.threads import at_once

pytestmark = [pytest.mark.locks, pytest.mark.integration]

PRICE = Decimal("11.9")


def reconsider() -> int:
    """Look at what waits for the site's own limits, within the hour that follows a look at all."""
    later = (timezone.now() + dt.timedelta(minutes=30)).isoformat()
    return throttling.reconsider(SiteState(value={"budgets": {"until": later}}), some_wait=True)


@pytest.fixture
def ann(django_user_model):
    return django_user_model.objects.create_user("ann")


@pytest.fixture
def at(monkeypatch):
    def move(*moment):
        now = dt.datetime(*moment, tzinfo=dt.UTC)
        monkeypatch.setattr(timezone, "now", lambda: now)
        return now

    return move


def draft(**columns):
    task = make_task(TaskStatus.DRAFT, **{"queued_at": None} | columns)
    task.inputs.create(role="first_frame", url="https://pictures.example/cat.png")
    return task


def used(amount, claimed_at=None, **columns):
    """An entry of the ledger."""
    values = {"attempt_id": uuid.uuid4(), "task_id": uuid.uuid4(), "model": "m"}
    columns = {"outcome": CreditOutcome.CHARGED, "used": Decimal(str(amount))} | columns
    return CreditEntry.objects.create(**values, claimed_at=claimed_at or timezone.now(), **columns)


def shown(limits_):
    return {(found.scope, found.period): found.credits for found in limits_}


# What the settings say -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_limits_by_scope_and_period_stand_beside_short(limit, ann):
    """Limits by scope and period stand beside the short forms and the smaller counts."""
    limit(
        CREDIT_LIMITS={"site": {"month": 5000, "day": 300}, "user": {"week": 200.5}},
        DAILY_CREDIT_LIMIT=250,
        USER_DAILY_CREDIT_LIMIT=Decimal(40),
    )
    site = {("site", "month"): 5000, ("site", "day"): 250}
    assert shown(credit_limits.limits_for(ann.pk)) == {
        **site,
        ("user", "week"): Decimal("200.5"),
        ("user", "day"): 40,
    }
    assert shown(credit_limits.limits_for(None)) == site, "what belongs to nobody is the site's"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        lambda user: {"week": 200 if user.is_staff else 50},
        lambda user: {"user": {"week": 200 if user.is_staff else 50}},
        {"user": lambda user: {"week": 200 if user.is_staff else 50}},
    ],
    ids=["of the user", "of the whole", "for the user's part"],
)
def test_a_callable_is_asked_for_each_owner(limit, ann, django_user_model, given):
    limit(CREDIT_LIMITS=given)
    manager = django_user_model.objects.create_user("boss", is_staff=True)
    assert shown(credit_limits.limits_for(ann.pk)) == {("user", "week"): 50}
    assert shown(credit_limits.limits_for(manager.pk)) == {("user", "week"): 200}
    assert credit_limits.limits_for(None) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [lambda user: None, lambda user: {}, {"user": lambda user: None}, {}, {"site": None}],
    ids=["none", "empty", "none for the user", "nothing", "none for the site"],
)
def test_a_callable_may_set_no_limit(limit, ann, given):
    limit(CREDIT_LIMITS=given)
    assert credit_limits.limits_for(ann.pk) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [lambda user: 1 / 0, lambda user: {"year": 5}, lambda user: 20, {"user": lambda user: {"day": "x"}}, [1]],
    ids=["raises", "no such period", "a number", "no number", "a list"],
)
def test_a_limit_that_cannot_be_read_sends_nothing_and_says_so(limit, ann, given, stub_client):
    limit(CREDIT_LIMITS=given)
    task = draft(owner=ann)
    assert task.submit().status == TaskStatus.QUEUED
    submission.send(task.pk)
    task.refresh_from_db()
    assert (stub_client.sent, task.status, task.delay_reason) == ([], TaskStatus.QUEUED, "misconfigured")
    with pytest.raises(ConfigurationError, match="CREDIT_LIMITS"):
        draft(owner=ann).submit(wait=False)
    assert throttling.forecast([(PRICE, ann.pk)]) is None


# Periods -------------------------------------------------------------------------------------------------------------

PERIODS = [
    # zone, now in UTC, period, begin and end in the zone
    ("UTC", (2026, 11, 26, 12), "week", "2026-11-23T00:00:00+00:00", "2026-11-30T00:00:00+00:00"),
    ("UTC", (2026, 12, 31, 23), "month", "2026-12-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
    ("UTC", (2028, 2, 29, 0), "month", "2028-02-01T00:00:00+00:00", "2028-03-01T00:00:00+00:00"),
    ("Asia/Shanghai", (2026, 11, 30, 16), "month", "2026-12-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
    ("America/New_York", (2026, 11, 2, 4), "week", "2026-10-26T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
    # Days of 25 and 23 hours.
    ("Europe/Berlin", (2026, 10, 25, 22, 30), "day", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
    ("Europe/Berlin", (2026, 3, 29, 21, 30), "day", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
    # Midnight does not exist: the day begins at one.
    ("Africa/Cairo", (2026, 4, 24, 10), "day", "2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"),
    # The hour after midnight comes twice: the day begins with the first.
    ("America/Havana", (2026, 11, 1, 12), "day", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
]


@pytest.mark.fault("K1.day-of-the-site")
@pytest.mark.parametrize(("zone", "now", "period", "begin", "end"), PERIODS)
def test_periods_are_of_the_sites_calendar(settings, zone, now, period, begin, end):
    settings.TIME_ZONE = zone
    moment = dt.datetime(*now, tzinfo=dt.UTC)
    with timezone.override(ZoneInfo("Pacific/Kiritimati")):
        found = budget.bounds(period, moment)
    assert [edge.astimezone(dt.UTC) for edge in found] == [dt.datetime.fromisoformat(edge) for edge in (begin, end)]
    assert budget.bounds(period, found[0].astimezone(dt.UTC))[0] == found[0]
    assert budget.bounds(period, found[1].astimezone(dt.UTC))[0] == found[1]


@pytest.mark.django_db
@pytest.mark.fault("K1.day-of-the-site")
def test_a_day_of_25_hours_has_one_limit(limit, settings, at):
    settings.TIME_ZONE = "Europe/Berlin"
    limit(DAILY_CREDIT_LIMIT=12)
    used(11, dt.datetime(2026, 10, 24, 22, 5, tzinfo=dt.UTC))
    at(2026, 10, 25, 22, 55)
    assert throttling.check_credits(queued()).until == dt.datetime(2026, 10, 25, 23, tzinfo=dt.UTC)
    at(2026, 10, 25, 23, 0)
    assert throttling.check_credits(queued()) is None


# What fits -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_of_several_limits_the_one_that_keeps_it_longest_is_named(limit, ann, at):
    limit(CREDIT_LIMITS={"site": {"month": 100}, "user": {"day": 20, "week": 40}})
    at(2026, 11, 26, 12)
    task = queued(owner=ann)
    used(10, owner=ann)
    held = throttling.check_credits(task)
    assert (held.reason, held.until) == ("user_daily_credit_limit", dt.datetime(2026, 11, 27, tzinfo=dt.UTC))
    used(20, dt.datetime(2026, 11, 23, 1, tzinfo=dt.UTC), owner=ann)
    held = throttling.check_credits(task)
    assert (held.reason, held.until) == ("user_weekly_credit_limit", dt.datetime(2026, 11, 30, tzinfo=dt.UTC))
    used(60, dt.datetime(2026, 11, 1, 0, tzinfo=dt.UTC))
    held = throttling.check_credits(task)
    assert (held.reason, held.until) == ("monthly_credit_limit", dt.datetime(2026, 12, 1, tzinfo=dt.UTC))
    assert throttling.check_credits(queued()).reason == "monthly_credit_limit", "nobody's task counts for the site"


@pytest.mark.django_db
@pytest.mark.fault("K1.wait-is-computed-anew")
@pytest.mark.parametrize("what", ["correction", "setting", "no limit"])
def test_a_task_that_waits_for_credits_goes_as_soon_as_they_are_there(limit, stub_client, what):
    limit(CREDIT_LIMITS={"site": {"month": 20}})
    entry = used(15)
    task = queued(next_action_at=timezone.now())
    sweep.sweep(lambda job, *ids: bool(submission.send(*ids)) or True)
    task.refresh_from_db()
    assert (task.delay_reason, stub_client.sent) == ("monthly_credit_limit", [])
    assert task.delayed_until == budget.bounds("month", timezone.now())[1]
    if what == "correction":
        CreditEntry.objects.filter(pk=entry.pk).update(used=0, outcome=CreditOutcome.RELEASED)
    elif what == "setting":
        limit(CREDIT_LIMITS={"site": {"month": 30}})
    else:
        limit(CREDIT_LIMITS=None)
    sweep.sweep(lambda job, *ids: bool(submission.send(*ids)) or True)
    task.refresh_from_db()
    assert (task.status, task.delay_reason, len(stub_client.sent)) == (TaskStatus.PENDING, "", 1)


@pytest.mark.django_db
def test_the_sweep_brings_forward_only_as_many_as_fit(limit, stub_client):
    limit(DAILY_CREDIT_LIMIT=24)
    used(24)
    tasks = queued(3)
    for task in tasks:
        submission.send(task.pk)
    CreditEntry.objects.update(used=0)
    assert reconsider() == 2
    due = VideoTask.objects.filter(status=TaskStatus.QUEUED, next_action_at__lte=timezone.now())
    assert set(due) == set(tasks[:2])


@pytest.mark.django_db
def test_no_picture_is_uploaded_for_a_task_that_waits_for_credits(limit, stub_client, monkeypatch):
    limit(DAILY_CREDIT_LIMIT=12)
    used(12)
    monkeypatch.setattr(submission.media, "provider_urls", mock.Mock(side_effect=AssertionError))
    task = queued()
    submission.send(task.pk)
    task.refresh_from_db()
    assert task.delay_reason == "daily_credit_limit"


# Not waiting ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_submit_returns_the_task_and_waits_unless_told_otherwise(limit, wanvideo_wakeups):
    limit(DAILY_CREDIT_LIMIT=20)
    used(15)
    task = draft()
    assert task.submit() is task
    assert task.status == TaskStatus.QUEUED


@pytest.mark.django_db
@pytest.mark.fault("K1.budget-exceeded")
def test_what_must_not_wait_is_refused_with_what_one_needs_to_know(limit, ann, at, wanvideo_wakeups):
    now = at(2026, 11, 26, 12)
    limit(CREDIT_LIMITS={"user": {"week": 20}})
    used("8.5", owner=ann)
    task = draft(owner=ann)
    with pytest.raises(BudgetExceeded) as caught:
        task.submit(by=ann, wait=False)
    error = caught.value
    assert (error.limit, error.used, error.period, error.scope) == (20, Decimal("8.5"), "week", "user")
    assert error.resets_at == dt.datetime(2026, 11, 30, tzinfo=dt.UTC) > now
    assert str(error) == (
        "This video costs about 11.90 credits; of the owner’s limit of 20 credits a week, 8.50 are used or waiting to be "
        "sent. Submit it after Nov. 30, 2026, midnight, or let it wait in the queue until then."
    )
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.resets_at, copy.scope) == (str(error), error.resets_at, "user")
    task.refresh_from_db()
    assert (task.status, task.events.count()) == (TaskStatus.DRAFT, 0)
    CreditEntry.objects.update(used=8)
    assert task.submit(by=ann, wait=False).status == TaskStatus.QUEUED


@pytest.mark.django_db
def test_what_waits_in_the_queue_already_counts_for_what_must_not_wait(limit, ann, django_user_model, wanvideo_wakeups):
    limit(CREDIT_LIMITS={"site": {"day": 30}, "user": {"day": 20}})
    draft(owner=ann).submit(wait=False)
    with pytest.raises(BudgetExceeded) as caught:
        draft(owner=ann).submit(wait=False)
    assert (caught.value.used, caught.value.scope) == (PRICE, "user")
    draft(owner=django_user_model.objects.create_user("bob")).submit(wait=False)
    with pytest.raises(BudgetExceeded) as caught:
        draft().submit(wait=False)
    assert (caught.value.used, caught.value.scope) == (2 * PRICE, "site")


@pytest.mark.django_db
def test_what_is_no_draft_is_refused_for_that_and_not_for_its_price(limit):
    limit(DAILY_CREDIT_LIMIT=1)
    with pytest.raises(TransitionNotAllowed, match="Only a draft"):
        queued().submit(wait=False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.fault("K1.budget-exceeded-race")
def test_of_many_at_once_that_must_not_wait_no_more_are_taken_than_fit(limit, wanvideo_wakeups):
    limit(DAILY_CREDIT_LIMIT=30)
    tasks = [draft() for _number in range(6)]

    def submit(task):
        def run():
            try:
                task.submit(wait=False)
            except BudgetExceeded:
                return 0
            return 1

        return run

    assert sum(at_once(*map(submit, tasks))) == 2
    assert VideoTask.objects.filter(status=TaskStatus.QUEUED).count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.fault("K1.limit-race")
def test_workers_at_limit_at_same_moment_never_go_over(limit, stub_client):
    """Workers at the limit at the same moment never go over it while tasks are deleted."""
    limit(CREDIT_LIMITS={"site": {"week": 40}, "user": {"month": 36}})
    used(4)
    tasks = queued(8)

    def work(mine):
        def send_all():
            for task in mine:
                submission.send(task.pk)
                VideoTask.objects.filter(pk=task.pk, status=TaskStatus.PENDING).update(status=TaskStatus.FAILED)
                VideoTask.objects.filter(pk=task.pk, status=TaskStatus.FAILED).delete()

        return send_all

    at_once(*(work(tasks[number::4]) for number in range(4)))
    assert len(stub_client.sent) == 3
    assert VideoTask.objects.filter(status=TaskStatus.QUEUED, delay_reason="weekly_credit_limit").count() == 5


# What never fits -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.fault("K1.above-the-whole-limit")
@pytest.mark.parametrize("wait", [True, False])
def test_what_costs_more_than_the_whole_limit_is_refused_with_advice(limit, wait, wanvideo_wakeups):
    limit(CREDIT_LIMITS={"site": {"month": 500, "day": 10}})
    task = draft()
    with pytest.raises(BudgetExceeded) as caught:
        task.submit(wait=wait)
    assert (caught.value.limit, caught.value.resets_at, caught.value.period) == (10, None, "day")
    assert str(caught.value) == (
        "This video costs about 11.90 credits, more than this site’s limit of 10 credits a day allows at all. Make it "
        "shorter or of lower quality, or ask the site administrator to raise the limit."
    )
    assert VideoTask.objects.get(pk=task.pk).status == TaskStatus.DRAFT
    failed = make_task(TaskStatus.FAILED)
    failed.inputs.create(role="first_frame", url="https://pictures.example/cat.png")
    with pytest.raises(BudgetExceeded):
        failed.retry()
    assert VideoTask.objects.get(pk=failed.pk).status == TaskStatus.FAILED


@pytest.mark.django_db
@pytest.mark.fault("K1.above-the-whole-limit")
def test_no_longer_fits_at_all_waits_with_reason(limit, stub_client):
    """What no longer fits at all waits with a reason that is true and goes when the limit is raised."""
    limit(DAILY_CREDIT_LIMIT=20)
    task = queued()
    limit(DAILY_CREDIT_LIMIT=10)
    submission.send(task.pk)
    task.refresh_from_db()
    assert (task.delay_reason, stub_client.sent) == ("above_credit_limit", [])
    limit(DAILY_CREDIT_LIMIT=20)
    reconsider()
    submission.send(task.pk)
    assert len(stub_client.sent) == 1
    other = queued()
    limit(DAILY_CREDIT_LIMIT=10)
    submission.send(other.pk)
    other.cancel()
    assert (other.status, other.delay_reason) == (TaskStatus.CANCELLED, "")


# What is foreseen ----------------------------------------------------------------------------------------------------


def said(costs):
    found = throttling.forecast(costs)
    return found and SimpleNamespace(
        fits=found.fits_now,
        waits=found.waits,
        never=found.never,
        next=found.next_at and (found.next_at.month, found.next_at.day),
        last=found.last_at and (found.last_at.month, found.last_at.day),
    )


@pytest.mark.django_db
@pytest.mark.fault("K1.forecast")
def test_a_forecast_says_how_many_fit_now_and_when_the_others_go(limit, ann, at):
    at(2026, 11, 26, 12)
    assert said([(PRICE, None)]) is None, "nothing is limited"
    limit(DAILY_CREDIT_LIMIT=24)
    assert said([(PRICE, None)] * 2) == SimpleNamespace(fits=2, waits=0, never=0, next=None, last=None)
    assert said([(PRICE, None)] * 5) == SimpleNamespace(fits=2, waits=3, never=0, next=(11, 27), last=(11, 28))
    used(12)
    assert said([(PRICE, None)] * 2) == SimpleNamespace(fits=1, waits=1, never=0, next=(11, 27), last=(11, 27))
    queued(2)
    assert said([(PRICE, None)] * 2) == SimpleNamespace(fits=0, waits=2, never=0, next=(11, 27), last=(11, 28))
    assert said([(Decimal(30), None), (Decimal(6), None)]).never == 1


@pytest.mark.django_db
def test_a_forecast_knows_every_period_and_every_owner(limit, ann, at):
    at(2026, 11, 29, 12)
    limit(CREDIT_LIMITS={"site": {"month": 36, "day": 24}, "user": {"week": 12}})
    used(12, dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
    mine, nobodys = (PRICE, ann.pk), (PRICE, None)
    assert said([mine, mine, nobodys]) == SimpleNamespace(fits=2, waits=1, never=0, next=(12, 1), last=(12, 1))
    assert said([mine] * 3) == SimpleNamespace(fits=1, waits=2, never=0, next=(11, 30), last=(12, 7))


@pytest.mark.django_db
def test_a_forecast_ends_where_nothing_can_be_promised(limit, at):
    at(2026, 11, 26, 12)
    limit(DAILY_CREDIT_LIMIT=12)
    found = said([(PRICE, None)] * 500)
    assert (found.fits, found.waits, found.last) == (1, 499, None)
    assert found.next == (11, 27)
