"""Trouble of the site itself, said once at the top of the list."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from django_wanvideo import queue
from django_wanvideo.admin import caching, trouble
from django_wanvideo.models import Attempt, SiteState, VideoTask
from django_wanvideo.services import outages
from tests.admin.conftest import url


@pytest.fixture(autouse=True)
def fresh():
    cache.clear()
    caching._shared.is_away = False
    yield
    cache.clear()


@pytest.fixture
def healthy(db, monkeypatch):
    """A site with a worker and a sweep."""
    queue.reset()
    monkeypatch.setattr(queue.Worker, "count", lambda **kwargs: 2)
    SiteState.objects.create(name="sweep", value={})


def headings():
    found = trouble.found()
    return found and found["heading"]


def test_a_healthy_site_says_nothing(healthy, boss):
    assert trouble.found() is None
    assert "wv-notice" not in boss.get(url("changelist")).content.decode()


def test_no_worker_is_said(healthy, monkeypatch, boss):
    monkeypatch.setattr(queue.Worker, "count", lambda **kwargs: 0)
    assert "No worker is listening." in boss.get(url("changelist")).content.decode()


def test_a_queue_that_does_not_answer_is_said(healthy, monkeypatch):
    def broken(**kwargs):
        raise RedisConnectionError

    monkeypatch.setattr(queue.Worker, "count", broken)
    assert headings() == "The queue does not answer."


def test_a_sweep_that_stopped_is_said_with_its_age(healthy):
    SiteState.objects.update(updated_at=timezone.now() - dt.timedelta(minutes=12, seconds=5))
    assert headings() == "The regular check has not run for 12\N{NO-BREAK SPACE}min."


@pytest.mark.parametrize(
    ("age", "words"),
    [
        ({"hours": 23, "minutes": 59}, "23\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}59\N{NO-BREAK SPACE}min"),
        ({"days": 1, "minutes": 7}, "1\N{NO-BREAK SPACE}day"),
        ({"days": 2, "minutes": 7}, "2\N{NO-BREAK SPACE}days"),
    ],
    ids=["a day less a minute", "a day", "two days"],
)
def test_a_sweep_that_stopped_long_ago_is_not_said_to_be_late_by_minutes(healthy, age, words):
    SiteState.objects.update(updated_at=timezone.now() - dt.timedelta(seconds=5, **age))
    assert headings() == f"The regular check has not run for {words}."


def test_a_sweep_that_never_ran_is_said(healthy):
    SiteState.objects.all().delete()
    assert headings() == "The regular check has never run."


def test_a_rejected_key_comes_first(healthy):
    SiteState.objects.create(name="key_rejected", value={})
    SiteState.objects.filter(name="sweep").delete()
    found = trouble.found()
    assert found["heading"] == "EvoLink rejects this site’s key."
    assert len(found["texts"]) == 2


@pytest.mark.fault("K3.many-at-once")
def test_trouble_that_many_tasks_meet_is_said_once_for_the_site(healthy, make_task):
    SiteState.objects.create(name=outages.TOGETHER)
    for number in range(3):
        assert headings() is None
        cache.clear()
        make_task("pending", failed_looks=2 + number)
    assert headings() == "EvoLink has no word about the videos it is working on."


def test_used_up_credits_are_said_until_something_is_accepted(healthy, make_task):
    make_task("failed", error_code="insufficient_quota", finished_at=timezone.now() - dt.timedelta(minutes=5))
    assert headings() == "The EvoLink credits are used up."
    cache.clear()
    make_task("pending", accepted_at=timezone.now())
    assert headings() is None


def test_callbacks_that_stay_away_are_said_where_they_are_expected(healthy, make_task, settings):
    for _number in range(3):
        make_task("completed")
    assert "callbacks" in headings()
    cache.clear()
    settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": None}
    assert headings() is None


def test_one_callback_lately_is_enough(healthy, make_task):
    for _number in range(3):
        make_task("completed")
    Attempt.objects.filter(task=VideoTask.objects.first()).update(callback_received_at=timezone.now())
    assert headings() is None


def test_an_error_while_looking_never_harms_the_list(healthy, monkeypatch, boss, caplog):
    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(trouble.site_probes, "listening_workers", broken)
    assert boss.get(url("changelist")).status_code == 200
    assert "site trouble" in caplog.text


def test_it_is_looked_for_once_in_a_while(healthy, django_assert_num_queries):
    trouble.found()
    with django_assert_num_queries(0):
        trouble.found()


class AwayCache:
    """A cache server that is down."""

    def get(self, key):
        raise ConnectionRefusedError("cache")

    def set(self, key, value, timeout=None):
        raise ConnectionRefusedError("cache")


class ReadOnlyCache(AwayCache):
    """A cache server that is full."""

    def get(self, key):
        return None


@pytest.mark.parametrize("away", [AwayCache, ReadOnlyCache])
def test_a_cache_that_is_away_never_harms_the_list_and_is_logged_once(
    healthy, make_task, boss, monkeypatch, caplog, away
):
    monkeypatch.setattr(caching, "cache", away())
    SiteState.objects.filter(name="sweep").delete()
    make_task("queued")
    for _time in range(2):
        page = boss.get(url("changelist"))
        assert page.status_code == 200
        assert "The regular check has never run." in page.content.decode()
    assert caplog.text.count("ConnectionRefusedError: cache") == 1


def test_a_cache_that_comes_back_and_goes_away_again_is_logged_again(healthy, monkeypatch, caplog):
    for _time in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(caching, "cache", AwayCache())
            assert trouble.found() is None
        assert trouble.found() is None
    assert caplog.text.count("ConnectionRefusedError: cache") == 2
