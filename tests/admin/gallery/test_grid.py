"""The list as a grid: chosen by each person for all their browsers, as cheap as the list, and kept up to date."""

from __future__ import annotations

import re
import uuid

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_wanvideo.admin import VideoTaskAdmin, caching
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import SiteState, VideoTask
from tests.admin.conftest import store, url

#: Beside the session and the user.
MOST_QUERIES = 5


def is_grid(client, query=""):
    return 'class="wv-gallery"' in client.get(url("changelist") + query, follow=True).content.decode()


def tiles(client, query="?view=grid"):
    """The tiles of a page, by the words of their prompt."""
    page = client.get(url("changelist") + query, follow=True).content.decode()
    found = re.findall(r"<li data-wanvideo-task=.*?</li>", page, re.S)
    return {re.search(r'class="wv-clip" dir="auto">([^<]*)<', tile)[1]: tile for tile in found}


class TestChoice:
    def test_is_kept_for_each_person_in_all_their_browsers(self, admin_client, person, make_task):
        make_task()
        other, elsewhere = person(superuser=True), Client()
        elsewhere.force_login(admin_client.user)
        assert not is_grid(admin_client)
        assert is_grid(admin_client, "?view=grid")
        assert is_grid(admin_client)
        assert is_grid(elsewhere, "?q=fox")
        assert not is_grid(other)
        assert not is_grid(elsewhere, "?view=list")
        assert not is_grid(admin_client)

    def test_is_written_only_when_it_changes(self, admin_client, make_task):
        make_task()
        admin_client.get(url("changelist") + "?view=grid")
        (row,) = SiteState.objects.filter(name=f"view:{admin_client.user.pk}")
        for query in ("", "?view=grid", "?view=mosaic", "?q=fox"):
            with CaptureQueriesContext(connection) as queries:
                assert is_grid(admin_client, query)
            assert [
                query["sql"] for query in queries if "sitestate" in query["sql"] and "SELECT" not in query["sql"]
            ] == []
        assert SiteState.objects.get(name=row.name).updated_at == row.updated_at

    def test_is_in_no_link_of_the_page_but_its_own_two(self, admin_client, make_task):
        make_task("failed", owner=admin_client.user)
        page = admin_client.get(url("changelist") + "?view=grid&status=failed", follow=True).content.decode()
        assert sorted(re.findall(r'"([^"]*view[=%][^"]*)"', page)) == [
            "?status=failed&amp;view=grid",
            "?status=failed&amp;view=list",
        ]
        answer = admin_client.get(url("changelist") + "?view=list&q=a&status=failed&q=b")
        assert answer["Location"] == url("changelist") + "?q=a&q=b&status=failed"

    def test_has_a_row_whatever_keys_people_have(self, rf, admin_client):
        from django_wanvideo.admin.people import choices

        request = rf.get("/")
        request.user = admin_client.user
        names = set()
        for key in (7, uuid.uuid4(), "x" * 300, "x" * 301):
            request.user.pk = key
            names.add(choices.row_name(request, choices.VIEW))
        assert len(names) == 4
        assert max(map(len, names)) <= SiteState._meta.pk.max_length


@pytest.fixture
def many(make_task):
    """Sixty tasks and one, of all statuses, completed ones with a video."""
    first = make_task("completed", prompt="0")
    store(first, b"x")
    statuses = [status for status in TaskStatus if status != TaskStatus.SUBMITTING]
    for number in range(1, 61):
        task = make_task(statuses[number % len(statuses)], prompt=str(number), like=first, owner=first.owner)
        if task.status == TaskStatus.COMPLETED:
            VideoTask.objects.filter(pk=task.pk).update(video=first.video.name)


