"""``manage.py wanvideo_search_index``: make the list's search quick over very many tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from django_wanvideo.db import database
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    import argparse

    from django.db.backends.utils import CursorWrapper

NAME = "wanvideo_task_prompt_words"


class Command(BaseCommand):
    help = (
        "Makes an index of all prompts (PostgreSQL, with its contrib module pg_trgm), so that the list's search takes "
        "milliseconds over a million tasks. The index is built while the site goes on; nothing else changes. Other "
        "databases have no such index, and search as before."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--drop", action="store_true", help="take the index away")

    def handle(self, *args: Any, **options: Any) -> None:
        connection = database.connection()
        if connection.vendor != "postgresql":
            self.stdout.write(f"{connection.display_name} has no such index; search works without it.")
            return
        if connection.in_atomic_block:
            raise CommandError("An index that is built while the site goes on cannot be built inside a transaction.")
        table = connection.ops.quote_name(VideoTask._meta.db_table)  # noqa: SLF001 - Django's documented model API
        with connection.cursor() as cursor:
            if options["drop"]:
                cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
                self.stdout.write("The index is gone; search works without it.")
                return
            is_valid = _is_valid(cursor)
            if is_valid:
                self.stdout.write("The index is there already.")
                return
            self._prepare(cursor)
            if is_valid is False:
                # What a build that was broken off leaves behind serves no search and costs every write.
                cursor.execute(f"DROP INDEX CONCURRENTLY {NAME}")
            # UPPER: what Django compares in a search that ignores case.
            cursor.execute(f"CREATE INDEX CONCURRENTLY {NAME} ON {table} USING gin (UPPER(prompt) gin_trgm_ops)")
            cursor.execute(f"ANALYZE {table}")
        self.stdout.write(self.style.SUCCESS("The index is there; the list's search uses it from now on."))

    def _prepare(self, cursor: CursorWrapper) -> None:
        try:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except DatabaseError as error:
            reason = str(error).strip().splitlines()[0]
            raise CommandError(
                f"The module pg_trgm cannot be set up: {reason}\nInstall PostgreSQL's contrib package, or let a "
                "superuser of the database run: CREATE EXTENSION pg_trgm; then run this command again."
            ) from error


def _is_valid(cursor: CursorWrapper) -> bool | None:
    """Tell whether the index can be used; ``None`` when there is none."""
    cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [NAME])
    row = cursor.fetchone()
    return None if row is None else bool(row[0])
