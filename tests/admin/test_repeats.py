"""What was made a moment ago and is asked for again is asked about; nothing that was typed is lost."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from django_wanvideo.models import MediaInput, VideoTask
from tests.admin.conftest import add_data, hidden, url
from tests.pictures import picture


def said(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def another(page, name="_generate"):
    """The key that a button of the page carries for one more."""
    found = re.search(rf'name="{name}" value="(another-[^"]*)"', page.content.decode())
    assert found
    return found[1]


def key_of(page):
    return hidden(page, "idempotency_key")


def generate(client, **changes):
    return client.post(url("add"), add_data(_save=None, **{"_generate": "1", **changes}))


def stored(settings):
    root = Path(settings.MEDIA_ROOT)
    return sorted(path.name for path in root.rglob("*") if path.is_file() and "kept" not in path.parts)


def is_question(page, task):
    text = page.content.decode()
    assert page.status_code == 200
    assert "errornote" not in text
    assert url("change", task.pk) in text
    return text


@pytest.mark.fault("K1.same-wish-from-another-page")
def test_the_same_wish_from_a_page_with_another_key_is_asked_about(admin_client, wakes, settings):
    assert generate(admin_client, idempotency_key=key_of(admin_client.get(url("add")))).status_code == 302
    task = VideoTask.objects.get()
    before, woken = stored(settings), list(wakes)
    page = generate(admin_client, idempotency_key=key_of(admin_client.get(url("add"))), notes="keep me")
    text = is_question(page, task)
    assert re.search(r"You sent this (0|1|2|3)\xa0s ago\.", text)
    assert "Make another one (11.90)" in text
    for typed in ("A fox trots on", "keep me", "Preview of fox.jpg"):
        assert typed in text
    assert (VideoTask.objects.count(), stored(settings), wakes) == (1, before, woken)


@pytest.mark.fault("K1.same-wish-from-another-page")
def test_a_request_without_any_key_is_asked_about_too(admin_client):
    generate(admin_client)
    is_question(generate(admin_client), VideoTask.objects.get())
    is_question(admin_client.post(url("add"), add_data()), VideoTask.objects.get())
    assert VideoTask.objects.count() == 1


@pytest.mark.fault("K1.another-one-on-purpose")
def test_another_one_is_made_on_purpose_and_once(admin_client, wakes):
    key = key_of(admin_client.get(url("add")))
    generate(admin_client)
    page = generate(admin_client, idempotency_key=key)
    token = hidden(page, "first_frame_kept")
    again = {"_generate": another(page), "first_frame_file": None, "first_frame_kept": token, "idempotency_key": key}
    first = generate(admin_client, **again)
    second = generate(admin_client, **again)
    assert VideoTask.objects.count() == 2
    newest = VideoTask.objects.order_by("created_at").last()
    assert first.url == second.url == url("change", newest.pk)
    assert "sent already" in said(second)
    assert newest.status == "queued"
    assert VideoTask.objects.filter(status="queued").count() == 2
    assert MediaInput.objects.get(task=newest).width == 640


@pytest.mark.fault("K1.another-one-on-purpose")
def test_the_page_that_asks_may_be_reloaded_and_opened_twice(admin_client):
    generate(admin_client)
    key = key_of(admin_client.get(url("add")))
    pages = [generate(admin_client, idempotency_key=key) for _time in range(2)]
    assert another(pages[0]) == another(pages[1])
    for page in pages:
        generate(admin_client, _generate=another(page), idempotency_key=key)
    assert VideoTask.objects.count() == 2


@pytest.mark.fault("K1.same-key-other-content")
def test_same_page_with_other_content_is_asked_about(admin_client):
    """The same page with other content is asked about and can be sent as another one."""
    key = key_of(admin_client.get(url("add")))
    generate(admin_client, idempotency_key=key)
    task = VideoTask.objects.get()
    changes = {"prompt": "Something else", "duration": "10", "idempotency_key": key}
    page = generate(admin_client, **changes)
    text = is_question(page, task)
    assert "Different now: Prompt, Length" in text or "Different now: Length, Prompt" in text
    assert "Make another one (23.79)" in text or "Make another one (23.80)" in text
    assert VideoTask.objects.count() == 1
    generate(admin_client, **changes | {"_generate": another(page)})
    # And once more, with other words again.
    third = changes | {"prompt": "A third one"}
    generate(admin_client, **third | {"_generate": another(generate(admin_client, **third))})
    assert sorted(VideoTask.objects.values_list("prompt", flat=True)) == [
        "A fox trots on",
        "A third one",
        "Something else",
    ]


@pytest.mark.fault("K1.deleted-key")
def test_a_page_whose_task_was_deleted_is_asked_about(admin_client):
    key = key_of(admin_client.get(url("add")))
    admin_client.post(url("add"), add_data(idempotency_key=key))
    VideoTask.objects.get().delete()
    page = admin_client.post(url("add"), add_data(idempotency_key=key))
    assert "what came of it was deleted" in page.content.decode()
    assert VideoTask.objects.count() == 0
    admin_client.post(url("add"), add_data(idempotency_key=key, _save=another(page, "_save")))
    assert VideoTask.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "Other words"},
        {"duration": "6"},
        {"first_frame_file": "another picture"},
        {"quality": "1080p"},
    ],
)
def test_another_wish_is_not_asked_about(admin_client, changes):
    generate(admin_client)
    if "first_frame_file" in changes:
        changes = {"first_frame_file": picture(size=(641, 480))}
    assert generate(admin_client, **changes).status_code == 302
    assert VideoTask.objects.count() == 2


def test_another_persons_wish_and_an_old_one_are_not_asked_about(admin_client, person):
    generate(admin_client)
    assert generate(person(superuser=True)).status_code == 302
    VideoTask.objects.update(created_at=timezone.now() - dt.timedelta(minutes=11))
    assert generate(admin_client).status_code == 302
    assert VideoTask.objects.count() == 3


def test_a_wish_whose_stored_picture_cannot_be_read_is_made(admin_client, monkeypatch):
    from django.core.files.storage import FileSystemStorage

    generate(admin_client)
    real = FileSystemStorage._open

    class GoneError(Exception):
        """No OSError, as those of many storages."""

    def broken(self, name, mode="rb"):
        if "inputs" in name:
            raise GoneError
        return real(self, name, mode)

    monkeypatch.setattr(FileSystemStorage, "_open", broken)
    assert generate(admin_client).status_code == 302
    assert VideoTask.objects.count() == 2


@pytest.mark.fault("K1.same-wish-from-another-page")
def test_what_a_program_made_for_the_person_counts_too(admin_client):
    VideoTask.objects.create_task("A fox trots on", picture(), duration=5, quality="720p", owner=admin_client.user)
    is_question(generate(admin_client), VideoTask.objects.get())


@pytest.mark.fault("K1.enter-presses-nothing-twice")
def test_the_enter_key_on_the_page_that_asks_makes_no_other_one(admin_client):
    generate(admin_client)
    text = generate(admin_client).content.decode()
    form = text[text.index('id="videotask_form"') :]
    first = re.search(r'<button[^>]*type="submit"[^>]*>', form)[0]
    assert 'name="_model"' in first


# Edit a copy and Duplicate ------------------------------------------------------------------------------------------


@pytest.fixture(params=["operate", "draft"])
def press_duplicate(request, admin_client, make_task):
    """A way to duplicate a task: its page's button, or the draft's form."""
    if request.param == "operate":
        task = make_task("completed")
        return task, lambda **data: admin_client.post(url("operate", task.pk, "duplicate"), data)
    task = make_task()

    def press(**data):
        return admin_client.post(
            url("change", task.pk), add_data(first_frame_file=None, _save=None, _duplicate="1", **data)
        )

    return task, press


@pytest.mark.fault("K1.duplicate-twice")
def test_one_press_of_duplicate_makes_one_copy_however_often_it_is_sent(admin_client, press_duplicate):
    task, press = press_duplicate
    key = key_of(admin_client.get(url("change", task.pk)))
    first, second = press(idempotency_key=key), press(idempotency_key=key)
    copy = task.children.get()
    assert first.url == second.url == url("change", copy.pk)
    assert "sent already" in said(second)


@pytest.mark.fault("K1.duplicate-twice")
def test_the_same_copy_from_a_page_with_another_key_is_asked_about(admin_client, press_duplicate):
    task, press = press_duplicate
    press(idempotency_key=key_of(admin_client.get(url("change", task.pk))))
    copy = task.children.get()
    key = key_of(admin_client.get(url("change", task.pk)))
    page = press(idempotency_key=key)
    text = is_question(page, copy)
    assert "You made this draft" in text
    assert task.children.count() == 1
    for _time in range(2):
        admin_client.post(
            url("operate", task.pk, "duplicate"), {"_another": another(page, "_another"), "idempotency_key": key}
        )
    assert task.children.count() == 2


def test_a_copy_is_no_repetition_of_its_original(admin_client):
    generate(admin_client)
    task = VideoTask.objects.get()
    admin_client.post(url("operate", task.pk, "duplicate"), {"idempotency_key": "k"})
    assert task.children.count() == 1


# Takes ----------------------------------------------------------------------------------------------------------------


def vary(client, task, **data):
    return client.post(url("make_takes", task.pk), {"prompts": "", "repeats": "", **data})


@pytest.mark.fault("K1.variations-twice")
def test_the_same_prompts_from_a_page_with_another_key_are_asked_about(admin_client, make_task, settings):
    task = make_task("completed")
    vary(
        admin_client,
        task,
        prompts="in snow\nat night",
        idempotency_key=key_of(admin_client.get(url("make_takes", task.pk))),
    )
    before = stored(settings)
    page = vary(admin_client, task, prompts="in snow\nat night")
    text = page.content.decode()
    assert "You made this draft" in text
    assert "in snow\nat night" in text
    assert (task.children.count(), stored(settings)) == (2, before)
    for _time in range(2):
        vary(admin_client, task, prompts="in snow\nat night", _save=another(page, "_save"))
    assert task.children.count() == 4


@pytest.mark.fault("K1.variations-twice")
@pytest.mark.parametrize("prompts", ["in fog", "in snow\nat night\nin fog"])
def test_the_same_page_with_other_prompts_is_asked_about(admin_client, make_task, settings, prompts):
    task = make_task()
    key = key_of(admin_client.get(url("make_takes", task.pk)))
    vary(admin_client, task, prompts="in snow\nat night", idempotency_key=key)
    before = stored(settings)
    page = vary(admin_client, task, prompts=prompts, idempotency_key=key)
    assert "in fog" in page.content.decode()
    assert (task.children.count(), stored(settings)) == (2, before)
    vary(admin_client, task, prompts=prompts, idempotency_key=key, _save=another(page, "_save"))
    assert task.children.count() == 2 + len(prompts.splitlines())


@pytest.mark.fault("K1.takes-are-no-repetition")
def test_takes_are_no_repetition_of_each_other_nor_of_earlier_ones(admin_client, make_task):
    task = make_task()
    for _time in range(2):
        vary(admin_client, task, repeats="3", idempotency_key=key_of(admin_client.get(url("make_takes", task.pk))))
    assert task.children.count() == 6


@pytest.mark.fault("K1.takes-are-no-repetition")
def test_takes_sent_twice_from_one_page_are_made_once_with_the_same_seeds(admin_client, make_task):
    task = make_task(owner=admin_client.user)
    VideoTask.objects.filter(pk=task.pk).update(model="wan2.5-image-to-video")
    key = key_of(admin_client.get(url("make_takes", task.pk)))
    answers = [vary(admin_client, task, repeats="3", idempotency_key=key) for _time in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert task.children.count() == 3
