"""The list and the pages of tasks: who sees what, what can be done, and at what cost in queries."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from html import unescape

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_wanvideo.admin import VideoTaskAdmin, caching
from django_wanvideo.admin.changelist import counts
from django_wanvideo.choices import EventKind, EventSource
from django_wanvideo.models import VideoTask, lifecycle
from django_wanvideo.services.sending import actions
from tests.admin.conftest import add_data, store, url
from tests.pictures import picture


def listed(client, **query):
    """Titles in the list."""
    return [task.prompt for task in client.get(url("changelist"), query).context["cl"].result_list]


def verbs(response):
    """The buttons of a task's page."""
    return [button.verb for button in response.context["wanvideo"]["buttons"]]


@pytest.mark.parametrize("status", ["queued", "submitting", "unconfirmed", "pending", "processing", "storing"])
def test_a_task_on_its_way_has_a_page_that_updates_itself(admin_client, make_task, status):
    page = admin_client.get(url("change", make_task(status).pk)).content.decode()
    assert 'data-live="1"' in page
    assert f"wv-chip is-{status}" in page


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        ("queued", {}, ["cancel", "duplicate", "make_takes"]),
        ("submitting", {}, ["duplicate", "make_takes"]),
        ("unconfirmed", {}, ["resolve", "duplicate", "make_takes"]),
        ("pending", {}, ["refresh", "duplicate", "make_takes"]),
        ("processing", {}, ["refresh", "duplicate", "make_takes"]),
        ("storing", {}, ["duplicate", "make_takes"]),
        ("failed", {"error_code": "service_error"}, ["retry", "duplicate", "make_takes", "dismiss"]),
        ("failed", {"error_code": "content_filter"}, ["duplicate", "retry", "make_takes", "dismiss"]),
        ("cancelled", {}, ["retry", "duplicate", "make_takes"]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_page_has_the_buttons_that_are_possible_now(admin_client, make_task, status, fields, expected):
    assert verbs(admin_client.get(url("change", make_task(status, **fields).pk))) == expected


def test_a_video_that_was_made_is_fetched_again_instead_of_paid_for_again(admin_client, make_task):
    fields = {"result_url": "https://x.example/v.mp4", "result_expires_at": timezone.now() + dt.timedelta(hours=1)}
    task = make_task("failed", error_code="result_too_large", **fields)
    page = admin_client.get(url("change", task.pk))
    assert verbs(page)[0] == "fetch"
    assert "retry" not in verbs(page)
    admin_client.post(url("operate", task.pk, "fetch"))
    task.refresh_from_db()
    assert task.status == "storing"


def test_a_failure_answers_the_four_questions(admin_client, make_task):
    task = make_task(
        "failed",
        error_code="content_policy_violation",
        error_message="Blocked by safety filters.",
        credits_used=Decimal(0),
        credits_reserved=Decimal("11.9"),
    )
    page = admin_client.get(url("change", task.pk)).content.decode()
    for words in (
        "Content refused",
        "Blocked by safety filters.",
        "Not charged.",
        "11.90",
        "Change the prompt",
        "Edit a copy",
    ):
        assert words in page


def test_a_prompt_cannot_break_out_of_the_page(admin_client, make_task):
    task = make_task("failed", prompt="<script>alert(1)</script>", error_message="<b>x</b>", notes="<i>n</i>")
    for address in (url("change", task.pk), url("changelist"), url("make_takes", task.pk)):
        page = admin_client.get(address).content.decode()
        assert "<script>alert" not in page
        assert "<b>x</b>" not in page


def test_a_draft_is_a_form_and_can_be_changed(admin_client, make_task):
    task = make_task(owner=admin_client.user)
    data = add_data(prompt="Other words", duration="8", first_frame_file=None)
    assert admin_client.post(url("change", task.pk), data).status_code == 302
    task.refresh_from_db()
    assert (task.prompt, task.parameters["duration"], task.credits_estimated) == ("Other words", 8, Decimal("19.0400"))
    assert task.inputs.count() == 1


def test_another_picture_replaces_the_one_of_a_draft(admin_client, make_task):
    task = make_task()
    admin_client.post(url("change", task.pk), add_data(first_frame_file=picture(size=(800, 600))))
    assert [item.width for item in task.inputs.all()] == [800]


def test_a_link_replaces_the_picture_of_a_draft(admin_client, make_task):
    task = make_task()
    admin_client.post(
        url("change", task.pk), add_data(first_frame_file=None, first_frame_url="https://example.com/a.jpg")
    )
    assert [item.url for item in task.inputs.all()] == ["https://example.com/a.jpg"]


def test_a_sound_can_be_added_to_a_draft_and_taken_away(admin_client, make_task):
    task = make_task()
    data = add_data(first_frame_file=None, audio_url="https://example.com/a.mp3")
    admin_client.post(url("change", task.pk), data)
    assert sorted(task.inputs.values_list("role", flat=True)) == ["audio", "first_frame"]
    admin_client.post(url("change", task.pk), add_data(first_frame_file=None, audio_url=""))
    assert list(task.inputs.values_list("role", flat=True)) == ["first_frame"]


def test_a_draft_cannot_lose_its_only_picture(admin_client):
    admin_client.post(url("add"), add_data(first_frame_file=None, first_frame_url="https://example.com/a.jpg"))
    task = VideoTask.objects.get()
    page = admin_client.post(url("change", task.pk), add_data(first_frame_file=None, first_frame_url=""))
    assert list(page.context["adminform"].form.errors) == ["first_frame_file"]
    assert task.inputs.count() == 1


def test_a_draft_can_be_generated_from_its_form(admin_client, make_task):
    task = make_task()
    response = admin_client.post(url("change", task.pk), add_data(first_frame_file=None, _save=None, _generate="1"))
    task.refresh_from_db()
    assert (task.status, response.url) == ("queued", url("change", task.pk))


def test_a_draft_that_was_sent_meanwhile_is_not_changed(admin_client, make_task, monkeypatch):
    task = make_task()
    stale = VideoTask.objects.get(pk=task.pk)
    actions.enqueue(task)
    monkeypatch.setattr(VideoTaskAdmin, "get_object", lambda *args, **kwargs: stale)
    response = admin_client.post(url("change", task.pk), add_data(prompt="Too late", first_frame_file=None))
    assert "has been sent meanwhile" in response.content.decode()
    task.refresh_from_db()
    assert task.prompt == "A fox trots on"


def test_of_a_sent_task_only_the_notes_can_be_changed(admin_client, make_task):
    task = make_task("completed")
    admin_client.post(url("change", task.pk), {"notes": "for spring", "prompt": "other", "status": "draft"})
    task.refresh_from_db()
    assert (task.notes, task.prompt, task.status) == ("for spring", "A fox trots on", "completed")


def test_saving_notes_does_not_undo_what_happened_meanwhile(admin_client, make_task, monkeypatch):
    task = make_task("processing")
    stale = VideoTask.objects.get(pk=task.pk)
    VideoTask.objects.filter(pk=task.pk).update(status="completed", progress=100)
    monkeypatch.setattr(VideoTaskAdmin, "get_object", lambda *args, **kwargs: stale)
    admin_client.post(url("change", task.pk), {"notes": "n"})
    task.refresh_from_db()
    assert (task.status, task.progress, task.notes) == ("completed", 100, "n")


def test_who_may_only_look_gets_pages_without_a_way_to_change(person, make_task):
    client = person("view_videotask")
    draft, done = make_task(), make_task("failed", error_code="service_error")
    assert verbs(client.get(url("change", done.pk))) == []
    assert 'name="prompt"' not in client.get(url("change", draft.pk)).content.decode()


def test_generate_on_the_form_needs_the_permission_to_spend(person):
    client = person("add_videotask", "change_videotask", "view_videotask")
    assert 'name="_generate"' not in client.get(url("add")).content.decode()
    assert client.post(url("add"), add_data(_save=None, _generate="1")).status_code == 403
    assert VideoTask.objects.count() == 0


def test_a_button_needs_a_press_also_after_a_login(admin_client, make_task):
    """A button is no matter of a link, and after a login that came between, it is pressed again."""
    task = make_task("failed")
    address = url("operate", task.pk, "retry")
    user = admin_client.user
    admin_client.logout()
    login = admin_client.post(address)
    assert (login.status_code, login.url) == (302, f"/admin/login/?next={address}")
    admin_client.force_login(user)
    page = admin_client.get(address, follow=True)
    assert page.redirect_chain == [(url("change", task.pk), 302)]
    assert "Press the button again." in page.content.decode()
    task.refresh_from_db()
    assert task.status == "failed"


class TestOwnTasksOnly:
    """One overridable method decides what a person may know of."""

    @pytest.fixture(autouse=True)
    def own_only(self, monkeypatch):
        monkeypatch.setattr(
            VideoTaskAdmin, "get_visible_queryset", lambda self, request, queryset: queryset.owned_by(request.user)
        )

    def test_lists_pages_and_endpoints_show_only_own_tasks(self, admin_client, make_task):
        mine, other = make_task("failed", owner=admin_client.user, prompt="mine"), make_task("failed", prompt="other")
        assert listed(admin_client) == ["mine"]
        asked = admin_client.get(url("status"), {"id": [str(mine.pk), str(other.pk)]}).json()["tasks"]
        assert list(asked) == [str(mine.pk)]

    def test_actions_reach_only_own_tasks(self, admin_client, make_task):
        other = make_task("queued", prompt="other")
        admin_client.post(url("changelist"), {"action": "cancel_selected", "_selected_action": [str(other.pk)]})
        other.refresh_from_db()
        assert other.status == "queued"


def queries_of_list(client, **query):
    """The statements of one list, the banner's findings and the counts of filters being cached."""
    caching.keep("wanvideo:admin:trouble", [], 60)
    client.get(url("changelist"))
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url("changelist"), query).status_code == 200
    return [query["sql"] for query in captured]


