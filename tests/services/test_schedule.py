"""When something is looked at next: bounded, growing, never all at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from django_wanvideo.services import schedule


@pytest.fixture
def site(settings: Any) -> Any:
    def configure(**values: Any) -> None:
        settings.WANVIDEO = {**settings.WANVIDEO, **values}

    return configure


def seconds(wait: dt.timedelta) -> float:
    return wait.total_seconds()


def around(middle: float) -> Any:
    return pytest.approx(middle, rel=0.1001)


def test_with_callbacks_the_first_look_is_at_the_estimated_time(site: Any):
    site(CALLBACK_BASE_URL="https://site.example")
    assert seconds(schedule.first_poll(165)) == around(165)
    assert seconds(schedule.first_poll(None)) == around(120)
    assert seconds(schedule.first_poll(1)) == around(15), "not before a callback had its chance"


def test_without_callbacks_the_first_look_is_soon(site: Any):
    site(CALLBACK_BASE_URL=None)
    assert seconds(schedule.first_poll(165)) == around(15)
    assert seconds(schedule.first_poll(4)) == around(4)


def test_looks_are_at_the_asked_interval_and_slow_down_to_their_bound(site: Any):
    site(CALLBACK_BASE_URL=None, POLL_INTERVAL=8)
    assert seconds(schedule.next_poll(0)) == around(8)
    assert seconds(schedule.next_poll(10**6)) == around(60)
    site(CALLBACK_BASE_URL="https://site.example", POLL_INTERVAL=8)
    assert seconds(schedule.next_poll(10**6)) == around(300)
    assert seconds(schedule.next_poll(0, overdue=True)) == around(600)


def test_an_interval_above_the_bounds_is_kept(site: Any):
    site(CALLBACK_BASE_URL=None, POLL_INTERVAL=1200)
    assert seconds(schedule.next_poll(50)) == around(1200)
    assert seconds(schedule.next_poll(50, overdue=True)) == around(1200)


def test_retry_after_is_obeyed_to_the_second(site: Any):
    assert schedule.next_send(3, 7.0) == dt.timedelta(seconds=7)
    assert schedule.next_send(0, 0.0) == dt.timedelta(seconds=1)


@pytest.mark.parametrize("tries", [*range(40), 10**3, 10**6, 10**9])
def test_no_wait_is_ever_negative_or_endless(tries: int):
    waits = [
        schedule.next_poll(tries),
        schedule.next_poll(tries, overdue=True),
        schedule.next_send(tries, None),
        schedule.next_callback_read(tries),
        schedule.next_download(tries, None),
    ]
    assert all(dt.timedelta(seconds=1) < wait <= dt.timedelta(seconds=1000) for wait in waits)


@pytest.mark.parametrize("tries", [0, 1, 2, 3, 5, 8, 13, 60])
@pytest.mark.parametrize("left", [1, 4.9, 5, 20, 21, 600, 3599.5, 86400, 10**6])
def test_a_copy_is_tried_again_before_its_link_ends(tries: int, left: float):
    wait = seconds(schedule.next_download(tries, dt.timedelta(seconds=left)))
    assert wait <= max(left / 4, 5.0) * 1.1


def test_a_dead_link_is_not_tried_without_pause():
    assert seconds(schedule.next_download(0, dt.timedelta(seconds=-5))) == around(5)


def test_rows_of_one_moment_do_not_stay_together(site: Any):
    site(CALLBACK_BASE_URL=None)
    waits = {schedule.next_poll(5) for _row in range(50)}
    assert len(waits) > 40
