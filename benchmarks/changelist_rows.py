"""Many tasks, made by the database itself: each with one first frame, and one attempt unless it is a draft."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, models

from django_wanvideo.models import Attempt, MediaInput, VideoTask

#: Days back that the oldest task was made, whatever their number: a site that is used more, not longer.
DAYS = 400
OWNERS = 20
#: A word that one task in a hundred thousand has.
RARE = "zeppelin"

_STATUS = """CASE WHEN n %% 100 < 3 THEN 'draft' WHEN n %% 100 < 8 THEN 'failed' WHEN n %% 100 < 10 THEN 'cancelled'
    WHEN n %% 1000 = 10 THEN 'processing' WHEN n %% 1000 = 11 THEN 'queued' WHEN n %% 1000 = 12 THEN 'unconfirmed'
    ELSE 'completed' END"""
_WORDS = """(ARRAY['a fox steps out between the firs','waves roll in below the lighthouse','steam curls above the cup',
    'sand streams over the crest','snow falls on the cabin','the sailboat heels in a gust','petals drift across water',
    'windows switch on one after another'])[1 + {0} %% 8]"""
_CODES = """CASE WHEN n %% 100 BETWEEN 3 AND 7 THEN
    (ARRAY['content_filter', 'service_error', 'resource_exhausted', 'unknown_error', 'insufficient_quota'])[n %% 100 - 2]
    ELSE '' END"""
_MADE_AT = f"now() - interval '{DAYS} days' * ((%(total)s - n) / %(total)s)"


def make_owners() -> list[int]:
    """Make the staff that the tasks belong to; returns their keys."""
    users = get_user_model()
    users.objects.bulk_create(users(username=f"person{number}", is_staff=True) for number in range(OWNERS))
    return list(users.objects.filter(username__startswith="person").values_list("pk", flat=True))


def make_schema(name: str) -> None:
    """Make a second set of the measured tables, with the same indexes, in a schema of its own."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {name}")
        for model in (VideoTask, MediaInput, Attempt):
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"CREATE TABLE {name}.{table} (LIKE public.{table} INCLUDING ALL)")


def use_schema(name: str) -> None:
    """Let the connection find the measured tables in the schema ``name``, all others in the usual one."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {name}, public")


def make_search_index() -> bool:
    """Make the index of prompts where this PostgreSQL can; returns whether it could."""
    try:
        call_command("wanvideo_search_index", verbosity=0)
    except CommandError:
        return False
    return True


def make_rows(first: int, last: int, total: int, owners: list[int]) -> None:
    """Make the tasks with the numbers ``first`` to ``last`` of ``total``, and bring the planner's numbers up to date."""
    values = {"total": float(total), "owners": owners, "first": first, "last": last}
    _insert(
        VideoTask,
        {
            "id": "md5('task' || n)::uuid",
            "status": _STATUS,
            "model": "'wan2.6-image-to-video-flash'",
            "prompt": (
                f"initcap({_WORDS.format('n')}) || ', ' || {_WORDS.format('(n / 8)')} || ', scene ' || n"
                f" || CASE WHEN n %% 100000 = 77 THEN ' with a {RARE}' ELSE '' END"
            ),
            "parameters": "jsonb_build_object('duration', 2 + n %% 14, 'quality', '720p')",
            "error_code": _CODES,
            # Of a thousand tasks one is a take, of four takes one is picked.
            "take_group": "CASE WHEN n %% 4000 < 4 THEN md5('group' || n / 4000)::uuid END",
            "take_number": "CASE WHEN n %% 4000 < 4 THEN n %% 4000 + 1 END",
            "picked": "CASE WHEN n %% 4000 = 2 THEN true END",
            "progress": f"CASE {_STATUS} WHEN 'completed' THEN 100 WHEN 'processing' THEN 42 ELSE 0 END",
            "credits_estimated": "11.9",
            "credits_used": f"CASE WHEN {_STATUS} = 'completed' THEN 11.9 END",
            "owner": "(%(owners)s::int[])[1 + n %% " + str(OWNERS) + "]",
            "created_at": _MADE_AT,
            "queued_at": _MADE_AT,
            "accepted_at": _MADE_AT,
            "finished_at": f"CASE WHEN n %% 1000 NOT IN (10, 11, 12) THEN {_MADE_AT} + interval '2 minutes' END",
        },
        values,
    )
    _insert(
        MediaInput,
        {
            "task": "md5('task' || n)::uuid",
            "role": "'first_frame'",
            "file": "'wanvideo/inputs/' || n || '.jpg'",
            "thumbnail": "'wanvideo/inputs/' || n || '-small.webp'",
            "width": "1280",
            "height": "720",
        },
        values,
    )
    _insert(
        Attempt,
        {
            "id": "md5('attempt' || n)::uuid",
            "task": "md5('task' || n)::uuid",
            "number": "1",
            "state": "'finished'",
            "provider_task_id": "'task-unified-' || n",
            "idempotency_key": "'wanvideo-' || n",
            "request": "'{}'::jsonb",
            "http_status": "200",
            "claimed_at": _MADE_AT,
            "sent_at": _MADE_AT,
            "settled_at": _MADE_AT,
        },
        values,
    )
    with connection.cursor() as cursor:
        for model in (VideoTask, MediaInput, Attempt):
            cursor.execute(f"VACUUM ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def _insert(model: type[models.Model], columns: dict[str, str], values: dict[str, Any]) -> None:
    """Insert one row for each number; columns that are not named get their field's default."""
    expressions: dict[str, str] = {}
    for field in model._meta.concrete_fields:
        if field.name in columns:
            expressions[field.column] = columns[field.name]
        elif not field.null and not isinstance(field, models.BigAutoField):
            expressions[field.column] = _literal(field)
    names = ", ".join(connection.ops.quote_name(name) for name in expressions)
    table = connection.ops.quote_name(model._meta.db_table)
    sql = (
        f"INSERT INTO {table} ({names}) SELECT {', '.join(expressions.values())}"
        " FROM generate_series(%(first)s::int, %(last)s::int) AS n"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def _literal(field: Any) -> str:
    default = field.get_default()
    if isinstance(field, models.JSONField):
        return f"'{json.dumps(default)}'::jsonb"
    if isinstance(field, models.DateTimeField):
        return "now()"
    return "''" if default in ("", None) else f"'{default}'"
