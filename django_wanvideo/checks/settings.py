"""System checks of the ``WANVIDEO`` setting, and of the options of SQLite."""

from __future__ import annotations

import difflib
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.utils.module_loading import import_string

from django_wanvideo.checks import addresses, credit_values, models
from django_wanvideo.conf import conf, given, known_names
from django_wanvideo.db import database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.apps import AppConfig

#: What can stand in a header.
_KEY = re.compile(r"[\x21-\x7e]{1,500}")
#: A host name, or with "." or "*." before it all names that end so; an address of IPv6 stands without brackets.
_HOST = re.compile(r"(\*?\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) and 0 < float(value) < float("inf")


def _is_positive_whole(value: Any) -> bool:
    return isinstance(value, int) and _is_positive(value)


def _is_amount_or_callable(value: Any) -> bool:
    return callable(value) or _is_positive(value) or (value == 0 and not isinstance(value, bool))


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 100


def _are_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) and item for item in value)


def _or_none(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_right(value)


#: Whether a value is right, what it must be, and of which settings.
_VALUES: tuple[tuple[Callable[[Any], bool], str, tuple[str, ...]], ...] = (
    (_or_none(_is_name), 'a name of at most 100 characters, such as "production"', ("INSTALLATION",)),
    (_or_none(callable), "a callable that takes an event and returns users, or None", ("NOTIFY",)),
    (_is_positive, "a positive number of seconds", ("CONNECT_TIMEOUT", "READ_TIMEOUT", "POLL_INTERVAL")),
    (_is_positive, "a positive number of seconds", ("POLL_DEADLINE", "UNCONFIRMED_DEADLINE", "DOWNLOAD_DEADLINE")),
    (_is_positive_whole, "a positive whole number of bytes", ("MAX_VIDEO_BYTES",)),
    (_or_none(_is_positive_whole), "a positive whole number or None", ("MAX_IN_FLIGHT", "MAX_SUBMITS_PER_MINUTE")),
    (_or_none(_is_positive), "a positive number of credits or None", ("DAILY_CREDIT_LIMIT", "USER_DAILY_CREDIT_LIMIT")),
    (_or_none(_is_amount_or_callable), "a number of credits, a callable, or None", ("APPROVAL_ABOVE",)),
    (_is_switch, "True or False", ("VERIFY_CALLBACKS", "ALLOW_PRIVATE_HOSTS", "TRUST_IDEMPOTENCY_KEY", "BATCH_READ")),
    (_are_texts, "a list of strings", ("CALLBACK_KEYS", "RESULT_HOSTS")),
)


def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Judge every key of ``WANVIDEO``; asks neither network nor database."""
    raw = getattr(settings, "WANVIDEO", None)
    if raw is not None and not isinstance(raw, dict):
        return [Error("WANVIDEO must be a dictionary.", hint='WANVIDEO = {"API_KEY": …}', id="wanvideo.E002")]
    return [
        *_key(),
        *_unknown(),
        *_queue(),
        *_storage(),
        *addresses.callbacks(),
        *addresses.route(),
        *addresses.media(),
        *_files(),
        *addresses.hosts(),
        *_site(),
        *_values(),
        *credit_values.limits(),
        *credit_values.price(),
        *_upload_to(),
        *models.offered(),
        *_clock(),
        *_access(),
    ]


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


def _key() -> Iterator[CheckMessage]:
    value = conf.API_KEY
    if isinstance(value, str) and value.strip() and not _KEY.fullmatch(value.strip()):
        yield _bad_value("API_KEY", "EvoLink's key: one line of printable characters without spaces")
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


def _storage() -> Iterator[CheckMessage]:
    if not isinstance(conf.STORAGE, str) or conf.STORAGE not in settings.STORAGES:
        yield Error(
            f"WANVIDEO['STORAGE'] is {conf.STORAGE!r}, which is not in STORAGES.",
            hint=f"Choose one of: {', '.join(sorted(settings.STORAGES))}.",
            id="wanvideo.E005",
        )


def _files() -> Iterator[CheckMessage]:
    from django_wanvideo.health import storage

    if problem := storage.folder_problem():
        yield CheckWarning(problem, hint=storage.FOLDER_HINT, id="wanvideo.W004")
    if problem := storage.address_problem():
        yield CheckWarning(problem, hint=storage.ADDRESS_HINT, id="wanvideo.W005")


def _upload_to() -> Iterator[CheckMessage]:
    from django_wanvideo.models import storage

    wanted = "a folder inside the storage (no leading slash) or a callable"
    try:
        storage.try_upload_to()
    except storage.UnusableNameError as error:
        yield _bad_value("UPLOAD_TO", f"{wanted}: {error}")
    except Exception as error:
        # A site's own function; it may be right about tasks that have more to them than the one it was tried with.
        yield CheckWarning(
            f"WANVIDEO['UPLOAD_TO'] raised {type(error).__name__} for a task without owner and metadata: {error}",
            hint="A paid video of such a task could not be stored. Let the function return a name for every task.",
            id="wanvideo.W009",
        )


def _access() -> Iterator[CheckMessage]:
    access = conf.VIDEO_ACCESS
    try:
        found = import_string(access) if isinstance(access, str) else access
    except ImportError:
        found = access
    if found is not None and not callable(found):
        yield _bad_value("VIDEO_ACCESS", "a callable of request and task, or its dotted path")


def _clock() -> Iterator[CheckMessage]:
    if not settings.USE_TZ:
        yield Error(
            "USE_TZ is off: deadlines and links that end are compared with EvoLink's times.",
            hint="Set USE_TZ to True.",
            id="wanvideo.E013",
        )


def _values() -> Iterator[CheckMessage]:
    for is_right, wanted, names in _VALUES:
        for name in names:
            if not is_right(getattr(conf, name)):
                yield _bad_value(name, wanted)
    if _are_texts(conf.RESULT_HOSTS):
        for host in conf.RESULT_HOSTS:
            if not _HOST.fullmatch(host):
                yield _bad_value("RESULT_HOSTS", f'a list of host names such as ".evolink.ai", which {host!r} is not')


def _site() -> Iterator[CheckMessage]:
    if conf.SITE_URL is not None and not addresses.is_site(conf.SITE_URL):
        yield _bad_value("SITE_URL", 'the address of this site, such as "https://www.example.com"')
    elif conf.NOTIFY is not None and not (conf.SITE_URL or conf.CALLBACK_BASE_URL):
        yield CheckWarning(
            "WANVIDEO['NOTIFY'] is set, but not SITE_URL: e-mails have no links.",
            hint='Set it to the address of this site, such as "https://www.example.com".',
            id="wanvideo.W010",
        )


def _bad_value(name: str, wanted: str) -> CheckMessage:
    return Error(f"WANVIDEO['{name}'] must be {wanted}.", hint="Leave it out to use the default.", id="wanvideo.E011")
