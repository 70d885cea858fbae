"""A site whose URLs do not lead to the callback: it is told before, and a task says why it waits."""

from __future__ import annotations

import pytest
from django.test import override_settings
from django.urls import resolve
from django.utils import translation

from django_wanvideo import callback_tokens, checks
from django_wanvideo.health import evolink as evolink_checks
from django_wanvideo.models import VideoTask
from django_wanvideo.testing import run_pending

SITE = {"CALLBACK_BASE_URL": "https://site.example"}


@pytest.fixture
def site(evolink_simulator, settings):
    """A site that gives EvoLink an address to call back at."""
    settings.WANVIDEO = {**settings.WANVIDEO, **SITE}
    return settings


def queued():
    task = VideoTask.objects.create_task("A cat", "https://pictures.example/cat.jpg", duration=2)
    task.submit()
    return task


def found():
    return {message.id: message for message in checks.check_settings(None)}


@pytest.mark.fault("K11.include-forgotten")
@pytest.mark.parametrize("urls", ["tests.management.no_urls", "tests.hosts.nested_urls"])
def test_a_check_says_that_the_callback_has_no_address(settings, urls):
    settings.WANVIDEO = {"API_KEY": "sk-x", "QUEUE": "wanvideo", **SITE}
    assert found() == {}
    with override_settings(ROOT_URLCONF=urls):
        (message,) = found().values()
        assert message.id == "wanvideo.E014"
        assert "django_wanvideo.urls" in message.hint
        settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": None}
        assert "wanvideo.E014" not in found()


@pytest.mark.fault("K11.include-forgotten-by-the-worker")
@pytest.mark.parametrize(
    "wrong",
    [
        {"ROOT_URLCONF": "tests.management.no_urls"},
        {"ROOT_URLCONF": "tests.hosts.nested_urls"},
        {"ROOT_URLCONF": "tests.hosts.broken_urls"},
        {"ROOT_URLCONF": None},
        {"WANVIDEO": {"CALLBACK_BASE_URL": "https://[::1"}},
        {"WANVIDEO": {"CALLBACK_BASE_URL": 5}},
    ],
    ids=str,
)
def test_task_that_cannot_be_given_callback_waits(site, evolink_simulator, wrong):
    """A task that cannot be given a callback waits with a reason and is sent once it can."""
    task = queued()
    if "WANVIDEO" in wrong:
        wrong = {"WANVIDEO": {**site.WANVIDEO, **wrong["WANVIDEO"]}}
    with override_settings(**wrong):
        run_pending()
    task.refresh_from_db()
    assert (task.status, task.delay_reason) == ("queued", "misconfigured")
    assert task.delayed_until is not None
    evolink_simulator.ledger.assert_nothing_charged()
    run_pending()
    task.refresh_from_db()
    assert task.status == "pending"
    evolink_simulator.ledger.assert_charged_once()


@pytest.mark.fault("K11.urlconf-broken")
def test_a_urlconf_that_cannot_be_loaded_is_left_to_djangos_own_checks(settings):
    settings.WANVIDEO = {"API_KEY": "sk-x", "QUEUE": "wanvideo", **SITE}
    with override_settings(ROOT_URLCONF="tests.hosts.broken_urls"):
        assert found() == {}


@pytest.mark.fault("K11.include-under-another-name")
@override_settings(ROOT_URLCONF="tests.hosts.named_urls")
def test_a_namespace_of_the_sites_choice_is_as_good(site, evolink_simulator):
    assert "wanvideo.E014" not in found()
    (finding,) = evolink_checks.check_callback_route()
    assert finding.level == "ok"
    queued()
    run_pending()
    evolink_simulator.ledger.assert_charged_once()


@pytest.mark.fault("K11.include-in-i18n-patterns")
@override_settings(ROOT_URLCONF="tests.hosts.language_urls")
def test_address_that_changes_with_language_is_warned(site):
    """An address that changes with the language is warned of and is the same in every process."""
    assert "i18n_patterns" in found()["wanvideo.W006"].hint
    with translation.override("de"):
        address = callback_tokens.url_for(callback_tokens.NOBODY)
    with translation.override("fr"):
        assert callback_tokens.url_for(callback_tokens.NOBODY) == address
    with translation.override("en-us"):
        assert resolve(address.removeprefix("https://site.example")).url_name == "callback"


def test_a_start_asks_for_the_address_in_two_languages(site, monkeypatch):
    """A URLconf is built anew for each language: for all of Django's that takes longer than the start of a site."""
    asked, path_in = [], callback_tokens.path_in
    monkeypatch.setattr(callback_tokens, "path_in", lambda code: asked.append(code) or path_in(code))
    assert "wanvideo.W006" not in found()
    assert asked == ["en-us", "af"]
    asked.clear()
    site.LANGUAGES = [("de", "German"), ("fr", "French"), ("ja", "Japanese")]
    assert "wanvideo.W006" not in found()
    assert asked == ["de", "fr", "ja"]
