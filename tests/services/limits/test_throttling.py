"""The site's own limits hold, however many workers send; what waits says why."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from unittest import mock

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_wanvideo.choices import IN_FLIGHT_STATUSES, AttemptState, EventKind, TaskStatus
from django_wanvideo.evolink.types import ProviderStatus, TaskSnapshot
from django_wanvideo.models import Attempt, SiteState, TaskEvent, VideoTask, ledger
from django_wanvideo.services.limits import throttling
from django_wanvideo.services.sending import submission
from tests.factories import make_attempt, make_task
from tests.threads import at_once

pytestmark = [pytest.mark.locks, pytest.mark.django_db, pytest.mark.integration]

PRICE = Decimal("11.9")
COMPLETED = ProviderStatus.COMPLETED


def queued(number=1, **columns):
    tasks = []
    for _number in range(number):
        task = make_task(TaskStatus.QUEUED, **{"credits_estimated": PRICE} | columns)
        task.inputs.create(role="first_frame", url="https://pictures.example/cat.png")
        tasks.append(task)
    return tasks if number > 1 else tasks[0]


def held(task):
    """Ask whether a task must wait, as the claim does: inside its transaction."""
    with transaction.atomic():
        return throttling.check_limits(task)


def reason(task):
    found = held(task)
    return found.reason if found else None


def test_without_limits_nothing_is_asked():
    task = queued()
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        assert throttling.check_limits(task) is None
    assert [query["sql"] for query in captured if "wanvideo" in query["sql"]] == []
    assert throttling.available_slots() is None
    assert not any(SiteState.objects.values_list("value", flat=True))


def test_as_many_as_allowed_are_in_flight(limit):
    limit(MAX_IN_FLIGHT=2)
    task = queued()
    assert reason(task) is None
    make_task(TaskStatus.PENDING)
    assert (reason(task), throttling.available_slots()) == (None, 1)
    make_task(TaskStatus.UNCONFIRMED)
    assert (reason(task), throttling.available_slots()) == ("max_in_flight", 0)
    make_task(TaskStatus.PROCESSING)
    assert throttling.available_slots() == 0


@pytest.mark.parametrize("status", list(TaskStatus))
def test_in_flight_is_what_evolink_has_or_may_have(limit, status):
    limit(MAX_IN_FLIGHT=1)
    make_task(status)
    assert (reason(queued()) == "max_in_flight") is (status in IN_FLIGHT_STATUSES)


def entered(attempt):
    """Write an attempt's entry as the services do, with what EvoLink has said of its task."""
    task = attempt.task
    ledger.open_entry(task, attempt, reserved=task.credits_reserved)
    if attempt.state not in {AttemptState.CLAIMED, AttemptState.ACCEPTED}:
        ledger.follow(attempt.pk, attempt.state)
    if task.credits_used is not None:
        ledger.report(attempt.pk, TaskSnapshot(attempt.provider_task_id, COMPLETED, credits_used=task.credits_used))
    return attempt


def sent(ago, state=AttemptState.ACCEPTED, **columns):
    moment = timezone.now() - dt.timedelta(seconds=ago)
    return entered(make_attempt(make_task(TaskStatus.PENDING, **columns), state, claimed_at=moment, sent_at=moment))


def test_as_many_as_allowed_are_sent_in_a_minute(limit):
    limit(MAX_SUBMITS_PER_MINUTE=2)
    task = queued()
    sent(61)
    sent(5)
    assert reason(task) is None
    sent(50)
    assert reason(task) == "max_per_minute"


def test_what_is_about_to_be_sent_counts(limit):
    limit(MAX_SUBMITS_PER_MINUTE=1)
    make_attempt(make_task(TaskStatus.SUBMITTING), AttemptState.CLAIMED)
    assert reason(queued()) == "max_per_minute"


def test_what_was_never_sent_does_not_count(limit):
    limit(MAX_SUBMITS_PER_MINUTE=1)
    make_attempt(make_task(TaskStatus.QUEUED), AttemptState.NOT_ACCEPTED)
    assert reason(queued()) is None


@pytest.mark.parametrize("kind", [Decimal, float, int])
def test_a_day_costs_no_more_than_allowed(limit, kind):
    limit(DAILY_CREDIT_LIMIT=kind(24))
    task = queued()
    sent(5, credits_estimated=PRICE)
    assert reason(task) is None
    sent(5, credits_estimated=Decimal("0.3"))
    assert reason(task) == "daily_credit_limit"
    assert reason(queued(credits_estimated=Decimal("11.8"))) is None, "what is left may be used up"


def test_what_evolink_says_counts_more_than_our_estimate(limit):
    limit(DAILY_CREDIT_LIMIT=20)
    sent(5, credits_estimated=Decimal(100), credits_reserved=Decimal(50), credits_used=Decimal(8))
    assert reason(queued()) is None
    sent(5, credits_estimated=Decimal("0.1"), credits_reserved=Decimal(50))
    assert reason(queued()) == "daily_credit_limit"


def test_what_evolink_did_not_accept_costs_nothing(limit):
    limit(DAILY_CREDIT_LIMIT=12)
    sent(5, AttemptState.NOT_ACCEPTED, credits_estimated=PRICE)
    assert reason(queued()) is None
    sent(5, AttemptState.UNCONFIRMED, credits_estimated=PRICE)
    assert reason(queued()) == "daily_credit_limit", "what may have been accepted counts"