def test_the_list_takes_as_many_queries_for_one_row_as_for_many(admin_client, make_task):
    make_task(owner=admin_client.user)
    one = queries_of_list(admin_client)
    for status in ("queued", "processing", "completed", "failed", "draft") * 3:
        make_task(status, owner=admin_client.user)
    many = queries_of_list(admin_client)
    assert len(one) == len(many) <= 5


def test_the_list_neither_counts_nor_sorts_out_duplicates(admin_client, make_task):
    for _number in range(3):
        make_task()
    for query in ({}, {"q": "fox"}, {"status": "draft"}, {"attention": "needed"}, {"owner": "me"}):
        assert not [sql for sql in queries_of_list(admin_client, **query) if "COUNT(" in sql or "DISTINCT" in sql]


def test_pages_are_turned_without_counting(admin_client, make_task, monkeypatch):
    monkeypatch.setattr(VideoTaskAdmin, "list_per_page", 2)
    for number in range(5):
        make_task(prompt=f"n{number}")
    assert listed(admin_client) == ["n4", "n3"]
    assert listed(admin_client, p="2") == ["n2", "n1"]
    assert listed(admin_client, p="3") == ["n0"]
    assert admin_client.get(url("changelist"), {"p": "9"}).status_code == 302


def links_of_pages(client, address):
    """The list's links to other pages by their words, as a browser would follow them."""
    page = client.get(address)
    assert page.status_code == 200
    text = re.search(r'<p class="paginator">(.*?)</p>', page.content.decode(), re.S)[1]
    return {
        re.sub(r"\W", "", words): unescape(href) for href, words in re.findall(r'<a href="([^"]+)">([^<]+)</a>', text)
    }


