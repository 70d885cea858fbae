"""How long a batch takes is reckoned from the videos that this site has made."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from django_wanvideo.batches import duration
from django_wanvideo.choices import TaskStatus
from tests.factories import make_task

pytestmark = pytest.mark.django_db


def made(count, seconds=120):
    now = timezone.now()
    for _ in range(count):
        make_task(TaskStatus.COMPLETED, accepted_at=now, finished_at=now + dt.timedelta(seconds=seconds))


def test_with_few_videos_there_is_no_estimate():
    made(19)
    assert duration.estimate(100) is None


def test_as_many_as_may_be_made_at_once_are_one_round(settings):
    made(20)
    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_IN_FLIGHT": 8}
    found = duration.estimate(17)
    assert (found.total, found.each, found.at_once) == (dt.timedelta(minutes=6), dt.timedelta(minutes=2), 8)


def test_what_may_be_sent_in_a_minute_can_be_the_tighter_limit(settings):
    made(20)
    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_SUBMITS_PER_MINUTE": 10}
    assert duration.estimate(100).total == dt.timedelta(minutes=12)
