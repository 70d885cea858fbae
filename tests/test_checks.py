"""What is missing or malformed in the settings is said by a check, before it costs anything."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.checks import ERROR, WARNING, registry, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from django_wanvideo import checks

GOOD = {"API_KEY": "sk-test", "CALLBACK_BASE_URL": "https://site.example", "QUEUE": "wanvideo"}


@pytest.fixture
def found(settings):
    """Check the site with some keys of ``WANVIDEO`` changed; returns the messages."""

    def check(changes=(), **more):
        given = {**GOOD, **dict(changes), **more}
        settings.WANVIDEO = {name: value for name, value in given.items() if value is not LEFT_OUT}
        return checks.check_settings(None)

    return check


LEFT_OUT = object()


def ids(messages):
    return [message.id for message in messages]


def test_a_good_site_has_nothing_to_hear(found):
    assert found() == []


def test_defaults_alone_need_only_a_key(settings):
    settings.WANVIDEO = {"API_KEY": "sk-test"}
    assert ids(checks.check_settings(None)) == ["wanvideo.W001"]


@pytest.mark.fault("K2.neither-name-nor-host-is-said")
def test_a_site_with_neither_a_name_nor_a_host_is_told_to_take_a_name(found):
    (message,) = found(CALLBACK_BASE_URL=None)
    assert "INSTALLATION" in message.hint
    (message,) = found(CALLBACK_BASE_URL=None, INSTALLATION="production")
    assert "INSTALLATION" not in message.hint


BAD = [
    ("INSTALLATION", "", "wanvideo.E011", ERROR, "production"),
    ("INSTALLATION", 5, "wanvideo.E011", ERROR, "production"),
    # key, value, id, level, what the message or its hint must name
    ("API_KEY", LEFT_OUT, "wanvideo.E001", ERROR, "https://evolink.ai/dashboard/keys"),
    ("API_KEY", "", "wanvideo.E001", ERROR, "API_KEY"),
    ("API_KEY", "  \n", "wanvideo.E001", ERROR, "API_KEY"),
    ("API_KEY", None, "wanvideo.E001", ERROR, "API_KEY"),
    ("API_KEY", 5, "wanvideo.E001", ERROR, "API_KEY"),
    ("API_KEY", "sk abc", "wanvideo.E011", ERROR, "one line of printable characters"),
    ("API_KEY", "sk-abc\ndef", "wanvideo.E011", ERROR, "one line of printable characters"),
    ("API_KEY", "schlüssel", "wanvideo.E011", ERROR, "one line of printable characters"),
    ("APPROVAL_ABOVE", "50", "wanvideo.E011", ERROR, "must be a number of credits"),
    ("APPROVAL_ABOVE", -1, "wanvideo.E011", ERROR, "must be a number of credits"),
    ("APPROVAL_ABOVE", False, "wanvideo.E011", ERROR, "must be a number of credits"),
    ("CREDIT_LIMITS", 200, "wanvideo.E011", ERROR, "200 is no dictionary"),
    ("CREDIT_LIMITS", {"everybody": {"day": 5}}, "wanvideo.E011", ERROR, "is none of 'site', 'group' and 'user'"),
    ("CREDIT_LIMITS", {"group": {"day": 5}}, "wanvideo.E011", ERROR, "5 is no dictionary of periods"),
    ("CREDIT_PRICE", 0.0147, "wanvideo.E011", ERROR, "the price of a credit and its currency"),
    ("CREDIT_PRICE", ("cheap", "USD"), "wanvideo.E011", ERROR, "the price of a credit and its currency"),
    ("CREDIT_PRICE", ("-1", "USD"), "wanvideo.E011", ERROR, "the price of a credit and its currency"),
    ("CREDIT_PRICE", ("0.0147", "dollars"), "wanvideo.E011", ERROR, "the price of a credit and its currency"),
    ("CREDIT_LIMITS", {"site": 200}, "wanvideo.E011", ERROR, "200 is no dictionary of periods"),
    ("CREDIT_LIMITS", {"site": {"year": 200}}, "wanvideo.E011", ERROR, "'year' is none of 'day', 'week' and 'month'"),
    ("CREDIT_LIMITS", {"user": {"day": "200"}}, "wanvideo.E011", ERROR, "'200' is no number of credits"),
    ("CREDIT_LIMITS", {"user": {"day": True}}, "wanvideo.E011", ERROR, "True is no number of credits"),
    ("CREDIT_LIMITS", {"user": {"day": -1}}, "wanvideo.E011", ERROR, "-1 is no number of credits"),
    ("CREDIT_LIMITS", {"user": {"day": float("nan")}}, "wanvideo.E011", ERROR, "nan is no number of credits"),
    ("CREDIT_LIMITS", {"site": str}, "wanvideo.E011", ERROR, "is no dictionary of periods"),
    ("RESULT_HOSTS", ["https://files.evolink.ai"], "wanvideo.E011", ERROR, "'https://files.evolink.ai'"),
    ("RESULT_HOSTS", ["files.evolink.ai/videos"], "wanvideo.E011", ERROR, "host names"),
    ("RESULT_HOSTS", ["files.evolink.ai:443"], "wanvideo.E011", ERROR, "host names"),
    ("APIKEY", "sk", "wanvideo.E003", ERROR, "Did you mean 'API_KEY'?"),
    ("api_key", "sk", "wanvideo.E003", ERROR, "Did you mean 'API_KEY'?"),
    ("COLOUR_OF_THE_MOON", 1, "wanvideo.E003", ERROR, "Known keys: ALLOW_PRIVATE_HOSTS, API_KEY"),
    (5, 1, "wanvideo.E003", ERROR, "Known keys"),
    ("QUEUE", "videos", "wanvideo.E004", ERROR, "choose one of: default, wanvideo"),
    ("QUEUE", None, "wanvideo.E004", ERROR, "RQ_QUEUES"),
    ("QUEUE", ["wanvideo"], "wanvideo.E004", ERROR, "RQ_QUEUES"),
    ("STORAGE", "s3", "wanvideo.E005", ERROR, "Choose one of: default, memory, staticfiles"),
    ("STORAGE", None, "wanvideo.E005", ERROR, "STORAGES"),
    ("STORAGE", {"BACKEND": "x"}, "wanvideo.E005", ERROR, "STORAGES"),
    ("CALLBACK_BASE_URL", LEFT_OUT, "wanvideo.W001", WARNING, "polling only"),
    ("CALLBACK_BASE_URL", "", "wanvideo.W001", WARNING, "https://www.example.com"),
    ("CALLBACK_BASE_URL", "www.example.com", "wanvideo.E006", ERROR, "scheme and host"),
    ("CALLBACK_BASE_URL", "localhost:8000", "wanvideo.E006", ERROR, "scheme and host"),
    ("CALLBACK_BASE_URL", "https://", "wanvideo.E006", ERROR, "scheme and host"),
    ("CALLBACK_BASE_URL", "ftp://site.example", "wanvideo.E006", ERROR, "scheme and host"),
    ("CALLBACK_BASE_URL", "https://site.example:port", "wanvideo.E006", ERROR, "scheme and host"),
    ("CALLBACK_BASE_URL", "https://[::1", "wanvideo.E006", ERROR, "scheme and host"),
    ("CALLBACK_BASE_URL", 5, "wanvideo.E006", ERROR, "scheme and host"),
    ("CALLBACK_BASE_URL", "https://site.example/?a=b", "wanvideo.E006", ERROR, "more than"),
    ("CALLBACK_BASE_URL", "https://site.example/#a", "wanvideo.E006", ERROR, "more than"),
    ("CALLBACK_BASE_URL", "https://me:pw@site.example", "wanvideo.E006", ERROR, "more than"),
    ("CALLBACK_BASE_URL", "http://site.example", "wanvideo.E007", ERROR, "https"),
    *(
        ("CALLBACK_BASE_URL", f"https://{host}", "wanvideo.E008", ERROR, "public name")
        for host in (
            "localhost",
            "LOCALHOST.",
            "intranet",
            "site.local",
            "site.internal",
            "site.lan",
            "127.0.0.1",
            "10.1.2.3:8443",
            "192.168.0.5",
            "169.254.169.254",
            "0.0.0.0",
            "[::1]",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
        )
    ),
    ("PUBLIC_MEDIA_BASE_URL", "media.example", "wanvideo.E016", ERROR, "https://media.example.com/"),
    ("PUBLIC_MEDIA_BASE_URL", "http://media.example", "wanvideo.E016", ERROR, "anyone can read"),
    ("PUBLIC_MEDIA_BASE_URL", "https://10.0.0.5/media", "wanvideo.E016", ERROR, "anyone can read"),
    ("BASE_URL", "api.evolink.ai", "wanvideo.E009", ERROR, "BASE_URL"),
    ("BASE_URL", None, "wanvideo.E009", ERROR, "BASE_URL"),
    ("BASE_URL", "ftp://api.evolink.ai", "wanvideo.E009", ERROR, "BASE_URL"),
    ("FILES_URL", "https://", "wanvideo.E009", ERROR, "FILES_URL"),
    ("FILES_URL", b"https://x.example", "wanvideo.E009", ERROR, "FILES_URL"),
    ("BASE_URL", "http://api.evolink.ai", "wanvideo.E010", ERROR, "ALLOW_PRIVATE_HOSTS"),
    ("FILES_URL", "http://127.0.0.1:8899", "wanvideo.E010", ERROR, "ALLOW_PRIVATE_HOSTS"),
    *(
        (name, value, "wanvideo.E011", ERROR, "seconds")
        for name in (
            "CONNECT_TIMEOUT",
            "READ_TIMEOUT",
            "POLL_INTERVAL",
            "POLL_DEADLINE",
            "UNCONFIRMED_DEADLINE",
            "DOWNLOAD_DEADLINE",
        )
        for value in (0, -1, "10", None, True, float("inf"), float("nan"))
    ),
    *(("MAX_VIDEO_BYTES", value, "wanvideo.E011", ERROR, "bytes") for value in (0, -1, 1.5, "1", None, True)),
    *(
        (name, value, "wanvideo.E011", ERROR, "whole number or None")
        for name in ("MAX_IN_FLIGHT", "MAX_SUBMITS_PER_MINUTE")
        for value in (0, -1, 1.5, "1", False)
    ),
    *(
        (name, value, "wanvideo.E011", ERROR, "credits or None")
        for name in ("DAILY_CREDIT_LIMIT", "USER_DAILY_CREDIT_LIMIT")
        for value in (0, -1, "1", False, Decimal("NaN"), Decimal("Infinity"))
    ),
    *(
        (name, value, "wanvideo.E011", ERROR, "True or False")
        for name in ("VERIFY_CALLBACKS", "ALLOW_PRIVATE_HOSTS", "TRUST_IDEMPOTENCY_KEY", "BATCH_READ")
        for value in (None, 1, "yes")
    ),
    *(
        (name, value, "wanvideo.E011", ERROR, "a list of strings")
        for name in ("CALLBACK_KEYS", "RESULT_HOSTS")
        for value in (None, "one", [""], [None], [5], {"a"})
    ),
    ("UPLOAD_TO", "/absolute", "wanvideo.E011", ERROR, "no leading slash"),
    ("UPLOAD_TO", None, "wanvideo.E011", ERROR, "callable"),
    ("DEFAULT_MODEL", "wan2.6-image-to-video-flsh", "wanvideo.E012", ERROR, "wan2.6-image-to-video-flash"),
    ("DEFAULT_MODEL", None, "wanvideo.E012", ERROR, "Known models"),
    ("ALLOW_PRIVATE_HOSTS", True, "wanvideo.W002", WARNING, "development and tests"),
]


@pytest.mark.parametrize(
    ("name", "value", "check_id", "level", "says"),
    [
        pytest.param(*case, id=f"{case[0]}={'left out' if case[1] is LEFT_OUT else case[1]!r}".replace("\n", "␤"))
        for case in BAD
    ],
)
def test_what_is_wrong_is_named_by_one_message_with_a_hint(found, settings, name, value, check_id, level, says):
    # In development private hosts are nothing to warn of.
    settings.DEBUG = check_id != "wanvideo.W002"
    (message,) = found({name: value})
    assert (message.id, message.level) == (check_id, level)
    assert message.hint
    assert says in f"{message.msg} {message.hint}"


GOOD_ONES = [
    ("API_KEY", lambda: "sk-test"),
    ("INSTALLATION", "production"),
    ("CALLBACK_BASE_URL", "https://site.example/below/a/path/"),
    ("CALLBACK_BASE_URL", "https://site.example:8443"),
    ("CALLBACK_BASE_URL", "https://8.8.8.8"),
    ("CALLBACK_KEYS", ("new", "old")),
    ("RESULT_HOSTS", [".example.com", "*.example.com", "files.example.com", "localhost", "203.0.113.7", "2001:db8::1"]),
    ("DAILY_CREDIT_LIMIT", Decimal("12.5")),
    ("USER_DAILY_CREDIT_LIMIT", 0.5),
    ("MAX_IN_FLIGHT", 1),
    ("MAX_SUBMITS_PER_MINUTE", None),
    ("CONNECT_TIMEOUT", 3),
    ("UPLOAD_TO", lambda instance, name: name),
    ("UPLOAD_TO", ""),
    ("STORAGE", "memory"),
    ("VERIFY_CALLBACKS", False),
    ("DEFAULT_MODEL", "wan2.5-image-to-video"),
]


@pytest.mark.parametrize(("name", "value"), GOOD_ONES)
def test_what_is_right_is_not_complained_about(found, name, value):
    assert found(**{name: value}) == []


@pytest.mark.parametrize("value", ["sk-test", ["API_KEY"], 5, False])
def test_a_setting_that_is_no_dictionary_is_one_error(settings, value):
    settings.WANVIDEO = value
    assert ids(checks.check_settings(None)) == ["wanvideo.E002"]


def test_a_site_that_has_not_set_anything_is_told_about_the_key(settings):
    del settings.WANVIDEO
    assert "wanvideo.E001" in ids(checks.check_settings(None))


def test_a_site_without_time_zones_is_told_to_turn_them_on(found, settings):
    settings.USE_TZ = False
    assert [(message.id, message.hint) for message in found()] == [("wanvideo.E013", "Set USE_TZ to True.")]


def test_everything_is_said_at_once(found):
    messages = found(API_KEY="", QUEUE="x", STORAGE="y", BASE_URL="http://a.example", MAX_IN_FLIGHT=0, HELLO=1)
    assert sorted(ids(messages)) == [f"wanvideo.E0{number}" for number in ("01", "03", "04", "05", "10", "11")]


def test_private_hosts_may_be_used_in_development(found, settings):
    settings.DEBUG = True
    private = {
        "BASE_URL": "http://127.0.0.1:8899",
        "FILES_URL": "http://127.0.0.1:8899",
        "CALLBACK_BASE_URL": "http://localhost:8000",
    }
    assert found(ALLOW_PRIVATE_HOSTS=True, **private) == []


def test_a_callback_address_must_be_one_in_development_too(found, settings):
    settings.DEBUG = True
    for url in ("ftp://localhost", "http://me:pw@localhost:8000", "http://localhost:8000/?a"):
        assert ids(found(ALLOW_PRIVATE_HOSTS=True, CALLBACK_BASE_URL=url)) == ["wanvideo.E006"]


def test_the_key_is_in_no_message(found):
    for value in (5, ["sk-hidden"], {"sk-hidden": 1}):
        assert "sk-hidden" not in str(found(API_KEY=value))


def test_a_callable_key_is_not_called_by_the_check(found):
    def key():
        raise AssertionError("the vault was asked")

    assert found(API_KEY=key) == []


@pytest.mark.parametrize(
    ("engine", "name", "options", "expected"),
    [
        ("sqlite3", "/tmp/site.sqlite3", {}, ["wanvideo.W003"]),
        ("sqlite3", "/tmp/site.sqlite3", {"transaction_mode": "IMMEDIATE"}, ["wanvideo.W003"]),
        ("sqlite3", "/tmp/site.sqlite3", {"init_command": "PRAGMA journal_mode=WAL"}, ["wanvideo.W003"]),
        (
            "sqlite3",
            "/tmp/site.sqlite3",
            {"init_command": "PRAGMA journal_mode=wal", "transaction_mode": "IMMEDIATE"},
            [],
        ),
        ("sqlite3", ":memory:", {}, []),
        ("postgresql", "site", {}, []),
    ],
)
def test_sqlite_beside_workers_is_told_which_options_it_needs(monkeypatch, engine, name, options, expected):
    database = {"ENGINE": f"django.db.backends.{engine}", "NAME": name, "OPTIONS": options}
    monkeypatch.setattr(checks.settings, "settings", SimpleNamespace(DATABASES={"default": database}))
    messages = checks.check_sqlite(None)
    assert ids(messages) == expected
    assert all(message.level == WARNING and "transaction_mode" in message.hint for message in messages)


@pytest.mark.parametrize(
    ("root", "url", "expected"),
    [
        ("/srv/media", "media/", []),
        ("", "media/", ["wanvideo.W004"]),
        ("media", "https://cdn.example.com/", ["wanvideo.W004"]),
        ("/srv/media", "", ["wanvideo.W005"]),
        ("/srv/media", "/", ["wanvideo.W005"]),
        ("", "", ["wanvideo.W004", "wanvideo.W005"]),
    ],
)
def test_a_media_folder_without_a_place_or_an_address_is_warned_of(found, settings, root, url, expected):
    settings.MEDIA_ROOT, settings.MEDIA_URL = root, url
    messages = found()
    assert ids(messages) == expected
    assert all(message.level == WARNING and "MEDIA_" in message.hint for message in messages)


def test_a_storage_that_is_no_folder_needs_neither(found, settings):
    settings.MEDIA_ROOT = settings.MEDIA_URL = ""
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    assert found() == []


@pytest.mark.django_db
def test_the_checks_are_bound(settings):
    """Django runs them by itself; calling the functions above proves nothing of that."""
    registered = registry.registry.get_checks()
    assert {checks.check_settings, checks.check_sqlite} <= set(registered)
    settings.WANVIDEO = {**GOOD, "API_KEY": "", "HELLO": 1}
    assert {"wanvideo.E001", "wanvideo.E003"} <= set(ids(run_checks()))


@pytest.mark.django_db
def test_manage_py_check_stops_at_an_error(settings):
    settings.WANVIDEO = {**GOOD, "QUEUE": "nowhere"}
    with pytest.raises(SystemCheckError, match=r"wanvideo\.E004"):
        call_command("check", stdout=StringIO(), stderr=StringIO())


def test_no_check_asks_the_database():
    """There is no mark on this test: pytest-django refuses every query."""
    assert checks.check_settings(None) == []
    checks.check_sqlite(None)


def test_wrong_storage_is_said_by_check():
    """A wrong storage is said by the check and not by a crash while the models load."""
    code = """
from django.conf import settings
settings.configure(
    SECRET_KEY="x", USE_TZ=True, DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_rq", "django_wanvideo"],
    RQ_QUEUES={"default": {"URL": "redis://127.0.0.1:1/0"}}, WANVIDEO={"API_KEY": "sk-x", "STORAGE": "nowhere"},
)
import django
django.setup()
from django.core.checks import run_checks
print(*[message.id for message in run_checks() if message.id.startswith("wanvideo")])
"""
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env=env
    )
    assert done.stdout.split() == ["wanvideo.E005", "wanvideo.W001"], done.stderr


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"site": {"month": 5000}, "user": {"week": 200.5, "day": Decimal(40)}},
        {"site": None, "user": lambda user: {"week": 200}},
        {"week": 0},
        lambda user: {"week": 200},
    ],
    ids=["none", "nothing", "both", "a callable within", "of users only", "a callable"],
)
def test_limits_on_credits_may_have_these_shapes(found, value):
    assert found(CREDIT_LIMITS=value) == []


@pytest.mark.parametrize("value", [None, 0, 50, Decimal("50.5"), lambda user: 50])
def test_what_needs_approval_may_be_said_so(found, value):
    assert found(APPROVAL_ABOVE=value) == []
