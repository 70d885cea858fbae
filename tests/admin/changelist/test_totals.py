"""What the tasks of a filter add up to: of all that match and the person may see, and never in the list's way."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.admin.changelist import totals
from django_wanvideo.models import MediaInput, VideoTask
from tests.admin.conftest import url

JSON = {"accept": "application/json"}


def told(client, query):
    """The sum of a list in words."""
    answer = client.get(url("totals") + query, headers=JSON)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", "", answer.json()["html"])).strip()


@pytest.fixture
def tasks(make_task, admin_client):
    now = timezone.now()
    for number in range(3):
        make_task(
            "completed", prompt=f"done {number}", credits_used=Decimal("11.9"), owner=admin_client.user, accepted_at=now
        )
    make_task("completed", prompt="done 3", credits_used=Decimal("1000"), parameters={"duration": 15}, accepted_at=now)
    VideoTask.objects.filter(prompt="done 2").update(parameters={})
    make_task("failed", prompt="refused", credits_used=Decimal(0), accepted_at=now, error_code="content_filter")


def test_all_that_match_are_added_up_not_only_the_page(admin_client, tasks, monkeypatch):
    monkeypatch.setattr(VideoTaskAdmin, "list_per_page", 1)
    assert told(admin_client, "?q=done") == "4 tasks in this filter 4 videos 30 seconds 1035.70 credits, about $15.23"
    assert told(admin_client, "?owner=me") == "3 tasks in this filter 3 videos 15 seconds 35.70 credits, about $0.53"
    assert told(admin_client, "?created=today").endswith("1 failed, not charged")
    page = admin_client.get(url("totals") + "?owner=me")
    assert "35.70 credits" in page.content.decode()
    assert f'href="{url("changelist")}?owner=me"' in page.content.decode()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"accepted_at": None}, "not charged"),
        ({"credits_used": Decimal("5.9")}, "5.90 credits"),
        ({"error_code": "service_error"}, "should not be charged"),
        ({"error_code": "never_answered"}, "may have been charged"),
        ({"result_url": "https://files.example/v.mp4"}, "may have been charged"),
    ],
)
def test_of_failures_it_is_said_what_is_known_of_their_money(admin_client, make_task, columns, words):
    make_task("failed", **{"accepted_at": timezone.now(), **columns})
    assert told(admin_client, "?status=failed").endswith(f"1 failed, {words}")


def test_what_evolink_has_not_reported_is_estimated_and_said_to_be(admin_client, make_task):
    make_task("completed", accepted_at=timezone.now(), credits_reserved=Decimal("12.5"))
    make_task("processing", accepted_at=timezone.now(), credits_reserved=Decimal("12.5"))
    assert "about 12.50 credits" in told(admin_client, "?created=today")


def test_only_what_a_person_may_see_is_added_up(admin_client, person, tasks, monkeypatch):
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, found: found.owned_by(request.user)
    )
    assert told(admin_client, "?q=done").startswith("3 tasks")
    assert told(person("view_videotask"), "?q=done").startswith("0 tasks")


def test_a_sites_own_columns_of_the_list_multiply_nothing(admin_client, tasks, monkeypatch):
    from django.db.models import Count

    def counted(self, request, found):
        return found.annotate(tries=Count("attempts"), inputs_here=Count("inputs"))

    monkeypatch.setattr(VideoTaskAdmin, "get_visible_queryset", counted)
    second = MediaInput.objects.filter(task__owner=admin_client.user).first()
    second.pk, second.position, second._state.adding = None, 1, True
    second.save()
    assert told(admin_client, "?owner=me").startswith("3 tasks in this filter 3 videos 15 seconds 35.70 credits")


def test_it_is_offered_only_where_something_narrows_the_list_down(admin_client, tasks):
    def is_offered(query):
        return "data-wanvideo-totals" in admin_client.get(url("changelist") + query).content.decode()

    assert [is_offered(query) for query in ("", "?o=3", "?q=done", "?status=failed", "?q=nothing")] == [
        False, False, True, True, False,
    ]  # fmt: skip
    assert not is_offered("?_popup=1&q=done")


def test_no_list_waits_for_it(admin_client, tasks):
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(url("changelist") + "?status=completed")
    assert not [query["sql"] for query in queries if "SUM(" in query["sql"] or "COUNT(" in query["sql"]]
    with CaptureQueriesContext(connection) as queries:
        told(admin_client, "?status=completed")
    about_tasks = [query["sql"] for query in queries if "wanvideo_videotask" in query["sql"]]
    # Whether they are too many, and the sum: neither reads a page of the list.
    assert len(about_tasks) == 2
    assert f"LIMIT {totals.MOST + 1}" in about_tasks[0]


def test_too_many_are_not_added_up(admin_client, tasks, monkeypatch):
    monkeypatch.setattr(totals, "MOST", 3)
    assert told(admin_client, "?q=done").startswith("More than 3 tasks")
    assert told(admin_client, "?owner=me").startswith("3 tasks")


def test_what_is_no_list_has_no_sum(admin_client, tasks):
    assert admin_client.get(url("totals") + "?p=x&owner=%00", headers=JSON).status_code == 404
    assert admin_client.get(url("totals") + "?metadata__a=b", headers=JSON).status_code == 400
    # A wrong day is told by the list, not by the next page that somebody opens.
    assert told(admin_client, "?created_from=soon").startswith("0 tasks")
    cache.clear()
    assert "is no date" not in admin_client.get(url("changelist")).content.decode()
