"""What the doctor says about price lists and about limits of groups."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from django_wanvideo.choices import CreditOutcome
from django_wanvideo.health import CHECKS
from django_wanvideo.health.results import Level
from django_wanvideo.spending import bills
from tests.spending.entries import MODELS, entry

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


def billed(*amounts, **columns):
    """Bills of the first model, the oldest first; 11.90 is the price."""
    now = timezone.now()
    for number, amount in enumerate(amounts):
        entry(now + dt.timedelta(minutes=number), used=Decimal(str(amount)), **columns)


@pytest.mark.parametrize(
    ("amounts", "off"),
    [
        ((12.5, 12.5, 12.5), True),
        ((11.9, 12.5, 11.5, 12.5), True),
        ((12.5, 12.5), False),
        ((12.5, 12.5, 12.5, 11.9), False),
        ((12.5, 12.5, 11.95), False),
    ],
    ids=["three", "three at last", "two", "mended", "within a hundredth"],
)
def test_a_price_list_that_was_off_three_times_in_a_row_is_marked(amounts, off):
    billed(*amounts)
    found = list(CHECKS["prices"]())
    assert [result.level for result in found] == [Level.WARNING if off else Level.OK]
    if off:
        assert "Wan 2.6 Flash" in found[0].message
        assert "12.5" in found[0].message
        assert "11.9, 11.9, 11.9" in found[0].message
        assert [item.model for item in bills.off_lists(dict.fromkeys(MODELS, False))] == [MODELS[0]]


def test_what_was_given_back_and_what_has_no_length_are_no_bills():
    billed(12.5, 12.5, 12.5)
    billed(0, 0, outcome=CreditOutcome.RELEASED)
    assert bills.off_lists({MODELS[0]: False})
    billed(20, 20, 20, model=MODELS[1], seconds=None)
    assert not bills.off_lists({MODELS[1]: False})


def test_where_the_length_of_a_clip_is_not_known_less_may_be_billed():
    billed(9, 9, 9)
    assert not bills.off_lists({MODELS[0]: True})
    billed(12.5, 12.5, 12.5, model=MODELS[1])
    assert bills.off_lists({MODELS[1]: True})


def test_a_limit_of_a_group_that_is_not_there_is_told(settings):
    assert [found.level for found in CHECKS["limits"]()] == [Level.OK]
    Group.objects.create(name="Marketing")
    settings.WANVIDEO = {
        **settings.WANVIDEO,
        "CREDIT_LIMITS": {"group": {"Marketing": {"day": 10}, "Marketting": {"day": 10}}},
    }
    (found,) = CHECKS["limits"]()
    assert found.level == Level.WARNING
    assert "“Marketting”" in found.message
