"""The page of a batch says how it stands, and each button does once what it says, for whoever may."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import Batch, BatchFile, VideoTask
from tests.admin.batches.factories import made, many, standing, url
from tests.admin.conftest import url as task_url

MOST = 8


def text(response):
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).replace("\xa0", " ").split())


def page(client, batch):
    response = client.get(url("change", batch.pk))
    assert response.status_code == 200
    return response


def button(response, verb):
    """The address and the quote of a priced button."""
    found = re.search(
        rf'formaction="([^"]*/do/{verb}/)"[^>]*name="quote" value="([^"]*)"', response.content.decode(), re.DOTALL
    )
    return found and (found[1], found[2])


def press(client, response, verb):
    address, quote = button(response, verb)
    return client.post(address, {"quote": quote}, follow=True)


@pytest.fixture
def own_tasks_only(monkeypatch):
    """People see their own tasks."""
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, tasks: tasks.owned_by(request.user)
    )


# What it says --------------------------------------------------------------------------------------------------------


def test_drafts_are_said_to_cost_nothing_yet(admin_client):
    batch = made(admin_client.user, bad=2)
    words = text(page(admin_client, batch))
    assert "4 drafts. Nothing has been sent or charged." in words
    assert "2 bad rows" in words
    assert "Generate 4 for about 47.6 credits" in words
    assert "Still to be sent, 4 videos" in words


def test_a_batch_on_its_way_is_counted_over_all_rows(admin_client):
    batch = made(admin_client.user, 9)
    standing(
        batch, "completed", "completed", "failed:service_error", "failed:content_policy_violation", "unconfirmed",
        "processing", "queued", "pending", "cancelled",
    )  # fmt: skip
    response = page(admin_client, batch)
    words = text(response)
    assert "6 of 9 done: 2 ready, 2 failed, 1 to be decided, 1 cancelled" in words
    assert "23.80 of about 107.10 credits used" in words
    assert "Reserved by EvoLink, 2 videos 23.80" in words
    assert "May have been charged, 1 video 11.90" in words
    assert "Still to be sent, 1 video ≈ 11.90" in words
    assert "At the end about 71.40" in words
    assert "The 2 failed videos were not charged, 23.80 less." in words
    assert f"?batch={batch.pk}&amp;status=failed" in response.content.decode()
    assert "Needs attention: 3 videos" in words


def test_the_end_says_what_came_of_it(admin_client):
    batch = standing(made(admin_client.user, 2), "completed", "failed:content_policy_violation")
    Batch.objects.filter(pk=batch.pk).update(state="ended", ended_at=batch.submitted_at)
    assert "after boss sent it: 1 ready, 1 failed." in text(page(admin_client, batch))


def test_causes_are_grouped_and_lead_to_their_tasks(admin_client):
    """Causes are grouped by what is told of them and lead to their tasks."""
    batch = standing(
        made(admin_client.user, 5), "failed:content_policy_violation", "failed:content_filter", "failed:service_error",
        "failed:service_error", "unconfirmed",
    )  # fmt: skip
    response = page(admin_client, batch)
    assert response.content.decode().count('<th scope="row">Content refused') == 1
    found = re.search(r'href="([^"]*failure=[^"]*)"[^>]*>Show these 2<', response.content.decode())
    listed = admin_client.get(html.unescape(found[1]))
    assert {task.row_number for task in listed.context["cl"].result_list} == {1, 2}
    assert "Autumn postcards" in text(listed)
    assert "Retry 2 for about 23.8 credits" in text(response)
    assert response.content.decode().count("is-primary") == 1


def test_what_was_left_a_draft_needs_attention(admin_client):
    batch = standing(made(admin_client.user, 2), "completed", "draft")
    assert "Not sent" in text(page(admin_client, batch))


def test_tiles_show_what_needs_attention_first_and_count_the_rest(admin_client):
    batch = many(admin_client.user, 60)
    tiles = re.findall(r'data-wanvideo-tile="([^"]+)"', page(admin_client, batch).content.decode())
    assert len(tiles) == 24
    statuses = [VideoTask.objects.get(pk=pk).status for pk in tiles]
    assert set(statuses[:15]) == {"failed", "unconfirmed"}
    assert "and 36 more" in text(page(admin_client, batch))
    kept = admin_client.get(url("change", batch.pk), {"tile": [tiles[5], tiles[2]]}).content.decode()
    assert re.findall(r'data-wanvideo-tile="([^"]+)"', kept) == [tiles[5], tiles[2]]


def test_what_is_not_confirmed_is_shown_by_its_check_or_says_so(admin_client):
    batch = Batch.objects.create(name="x", owner=admin_client.user)
    assert "Its files are still coming in" in text(page(admin_client, batch))


def test_a_page_of_thousands_takes_few_queries(person):
    # Two of them read the permissions of somebody who may not do everything.
    somebody = person("view_videotask", "submit_videotask", "change_videotask", "resolve_videotask", "delete_batch")
    batch = many(somebody.user, 5000)
    page(somebody, batch)
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        response = page(somebody, batch)
    assert len(queries) <= MOST, "\n\n".join(query["sql"][:200] for query in queries)
    assert all(words in text(response) for words in ("Retry", "Cancel", "Delete", "Decide…"))
    with CaptureQueriesContext(connection) as queries:
        answer = somebody.get(url("status", batch.pk)).json()
    counted = [query for query in queries if "COUNT" in query["sql"]]
    assert len(counted) == 1
    assert (answer["live"], answer["done"]) == (2500, 2500)


def test_the_status_changes_with_what_the_page_shows(admin_client):
    batch = standing(made(admin_client.user, 2), "processing", "queued")
    first = admin_client.get(url("status", batch.pk)).json()
    assert first == admin_client.get(url("status", batch.pk)).json()
    assert first["live"] == 2
    assert f'data-version="{first["version"]}"' in page(admin_client, batch).content.decode()
    batch.tasks.filter(row_number=1).update(progress=42)
    assert admin_client.get(url("status", batch.pk)).json()["version"] != first["version"]


def test_the_list_shows_how_each_batch_stands_by_one_query_for_all(admin_client, django_assert_max_num_queries):
    for number in range(5):
        standing(made(admin_client.user, 2, name=f"batch {number}"), "completed", "queued")
    admin_client.get(url("changelist"))
    with django_assert_max_num_queries(6):
        response = admin_client.get(url("changelist"))
    words = text(response)
    assert words.count("1 of 2") == 5
    assert "11.90 of about 23.80" in words
    assert "Submitted" in words
    assert admin_client.get(url("changelist"), {"state": "ended", "owner": "me"}).context["cl"].result_count == 0
    assert admin_client.get(url("changelist"), {"state": "submitted", "owner": "me"}).context["cl"].result_count == 5


def test_a_list_is_narrowed_by_nothing_but_what_it_offers(admin_client):
    made(admin_client.user)
    assert admin_client.get(url("changelist"), {"settings__contains": "x"}).status_code == 400


# Buttons -------------------------------------------------------------------------------------------------------------


def test_generate_sends_once_what_was_shown(admin_client, wakes, django_capture_on_commit_callbacks):
    batch = made(admin_client.user)
    response = page(admin_client, batch)
    with django_capture_on_commit_callbacks(execute=True):
        assert "one by one" in text(press(admin_client, response, "submit"))
    batch.refresh_from_db()
    assert (batch.operation, batch.submitted_by) == ("submit", admin_client.user)
    assert [(name, str(pk)) for name, pk in wakes] == [("batch", str(batch.pk))]
    assert "nothing is done a second time" in text(press(admin_client, response, "submit"))
    Batch.objects.filter(pk=batch.pk).update(operation="")
    batch.tasks.update(status="queued")
    assert "it was done meanwhile" in text(press(admin_client, response, "submit"))
    assert batch.events.filter(kind="submitted").count() == 1
    assert LogEntry.objects.filter(object_id=str(batch.pk)).count() == 1


def test_generate_is_refused_where_what_was_shown_has_changed(admin_client):
    batch = made(admin_client.user)
    response = page(admin_client, batch)
    task = batch.tasks.order_by("row_number").first()
    VideoTask.objects.filter(pk=task.pk).update(parameters={"duration": 10})
    words = text(press(admin_client, response, "submit"))
    assert "It was 4 for about 47.6 credits, it is 4 for about 59.5 credits now" in words
    batch.refresh_from_db()
    assert batch.operation == ""
    assert "too old" in text(admin_client.post(button(response, "submit")[0], follow=True))


def test_retry_says_its_price_and_takes_only_what_it_helps(admin_client):
    batch = standing(made(admin_client.user, 3), "failed:service_error", "failed:content_policy_violation", "completed")
    response = page(admin_client, batch)
    assert "Retry 1 for about 11.9 credits" in text(response)
    press(admin_client, response, "retry")
    batch.refresh_from_db()
    assert batch.operation == "retry"


def test_a_retry_that_was_tried_meanwhile_is_not_paid_twice(admin_client):
    batch = standing(made(admin_client.user, 1), "failed:service_error")
    response = page(admin_client, batch)
    # As after a retry that has failed in the same way.
    later = batch.submitted_at.replace(year=batch.submitted_at.year + 1)
    VideoTask.objects.filter(batch=batch).update(queued_at=later)
    assert "have changed meanwhile; nothing was sent" in text(press(admin_client, response, "retry"))
    batch.refresh_from_db()
    assert batch.operation == ""


def test_cancelling_asks_first(admin_client):
    batch = standing(made(admin_client.user, 3), "processing", "queued", "queued")
    assert "Cancel 2 not sent yet…" in text(page(admin_client, batch))
    words = text(admin_client.get(url("cancel", batch.pk)))
    assert "2 videos have not been sent yet and will not be." in words
    assert "1 has been sent and goes on" in words
    batch.refresh_from_db()
    assert batch.operation == ""
    admin_client.post(url("cancel", batch.pk))
    batch.refresh_from_db()
    assert (batch.operation, batch.cancelled_by) == ("cancel", admin_client.user)


@pytest.mark.parametrize(
    ("permissions", "sees", "lacks"),
    [
        (["view_videotask"], [], ["Generate 4", "Delete"]),
        (["view_videotask", "submit_videotask"], ["Generate 4"], ["Delete"]),
        (["view_videotask", "delete_batch"], ["Delete"], ["Generate 4"]),
    ],
)
def test_each_button_has_its_permission(person, permissions, sees, lacks):
    somebody = person(*permissions)
    words = text(page(somebody, made(somebody.user)))
    assert all(word in words for word in sees)
    assert not any(word in words for word in lacks)


def test_nobody_presses_what_they_may_not(person):
    somebody = person("view_videotask")
    batch = standing(made(somebody.user, 2), "queued", "failed:service_error")
    assert somebody.post(url("operate", batch.pk, "submit")).status_code == 403
    assert somebody.post(url("operate", batch.pk, "retry")).status_code == 403
    assert somebody.post(url("cancel", batch.pk)).status_code == 403
    assert somebody.get(url("operate", batch.pk, "retry")).url == url("change", batch.pk)
    batch.refresh_from_db()
    assert batch.operation == ""


# Who sees it ---------------------------------------------------------------------------------------------------------


def test_others_see_no_batch_of_whose_tasks_they_see_none(person, own_tasks_only):
    one, other = person("view_videotask", "submit_videotask"), person("view_videotask", "submit_videotask")
    batch = made(one.user)
    assert "Autumn postcards" not in text(other.get(url("changelist")))
    for name in ("change", "status", "videos", "table", "cancel"):
        assert other.get(url(name, batch.pk)).status_code in {302, 404}, name
    assert other.post(url("operate", batch.pk, "submit")).status_code == 404
    assert "Autumn postcards" in text(one.get(url("changelist")))


def test_who_sees_some_tasks_sees_these_and_presses_nothing(person, own_tasks_only):
    permissions = ["view_videotask", "submit_videotask", "change_videotask"]
    one, other = person(*permissions), person(*permissions)
    batch = made(one.user)
    VideoTask.objects.filter(pk=batch.tasks.first().pk).update(owner=other.user)
    words = text(page(other, batch))
    assert "1 draft." in words
    assert "Generate 1" not in words
    assert other.post(url("operate", batch.pk, "submit")).status_code == 403
    assert other.get(url("table", batch.pk)).status_code == 403
    assert "Generate" not in text(page(one, batch))
    assert "0 of 1" in text(other.get(url("changelist")))


def test_who_may_see_no_tasks_sees_no_batches(person):
    somebody = person("view_batch")
    batch = made(somebody.user)
    assert somebody.get(url("change", batch.pk)).status_code == 403
    assert somebody.get(url("changelist")).status_code == 403


def test_without_an_admin_of_tasks_there_is_nothing_to_see(admin_client, rf):
    from django_wanvideo.admin import BatchAdmin

    site = admin.AdminSite()
    site.register(Batch, BatchAdmin)
    request = rf.get("/")
    request.user = admin_client.user
    made()
    assert not site.get_model_admin(Batch).has_view_permission(request)


# Deleting ------------------------------------------------------------------------------------------------------------


def test_deleting_says_that_the_tasks_stay_and_keeps_them(admin_client):
    batch = made(admin_client.user, 3)
    BatchFile.objects.create(batch=batch, name="x.csv", file="wanvideo/x.csv", size=1, sha256="0" * 64)
    words = text(admin_client.get(url("delete", batch.pk)))
    assert "The videos of a batch stay." in words
    assert "Its 3 video tasks stay." in words
    assert "Files: 1" in words
    admin_client.post(url("delete", batch.pk), {"post": "yes"})
    assert not Batch.objects.exists()
    assert VideoTask.objects.count() == 3


def test_what_a_worker_is_at_is_not_deleted(admin_client):
    batch = made(admin_client.user)
    Batch.objects.filter(pk=batch.pk).update(operation="submit")
    assert admin_client.get(url("delete", batch.pk)).status_code == 403
    answer = admin_client.post(
        url("changelist"), {"action": "delete_selected", "_selected_action": str(batch.pk), "post": "yes"}, follow=True
    )
    assert "being worked on" in text(answer)
    assert Batch.objects.exists()


# A task's own page and list ------------------------------------------------------------------------------------------


def test_a_task_says_which_row_of_which_batch_it_is(admin_client):
    batch = standing(made(admin_client.user, 2), TaskStatus.COMPLETED, TaskStatus.QUEUED)
    task = batch.tasks.get(row_number=2)
    link = f'<a href="{url("change", batch.pk)}" dir="auto">Autumn postcards</a>, row\N{NO-BREAK SPACE}2'
    assert link in admin_client.get(task_url("change", task.pk)).content.decode()
    assert link in admin_client.get(task_url("changelist")).content.decode()


def test_a_batch_that_nobody_may_know_of_is_not_named_in_the_filter(person, own_tasks_only):
    one, other = person("view_videotask"), person("view_videotask")
    batch = made(one.user)
    assert "Autumn postcards" not in text(other.get(task_url("changelist"), {"batch": str(batch.pk)}))
    assert other.get(task_url("changelist"), {"batch": "x"}).status_code == 302