class TestTiles:
    def test_sixty_cost_few_queries_and_no_look_at_a_file(self, admin_client, many, monkeypatch):
        caching.keep("wanvideo:admin:trouble", [], 60)
        admin_client.get(url("changelist") + "?view=grid")
        for name in ("open", "_open", "size", "exists", "path", "get_modified_time", "listdir"):

            def refuse(self, *args, _name=name, **options):
                raise AssertionError(f"The storage was asked for {_name}.")

            if name != "path":
                monkeypatch.setattr(FileSystemStorage, name, refuse, raising=False)
        with CaptureQueriesContext(connection) as queries:
            found = tiles(admin_client, "")
        assert len(found) == 60
        asked = [query["sql"] for query in queries if not re.search("django_session|FROM .auth_user", query["sql"])]
        assert len(asked) <= MOST_QUERIES, "\n".join(asked)
        assert not any("COUNT(" in sql for sql in asked)

    def test_a_page_has_no_gap_in_its_last_row(self, admin_client, many, monkeypatch):
        monkeypatch.setattr(VideoTaskAdmin, "list_per_page", 20)
        first = admin_client.get(url("changelist") + "?view=grid", follow=True).context["cl"]
        assert len(first.result_list) == 24
        second = admin_client.get(url("changelist") + first.older_url).context["cl"]
        assert len(second.result_list) == 24
        assert not {task.pk for task in first.result_list} & {task.pk for task in second.result_list}

    def test_what_matters_lies_over_the_picture_and_is_read_out_as_well(self, admin_client, make_task):
        group = uuid.uuid4()
        task = make_task(
            "completed",
            prompt="picked",
            owner=admin_client.user,
            take_group=group,
            take_number=2,
            picked=True,
            credits_used="11.9",
        )
        store(task, b"x")
        make_task("failed", prompt="refused", error_code="content_filter", credits_used="0")
        make_task("processing", prompt="moves", progress=42)
        make_task("unconfirmed", prompt="lost", next_action_at=None)
        found = tiles(admin_client)
        for part in (
            "is-completed",
            "is-picked",
            "11.90\N{NO-BREAK SPACE}credits",
            "0:05",
            "data-wanvideo-video=",
            "boss · just now · take\N{NO-BREAK SPACE}2",
        ):
            assert part in found["picked"], part
        assert (
            '<span class="visually-hidden">Completed, Picked, 11.90\N{NO-BREAK SPACE}credits</span>' in found["picked"]
        )
        assert "not charged" in found["refused"]
        assert '<span class="wv-sub is-failed">Content refused</span>' in found["refused"]
        assert 'value="42"' in found["moves"]
        assert 'data-live="1"' in found["moves"]
        assert "data-wanvideo-video" not in found["moves"]
        assert "/resolve/" in found["lost"]
        for tile in found.values():
            assert re.search(r'class="wv-poster" href="[^"]+" tabindex="-1" aria-hidden="true"', tile)
            assert 'loading="lazy"' in tile
            assert 'name="_selected_action"' in tile

    def test_a_poster_is_shown_before_the_first_frame(self, admin_client, make_task):
        make_task("completed", prompt="fox", poster="posters/fox.jpg")
        make_task("completed", prompt="cup")
        found = tiles(admin_client)
        assert 'src="/media/posters/fox.jpg"' in found["fox"]
        assert "posters" not in found["cup"]
        assert "<img" in found["cup"]

    def test_words_of_people_stay_words(self, admin_client, make_task):
        make_task("completed", prompt="<script>alert(1)</script>")
        page = admin_client.get(url("changelist") + "?view=grid", follow=True).content.decode()
        assert "<script>alert" not in page

    def test_without_actions_there_are_no_boxes_to_tick(self, admin_client, make_task, monkeypatch):
        make_task("completed", prompt="fox")
        monkeypatch.setattr(VideoTaskAdmin, "get_actions", lambda self, request, action_location=None: {})
        assert "action-select" not in tiles(admin_client)["fox"]

    def test_a_popup_has_its_own_tiles_whatever_the_list_is_shown_as(self, admin_client, make_task):
        task = make_task("completed", prompt="fox")
        for query in ("?_popup=1&_to_field=id", "?_popup=1&_to_field=id&view=grid", "?_popup=1&_to_field=id&view=list"):
            page = admin_client.get(url("changelist") + query, follow=True).content.decode()
            assert page.count('class="wv-choice"') == 1
            assert f'type="radio" name="video" value="{task.pk}"' in page
            assert 'class="wv-toggle"' not in page

    def test_tells_the_live_module_what_to_show_now(self, admin_client, make_task):
        task = make_task("processing", progress=42, prompt="moves")
        asked = {"id": str(task.pk), "tiles": "1"}
        tile = admin_client.get(url("status"), asked).json()["tasks"][str(task.pk)]["tile"]
        assert "is-processing" in tile["poster"]
        store(task, b"x")
        VideoTask.objects.filter(pk=task.pk).update(status="completed", credits_used="11.9")
        tile = admin_client.get(url("status"), asked).json()["tasks"][str(task.pk)]["tile"]
        assert "is-completed" in tile["poster"]
        assert tile["video"]
        assert "just now" in tile["line"]
        assert "tile" not in admin_client.get(url("status"), {"id": str(task.pk)}).json()["tasks"][str(task.pk)]
