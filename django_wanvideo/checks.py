"""System checks of the ``WANVIDEO`` setting: what is missing or malformed is said before it costs anything."""

from __future__ import annotations

import difflib
import ipaddress
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ValidationError

from django_wanvideo.conf import conf, given, known_names
from django_wanvideo.db import database
from django_wanvideo.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.apps import AppConfig

POSITIVE_SECONDS = (
    "CONNECT_TIMEOUT",
    "READ_TIMEOUT",
    "POLL_INTERVAL",
    "POLL_DEADLINE",
    "UNCONFIRMED_DEADLINE",
    "DOWNLOAD_DEADLINE",
)
POSITIVE_WHOLE_OR_NONE = ("MAX_IN_FLIGHT", "MAX_SUBMITS_PER_MINUTE")
POSITIVE_OR_NONE = ("DAILY_CREDIT_LIMIT", "USER_DAILY_CREDIT_LIMIT")
SWITCHES = ("VERIFY_CALLBACKS", "ALLOW_PRIVATE_HOSTS", "TRUST_IDEMPOTENCY_KEY", "BATCH_READ")
#: What can stand in a header.
_KEY = re.compile(r"[\x21-\x7e]{1,500}")
#: A host name, or with "." or "*." before it all names that end so; an address of IPv6 stands without brackets.
_HOST = re.compile(r"(\*?\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
#: What hangs on a name where there is no host either.
_NO_GUARD = (
    " Set INSTALLATION to a name as well, another one on each copy of the database: without a name and an address a copy "
    "sends, and pays for, what is queued in it."
)
_PRIVATE_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


def register_all() -> None:
    """Bind the checks; called once when Django is ready."""
    register(check_settings)
    register(check_sqlite, Tags.compatibility)


def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Judge every key of ``WANVIDEO``; asks neither network nor database."""
    raw = getattr(settings, "WANVIDEO", None)
    if raw is not None and not isinstance(raw, dict):
        return [Error("WANVIDEO must be a dictionary.", hint='WANVIDEO = {"API_KEY": …}', id="wanvideo.E002")]
    return [
        *_key(),
        *_unknown(),
        *_installation(),
        *_queue(),
        *_storage(),
        *_callbacks(),
        *_route(),
        *_files(),
        *_hosts(),
        *_numbers(),
        *_upload_to(),
        *_model(),
        *_clock(),
    ]


def _key() -> Iterator[CheckMessage]:
    value = conf.API_KEY
    if isinstance(value, str) and value.strip() and not _KEY.fullmatch(value.strip()):
        yield _bad("API_KEY", "EvoLink's key: one line of printable characters without spaces")
    elif not callable(value) and not (isinstance(value, str) and value.strip()):
        yield Error(
            "WANVIDEO['API_KEY'] is not set.",
            hint="Make a key at https://evolink.ai/dashboard/keys and set it from the environment, as a string or a "
            "callable that returns one.",
            id="wanvideo.E001",
        )


def _unknown() -> Iterator[CheckMessage]:
    known = known_names()
    for name in given():
        if name not in known:
            near = difflib.get_close_matches(str(name).upper(), known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(sorted(known))}."
            yield Error(f"WANVIDEO has an unknown key {name!r}.", hint=hint, id="wanvideo.E003")


def _queue() -> Iterator[CheckMessage]:
    queues = getattr(settings, "RQ_QUEUES", None) or {}
    if not isinstance(conf.QUEUE, str) or conf.QUEUE not in queues:
        yield Error(
            f"WANVIDEO['QUEUE'] is {conf.QUEUE!r}, which is not in RQ_QUEUES.",
            hint=f"Add it to RQ_QUEUES, or choose one of: {', '.join(sorted(queues)) or '(RQ_QUEUES is empty)'}.",
            id="wanvideo.E004",
        )


def _installation() -> Iterator[CheckMessage]:
    name = conf.INSTALLATION
    if name is not None and not (isinstance(name, str) and 0 < len(name.strip()) <= 100):
        yield _bad("INSTALLATION", 'a name of at most 100 characters, such as "production"')


def _storage() -> Iterator[CheckMessage]:
    if not isinstance(conf.STORAGE, str) or conf.STORAGE not in settings.STORAGES:
        yield Error(
            f"WANVIDEO['STORAGE'] is {conf.STORAGE!r}, which is not in STORAGES.",
            hint=f"Choose one of: {', '.join(sorted(settings.STORAGES))}.",
            id="wanvideo.E005",
        )


def _callbacks() -> Iterator[CheckMessage]:
    url = conf.CALLBACK_BASE_URL
    if not url:
        yield CheckWarning(
            "WANVIDEO['CALLBACK_BASE_URL'] is not set: finished videos are found by polling only.",
            hint='Set it to the public https address of this site, such as "https://www.example.com".'
            + ("" if conf.INSTALLATION else _NO_GUARD),
            id="wanvideo.W001",
        )
        return
    parts = _split(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        yield Error(
            "WANVIDEO['CALLBACK_BASE_URL'] is not a URL.",
            hint='Give scheme and host, such as "https://www.example.com".',
            id="wanvideo.E006",
        )
        return
    if parts.query or parts.fragment or "@" in parts.netloc:
        yield Error(
            "WANVIDEO['CALLBACK_BASE_URL'] has more than scheme, host and path.",
            hint='Give it like "https://www.example.com".',
            id="wanvideo.E006",
        )
    if conf.ALLOW_PRIVATE_HOSTS:
        return
    if parts.scheme != "https":
        yield Error(
            "WANVIDEO['CALLBACK_BASE_URL'] is not https; EvoLink calls back over https only.",
            hint="Use the https address, or leave it out to poll only.",
            id="wanvideo.E007",
        )
    if _is_private(parts.hostname):
        yield Error(
            "WANVIDEO['CALLBACK_BASE_URL'] points to a private host; EvoLink refuses such addresses.",
            hint="Use the site's public name, or leave it out to poll only.",
            id="wanvideo.E008",
        )


def _route() -> Iterator[CheckMessage]:
    from django_wanvideo import callback_tokens

    if not conf.has_callbacks():
        return
    try:
        languages = {callback_tokens.path_in(code) for code, _name in settings.LANGUAGES}
    except ConfigurationError as error:
        # A URLconf that cannot be loaded is shown by Django's own checks, with all that is wrong in it.
        if error.__cause__ is None:
            yield Error(
                str(error),
                hint='Add path("wanvideo/", include("django_wanvideo.urls")) to ROOT_URLCONF, not inside another include '
                "with a namespace of its own; or leave CALLBACK_BASE_URL out. Nothing is sent before.",
                id="wanvideo.E014",
            )
    else:
        if len(languages) > 1:
            yield CheckWarning(
                "The address of callbacks changes with the language.",
                hint="Include django_wanvideo.urls outside of i18n_patterns().",
                id="wanvideo.W006",
            )


def _files() -> Iterator[CheckMessage]:
    from django_wanvideo.health import media_root

    if problem := media_root.folder_problem():
        yield CheckWarning(problem, hint=media_root.FOLDER_HINT, id="wanvideo.W004")
    if problem := media_root.address_problem():
        yield CheckWarning(problem, hint=media_root.ADDRESS_HINT, id="wanvideo.W005")


def _hosts() -> Iterator[CheckMessage]:
    for name in ("BASE_URL", "FILES_URL"):
        parts = _split(getattr(conf, name))
        if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
            yield Error(
                f"WANVIDEO['{name}'] is not a URL.", hint="Leave it out to use EvoLink's own.", id="wanvideo.E009"
            )
        elif parts.scheme != "https" and not conf.ALLOW_PRIVATE_HOSTS:
            yield Error(
                f"WANVIDEO['{name}'] is not https: the key would travel in the clear.",
                hint="Use https; for a simulator on this machine set ALLOW_PRIVATE_HOSTS to True.",
                id="wanvideo.E010",
            )
    if conf.ALLOW_PRIVATE_HOSTS and not settings.DEBUG:
        yield CheckWarning(
            "WANVIDEO['ALLOW_PRIVATE_HOSTS'] is on while DEBUG is off.",
            hint="It is for development and tests: results may then be fetched from private addresses.",
            id="wanvideo.W002",
        )


def _numbers() -> Iterator[CheckMessage]:
    # The services need the models, which are not there yet when checks are registered.
    from django_wanvideo.services.limits import credit_limits

    for name in POSITIVE_SECONDS:
        if not _is_number(getattr(conf, name)):
            yield _bad(name, "a positive number of seconds")
    if not _is_number(conf.MAX_VIDEO_BYTES, whole=True):
        yield _bad("MAX_VIDEO_BYTES", "a positive whole number of bytes")
    for name in POSITIVE_WHOLE_OR_NONE:
        if getattr(conf, name) is not None and not _is_number(getattr(conf, name), whole=True):
            yield _bad(name, "a positive whole number or None")
    for name in POSITIVE_OR_NONE:
        if getattr(conf, name) is not None and not _is_number(getattr(conf, name)):
            yield _bad(name, "a positive number of credits or None")
    if not callable(conf.CREDIT_LIMITS):
        try:
            credit_limits.parse(conf.CREDIT_LIMITS)
        except ValueError as error:
            shape = '{"site": {"month": 5000}, "user": {"week": 200}}'
            yield _bad("CREDIT_LIMITS", f"credits by period, such as {shape}, or a callable of the user; {error}")
    for name in SWITCHES:
        if not isinstance(getattr(conf, name), bool):
            yield _bad(name, "True or False")
    for name in ("CALLBACK_KEYS", "RESULT_HOSTS"):
        value = getattr(conf, name)
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) and item for item in value):
            yield _bad(name, "a list of strings")
    if isinstance(conf.RESULT_HOSTS, (list, tuple)):
        for item in conf.RESULT_HOSTS:
            if isinstance(item, str) and item and not _HOST.fullmatch(item):
                yield _bad("RESULT_HOSTS", f'a list of host names such as ".evolink.ai", which {item!r} is not')


def _upload_to() -> Iterator[CheckMessage]:
    from django_wanvideo.models import storage

    wanted = "a folder inside the storage (no leading slash) or a callable"
    try:
        storage.try_upload_to()
    except storage.UnusableNameError as error:
        yield _bad("UPLOAD_TO", f"{wanted}: {error}")
    except Exception as error:
        # A site's own function; it may be right about tasks that have more to them than the one it was tried with.
        yield CheckWarning(
            f"WANVIDEO['UPLOAD_TO'] raised {type(error).__name__} for a task without owner and metadata: {error}",
            hint="A paid video of such a task could not be stored. Let the function return a name for every task.",
            id="wanvideo.W009",
        )


def _model() -> Iterator[CheckMessage]:
    from django_wanvideo import catalog

    try:
        catalog.get(conf.DEFAULT_MODEL)
    except ValidationError as error:
        yield Error(
            f"WANVIDEO['DEFAULT_MODEL'] is not in the catalogue: {' '.join(error.messages)}",
            hint="Known models: " + ", ".join(spec.id for spec in catalog.models()),
            id="wanvideo.E012",
        )


def _clock() -> Iterator[CheckMessage]:
    if not settings.USE_TZ:
        yield Error(
            "USE_TZ is off: deadlines and links that end are compared with EvoLink's times.",
            hint="Set USE_TZ to True.",
            id="wanvideo.E013",
        )


def check_sqlite(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Recommend the options that let a site, workers and a sweep share one SQLite file; opens no connection."""
    ours = settings.DATABASES.get(database.alias(), {})
    if ours.get("ENGINE") != "django.db.backends.sqlite3" or ":memory:" in str(ours.get("NAME")):
        return []
    options = ours.get("OPTIONS", {})
    if options.get("transaction_mode") == "IMMEDIATE" and "wal" in str(options.get("init_command", "")).lower():
        return []
    return [
        CheckWarning(
            "SQLite is not set up for a site, workers and a sweep beside each other.",
            hint='Set OPTIONS to {"transaction_mode": "IMMEDIATE", "timeout": 20, '
            '"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"}.',
            id="wanvideo.W003",
        )
    ]


def _bad(name: str, wanted: str) -> CheckMessage:
    return Error(f"WANVIDEO['{name}'] must be {wanted}.", hint="Leave it out to use the default.", id="wanvideo.E011")


def _is_number(value: Any, *, whole: bool = False) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float, Decimal)):
        return False
    return 0 < float(value) < float("inf")


def _split(url: Any) -> Any:
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        # Reading the port is what tells a malformed one.
        return parts if parts is None or parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def _is_private(host: str) -> bool:
    name = host.lower().rstrip(".")
    try:
        return not ipaddress.ip_address(name.strip("[]")).is_global
    except ValueError:
        return name == "localhost" or "." not in name or name.endswith(_PRIVATE_SUFFIXES)
