"""The engines under the tests are the real ones that the run asked for."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection

pytestmark = [pytest.mark.locks, pytest.mark.integration]


@pytest.mark.django_db
def test_the_database_is_the_one_that_was_asked_for():
    asked = "postgresql" if settings.DATABASES["default"]["ENGINE"].endswith("postgresql") else "sqlite"
    assert connection.vendor == asked
    with connection.cursor() as cursor:
        if asked == "sqlite":
            cursor.execute("PRAGMA journal_mode")
            assert cursor.fetchone() == ("wal",)
        else:
            cursor.execute("SHOW server_version_num")
            assert int(cursor.fetchone()[0]) >= 160000


def test_the_queue_is_empty_and_its_engine_answers(redis_queue):
    assert redis_queue.count == 0
    assert redis_queue.connection.ping() is True
