"""Filters: by date, owner and reason of failure; within reach on a phone; counts that stay true."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_wanvideo import failures
from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.models import VideoTask
from tests.admin.conftest import url

DATE = pytest.mark.fault("K12.filter-by-date")
OWNER = pytest.mark.fault("K12.filter-by-owner")
REASON = pytest.mark.fault("K12.filter-by-reason-of-failure")
COUNTS = pytest.mark.fault("K12.counts-in-filters-follow-live-updates")


def shown(client, query):
    response = client.get(url("changelist") + query)
    assert response.status_code == 200
    return {task.prompt for task in response.context["cl"].result_list}


def labels(client, name, query=""):
    specs = client.get(url("changelist") + query).context["cl"].filter_specs
    (spec,) = [spec for spec in specs if spec.parameter_name == name]
    return {value: str(label) for value, label in spec.lookup_choices}


@DATE
def test_tasks_are_found_by_when_they_were_made(admin_client, make_task, settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    moments = {
        "today": midnight,
        "yesterday": midnight - dt.timedelta(seconds=1),
        "last week": midnight - dt.timedelta(days=7),
        "long ago": midnight - dt.timedelta(days=40),
    }
    for prompt, moment in moments.items():
        make_task(prompt=prompt, created_at=moment)
    assert shown(admin_client, "?created=today") == {"today"}
    assert shown(admin_client, "?created=7") == {"today", "yesterday", "last week"}
    this_month = {prompt for prompt, moment in moments.items() if moment.month == midnight.month}
    assert shown(admin_client, "?created=month") == this_month


def day(moment, days):
    return (moment + dt.timedelta(days=days)).date().isoformat()


@DATE
def test_tasks_are_found_from_one_day_to_another_where_the_person_is(admin_client, make_task, settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    make_task(prompt="first of its day", created_at=midnight - dt.timedelta(days=2))
    make_task(prompt="last of its day", created_at=midnight - dt.timedelta(days=1, microseconds=1))
    make_task(prompt="next day", created_at=midnight - dt.timedelta(days=1))
    one_day = f"?created_from={day(midnight, -2)}&created_to={day(midnight, -2)}"
    assert shown(admin_client, one_day) == {"first of its day", "last of its day"}
    assert shown(admin_client, f"?created_from={day(midnight, -1)}") == {"next day"}
    assert shown(admin_client, f"?created_to={day(midnight, -2)}") == {"first of its day", "last of its day"}
    page = admin_client.get(url("changelist") + one_day + "&status=draft&q=day").content.decode()
    form = re.search(r'<form method="get" class="wv wv-filterform">.*?</form>', page, re.S)[0]
    assert f'value="{day(midnight, -2)}"' in form
    assert 'name="status" value="draft"' in form
    assert 'name="q" value="day"' in form


@DATE
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("created_from=2026-02-31", "“2026-02-31” is no date"),
        ("created_to=soon", "“soon” is no date"),
        ("created_from=0001-01-01", "is no date"),
        ("created_to=9999-12-31", "is no date"),
        ("created_from=2026-03-02&created_to=2026-03-01", "The first day is after the last"),
    ],
)
def test_wrong_dates_are_told_and_show_no_rows(admin_client, make_task, query, words):
    """Wrong dates are told and show nothing that an action could be done to."""
    make_task()
    page = admin_client.get(url("changelist") + "?" + query)
    assert page.context["cl"].result_list == []
    assert words in page.content.decode().replace("&quot;", '"')
    assert "Nothing is shown" in page.content.decode()
    data = {"action": "cancel_selected", "select_across": "1", "_selected_action": ["x"]}
    admin_client.post(url("changelist") + "?" + query, data)
    assert VideoTask.objects.get().status == "draft"


@OWNER
def test_tasks_are_found_by_owner_and_each_owner_leads_there(admin_client, person, make_task):
    ann = person("view_videotask", name="ann").user
    make_task("failed", prompt="ann's", owner=ann)
    make_task("failed", prompt="mine", owner=admin_client.user)
    make_task("failed", prompt="nobody's")
    make_task("draft", prompt="ann's draft", owner=ann)
    page = admin_client.get(url("changelist") + "?status=failed").content.decode()
    assert f'<a href="?owner={ann.pk}&amp;status=failed">ann</a>' in page
    assert shown(admin_client, f"?status=failed&owner={ann.pk}") == {"ann's"}
    assert shown(admin_client, "?owner=me") == {"mine"}
    assert shown(admin_client, "?owner=none") == {"nobody's"}
    assert labels(admin_client, "owner", f"?owner={ann.pk}") == {"me": "Me", "none": "No owner", str(ann.pk): "ann"}
    assert labels(admin_client, "owner") == {"me": "Me", "none": "No owner"}


@OWNER
def test_the_filter_of_owners_reads_neither_the_table_nor_all_people(admin_client, make_task):
    make_task(owner=admin_client.user)
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(url("changelist") + f"?owner={admin_client.user.pk}")
    about_owners = [query["sql"] for query in queries if "auth_user" in query["sql"] and "videotask" in query["sql"]]
    assert about_owners
    assert all("LIMIT" in sql for sql in about_owners)


@OWNER
def test_the_filter_names_nobody_whose_tasks_one_may_not_see(admin_client, person, make_task, monkeypatch):
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, tasks: tasks.owned_by(request.user)
    )
    make_task(owner=admin_client.user)
    stranger = person("view_videotask")
    assert "boss" not in labels(stranger, "owner", f"?owner={admin_client.user.pk}").values()
    assert shown(stranger, f"?owner={admin_client.user.pk}") == set()


@OWNER
def test_an_owner_who_cannot_be_is_no_server_error(admin_client, make_task):
    make_task()
    assert admin_client.get(url("changelist") + "?owner=%00x").status_code == 302


@REASON
def test_failures_are_found_by_groups_that_leave_none_out(admin_client, make_task):
    codes = ("content_filter", "http_400", "image_dimension_mismatch", "service_error", "resource_exhausted",
             "insufficient_quota", "result_too_large", "decided_not_accepted", "brand_new_code")  # fmt: skip
    for code in codes:
        make_task("failed", prompt=code, error_code=code)
    make_task("queued", prompt="waits", error_code="")
    found = {group: shown(admin_client, f"?failure={group}") for group in labels(admin_client, "failure")}
    assert found == {
        "content": {"content_filter"},
        "settings": {"http_400", "image_dimension_mismatch"},
        "capacity": {"service_error", "resource_exhausted"},
        "credits": {"insufficient_quota"},
        "copying": {"result_too_large"},
        "other": {"decided_not_accepted", "brand_new_code"},
    }


@REASON
def test_failures_are_found_by_the_words_of_their_pages(admin_client, make_task):
    """Failures are found by the words that their pages have where a link says so."""
    for code in ("content_filter", "sensitive_content", "service_error", "result_too_large", "brand_new_code"):
        make_task("failed", prompt=code, error_code=code)
    assert shown(admin_client, "?failure=content_filter") == {"content_filter", "sensitive_content"}
    assert shown(admin_client, "?failure=result_too_large") == {"result_too_large"}
    assert shown(admin_client, f"?failure={failures.UNKNOWN_CODE}") == {"brand_new_code"}
    heading = str(failures.advice_for("result_too_large").heading)
    assert labels(admin_client, "failure", "?failure=result_too_large")["result_too_large"] == heading


def test_takes_are_found_by_whether_they_were_picked(admin_client, make_task):
    group = uuid.uuid4()
    make_task("completed", prompt="chosen", take_group=group, take_number=1, picked=True)
    make_task("completed", prompt="left", take_group=group, take_number=2)
    make_task("completed", prompt="alone")
    assert shown(admin_client, "?takes=picked") == {"chosen"}
    assert shown(admin_client, "?takes=others") == {"left"}


def test_each_filter_that_is_set_can_be_taken_away_by_itself(admin_client, make_task):
    make_task("failed", error_code="content_filter", owner=admin_client.user)
    query = "?created=7&failure=content&owner=me&q=fox&o=3&status=failed"
    page = admin_client.get(url("changelist") + query)
    chips = {chip.words: chip.url for chip in page.context["cl"].set_filters}
    assert list(chips) == ["Past 7 days", "Failed", "Content refused", "Me"]
    assert chips["Failed"] == "?created=7&failure=content&o=3&owner=me&q=fox"
    assert "Filters (4)" in page.content.decode()
    moving = admin_client.get(url("changelist") + "?status=processing&created_from=2026-11-06&created_to=2025-11-19")
    assert [chip.words for chip in moving.context["cl"].set_filters] == ["6 Nov to 19 Nov 2025", "Processing"]


def test_a_filter_leads_to_its_first_page(admin_client, make_task, monkeypatch):
    monkeypatch.setattr(VideoTaskAdmin, "list_per_page", 1)
    for number in range(3):
        make_task(prompt=str(number))
    second = admin_client.get(url("changelist") + admin_client.get(url("changelist")).context["cl"].older_url)
    choices = [
        choice["query_string"]
        for spec in second.context["cl"].filter_specs
        for choice in spec.choices(second.context["cl"])
    ]
    assert [query for query in choices if "older" in query] == []


class PeopleAdmin(UserAdmin):
    pass


@OWNER
@pytest.mark.parametrize("may_see_people", [True, False])
def test_people_are_searched_for_by_those_who_may_see_them(person, make_task, monkeypatch, may_see_people):
    monkeypatch.setitem(admin.site._registry, User, PeopleAdmin(User, admin.site))
    viewer = person("view_videotask")
    make_task(owner=viewer.user)
    if may_see_people:
        viewer.user.user_permissions.add(Permission.objects.get(codename="view_user"))
    page = viewer.get(url("changelist") + f"?owner={viewer.user.pk}").content.decode()
    assert ("admin-autocomplete" in page) is may_see_people
    assert ("admin/js/autocomplete.js" in page) is may_see_people
    if may_see_people:
        assert f'<option value="{viewer.user.pk}" selected>{viewer.user}</option>' in page
    names = {"app_label": "wanvideo", "model_name": "videotask", "field_name": "owner", "term": "person"}
    answer = viewer.get("/admin/autocomplete/", names)
    assert answer.status_code == (200 if may_see_people else 403)


@OWNER
def test_the_list_of_batches_needs_no_script_of_tasks(admin_client, monkeypatch):
    """The list of batches has no field that needs scripts of the other list."""
    monkeypatch.setitem(admin.site._registry, User, PeopleAdmin(User, admin.site))
    page = admin_client.get(reverse("admin:wanvideo_batch_changelist") + "?owner=me").content.decode()
    assert "?owner=none" in page
    assert "admin-autocomplete" not in page


@pytest.mark.fault("K12.filters-within-reach-on-a-phone")
def test_a_link_above_the_rows_leads_to_the_filters(admin_client, make_task):
    make_task()
    page = admin_client.get(url("changelist")).content.decode()
    assert page.index('href="#changelist-filter"') < page.index('id="result_list"')
    assert 'id="changelist-filter"' in page
    assert "Filters (1)" in admin_client.get(url("changelist") + "?status=draft").content.decode()


@COUNTS
def test_the_live_module_is_told_the_counts_as_they_are_now(admin_client, make_task):
    task = make_task("processing")
    assert labels(admin_client, "status")["processing"] == "Processing (1)"
    VideoTask.objects.filter(pk=task.pk).update(status="failed")
    answer = admin_client.get(url("status"), {"counts": "1"}).json()
    assert ["status", "processing", "Processing", "Processing"] in answer["counts"]
    assert ["attention", "needed", "Needs attention", "Needs attention (1)"] in answer["counts"]
    # Whoever loads the list now reads the same.
    assert labels(admin_client, "status")["processing"] == "Processing"
    cache.clear()
