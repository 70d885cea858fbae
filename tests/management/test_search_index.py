"""``wanvideo_search_index``: made while the site goes on, once, and only where a database can."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, connections

from django_wanvideo.management.commands.wanvideo_search_index import NAME
from django_wanvideo.models import VideoTask
from tests import engines

pytestmark = [pytest.mark.locks, pytest.mark.integration, pytest.mark.fault("K13.search")]


@pytest.mark.django_db(transaction=True)
def test_a_database_without_such_an_index_says_so_and_searches_on(run):
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL has one")
    done = run("wanvideo_search_index")
    assert done.code == 0
    assert "search works without it" in done.out


@pytest.mark.django_db(transaction=True)
def test_without_the_module_it_says_what_to_do(run):
    if connection.vendor != "postgresql" or has_module():
        pytest.skip("this PostgreSQL has the module, or it is another database")
    done = run("wanvideo_search_index")
    assert done.code == 1
    assert "CREATE EXTENSION pg_trgm" in done.err
    assert "Traceback" not in done.err


def test_on_an_installed_postgresql_it_is_made_used_mended_and_dropped(run, django_db_blocker):
    programs = engines.installed_postgres()
    if programs is None:
        pytest.skip("There is no PostgreSQL installed here; on Debian: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="wv-") as folder, django_db_blocker.unblock():
        socket = Path(folder) / "pg"
        with engines.installed_postgres_server(programs, socket):
            standing = connections["default"]
            connections.settings["default"], kept = (
                {
                    **connections.settings["default"],
                    "ENGINE": "django.db.backends.postgresql",
                    "NAME": "postgres",
                    "USER": "postgres",
                    "HOST": str(socket),
                    "OPTIONS": {},
                },
                connections.settings["default"],
            )
            del connections["default"]
            try:
                call_command("migrate", verbosity=0)
                assert "is there;" in run("wanvideo_search_index").out
                assert "already" in run("wanvideo_search_index").out
                with connections["default"].cursor() as cursor:
                    cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)", [NAME])
                    assert "is there;" in run("wanvideo_search_index").out, "one that was broken off is built anew"
                    cursor.execute("SET enable_seqscan = off")
                    plan = VideoTask.objects.filter(prompt__icontains="zeppelin").order_by().explain()
                    assert NAME in plan
                assert "gone" in run("wanvideo_search_index", "--drop").out
                assert "gone" in run("wanvideo_search_index", "--drop").out
            finally:
                connections["default"].close()
                connections.settings["default"] = kept
                connections["default"] = standing


def has_module() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
        return cursor.fetchone() is not None
