"""A form counts once: sent again, sent twice at the same time, sent too late, or broken off half-way."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation import creation
from tests.admin.conftest import add_data, hidden, url
from tests.threads import at_once

at_the_same_time = pytest.mark.django_db(transaction=True)


def tabs(client, count=2):
    """More windows of the same person's browser."""
    opened = [Client(raise_request_exception=False) for _number in range(count)]
    for tab in opened:
        tab.cookies = client.cookies
    return opened


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def stored(settings):
    """Files of tasks that are in the storage, kept uploads of refused forms not counted."""
    root = Path(settings.MEDIA_ROOT)
    return sorted(path.name for path in root.rglob("*") if path.is_file() and "kept" not in path.parts)


def pressed_at_once(client, address, *datas):
    """Send each form from a window of its own, all at the same time."""
    windows = tabs(client, len(datas))
    return at_once(
        *(lambda tab=tab, data=data: tab.post(address, data) for tab, data in zip(windows, datas, strict=True))
    )


@at_the_same_time
def test_an_add_form_sent_twice_at_once_makes_and_sends_one_task(admin_client, wakes, settings):
    key = hidden(admin_client.get(url("add")), "idempotency_key")
    forms = [add_data(_save=None, _generate="1", idempotency_key=key) for _window in range(3)]
    answers = pressed_at_once(admin_client, url("add"), *forms)
    task = VideoTask.objects.get()
    assert [(answer.status_code, answer.url) for answer in answers] == [(302, url("change", task.pk))] * 3
    assert wakes == [("submit", str(task.pk))]
    assert task.events.filter(kind="queued").count() == 1
    assert len(stored(settings)) == 2  # the picture and its small one
    assert sum("sent already" in text for answer in answers for text in said(answer)) == 2


@at_the_same_time
def test_a_kept_picture_is_there_for_whichever_of_two_windows_comes_first(admin_client, settings):
    token = hidden(admin_client.post(url("add"), add_data(prompt="")), "first_frame_kept")
    key = hidden(admin_client.get(url("add")), "idempotency_key")
    form = add_data(first_frame_file=None, first_frame_kept=token, idempotency_key=key)
    answers = pressed_at_once(admin_client, url("add"), form, form)
    assert [answer.status_code for answer in answers] == [302, 302]
    assert VideoTask.objects.get().first_frame.width == 640


@at_the_same_time
def test_takes_sent_twice_at_once_are_made_once(admin_client, make_task, settings):
    task = make_task()
    before = len(stored(settings))
    key = hidden(admin_client.get(url("make_takes", task.pk)), "idempotency_key")
    form = {"prompts": "one\ntwo", "repeats": "", "idempotency_key": key}
    answers = pressed_at_once(admin_client, url("make_takes", task.pk), form, form)
    assert [(answer.status_code, answer.url) for answer in answers] == [(302, url("takes", task.pk))] * 2
    assert sorted(task.children.values_list("prompt", flat=True)) == ["one", "two"]
    assert len(stored(settings)) == before + 4


def test_a_refused_form_uses_nothing_up(admin_client):
    key = hidden(admin_client.get(url("add")), "idempotency_key")
    assert admin_client.post(url("add"), add_data(prompt="", idempotency_key=key)).status_code == 200
    assert admin_client.post(url("add"), add_data(idempotency_key=key)).status_code == 302


def test_refused_takes_use_nothing_up_and_leave_no_files(admin_client, make_task, settings):
    task = make_task()
    before = stored(settings)
    key = hidden(admin_client.get(url("make_takes", task.pk)), "idempotency_key")
    admin_client.post(
        url("make_takes", task.pk), {"prompts": "good\n" + "x" * 1501, "repeats": "", "idempotency_key": key}
    )
    assert stored(settings) == before
    admin_client.post(url("make_takes", task.pk), {"prompts": "good", "repeats": "", "idempotency_key": key})
    assert task.children.count() == 1


@pytest.mark.parametrize("key", ["x" * 201, " blank", "a\u200bb"])
def test_a_key_that_cannot_be_kept_is_refused_with_all_that_was_typed(admin_client, key):
    page = admin_client.post(url("add"), add_data(prompt="A red balloon", notes="keep me", idempotency_key=key))
    assert page.status_code == 200
    text = page.content.decode()
    for typed in ("The key has", "A red balloon", "keep me", "Preview of fox.jpg"):
        assert typed in text
    assert VideoTask.objects.count() == 0


def test_another_persons_page_makes_that_persons_own_task(admin_client, person):
    other = person("add_videotask", "view_videotask")
    key = hidden(admin_client.get(url("add")), "idempotency_key")
    for client in (admin_client, other):
        assert client.post(url("add"), add_data(idempotency_key=key)).status_code == 302
    assert {task.owner for task in VideoTask.objects.all()} == {admin_client.user, other.user}


def test_task_whose_making_is_broken_off_leaves(admin_client, settings, monkeypatch):
    """A task whose making is broken off leaves no files and uses nothing up."""
    token = hidden(admin_client.post(url("add"), add_data(prompt="")), "first_frame_kept")
    key = hidden(admin_client.get(url("add")), "idempotency_key")

    def broken(*args, **kwargs):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(VideoTaskAdmin, "log_addition", broken)
        with pytest.raises(ZeroDivisionError):
            admin_client.post(url("add"), add_data(first_frame_file=None, first_frame_kept=token, idempotency_key=key))
    assert VideoTask.objects.count() == 0
    assert stored(settings) == []
    assert admin_client.get(url("temporary_upload"), {"name": token}).status_code == 200
    again = add_data(first_frame_file=None, first_frame_kept=token, idempotency_key=key)
    assert admin_client.post(url("add"), again).status_code == 302


def test_takes_whose_making_is_broken_off_leave_no_files(admin_client, make_task, settings, monkeypatch):
    task = make_task()
    before = stored(settings)
    real, made = creation.get_or_duplicate, []

    def duplicate(*args, **kwargs):
        if made:
            raise ZeroDivisionError
        made.append(real(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(creation, "get_or_duplicate", duplicate)
    with pytest.raises(ZeroDivisionError):
        admin_client.post(url("make_takes", task.pk), {"prompts": "one\ntwo", "repeats": ""})
    assert stored(settings) == before
    assert task.children.count() == 0


def test_a_form_that_was_sent_long_ago_still_leads_to_its_task(admin_client):
    key = hidden(admin_client.get(url("add")), "idempotency_key")
    admin_client.post(url("add"), add_data(idempotency_key=key))
    VideoTask.objects.update(created_at=timezone.now() - dt.timedelta(days=300))
    assert "sent already" in said(admin_client.post(url("add"), add_data(idempotency_key=key)))[-1]
    assert VideoTask.objects.count() == 1


def test_site_that_answers_in_its_own_way_loses(admin_client, monkeypatch):
    """A site that answers in its own way loses neither the task nor the guard."""
    monkeypatch.setattr(VideoTaskAdmin, "response_add", lambda self, request, obj, **kwargs: HttpResponse("made"))
    key = hidden(admin_client.get(url("add")), "idempotency_key")
    for _time in range(2):
        admin_client.post(url("add"), add_data(idempotency_key=key))
    assert VideoTask.objects.count() == 1
