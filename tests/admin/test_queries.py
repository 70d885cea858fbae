"""How often the pages ask the database, and that none of them reads the whole table."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_wanvideo.admin import caching
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import VideoTask

from .conftest import url

MOST_OF_A_LIST = 5
MOST_OF_A_PAGE = 13
#: Session and user, the tasks, their inputs, what holds sending back.
OF_THE_STATUS = 5

STATUSES = [status for status in TaskStatus if status != TaskStatus.SUBMITTING]


@pytest.fixture(autouse=True)
def looked_lately(admin_client):
    """Site trouble and the filters' counts have been looked for, as they have for all but one list in half a minute."""
    admin_client.get(url("changelist"))
    caching.keep("wanvideo:admin:trouble", [], 60)


@pytest.fixture
def many_tasks(make_task):
    """Tasks at every status, so that each kind of row is there twice."""
    first = make_task(STATUSES[0], prompt=f"{STATUSES[0]} 0")
    rest = [(status, number) for status in STATUSES for number in range(2)][1:]
    made = [first, *(make_task(status, prompt=f"{status} {number}", like=first) for status, number in rest)]
    failed = [task.pk for task in made if task.status == TaskStatus.FAILED]
    # What is known about a failed task's money is told from its row, accepted or not.
    VideoTask.objects.filter(pk__in=failed[:1]).update(accepted_at=made[0].created_at, error_code="service_error")
    return made


def statements(client, address, **options):
    """What a page asks the database, without savepoints."""
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address, **options)
    assert response.status_code == 200
    return [query["sql"] for query in captured if not re.match(r"(RELEASE )?SAVEPOINT", query["sql"])]


def assert_reads_no_whole_table(asked):
    for sql in asked:
        assert "COUNT(" not in sql.upper(), sql
        assert "DISTINCT" not in sql.upper(), sql


LISTS = [
    "", "?q=failed", "?q=failed+1", "?q=task-unified-1", "?q=00000000-0000-4000-8000-000000000000", "?status=failed",
    "?attention=needed", "?attention=expiring", "?model=wan2.6-image-to-video-flash", "?owner=me", "?o=3", "?p=1",
]  # fmt: skip


@pytest.mark.parametrize("query", LISTS)
def test_a_list_asks_at_most_five_times_and_counts_nothing(admin_client, many_tasks, query):
    asked = statements(admin_client, url("changelist") + query)
    assert len(asked) <= MOST_OF_A_LIST, "\n".join(asked)
    assert_reads_no_whole_table(asked)


def test_a_list_asks_as_often_for_one_row_as_for_a_hundred(admin_client, many_tasks, monkeypatch):
    from django_wanvideo.admin import VideoTaskAdmin

    asked = {}
    for rows in (1, 100):
        monkeypatch.setattr(VideoTaskAdmin, "list_per_page", rows)
        asked[rows] = statements(admin_client, url("changelist"))
    assert len(asked[1]) == len(asked[100]), "\n".join(asked[100])


def test_a_list_reads_one_row_more_than_it_shows_and_never_all(admin_client, many_tasks, monkeypatch):
    from django_wanvideo.admin import VideoTaskAdmin

    monkeypatch.setattr(VideoTaskAdmin, "list_per_page", 3)
    asked = statements(admin_client, url("changelist"))
    reading = [sql for sql in asked if re.search(r'FROM "?wanvideo_videotask', sql)]
    assert len(reading) == 1
    assert "LIMIT 4" in reading[0]


def test_a_page_by_its_number_reads_only_that_page(admin_client, many_tasks, monkeypatch):
    from django_wanvideo.admin import VideoTaskAdmin

    monkeypatch.setattr(VideoTaskAdmin, "list_per_page", 3)
    asked = statements(admin_client, url("changelist") + "?p=2")
    assert any("LIMIT 4 OFFSET 3" in sql for sql in asked)
    assert_reads_no_whole_table(asked)


def test_looking_for_site_trouble_and_for_counts(admin_client, many_tasks):
    """Looking for site trouble and for the counts of filters counts nothing and is done once."""
    # The first look under another host than the last test's writes that down.
    cache.clear()
    admin_client.get(url("changelist"))
    cache.clear()
    cold = statements(admin_client, url("changelist"))
    assert_reads_no_whole_table(cold)
    assert len(cold) <= 2 * MOST_OF_A_LIST, "\n".join(cold)
    assert len(statements(admin_client, url("changelist"))) <= MOST_OF_A_LIST


@pytest.mark.parametrize("status", STATUSES)
def test_the_page_of_a_task_asks_a_bounded_number_of_times(admin_client, make_task, status):
    task = make_task(status)
    asked = statements(admin_client, url("change", task.pk))
    assert len(asked) <= MOST_OF_A_PAGE, "\n".join(asked)
    assert_reads_no_whole_table(asked)


def test_the_page_of_a_task_asks_no_more_for_a_long_history(admin_client, make_task):
    from django_wanvideo.choices import EventKind, EventSource
    from django_wanvideo.models import lifecycle
    from django_wanvideo.models.creation import creation

    task = make_task(TaskStatus.PROCESSING)
    short = statements(admin_client, url("change", task.pk))
    for number in range(20):
        detail = {"progress": number * 5}
        lifecycle.record(task, EventKind.PROGRESS, EventSource.POLL, detail=detail, actor=admin_client.user)
    for _number in range(5):
        creation.duplicate(task, by=admin_client.user)
    long = statements(admin_client, url("change", task.pk))
    # The children that are there now may be read with their pictures: once, not one by one.
    assert len(long) <= len(short) + 1, "\n".join(long)


def test_the_status_of_all_rows_is_asked_at_once(admin_client, many_tasks):
    query = "&".join(f"id={task.pk}" for task in many_tasks)
    asked = statements(admin_client, f"{url('status')}?{query}")
    assert len(asked) <= OF_THE_STATUS, "\n".join(asked)
    assert_reads_no_whole_table(asked)
    single = statements(admin_client, f"{url('status')}?id={many_tasks[0].pk}")
    assert len(single) == len(asked)


def test_a_price_reads_no_task(admin_client, many_tasks):
    asked = statements(admin_client, url("price") + "?model=wan2.6-image-to-video-flash&duration=5&quality=720p")
    assert not [sql for sql in asked if "wanvideo_" in sql]
