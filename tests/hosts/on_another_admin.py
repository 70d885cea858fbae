"""Choosing videos, and what shows them, in an admin site of one's own; ``test_sites`` runs this with it."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_wanvideo.admin.base import is_stock
from django_wanvideo.models import VideoTask
from tests.admin.conftest import admin_client, make_task, media, person, store, wakes
from tests.hosts.another_admin_urls import OwnTaskAdmin, PlaylistAdmin, ShelfAdmin, SlotInline, backoffice
from tests.hosts.shelves.models import Hidden, Playlist, Shelf, Slot, Teaser
from tests.storages import Failing

__all__ = ["admin_client", "make_task", "media", "person", "wakes"]


@pytest.fixture
def make_video(make_task):
    def make(**fields):
        task = make_task("completed", **fields)
        store(task, b"a video")
        return task

    return make


@pytest.fixture
def shelf(db):
    return Shelf.objects.create(name="Top shelf")


def address(name, *args):
    return reverse(f"backoffice:{name}", args=args)


def rows(shelf, *values, name="Top shelf"):
    """What the page of a shelf sends: a slot for each of ``values``."""
    slots = list(shelf.slot_set.order_by("pk"))
    data = {
        "name": name,
        "slot_set-TOTAL_FORMS": str(len(values)),
        "slot_set-INITIAL_FORMS": str(len(slots)),
        "slot_set-MIN_NUM_FORMS": "0",
        "slot_set-MAX_NUM_FORMS": "1000",
        "_save": "Save",
    }
    for number, value in enumerate(values):
        pk = str(slots[number].pk) if number < len(slots) else ""
        data |= {f"slot_set-{number}-id": pk, f"slot_set-{number}-shelf": str(shelf.pk)}
        data |= {f"slot_set-{number}-{key}": str(item) for key, item in value.items()}
    return data


def test_the_site_is_no_stock_admin():
    assert not is_stock()
    assert [found for one in backoffice._registry.values() for found in one.check()] == []


def test_rows_of_an_inline_have_the_chooser_and_cost_the_same_however_many(
    admin_client, shelf, make_video, django_assert_num_queries
):
    like = make_video()
    Slot.objects.bulk_create(Slot(shelf=shelf, video=make_video(like=like)) for _number in range(2))
    page = address("shelves_shelf_change", shelf.pk)
    admin_client.get(page)
    with CaptureQueriesContext(connection) as first:
        text = admin_client.get(page).content.decode()
    # Two rows, an empty one and the one that new rows are made of; each for the video and for the file.
    assert text.count("data-wanvideo-chooser") == 8
    assert len(first) <= 10, [query["sql"] for query in first]
    assert 'name="slot_set-__prefix__-video"' in text
    assert 'href="/backoffice/wanvideo/videotask/?prompt__contains=fox&amp;_to_field=id&amp;_popup=1"' in text
    assert "own theme" in text
    Slot.objects.bulk_create(Slot(shelf=shelf, video=make_video(like=like)) for _number in range(4))
    with django_assert_num_queries(len(first)):
        admin_client.get(page)


def test_rows_are_saved_and_narrowed_by_the_foreign_key(admin_client, shelf, make_video):
    fox, wolf = make_video(), make_video(prompt="A wolf trots on")
    page = address("shelves_shelf_change", shelf.pk)
    answer = admin_client.post(page, rows(shelf, {"video": wolf.pk}))
    assert "This video cannot be chosen" in answer.content.decode()
    assert admin_client.post(page, rows(shelf, {"video": fox.pk})).status_code == 302
    assert Slot.objects.get().video == fox


def test_a_copied_file_is_gone_where_another_row_is_wrong(admin_client, shelf, make_video, settings, monkeypatch):
    """A file is copied in a row, and gone again where another row is wrong."""
    fox, page = make_video(), address("shelves_shelf_change", shelf.pk)
    clips = settings.MEDIA_ROOT / "clips"
    good, bad = {"video": fox.pk, "clip-video": fox.pk}, {"video": "", "clip-video": fox.pk}
    for values in ([good, bad], [bad, good]):
        assert admin_client.post(page, rows(shelf, *values)).status_code == 200
        assert list(clips.glob("*")) == []
    assert admin_client.post(page, rows(shelf, good, name="")).status_code == 200
    assert list(clips.glob("*")) == []
    assert admin_client.post(page, rows(shelf, good, good)).status_code == 302
    assert len({slot.clip.name for slot in Slot.objects.all()}) == 2
    assert [path.read_bytes() for path in clips.glob("*")] == [b"a video"] * 2
    storage = Failing()
    storage.failing = {"save"}
    monkeypatch.setattr(Slot._meta.get_field("clip"), "storage", storage)
    answer = admin_client.post(page, rows(shelf, good, good))
    assert "storage does not take the file just now" in answer.content.decode()


def test_an_inline_that_copies_needs_a_page_that_cleans_up(monkeypatch):
    class PlainAdmin(admin.ModelAdmin):
        pass

    monkeypatch.setitem(backoffice._registry, Shelf, PlainAdmin(Shelf, backoffice))
    assert [found.id for found in SlotInline(Shelf, backoffice).check()] == ["wanvideo.chooser.E003"]


def test_the_popup_has_tiles_in_a_theme_of_ones_own(admin_client, make_video):
    fox = make_video()
    page = admin_client.get(address("wanvideo_videotask_changelist") + "?_popup=1&_to_field=id").content.decode()
    assert f'<input type="radio" name="video" value="{fox.pk}"' in page
    assert "wanvideo/chooser.css" in page
    assert "Use this video</button>" in page


def used_by(client, task):
    page = client.get(address("wanvideo_videotask_change", task.pk)).content.decode()
    found = re.search(r'<h2 id="used-heading">.*?</section>', page, re.S)
    return re.sub(r"\s+", " ", found[0]) if found else ""


def test_everything_that_shows_a_video_is_named_and_linked(admin_client, shelf, make_video):
    task, other = make_video(), make_video()
    assert used_by(admin_client, task) == ""
    slot = Slot.objects.create(shelf=shelf, video=task)
    Slot.objects.create(shelf=shelf, video=other)
    teaser = Teaser.objects.create(video=task)
    playlist = Playlist.objects.create(name="<Best>")
    playlist.videos.set([task, other])
    Hidden.objects.create(video=task)
    text = used_by(admin_client, task)
    assert f'<a href="/backoffice/shelves/slot/{slot.pk}/change/" dir="auto">slot {slot.pk} of Top shelf</a>' in text
    assert f'<a href="/backoffice/shelves/teaser/{teaser.pk}/change/" dir="auto">teaser {teaser.pk}</a>' in text
    assert f'<a href="/backoffice/shelves/playlist/{playlist.pk}/change/" dir="auto">&lt;Best&gt;</a>' in text
    assert text.count("<a ") == 3
    assert "hidden" not in text.lower()


def test_many_are_counted_and_cost_no_more(admin_client, shelf, make_video, django_assert_num_queries):
    task = make_video()
    page = address("wanvideo_videotask_change", task.pk)
    Slot.objects.create(shelf=shelf, video=task)
    admin_client.get(page)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(page)
    Slot.objects.bulk_create(
        Slot(shelf=Shelf.objects.create(name=f"Shelf {number}"), video=task) for number in range(24)
    )
    # One more, which counts them.
    with django_assert_num_queries(len(few) + 1):
        text = used_by(admin_client, task)
    assert text.count("<a ") == 20
    assert "and 5 more" in text
    assert "<dt>Slots</dt>" in text


def test_what_a_person_may_not_see_is_not_named(person, admin_client, make_video, monkeypatch):
    task = make_video()
    mine, other = Playlist.objects.create(name="Mine"), Playlist.objects.create(name="Theirs")
    for playlist in (mine, other):
        playlist.videos.add(task)
    assert used_by(person("view_videotask"), task) == ""
    monkeypatch.setattr(PlaylistAdmin, "has_view_permission", lambda self, request, obj=None: obj in {None, mine})
    text = used_by(admin_client, task)
    assert "Mine" in text
    assert "Theirs" not in text
    monkeypatch.undo()
    monkeypatch.setattr(PlaylistAdmin, "get_queryset", lambda self, request: Playlist.objects.filter(name="Theirs"))
    text = used_by(admin_client, task)
    assert "Theirs" in text
    assert "Mine" not in text


@pytest.mark.parametrize("several", [False, True])
def test_deleting_says_what_shows_a_video_and_asks(admin_client, make_video, several):
    task = make_video()
    Playlist.objects.create(name="Best").videos.add(task)
    teaser = Teaser.objects.create(video=task)
    url = address(
        "wanvideo_videotask_changelist" if several else "wanvideo_videotask_delete", *([] if several else [task.pk])
    )
    data = {"action": "delete_selected", "_selected_action": [str(task.pk)]} if several else {}
    page = (admin_client.post(url, data) if several else admin_client.get(url)).content.decode()
    assert "Best</a>” shows this video and will lose it" in page
    assert f"teaser {teaser.pk}</a>” will be deleted with this video" in page
    assert VideoTask.objects.filter(pk=task.pk).exists()
    admin_client.post(url, data | {"post": "yes"})
    assert not VideoTask.objects.filter(pk=task.pk).exists()
    assert not Teaser.objects.exists()
    assert Playlist.objects.get().videos.count() == 0


@pytest.mark.parametrize("several", [False, True])
def test_what_protects_a_video_is_said_as_django_does(admin_client, shelf, make_video, several):
    task = make_video()
    Slot.objects.create(shelf=shelf, video=task)
    url = address(
        "wanvideo_videotask_changelist" if several else "wanvideo_videotask_delete", *([] if several else [task.pk])
    )
    data = {"action": "delete_selected", "_selected_action": [str(task.pk)]} if several else {}
    page = (admin_client.post(url, data) if several else admin_client.get(url)).content.decode()
    assert "would require deleting the following protected related objects" in page
    assert "of Top shelf</a>” shows this video; change that first" in page
    admin_client.post(url, data | {"post": "yes"})
    assert VideoTask.objects.filter(pk=task.pk).exists()


def test_autocomplete_of_several_videos_works(admin_client, make_video):
    fox = make_video()
    query = {"app_label": "shelves", "model_name": "playlist", "field_name": "videos", "term": "fox"}
    assert [row["id"] for row in admin_client.get("/backoffice/autocomplete/", query).json()["results"]] == [
        str(fox.pk)
    ]
    assert isinstance(backoffice.get_model_admin(VideoTask), OwnTaskAdmin)
    assert isinstance(backoffice.get_model_admin(Shelf), ShelfAdmin)
