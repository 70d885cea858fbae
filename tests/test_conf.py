"""Settings are read when they are needed, and never shown with their values."""

from __future__ import annotations

import pytest

from django_wanvideo.conf import Conf, conf, given, known_names

#: The contract: every key a site may set, and what it is when left out.
DEFAULTS = {
    "API_KEY": None,
    "BASE_URL": "https://api.evolink.ai",
    "FILES_URL": "https://files-api.evolink.ai",
    "CALLBACK_BASE_URL": None,
    "PUBLIC_MEDIA_BASE_URL": None,
    "CALLBACK_KEYS": (),
    "VERIFY_CALLBACKS": True,
    "DEFAULT_MODEL": "wan2.6-image-to-video-flash",
    "MODELS": None,
    "QUEUE": "default",
    "STORAGE": "default",
    "UPLOAD_TO": "wanvideo/%Y/%m/",
    "CONNECT_TIMEOUT": 10.0,
    "READ_TIMEOUT": 60.0,
    "POLL_INTERVAL": 15.0,
    "POLL_DEADLINE": 3600.0,
    "UNCONFIRMED_DEADLINE": 1800.0,
    "MAX_IN_FLIGHT": None,
    "MAX_SUBMITS_PER_MINUTE": None,
    "MAX_VIDEO_BYTES": 1024**3,
    "DOWNLOAD_DEADLINE": 600.0,
    "RESULT_HOSTS": (),
    "ALLOW_PRIVATE_HOSTS": False,
    "TRUST_IDEMPOTENCY_KEY": False,
    "BATCH_READ": False,
    "APPROVAL_ABOVE": None,
    "CREDIT_LIMITS": None,
    "CREDIT_PRICE": None,
    "DAILY_CREDIT_LIMIT": None,
    "NOTIFY": None,
    "SITE_URL": None,
    "VIDEO_ACCESS": None,
    "INSTALLATION": None,
    "USER_DAILY_CREDIT_LIMIT": None,
}


def test_the_keys_are_those_of_the_contract():
    assert sorted(known_names()) == sorted(DEFAULTS)


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
def test_a_setting_that_is_left_out_has_its_default(settings, name, default):
    settings.WANVIDEO = {}
    assert getattr(conf, name) == default
    del settings.WANVIDEO
    assert getattr(conf, name) == default


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_setting_is_read_at_each_access(settings, name):
    for value in ("first", "second"):
        settings.WANVIDEO = {name: value}
        assert getattr(conf, name) == value
        assert getattr(Conf, name) == value


@pytest.mark.parametrize("value", ["sk-test", None, ["API_KEY"]])
def test_setting_of_wrong_kind_gives_defaults(settings, value):
    """A setting of the wrong kind gives the defaults and breaks no import."""
    settings.WANVIDEO = value
    assert given() == {}
    assert conf.QUEUE == "default"


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("sk-test", "sk-test"),
        (" sk-test\n", "sk-test"),
        (lambda: "sk-from-a-vault\n", "sk-from-a-vault"),
        (lambda: None, ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_key_may_be_a_text_or_something_that_is_called(settings, value, key):
    settings.WANVIDEO = {"API_KEY": value}
    assert conf.api_key() == key


def test_callable_key_is_called_each_time_so_that_new(settings):
    """A callable key is called each time so that a new key counts at once."""
    keys = iter(["sk-old", "sk-new"])
    settings.WANVIDEO = {"API_KEY": lambda: next(keys)}
    assert [conf.api_key(), conf.api_key()] == ["sk-old", "sk-new"]


@pytest.mark.parametrize(("url", "expected"), [("https://a.example", True), ("", False), (None, False)])
def test_callbacks_are_expected_where_an_address_is_set(settings, url, expected):
    settings.WANVIDEO = {"CALLBACK_BASE_URL": url}
    assert conf.has_callbacks() is expected


def test_no_value_is_shown(settings):
    settings.WANVIDEO = {"API_KEY": "sk-hidden", "CALLBACK_KEYS": ["hidden too"]}
    assert "hidden" not in repr(conf) + str(conf)
    assert "API_KEY" in repr(conf)
