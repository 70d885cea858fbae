"""Limits of groups: shared by all members, kept by the ledger, and beside all other limits."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group

from django_wanvideo.choices import TaskStatus
from django_wanvideo.exceptions import BudgetExceeded
from django_wanvideo.models import CreditEntry, ledger
from django_wanvideo.services.limits import credit_limits, throttling
from tests.factories import make_attempt, make_task
from tests.services.limits.test_budget import draft, shown
from tests.services.limits.test_throttling import queued, reason

pytestmark = [pytest.mark.locks, pytest.mark.django_db, pytest.mark.integration]

PRICE = Decimal("11.9")


@pytest.fixture
def groups():
    return [Group.objects.create(name=name) for name in ("Marketing", "Press")]


@pytest.fixture
def ann(django_user_model, groups):
    user = django_user_model.objects.create_user("ann")
    user.groups.add(groups[0])
    return user


@pytest.fixture
def bob(django_user_model, groups):
    user = django_user_model.objects.create_user("bob")
    user.groups.add(*groups)
    return user


def sent(owner):
    """An attempt that EvoLink has, with its entry."""
    task = make_task(TaskStatus.PENDING, owner=owner, credits_estimated=PRICE)
    ledger.open_entry(task, make_attempt(task), reserved=PRICE)
    return task


def test_the_limit_of_each_group_that_somebody_is_in_holds(limit, ann, bob):
    limit(CREDIT_LIMITS={"site": {"day": 100}, "group": {"Marketing": {"day": 24, "week": 50}, "Press": {"day": 20}}})
    assert shown(credit_limits.limits_for(None)) == {("site", "day"): 100}
    assert shown(credit_limits.limits_for(ann.pk)) == {
        ("site", "day"): 100,
        ("group", "day"): 24,
        ("group", "week"): 50,
    }
    of_bob = [(item.name, item.period, item.credits) for item in credit_limits.limits_for(bob.pk) if item.name]
    assert of_bob == [("Marketing", "day", 24), ("Marketing", "week", 50), ("Press", "day", 20)]


def test_members_share_what_their_group_may_spend(limit, ann, bob, django_user_model):
    limit(CREDIT_LIMITS={"group": {"Marketing": {"day": 24}}})
    task = queued(owner=ann)
    sent(bob)
    assert reason(task) is None
    sent(ann)
    assert reason(task) == "group_daily_credit_limit"
    assert reason(queued(owner=django_user_model.objects.create_user("eve"))) is None
    assert reason(queued()) is None, "what belongs to nobody is no group's"


def test_of_several_groups_the_tightest_limit_holds(limit, bob):
    limit(CREDIT_LIMITS={"group": {"Marketing": {"day": 100}, "Press": {"month": 12}}})
    sent(bob)
    assert reason(queued(owner=bob)) == "group_monthly_credit_limit"


@pytest.mark.fault("K1.limits-lifted-by-leaving-a-group")
@pytest.mark.parametrize("how", ["leave", "delete"])
def test_who_leaves_takes_nothing_that_was_spent_along(limit, ann, bob, how):
    limit(CREDIT_LIMITS={"group": {"Marketing": {"day": 24}}})
    task = queued(owner=bob)
    sent(ann)
    sent(ann)
    if how == "leave":
        ann.groups.clear()
    else:
        ann.delete()
    assert reason(task) == "group_daily_credit_limit"
    assert set(CreditEntry.objects.values_list("group_keys", flat=True)) == {
        f",{Group.objects.get(name='Marketing').pk},"
    }


def test_keys_of_groups_are_not_mixed_up(limit, ann):
    limit(CREDIT_LIMITS={"group": {"Marketing": {"day": 12}}})
    key = Group.objects.get(name="Marketing").pk
    for keys in (f",{key}0,", f",1{key},", ""):
        entry = CreditEntry.objects.get(task_id=sent(None).pk)
        CreditEntry.objects.filter(pk=entry.pk).update(group_keys=keys)
    assert reason(queued(owner=ann)) is None


def test_what_must_not_wait_is_told_whose_limit_it_is(limit, ann):
    limit(CREDIT_LIMITS={"group": {"Marketing": {"day": 12}}})
    sent(ann)
    with pytest.raises(BudgetExceeded, match="the limit of the group “Marketing” of 12 credits a day") as raised:
        draft(owner=ann, credits_estimated=PRICE).submit(wait=False)
    assert (raised.value.scope, raised.value.period, raised.value.used) == ("group", "day", PRICE)


def test_a_forecast_counts_what_a_group_shares(limit, ann, bob):
    limit(CREDIT_LIMITS={"group": {"Marketing": {"day": 24}}})
    found = throttling.forecast([(PRICE, ann.pk), (PRICE, bob.pk), (PRICE, ann.pk)])
    assert (found.fits_now, found.waits) == (2, 1)


@pytest.mark.parametrize("given", [{"group": 5}, {"group": {"Marketing": 5}}, {"group": {"Marketing": {"year": 5}}}])
def test_limits_of_groups_that_cannot_be_read_are_an_error(given):
    with pytest.raises(ValueError, match="is n"):
        credit_limits.parse(given)


def test_no_limit_of_a_group():
    assert credit_limits.parse({"group": None}) == {"group": {}}
    assert credit_limits.parse({"group": {"Marketing": None}}) == {"group": {"Marketing": {}}}