@pytest.mark.fault("K13.last-page")
def test_pages_are_found_by_the_tasks_at_their_edges(admin_client, make_task, monkeypatch):
    monkeypatch.setattr(VideoTaskAdmin, "list_per_page", 2)
    tasks = [make_task(prompt=f"n{number}") for number in range(5)]
    # Two were made at the same moment.
    VideoTask.objects.filter(pk__in=[tasks[2].pk, tasks[3].pk]).update(created_at=tasks[3].created_at)
    order = [task.prompt for task in VideoTask.objects.order_by("-created_at", "-id")]
    first = url("changelist")

    def shown(address):
        return [task.prompt for task in admin_client.get(address).context["cl"].result_list]

    links = links_of_pages(admin_client, first)
    assert set(links) == {"Older", "Oldest"}
    second = first + links["Older"]
    assert shown(second) == order[2:4]
    third = first + links_of_pages(admin_client, second)["Older"]
    assert shown(third) == order[4:]
    assert set(links_of_pages(admin_client, third)) == {"Newest", "Newer"}
    assert shown(first + links_of_pages(admin_client, third)["Newer"]) == order[2:4]
    assert shown(first + links["Oldest"]) == order[3:]
    assert shown(first + links_of_pages(admin_client, first + links["Oldest"])["Newer"]) == order[1:3]
    assert shown(first + links_of_pages(admin_client, third)["Newest"]) == order[:2]


