"""System check of the database's options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning

from django_wanvideo.db import database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.apps import AppConfig


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
