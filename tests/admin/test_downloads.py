"""What is taken home of the list and of a task's page: under names that say what it shows, and by those who may see it."""

from __future__ import annotations

import csv
import io
import zipfile
from urllib.parse import quote

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.admin.views import archives
from django_wanvideo.models import VideoTask
from django_wanvideo.services.storing import posters
from tests.admin.conftest import store, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def films(make_task):
    """Three videos, and a task that failed."""
    first = make_task("completed", prompt="The canoe glides")
    others = [make_task("completed", prompt=prompt, like=first) for prompt in ("Füchse!", "Ночь")]
    for number, task in enumerate((first, *others)):
        store(task, f"film {number}".encode())
    return [first, *others, make_task("failed", prompt="Not made", like=first)]


def download(client, tasks, **data):
    chosen = {"action": "download_selected", "_selected_action": [task.pk for task in tasks], **data}
    return client.post(url("changelist"), chosen)


def opened(response):
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    assert archive.testzip() is None
    return archive


def manifest(archive):
    return {
        line["task"]: line for line in csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig")))
    }


def name_of(task, words):
    return f"{words}-{task.pk.hex[:8]}.mp4"


# -- one


def test_a_download_says_what_it_shows_and_can_be_gone_on_with(admin_client, films):
    canoe, _foxes, night, _failed = films
    response = admin_client.get(url("video", canoe.pk), {"download": "1"}, headers={"Range": "bytes=1-2"})
    assert (response.status_code, b"".join(response)) == (206, b"il")
    assert response["Content-Disposition"] == f'attachment; filename="{name_of(canoe, "the-canoe-glides")}"'
    response = admin_client.get(url("video", night.pk), {"download": "1"})
    assert response["Content-Disposition"] == f"attachment; filename*=utf-8''{quote(name_of(night, 'ночь'))}"
    assert "Content-Disposition" not in admin_client.get(url("video", night.pk))
    assert f'href="{url("video", canoe.pk)}?download=1"' in admin_client.get(url("change", canoe.pk)).content.decode()


# -- several


def test_selected_videos_come_as_one_zip_and_what_is_missing_is_named(admin_client, films):
    canoe, foxes, night, failed = films
    response = download(admin_client, films)
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"].startswith('attachment; filename="videos-20')
    archive = opened(response)
    called = {name_of(canoe, "the-canoe-glides"), name_of(foxes, "fuechse"), name_of(night, "ночь")}
    assert set(archive.namelist()) == called | {"manifest.csv"}
    assert archive.read(name_of(foxes, "fuechse")) == b"film 1"
    lines = manifest(archive)
    assert len(lines) == 4
    assert lines[str(failed.pk)]["file"] == ""
    assert "failed" in lines[str(failed.pk)]["problem"].lower()
    assert lines[str(canoe.pk)]["problem"] == ""


def test_a_video_that_the_storage_does_not_give_is_named_too(admin_client, films, settings):
    settings.STORAGES = {**settings.STORAGES, "odd": {"BACKEND": "tests.storages.Failing"}}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd"}
    for task in films[:2]:
        task.video.save(f"{task.pk}.mp4", ContentFile(b"film"), save=False)
        task.save(update_fields=["video"])
    storages["odd"].delete(films[0].video.name)
    lines = manifest(opened(download(admin_client, films[:2])))
    assert "did not give" in lines[str(films[0].pk)]["problem"]
    assert lines[str(films[1].pk)]["file"]


def test_only_what_the_person_may_see_is_in_it(person, films, monkeypatch):
    somebody = person("view_videotask")
    VideoTask.objects.filter(pk=films[1].pk).update(owner=somebody.user)
    monkeypatch.setattr(VideoTaskAdmin, "get_visible_queryset", lambda self, request, rows: rows.owned_by(request.user))
    assert list(manifest(opened(download(somebody, films)))) == [str(films[1].pk)]
    assert download(person("add_videotask"), films).status_code == 403


@pytest.mark.parametrize(
    ("some", "words"),
    [(slice(0, 3), "at most 2 videos"), (slice(3, 4), "None of the selected tasks has a video")],
)
def test_limits_are_said(admin_client, films, monkeypatch, some, words):
    monkeypatch.setattr(archives, "MOST", 2)
    answer = admin_client.post(
        url("changelist"),
        {"action": "download_selected", "_selected_action": [task.pk for task in films[some]]},
        follow=True,
    )
    assert words in answer.content.decode()


def test_without_what_makes_archives_it_is_said_what_to_install(admin_client, films, monkeypatch):
    monkeypatch.setattr(archives, "can_zip", lambda: False)
    data = {"action": "download_selected", "_selected_action": [films[0].pk]}
    assert "django-wanvideo[tables]" in admin_client.post(url("changelist"), data, follow=True).content.decode()


def test_queries_do_not_grow_with_the_videos(admin_client, films, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        assert len(opened(download(admin_client, films)).namelist()) == 4


# -- the picture


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(posters, "is_installed", lambda: True)


@pytest.mark.parametrize(("given", "kept"), [("2.5", "2.500"), (" 2,5 ", "2.500"), ("", None)])
def test_a_person_chooses_the_picture(
    admin_client, films, installed, wakes, given, kept, django_capture_on_commit_callbacks
):
    task = films[0]
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(url("poster", task.pk), {"poster_seconds": given}, follow=True)
    task.refresh_from_db()
    assert (str(task.poster_seconds) if kept else task.poster_seconds) == kept
    assert wakes == ([("poster", str(task.pk))] if kept else []), "only a moment that was chosen is waited for"
    assert "The picture is being taken" in answer.content.decode()
    assert "picture" in LogEntry.objects.get().get_change_message()


@pytest.mark.parametrize("given", ["x", "-1", "99999", "NaN", "1e400"])
def test_what_is_no_moment_is_said(admin_client, films, installed, given):
    answer = admin_client.post(url("poster", films[0].pk), {"poster_seconds": given}, follow=True)
    assert "in seconds from the beginning" in answer.content.decode()
    assert VideoTask.objects.get(pk=films[0].pk).next_action_at is None


def test_a_picture_is_offered_only_where_one_can_be_taken(admin_client, person, films, monkeypatch):
    offers = "Use this moment as the picture"
    assert offers not in admin_client.get(url("change", films[0].pk)).content.decode()
    assert "django-wanvideo[posters]" in admin_client.post(url("poster", films[0].pk), follow=True).content.decode()
    monkeypatch.setattr(posters, "is_installed", lambda: True)
    assert offers in admin_client.get(url("change", films[0].pk)).content.decode()
    assert offers not in admin_client.get(url("change", films[3].pk)).content.decode()
    assert offers not in person("view_videotask").get(url("change", films[0].pk)).content.decode()
    assert "no stored video" in admin_client.post(url("poster", films[3].pk), follow=True).content.decode()
    assert admin_client.get(url("poster", films[0].pk)).url == url("change", films[0].pk)


def test_the_poster_stands_for_the_video_in_the_list_and_on_its_page(admin_client, films):
    VideoTask.objects.filter(pk=films[0].pk).update(poster="posters/canoe.jpg")
    assert 'src="/media/posters/canoe.jpg"' in admin_client.get(url("changelist")).content.decode()
    assert 'poster="/media/posters/canoe.jpg"' in admin_client.get(url("change", films[0].pk)).content.decode()