@pytest.mark.fault("K13.last-page")
def test_pages_keep_filters_and_what_was_searched_for(admin_client, make_task, monkeypatch):
    monkeypatch.setattr(VideoTaskAdmin, "list_per_page", 1)
    for number in range(3):
        make_task(prompt=f"fox {number}")
        make_task(prompt=f"cup {number}")
    older = links_of_pages(admin_client, url("changelist") + "?q=fox&status=draft")["Older"]
    page = admin_client.get(url("changelist") + older)
    assert [task.prompt for task in page.context["cl"].result_list] == ["fox 1"]


@pytest.mark.fault("K13.last-page")
@pytest.mark.parametrize(
    "place", ["older=", "older=x", "newer=2026-01-01_x", "older=2026-01-01T00:00:00_" + "0" * 32, "p=0"]
)
def test_a_place_that_is_none_leads_to_the_list(admin_client, make_task, place):
    make_task()
    assert admin_client.get(url("changelist") + f"?{place}").status_code == 302


def test_a_list_in_another_order_has_numbered_pages(admin_client, make_task, monkeypatch):
    monkeypatch.setattr(VideoTaskAdmin, "list_per_page", 2)
    for number in range(3):
        make_task(prompt=f"n{number}")
    links = links_of_pages(admin_client, url("changelist") + "?o=3")
    assert set(links) == {"Older"}
    assert "p=2" in links["Older"]


def test_search_finds_by_id_by_evolinks_id_and_by_words(admin_client, make_task):
    first = make_task("completed", prompt="A red fox runs", provider_task_id="task-unified-1-abc")
    make_task(prompt="A red balloon")
    assert listed(admin_client, q=str(first.pk)) == ["A red fox runs"]
    assert listed(admin_client, q="task-unified-1-abc") == ["A red fox runs"]
    assert listed(admin_client, q="FOX red") == ["A red fox runs"]
    assert listed(admin_client, q="red whale") == []


def test_filters_narrow_the_list_down(admin_client, make_task):
    make_task(prompt="draft", owner=admin_client.user)
    make_task("failed", prompt="failed")
    soon = {"result_url": "https://x.example/v", "result_expires_at": timezone.now() + dt.timedelta(hours=2)}
    make_task("storing", prompt="soon", **soon)
    assert listed(admin_client, status="draft") == ["draft"]
    assert listed(admin_client, attention="needed") == ["failed"]
    assert listed(admin_client, attention="expiring") == ["soon"]
    assert listed(admin_client, owner="me") == ["draft"]
    assert listed(admin_client, model="wan2.6-text-to-video") == []