def test_a_task_of_unknown_price_waits_only_when_the_day_is_overdrawn(limit):
    limit(DAILY_CREDIT_LIMIT=12)
    task = queued(credits_estimated=None)
    sent(5, credits_estimated=Decimal(12))
    assert reason(task) is None
    sent(5, credits_estimated=Decimal(1))
    assert reason(task) == "daily_credit_limit"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/Los_Angeles"])
def test_a_day_is_one_of_the_sites_time_zone(limit, settings, zone):
    limit(DAILY_CREDIT_LIMIT=12)
    settings.TIME_ZONE = zone
    here = timezone.get_default_timezone()
    now = dt.datetime(2026, 11, 5, 0, 30, tzinfo=here)

    def claimed(minutes_ago):
        task = make_task(TaskStatus.PENDING, credits_estimated=PRICE)
        entered(make_attempt(task, claimed_at=now - dt.timedelta(minutes=minutes_ago)))

    claimed(31)
    # What the person who looks has chosen as their time zone changes nothing.
    with mock.patch.object(throttling.timezone, "now", return_value=now), timezone.override("Pacific/Kiritimati"):
        assert reason(queued()) is None, "half an hour ago was yesterday"
        claimed(29)
        assert held(queued()).until == dt.datetime(2026, 11, 6, 0, 0, tzinfo=here)


def test_each_person_has_a_limit_of_their_own(limit, django_user_model):
    limit(USER_DAILY_CREDIT_LIMIT=12)
    ann, bob = (django_user_model.objects.create_user(name) for name in ("ann", "bob"))
    sent(5, credits_estimated=PRICE, owner=ann)
    assert reason(queued(owner=ann)) == "user_daily_credit_limit"
    assert reason(queued(owner=bob)) is None
    assert reason(queued(owner=None)) is None, "what belongs to nobody is the site's"


def test_the_sites_limit_counts_everybody(limit, django_user_model):
    limit(USER_DAILY_CREDIT_LIMIT=100, DAILY_CREDIT_LIMIT=12)
    sent(5, credits_estimated=PRICE, owner=django_user_model.objects.create_user("ann"))
    assert reason(queued(owner=django_user_model.objects.create_user("bob"))) == "daily_credit_limit"


LIMITS = {
    "MAX_IN_FLIGHT": (2, "max_in_flight", dt.timedelta(seconds=15)),
    "MAX_SUBMITS_PER_MINUTE": (2, "max_per_minute", dt.timedelta(seconds=15)),
    "DAILY_CREDIT_LIMIT": (Decimal("23.8"), "daily_credit_limit", dt.timedelta(days=1)),
    "USER_DAILY_CREDIT_LIMIT": (Decimal("23.8"), "user_daily_credit_limit", dt.timedelta(days=1)),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_worker_keeps_a_task_back_with_a_reason_that_can_be_seen(stub_client, limit, name, django_user_model):
    value, why, longest = LIMITS[name]
    limit(**{name: value})
    tasks = queued(3, owner=django_user_model.objects.create_user("ann"))
    for task in tasks:
        submission.send(task.pk)
    assert len(stub_client.sent) == 2
    waiting = VideoTask.objects.get(status=TaskStatus.QUEUED)
    assert waiting.delay_reason == why
    assert timezone.now() < waiting.delayed_until <= timezone.now() + longest
    assert waiting.next_action_at == waiting.delayed_until, "the sweep looks again then"
    event = waiting.events.get()
    assert (event.kind, event.detail["reason"]) == (EventKind.WAITING, why)
    assert not waiting.attempts.exists()

    submission.send(waiting.pk)
    assert len(stub_client.sent) == 2, "it is not looked at before its time"
    VideoTask.objects.filter(pk=waiting.pk).update(delayed_until=timezone.now())
    submission.send(waiting.pk)
    assert TaskEvent.objects.filter(kind=EventKind.WAITING).count() == 1, "the same reason is said once"

    limit(**{name: None})
    VideoTask.objects.filter(pk=waiting.pk).update(delayed_until=timezone.now())
    submission.send(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.delay_reason, waiting.delayed_until) == (TaskStatus.PENDING, "", None)


def test_a_place_that_comes_free_is_used(stub_client, limit):
    limit(MAX_IN_FLIGHT=1)
    first, second = queued(2)
    submission.send(first.pk)
    submission.send(second.pk)
    assert len(stub_client.sent) == 1
    VideoTask.objects.filter(pk=first.pk).update(status=TaskStatus.COMPLETED)
    VideoTask.objects.filter(pk=second.pk).update(delayed_until=None)
    submission.send(second.pk)
    assert len(stub_client.sent) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", LIMITS)
def test_four_workers_together_keep_the_limit(stub_client, limit, name, django_user_model):
    value, why, _longest = LIMITS[name]
    limit(**{name: value})
    tasks = queued(8, owner=django_user_model.objects.create_user("ann"))

    def work(mine):
        def send_all():
            for task in mine:
                submission.send(task.pk)

        return send_all

    at_once(*(work(tasks[number::4]) for number in range(4)))
    assert len(stub_client.sent) == 2
    assert Attempt.objects.count() == 2
    assert VideoTask.objects.filter(status=TaskStatus.PENDING).count() == 2
    assert VideoTask.objects.filter(status=TaskStatus.QUEUED, delay_reason=why).count() == 6


@pytest.mark.django_db(transaction=True)
def test_without_limits_four_workers_send_everything_once(stub_client):
    tasks = queued(6)
    at_once(*[lambda: [submission.send(task.pk) for task in tasks]] * 4)
    assert len(stub_client.sent) == len(set(stub_client.sent)) == 6
    assert Attempt.objects.count() == 6
