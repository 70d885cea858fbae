"""Emptying the database after a test that commits, in milliseconds: Django's own way is for any site, and takes hundreds.

Rows are deleted, since TRUNCATE makes new files; rights and content types stay, which Django would make again each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.commands import flush

from django_wanvideo.apps import make_rows

if TYPE_CHECKING:
    import pytest
    from django.db.backends.base.base import BaseDatabaseWrapper

KEPT = frozenset({"auth_permission", "django_content_type"})


def quick(patch: pytest.MonkeyPatch) -> None:
    """Make ``flush``, which Django's tests call, do that."""
    patch.setattr(flush, "sql_flush", _statements)
    patch.setattr(flush, "emit_post_migrate_signal", _make_first_rows)


def _statements(style: Any, connection: BaseDatabaseWrapper, **options: Any) -> list[str]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    emptied = [name for name in sorted(names) if name not in KEPT]
    if connection.vendor == "mysql":
        # Its constraints are looked at with each statement, and not at the end.
        return connection.ops.sql_flush(style, emptied, reset_sequences=False)
    return [f"DELETE FROM {connection.ops.quote_name(name)}" for name in emptied]


def _make_first_rows(verbosity: int, interactive: bool, db: str, **options: Any) -> None:
    make_rows(using=db)