def test_an_empty_site_says_how_to_begin(admin_client, person):
    assert "No videos yet" in admin_client.get(url("changelist")).content.decode()
    looker = person("view_videotask")
    assert url("add") not in looker.get(url("changelist")).content.decode()


def test_the_list_shows_small_pictures_never_the_original(admin_client, make_task):
    frame = make_task().first_frame
    page = admin_client.get(url("changelist")).content.decode()
    assert frame.thumbnail.url in page
    assert frame.file.url not in page


def test_the_status_endpoint_tells_how_tasks_stand(admin_client, make_task):
    task = make_task("processing", progress=42, accepted_at=timezone.now(), estimated_seconds=120)
    row = admin_client.get(url("status"), {"id": [str(task.pk), "nonsense"]}).json()["tasks"][str(task.pk)]
    assert (row["status"], row["progress"], row["live"]) == ("processing", 42, True)
    assert "about 2" in row["line"]


def test_the_status_endpoint_takes_as_many_queries_for_one_as_for_many(admin_client, make_task):
    tasks = [make_task("processing") for _number in range(6)]

    def count(some):
        with CaptureQueriesContext(connection) as captured:
            admin_client.get(url("status"), {"id": [str(task.pk) for task in some]})
        return len(captured)

    assert count(tasks[:1]) == count(tasks)


class TestVideo:
    """The stored file, in ranges."""

    @pytest.fixture
    def task(self, make_task):
        task = make_task("completed")
        store(task, bytes(range(100)))
        return task

    @pytest.mark.parametrize(
        ("asked", "status", "content"),
        [
            ("", 200, bytes(range(100))),
            ("bytes=0-9", 206, bytes(range(10))),
            ("bytes=90-", 206, bytes(range(90, 100))),
            ("bytes=-5", 206, bytes(range(95, 100))),
            ("bytes=50-500", 206, bytes(range(50, 100))),
            ("bytes=100-", 416, b""),
            ("lines=1-2", 200, bytes(range(100))),
        ],
    )
    def test_is_served_in_the_range_that_was_asked_for(self, admin_client, task, asked, status, content):
        response = admin_client.get(url("video", task.pk), headers={"Range": asked})
        assert response.status_code == status
        assert b"".join(response) == content
        assert response["Accept-Ranges"] == "bytes"
        assert status == 416 or response["Content-Length"] == str(len(content))

    def test_is_played_and_offered_on_the_page(self, admin_client, task):
        page = admin_client.get(url("change", task.pk)).content.decode()
        assert "<video controls" in page
        assert task.video.url in page


class TestDeleting:
    """What is on its way stays."""

    def test_a_task_on_its_way_cannot_be_deleted(self, admin_client, make_task):
        task = make_task("processing")
        assert admin_client.post(url("delete", task.pk), {"post": "yes"}).status_code == 403
        data = {"action": "delete_selected", "_selected_action": [str(task.pk)], "post": "yes"}
        admin_client.post(url("changelist"), data)
        assert VideoTask.objects.filter(pk=task.pk).exists()

    def test_drafts_and_ended_tasks_can_be_deleted_with_their_parts(self, admin_client, make_task):
        one, two = make_task(), make_task("failed")
        assert admin_client.post(url("delete", one.pk), {"post": "yes"}).status_code == 302
        admin_client.post(
            url("changelist"), {"action": "delete_selected", "_selected_action": [str(two.pk)], "post": "yes"}
        )
        assert VideoTask.objects.count() == 0

    def test_deleting_needs_its_permission_but_none_on_parts(self, person, make_task):
        task = make_task()
        assert person("change_videotask").post(url("delete", task.pk), {"post": "yes"}).status_code == 403
        assert person("delete_videotask").post(url("delete", task.pk), {"post": "yes"}).status_code == 302


