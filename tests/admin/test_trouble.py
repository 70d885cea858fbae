"""Trouble of the site itself, said once at the top of the list."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from django_wanvideo import queue
from django_wanvideo.admin import banner, caching
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import Attempt, Installation, SiteState, VideoTask
from django_wanvideo.services.tracking import rescheduling
from tests.admin.conftest import url


@pytest.fixture(autouse=True)
def fresh():
    caching._is_away = False


@pytest.fixture
def healthy(db, monkeypatch):
    """A site with a worker and a sweep."""
    queue.reset()
    monkeypatch.setattr(queue.jobs.Worker, "count", lambda **kwargs: 2)
    SiteState.objects.create(name="sweep", value={})


def headings():
    found = banner.get_banner()
    return found and found["heading"]


def test_a_healthy_site_says_nothing(healthy, admin_client):
    assert banner.get_banner() is None
    assert "wv-notice" not in admin_client.get(url("changelist")).content.decode()


def test_no_worker_is_said(healthy, monkeypatch, admin_client):
    monkeypatch.setattr(queue.jobs.Worker, "count", lambda **kwargs: 0)
    assert "No worker is listening." in admin_client.get(url("changelist")).content.decode()


def test_a_queue_that_does_not_answer_is_said(healthy, monkeypatch):
    def broken(**kwargs):
        raise RedisConnectionError

    monkeypatch.setattr(queue.jobs.Worker, "count", broken)
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


def test_the_gravest_trouble_comes_first(healthy, monkeypatch):
    monkeypatch.setattr(queue.jobs.Worker, "count", lambda **kwargs: 0)
    SiteState.objects.filter(name="sweep").delete()
    found = banner.get_banner()
    assert found["heading"] == "No worker is listening."
    assert len(found["texts"]) == 2


@pytest.mark.fault("K3.many-at-once")
def test_trouble_that_many_tasks_meet_is_said_once_for_the_site(healthy, make_task):
    SiteState.objects.create(name=rescheduling.TOGETHER)
    for number in range(3):
        assert headings() is None
        cache.clear()
        make_task("pending", failed_looks=2 + number)
    assert headings() == "EvoLink does not report the videos that it is working on."


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


def test_an_error_while_looking_never_harms_the_list(healthy, monkeypatch, admin_client, caplog):
    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(banner.site, "listening_workers", broken)
    assert admin_client.get(url("changelist")).status_code == 200
    assert "site trouble" in caplog.text


def test_it_is_looked_for_once_in_a_while(healthy, django_assert_num_queries):
    banner.get_banner()
    with django_assert_num_queries(0):
        banner.get_banner()


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
    healthy, make_task, admin_client, monkeypatch, caplog, away
):
    monkeypatch.setattr(caching, "cache", away())
    SiteState.objects.filter(name="sweep").delete()
    make_task("queued")
    for _time in range(2):
        page = admin_client.get(url("changelist"))
        assert page.status_code == 200
        assert "The regular check has never run." in page.content.decode()
    assert caplog.text.count("ConnectionRefusedError: cache") == 1


def test_a_cache_that_comes_back_and_goes_away_again_is_logged_again(healthy, monkeypatch, caplog):
    for _time in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(caching, "cache", AwayCache())
            assert banner.get_banner() is None
        assert banner.get_banner() is None
    assert caplog.text.count("ConnectionRefusedError: cache") == 2


@pytest.mark.fault("K2.banner-says-it-is-a-copy")
def test_a_copy_of_another_installations_database_is_said_and_nothing_else(healthy, settings, admin_client):
    SiteState.objects.all().delete()
    settings.WANVIDEO = {**settings.WANVIDEO, "INSTALLATION": "staging"}
    Installation.objects.update(name="production")
    found = banner.get_banner()
    assert found["heading"] == "This is a copy of the database of “production”."
    assert "wanvideo_adopt" in found["texts"][0]
    assert len(found["texts"]) == 1
    assert "This is a copy of the database" in admin_client.get(url("changelist")).content.decode()


@pytest.mark.fault("K2.banner-says-it-was-rolled-back")
def test_a_database_that_has_gone_back_is_said(healthy):
    Installation.objects.update(rolled_back_at=timezone.now(), claims_elsewhere=4)
    assert headings() == "The database has gone back to an earlier state."


@pytest.mark.fault("K2.banner-says-what-another-host-queued")
def test_what_was_queued_under_another_host_is_said(healthy, settings, make_task):
    make_task(TaskStatus.QUEUED)
    Installation.objects.update(host="old.example")
    assert headings() == "1 video was queued under old.example."
