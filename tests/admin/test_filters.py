"""Filters: by date, owner and reason of failure; within reach on a phone; counts that stay true."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
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
def test_tasks_are_found_by_when_they_were_made(boss, make_task, settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    moments = {
        "today": midnight,
        "yesterday": midnight - dt.timedelta(seconds=1),
        "last week": midnight - dt.timedelta(days=7),
        "last month": midnight - dt.timedelta(days=30),
        "long ago": midnight - dt.timedelta(days=30, seconds=1),
    }
    for prompt, moment in moments.items():
        make_task(prompt=prompt, created_at=moment)
    assert shown(boss, "?created=today") == {"today"}
    assert shown(boss, "?created=7") == {"today", "yesterday", "last week"}
    assert shown(boss, "?created=30") == {"today", "yesterday", "last week", "last month"}
    assert shown(boss, "?created=older") == {"long ago"}


@OWNER
def test_tasks_are_found_by_owner_and_each_owner_leads_there(boss, person, make_task):
    ann = person("view_videotask", name="ann").user
    make_task("failed", prompt="ann's", owner=ann)
    make_task("failed", prompt="mine", owner=boss.user)
    make_task("failed", prompt="nobody's")
    make_task("draft", prompt="ann's draft", owner=ann)
    page = boss.get(url("changelist") + "?status=failed").content.decode()
    assert f'<a href="?owner={ann.pk}&amp;status=failed">ann</a>' in page
    assert shown(boss, f"?status=failed&owner={ann.pk}") == {"ann's"}
    assert shown(boss, "?owner=me") == {"mine"}
    assert shown(boss, "?owner=none") == {"nobody's"}
    assert labels(boss, "owner", f"?owner={ann.pk}") == {"me": "Me", "none": "No owner", str(ann.pk): "ann"}
    assert labels(boss, "owner") == {"me": "Me", "none": "No owner"}


@OWNER
def test_the_filter_of_owners_reads_neither_the_table_nor_all_people(boss, make_task):
    make_task(owner=boss.user)
    with CaptureQueriesContext(connection) as queries:
        boss.get(url("changelist") + f"?owner={boss.user.pk}")
    about_owners = [query["sql"] for query in queries if "auth_user" in query["sql"] and "videotask" in query["sql"]]
    assert about_owners
    assert all("LIMIT" in sql for sql in about_owners)


@OWNER
def test_the_filter_names_nobody_whose_tasks_one_may_not_see(boss, person, make_task, monkeypatch):
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, tasks: tasks.owned_by(request.user)
    )
    make_task(owner=boss.user)
    stranger = person("view_videotask")
    assert "boss" not in labels(stranger, "owner", f"?owner={boss.user.pk}").values()
    assert shown(stranger, f"?owner={boss.user.pk}") == set()


@OWNER
def test_an_owner_who_cannot_be_is_no_server_error(boss, make_task):
    make_task()
    assert boss.get(url("changelist") + "?owner=%00x").status_code == 302


@REASON
def test_failures_are_found_by_the_words_that_their_pages_have(boss, make_task):
    for code in ("content_filter", "sensitive_content", "service_error", "result_too_large", "brand_new_code"):
        make_task("failed", prompt=code, error_code=code)
    make_task("queued", prompt="waits", error_code="")
    found = labels(boss, "failure")
    by_label = {label: value for value, label in found.items()}
    assert len(by_label) == len(found)
    refused = by_label[str(failures.advice_for("content_filter").heading)]
    assert shown(boss, f"?failure={refused}") == {"content_filter", "sensitive_content"}
    not_accepted = by_label[str(failures.advice_for("result_too_large").heading)]
    assert shown(boss, f"?failure={not_accepted}") == {"result_too_large"}
    unknown = by_label[str(failures.advice_for("brand_new_code").heading)]
    assert shown(boss, f"?failure={unknown}") == {"brand_new_code"}
    everything = {prompt for value in found for prompt in shown(boss, f"?failure={value}")}
    assert everything == set(VideoTask.objects.filter(status="failed").values_list("prompt", flat=True))


@REASON
def test_the_long_list_of_reasons_is_folded_until_it_is_used(boss, make_task):
    make_task("failed", error_code="service_error")

    def is_open(query):
        page = boss.get(url("changelist") + query).content.decode()
        return re.search(r'<details data-filter-title="reason of failure"([^>]*)>', page)[1].strip() == "open"

    assert not is_open("")
    assert is_open("?failure=service_error")


@pytest.mark.fault("K12.filters-within-reach-on-a-phone")
def test_a_link_above_the_rows_leads_to_the_filters(boss, make_task):
    make_task()
    page = boss.get(url("changelist")).content.decode()
    assert page.index('href="#changelist-filter"') < page.index('id="result_list"')
    assert 'id="changelist-filter"' in page
    assert "some are on" in boss.get(url("changelist") + "?status=draft").content.decode()


@COUNTS
def test_the_live_module_is_told_the_counts_as_they_are_now(boss, make_task):
    cache.clear()
    task = make_task("processing")
    assert labels(boss, "status")["processing"] == "Processing (1)"
    VideoTask.objects.filter(pk=task.pk).update(status="failed")
    answer = boss.get(url("status"), {"counts": "1"}).json()
    assert ["status", "processing", "Processing", "Processing"] in answer["counts"]
    assert ["attention", "needed", "Needs attention", "Needs attention (1)"] in answer["counts"]
    # Whoever loads the list now reads the same.
    assert labels(boss, "status")["processing"] == "Processing"
    cache.clear()