def test_the_admin_is_registered_with_the_mixin_that_others_can_use():
    assert type(admin.site.get_model_admin(VideoTask)) is VideoTaskAdmin


class TestCountsOfFilters:
    """How many are on their way and need attention; the rest is not counted."""

    @pytest.fixture(autouse=True)
    def fresh(self):
        cache.clear()
        yield
        cache.clear()

    def choices(self, client):
        """The choices of the two filters, as they are read."""
        specs = client.get(url("changelist")).context["cl"].filter_specs
        counted = [spec for spec in specs if spec.parameter_name in {"attention", "status"}]
        return [str(label) for spec in counted for _value, label in spec.lookup_choices]

    def test_stand_at_what_is_on_its_way_and_at_what_needs_attention(self, admin_client, make_task):
        for status in ("queued", "queued", "processing", "unconfirmed", "failed", "failed", "completed", "draft"):
            make_task(status)
        make_task("pending", overdue_notified_at=timezone.now())
        found = self.choices(admin_client)
        assert found == [
            "Needs attention (4)", "Link ends soon",
            "Draft", "Queued (2)", "Submitting", "Unconfirmed (1)", "Pending (1)", "Processing (1)", "Storing",
            "Completed", "Failed", "Cancelled",
        ]  # fmt: skip

    def test_are_capped(self, admin_client, make_task, monkeypatch):
        monkeypatch.setattr(counts, "CAP", 3)
        for status in ("queued", "failed"):
            for _number in range(4):
                make_task(status)
        for _number in range(3):
            make_task("storing")
        assert {"Queued (3+)", "Storing (3)", "Needs attention (3+)"} <= set(self.choices(admin_client))

    def test_are_at_least_what_was_read_where_not_all_was_read(self, admin_client, make_task, monkeypatch):
        monkeypatch.setattr(counts, "MOST", 3)
        for _number in range(4):
            make_task("queued")
        assert "Queued (3+)" in self.choices(admin_client)

    def test_are_kept_for_a_while_for_each_person(self, admin_client, person, make_task):
        make_task("queued")
        assert "Queued (1)" in self.choices(admin_client)
        make_task("queued")
        assert "Queued (1)" in self.choices(admin_client)
        assert "Queued (2)" in self.choices(person("view_videotask"))

    def test_tell_nobody_of_tasks_that_he_may_not_see(self, admin_client, person, make_task, monkeypatch):
        monkeypatch.setattr(
            VideoTaskAdmin, "get_visible_queryset", lambda self, request, queryset: queryset.owned_by(request.user)
        )
        make_task("queued", owner=admin_client.user)
        assert "Queued (1)" in self.choices(admin_client)
        assert "Queued" in self.choices(person("view_videotask"))

    def test_read_a_bounded_number_of_rows_and_count_none_in_the_database(self, admin_client, make_task):
        make_task("queued")
        caching.keep("wanvideo:admin:trouble", [], 60)
        with CaptureQueriesContext(connection) as cold:
            admin_client.get(url("changelist"))
        with CaptureQueriesContext(connection) as warm:
            admin_client.get(url("changelist"))
        assert len(cold) == len(warm) + 2
        assert not [query["sql"] for query in cold if "COUNT(" in query["sql"]]
        assert (
            sum(f"LIMIT {counts.MOST}" in query["sql"] or f"LIMIT {counts.CAP + 1}" in query["sql"] for query in cold)
            == 2
        )


def test_the_history_says_what_has_happened_not_what_is_happening(admin_client, make_task):
    task = make_task("processing")
    lifecycle.record(task, EventKind.CLAIMED, EventSource.WORKER)
    page = admin_client.get(url("change", task.pk)).content.decode()
    assert "Request sent." in page
    assert "being sent" not in page
