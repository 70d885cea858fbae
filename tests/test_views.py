"""Lasting addresses of videos: for those who may, and for everybody else as if there were none."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connections
from django.test import AsyncClient
from django.urls import reverse

from django_wanvideo import views
from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.checks.settings import check_settings
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import VideoTask
from tests.factories import make_task
from tests.pictures import picture

pytestmark = pytest.mark.django_db

FILM = bytes(range(100))
WHERE = ["video", "poster"]


@pytest.fixture(autouse=True)
def media(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    # Other tests make admin sites of their own, which live on.
    monkeypatch.setattr(views, "all_sites", [admin.site])


@pytest.fixture
def task():
    return filmed()


def filmed(**columns):
    made = make_task(TaskStatus.COMPLETED, **columns)
    made.video.save("v.mp4", ContentFile(FILM), save=False)
    made.poster.save("p.jpg", ContentFile(b"jpeg"), save=False)
    made.save(update_fields=["video", "poster"])
    return made


@pytest.fixture
def access(settings):
    """A function that says who may see videos."""

    def let(who):
        settings.WANVIDEO = {**settings.WANVIDEO, "VIDEO_ACCESS": who}

    return let


@pytest.fixture
def public(access):
    access("django_wanvideo.views.public")


@pytest.fixture
def no_addresses(settings):
    settings.STORAGES = {**settings.STORAGES, "odd": {"BACKEND": "tests.storages.WithoutAddresses"}}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd"}
    return storages["odd"]


def url(name, task):
    return reverse(f"wanvideo:{name}", args=[getattr(task, "pk", task)])


def person(*permissions, **columns):
    user = User.objects.create_user(f"p{User.objects.count()}", is_staff=True, **columns)
    for codename in permissions:
        user.user_permissions.add(Permission.objects.get(content_type__app_label="wanvideo", codename=codename))
    return user


# -- where they lead


@pytest.mark.parametrize("name", WHERE)
@pytest.mark.parametrize("method", ["get", "head"])
def test_it_leads_to_the_storage(client, task, public, name, method):
    response = getattr(client, method)(url(name, task))
    assert (response.status_code, response["Location"]) == (302, getattr(task, name).url)
    assert response["Cache-Control"] == "private, max-age=60"
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [("", 200, FILM), ("bytes=0-9", 206, FILM[:10]), ("bytes=-5", 206, FILM[-5:]), ("bytes=100-", 416, b"")],
)
def test_a_storage_without_addresses_is_read_in_ranges(client, public, no_addresses, asked, status, content):
    task = filmed()
    response = client.get(url("video", task), headers={"Range": asked})
    assert (response.status_code, b"".join(response)) == (status, content)
    assert (response["Accept-Ranges"], response["X-Content-Type-Options"]) == ("bytes", "nosniff")
    assert "Content-Disposition" not in response
    if status != 416:
        assert response["Content-Type"] == "video/mp4"
        head = client.head(url("video", task), headers={"Range": asked})
        assert (head.status_code, head["Content-Length"], head.content) == (status, str(len(content)), b"")
    assert client.get(url("poster", task))["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("name", ["evil.html", "evil.svg.htm", "noname"])
def test_nothing_is_served_as_a_page(client, public, no_addresses, name):
    task = filmed()
    VideoTask.objects.filter(pk=task.pk).update(poster=no_addresses.save(name, ContentFile(b"<script>")))
    assert client.get(url("poster", task))["Content-Type"] == "video/mp4"


def test_a_picture_of_the_first_frame_is_the_small_one(client, public):
    task = VideoTask.objects.create_task(prompt="p", first_frame=picture())
    VideoTask.objects.filter(pk=task.pk).update(video="v.mp4", status="completed")
    assert client.get(url("poster", task))["Location"] == task.first_frame.thumbnail.url
    other = make_task(TaskStatus.COMPLETED, video="v.mp4")
    assert client.get(url("poster", other)).status_code == 404


def test_in_development_the_site_sends_what_a_player_can_seek_in(client, task, public, settings):
    settings.DEBUG = True
    assert b"".join(client.get(url("video", task), headers={"Range": "bytes=0-9"})) == FILM[:10]


def test_a_file_that_is_gone_is_not_found(client, public, no_addresses):
    task = filmed()
    no_addresses.delete(task.video.name)
    assert client.get(url("video", task)).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_they_only_show(client, task, public, method):
    assert getattr(client, method)(url("video", task)).status_code == 405


@pytest.mark.django_db(transaction=True)
@pytest.mark.commit_only
def test_an_asynchronous_server_sends_piece_by_piece_too(public, no_addresses):
    task = filmed()

    async def ask():
        response = await AsyncClient().get(url("video", task))
        assert response.is_async
        try:
            return b"".join([piece async for piece in response])
        finally:
            await sync_to_async(connections.close_all)()

    assert asyncio.run(ask()) == FILM


# -- who may


@pytest.mark.parametrize("name", WHERE)
def test_by_default_those_who_may_look_at_the_task_in_the_admin(client, task, name):
    answers = {}
    for who in ("nobody", "add_videotask", "view_videotask", "change_videotask"):
        client.force_login(person(*([] if who == "nobody" else [who])))
        answers[who] = client.get(url(name, task)).status_code
    client.force_login(person("view_videotask", is_active=False))
    answers["left"] = client.get(url(name, task)).status_code
    client.logout()
    answers["stranger"] = client.get(url(name, task)).status_code
    assert answers == {
        "nobody": 404, "add_videotask": 404, "view_videotask": 302, "change_videotask": 302, "left": 404, "stranger": 404,
    }  # fmt: skip


def test_what_the_admin_hides_from_a_person_is_hidden_here(client, task, monkeypatch):
    monkeypatch.setattr(VideoTaskAdmin, "get_visible_queryset", lambda self, request, rows: rows.owned_by(request.user))
    somebody = person("view_videotask")
    client.force_login(somebody)
    assert client.get(url("video", filmed(owner=somebody))).status_code == 302
    assert client.get(url("video", task)).status_code == 404
    VideoTask.objects.update(owner=somebody)
    assert client.get(url("video", task)).status_code == 302
    VideoTask.objects.update(unmatched=True)
    assert client.get(url("video", task)).status_code == 404


@pytest.mark.parametrize("debug", [False, True])
def test_a_stranger_does_not_learn_what_there_is(client, task, settings, debug):
    settings.DEBUG = debug
    known, unknown, unmade = task, uuid.uuid4(), make_task(TaskStatus.PROCESSING)
    answers = {
        (answer.status_code, answer.content.decode().replace(str(pk), "id"), str(sorted(answer.headers.items())))
        for pk, answer in ((pk, client.get(url("video", pk))) for pk in (known.pk, unknown, unmade.pk))
    }
    if debug:
        # The page for developers has the address in it, in several ways.
        answers = {status for status, _page, _headers in answers}
    assert len(answers) == 1
    assert {status if debug else status[0] for status in answers} == {404}


def test_a_site_says_who_may(client, task, access):
    seen = []

    def owner_only(request, asked):
        seen.append(asked.pk)
        return "key" in request.GET

    access(owner_only)
    assert client.get(url("video", task)).status_code == 404
    assert client.get(url("video", task), {"key": "1"}).status_code == 302
    assert seen == [task.pk, task.pk]
    client.get(url("video", uuid.uuid4()), {"key": "1"})
    assert len(seen) == 2, "it is asked of what is there"


def test_where_everybody_signs_in_the_public_page_stays_public(client, task, public, settings):
    """A site that everybody signs in to lets everybody see what is public."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert client.get(url("video", task)).status_code == 302
    assert client.get(url("video", task))["Location"] == task.video.url


def test_nothing_of_the_request_says_where_it_leads(client, task, public):
    asked = {"next": "https://evil.example", "url": "//evil.example", "download": "1"}
    assert client.get(url("video", task), asked)["Location"] == task.video.url


@pytest.mark.parametrize("value", ["django_wanvideo.views.nobody", "nowhere", 7, ""])
def test_a_check_says_that_nobody_can_be_asked(access, value):
    access(value)
    found = [message for message in check_settings(None) if "VIDEO_ACCESS" in message.msg]
    assert [message.id for message in found] == ["wanvideo.E011"]


@pytest.mark.parametrize(
    "value", [None, "django_wanvideo.views.public", "django_wanvideo.views.staff", lambda *_a: True]
)
def test_a_check_lets_those_pass_who_can_be_asked(access, value):
    access(value)
    assert [message for message in check_settings(None) if "VIDEO_ACCESS" in message.msg] == []
