"""Two windows or two people on one draft: nobody's edit is overwritten unseen, nothing unseen is sent."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile

from django_wanvideo.choices import InputRole
from django_wanvideo.exceptions import EditConflict, TransitionNotAllowed
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.models.creation import creation, drafts
from django_wanvideo.services.sending import actions
from tests.admin.conftest import add_data, url
from tests.pictures import picture
from tests.threads import at_once

FLASH = "wan2.6-image-to-video-flash"


def said(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def opened(client, task):
    """What a window that has just been opened would send without a change."""
    text = client.get(url("change", task.pk)).content.decode()

    def value(name):
        found = re.search(rf'name="{name}" value="([^"]*)"', text)
        return html.unescape(found[1]) if found else None

    return {"seen": value("seen"), "idempotency_key": value("idempotency_key"), "shown_model": FLASH}


def sent(window, **changes):
    given = {"first_frame_file": None, **window, **changes}
    if "_generate" in given:
        given["_save"] = None
    return add_data(**given)


def post(client, task, window, **changes):
    return client.post(url("change", task.pk), sent(window, **changes))


def row(task):
    task = VideoTask.objects.get(pk=task.pk)
    return task.prompt, task.parameters.get("duration"), task.status


@pytest.mark.fault("K1.two-tabs-on-a-draft")
@pytest.mark.parametrize("button", ["_save", "_generate", "_duplicate", "_make_takes"])
def test_second_window_that_changes_something_else(admin_client, make_task, button, wakes):
    """A second window that changes something else overwrites and sends nothing."""
    task = make_task()
    first, second = opened(admin_client, task), opened(admin_client, task)
    assert post(admin_client, task, first, prompt="The first tab's words").status_code == 302
    page = post(
        admin_client, task, second, duration="15", **({} if button == "_save" else {"_save": None, button: "1"})
    )
    text = page.content.decode()
    assert page.status_code == 200
    assert "was changed while you had it open" in text
    for both in ("The first tab&#x27;s words", "A fox trots on", 'value="15"'):
        assert both in text
    assert row(task) == ("The first tab's words", 5, "draft")
    assert wakes == []
    assert not task.children.exists()


@pytest.mark.fault("K1.two-people-on-a-draft")
def test_two_people_on_one_draft(admin_client, person, make_task, wakes):
    ann = person(superuser=True)
    task = make_task()
    first, second = opened(admin_client, task), opened(ann, task)
    post(admin_client, task, first, duration="15", quality="1080p")
    page = post(ann, task, second, _generate="1")
    assert "was changed while you had it open" in page.content.decode()
    assert (row(task)[1:], wakes) == ((15, "draft"), [])


@pytest.mark.fault("K1.edit-conflict-seen")
def test_what_was_shown_may_be_overwritten_once_it_was_seen(admin_client, make_task):
    task = make_task()
    first, second = opened(admin_client, task), opened(admin_client, task)
    post(admin_client, task, first, prompt="theirs")
    for _reload in range(2):
        page = post(admin_client, task, second, prompt="mine")
        assert page.status_code == 200
    seen = html.unescape(re.search(r'name="seen" value="([^"]*)"', page.content.decode())[1])
    assert post(admin_client, task, second | {"seen": seen}, prompt="mine").status_code == 302
    assert row(task)[0] == "mine"


@pytest.mark.fault("K1.edit-conflict-seen")
def test_a_refused_form_does_not_forget_what_was_seen(admin_client, make_task):
    task = make_task()
    first, second = opened(admin_client, task), opened(admin_client, task)
    post(admin_client, task, first, prompt="theirs")
    page = post(admin_client, task, second, prompt="", duration="99")
    seen = html.unescape(re.search(r'name="seen" value="([^"]*)"', page.content.decode())[1])
    assert post(admin_client, task, second | {"seen": seen}, prompt="mine").status_code == 200
    assert row(task)[0] == "theirs"


def test_the_same_form_sent_twice_is_no_conflict(admin_client, make_task):
    task = make_task()
    window = opened(admin_client, task)
    for _time in range(2):
        assert (
            post(admin_client, task, window, prompt="newer", first_frame_file=picture(size=(700, 500))).status_code
            == 302
        )
    assert row(task)[0] == "newer"


@pytest.mark.fault("K1.two-tabs-on-a-picture")
def test_a_picture_that_was_changed_counts(admin_client, make_task):
    task = make_task()
    first, second = opened(admin_client, task), opened(admin_client, task)
    post(admin_client, task, first, first_frame_file=picture(size=(700, 500)))
    page = post(admin_client, task, second, _generate="1")
    assert "a picture of 700 × 500 px" in page.content.decode()
    assert row(task)[2] == "draft"
    assert MediaInput.objects.get(task=task).width == 700


@pytest.mark.fault("K1.two-tabs-on-a-picture")
def test_two_pictures_that_were_chosen_are_both_kept(admin_client, make_task):
    task = make_task()
    first, second = opened(admin_client, task), opened(admin_client, task)
    post(admin_client, task, first, first_frame_file=picture(size=(700, 500)))
    page = post(admin_client, task, second, first_frame_file=picture(size=(800, 600), name="mine.jpg"))
    text = page.content.decode()
    assert "Preview of mine.jpg" in text
    token = re.search(r'name="first_frame_kept" value="([^"]*)"', text)[1]
    assert MediaInput.objects.get(task=task).width == 700
    seen = html.unescape(re.search(r'name="seen" value="([^"]*)"', text)[1])
    post(admin_client, task, second | {"seen": seen}, first_frame_kept=token)
    assert MediaInput.objects.get(task=task).width == 800


@pytest.mark.fault("K1.two-tabs-on-a-draft")
@pytest.mark.parametrize(
    "change",
    [
        lambda task: VideoTask.objects.filter(pk=task.pk).update(prompt="by a program"),
        lambda task: VideoTask.objects.filter(pk=task.pk).update(notes="by a program"),
        lambda task: VideoTask.objects.filter(pk=task.pk).update(metadata={"sku": "by a program"}),
        lambda task: VideoTask.objects.filter(pk=task.pk).update(parameters={"duration": 7}),
        lambda task: task.inputs.create(role=InputRole.AUDIO, url="https://sounds.example/a.mp3"),
    ],
    ids=["prompt", "notes", "metadata", "settings", "input"],
)
def test_a_change_by_whatever_way_is_noticed(admin_client, make_task, change):
    task = make_task()
    window = opened(admin_client, task)
    change(task)
    assert post(admin_client, task, window, _generate="1").status_code == 200
    assert row(task)[2] == "draft"


def test_what_a_person_cannot_see_is_neither_a_conflict_nor_lost(person, make_task):
    ann = person("view_videotask", "change_videotask")
    task = make_task()
    window = opened(ann, task)
    VideoTask.objects.filter(pk=task.pk).update(metadata={"sku": "X1"})
    assert post(ann, task, window, prompt="newer").status_code == 302
    assert (row(task)[0], VideoTask.objects.get(pk=task.pk).metadata) == ("newer", {"sku": "X1"})


def test_a_request_that_says_nothing_of_what_was_seen_overwrites(admin_client, make_task):
    task = make_task()
    VideoTask.objects.filter(pk=task.pk).update(prompt="by a program")
    assert post(admin_client, task, {}, prompt="newer").status_code == 302
    assert row(task)[0] == "newer"


@pytest.mark.fault("K1.two-tabs-on-a-draft")
def test_a_change_between_the_look_and_the_saving_is_noticed(admin_client, make_task, monkeypatch):
    task = make_task()
    window = opened(admin_client, task)
    real = creation.update_draft

    def update(*args, **kwargs):
        monkeypatch.setattr(creation, "update_draft", real)
        VideoTask.objects.filter(pk=task.pk).update(prompt="a moment before")
        return real(*args, **kwargs)

    monkeypatch.setattr(creation, "update_draft", update)
    assert "a moment before" in post(admin_client, task, window, prompt="mine").content.decode()
    assert row(task)[0] != "mine"


# The service ------------------------------------------------------------------------------------------------------------


def change(task, **options):
    given = {"prompt": "p", "parameters": {"duration": 5}, "notes": "", "metadata": {}}
    creation.update_draft(task, **given | options)


@pytest.mark.fault("K1.update-draft-version")
def test_of_two_that_change_the_same_version_one_wins(make_task):
    task = make_task()
    version = drafts.version_of(task)
    change(VideoTask.objects.get(pk=task.pk), prompt="one", version=version)
    with pytest.raises(EditConflict):
        change(VideoTask.objects.get(pk=task.pk), prompt="two", version=version)
    assert row(task)[0] == "one"
    change(VideoTask.objects.get(pk=task.pk), prompt="three")
    assert row(task)[0] == "three"


@pytest.mark.fault("K1.update-draft-version")
@pytest.mark.django_db(transaction=True)
def test_of_several_at_once_that_change_the_same_version_one_wins(make_task):
    task = make_task()
    version = drafts.version_of(task)

    def attempt(number):
        try:
            mine = VideoTask.objects.get(pk=task.pk)
            change(mine, prompt=f"by {number}", first_frame=picture(size=(640 + number, 480)), version=version)
        except EditConflict:
            return None
        return number

    outcomes = at_once(*(lambda number=number: attempt(number) for number in range(4)))
    winners = [number for number in outcomes if number is not None]
    assert len(winners) == 1
    assert row(task)[0] == f"by {winners[0]}"
    assert [item.width for item in MediaInput.objects.filter(task=task)] == [640 + winners[0]]


@pytest.mark.fault("K1.update-draft-version")
def test_a_draft_that_was_sent_is_not_changed_whatever_the_version(make_task):
    task = make_task("queued")
    with pytest.raises(TransitionNotAllowed):
        change(task, version=drafts.version_of(task))
    with pytest.raises(TransitionNotAllowed):
        change(task, version="another")


# Sent meanwhile -----------------------------------------------------------------------------------------------------------


def typed(page):
    """What the page carries for a new draft."""
    text = page.content.decode()
    form = text[text.rindex("<form", 0, text.index('name="made_from"')) :]
    found = re.findall(r'name="(\w+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found}


@pytest.fixture
def sent_meanwhile(admin_client, make_task):
    task = make_task()
    window = opened(admin_client, task)
    actions.enqueue(task, by=admin_client.user)
    return task, window


@pytest.mark.fault("K1.draft-sent-meanwhile")
@pytest.mark.parametrize("button", ["_save", "_generate", "_duplicate", "_make_takes"])
def test_typed_after_draft_was_sent_is_shown(admin_client, sent_meanwhile, button):
    """What was typed after the draft was sent is shown and not called saved."""
    task, window = sent_meanwhile
    page = post(admin_client, task, window, prompt="My new words", **{"_save": None, button: "1"})
    text = page.content.decode()
    assert page.status_code == 200
    assert "notes were saved" not in text
    for shown in ("This draft was sent meanwhile", "My new words", "A fox trots on", "Edit a copy with this text"):
        assert shown in text
    assert row(task) == ("A fox trots on", 5, "queued")
    assert VideoTask.objects.count() == 1


@pytest.mark.fault("K1.draft-sent-meanwhile")
@pytest.mark.parametrize("with_upload", [True, False])
def test_a_copy_with_the_typed_text_is_made_once_with_its_picture(admin_client, sent_meanwhile, with_upload):
    task, window = sent_meanwhile
    upload = {"first_frame_file": picture(size=(800, 600))} if with_upload else {}
    page = post(admin_client, task, window, prompt="My new words", duration="8", notes="n", **upload)
    answers = [admin_client.post(url("add"), typed(page)) for _time in range(2)]
    copy = VideoTask.objects.exclude(pk=task.pk).get()
    assert [answer.url for answer in answers] == [url("change", copy.pk)] * 2
    assert row(copy) == ("My new words", 8, "draft")
    assert (copy.notes, copy.parent, copy.owner) == ("n", task, admin_client.user)
    assert copy.first_frame.width == (800 if with_upload else 640)


@pytest.mark.fault("K1.draft-sent-meanwhile")
def test_a_form_like_what_was_sent_leads_to_the_task(admin_client, sent_meanwhile, wakes):
    task, window = sent_meanwhile
    answer = post(admin_client, task, window, _generate="1")
    assert answer.url == url("change", task.pk)
    assert "nothing was sent a second time" in said(answer)
    assert post(admin_client, task, window, _save=None, _make_takes="1").url == url("make_takes", task.pk)
    assert task.attempts.count() == 0
    assert task.events.filter(kind="queued").count() == 1


@pytest.mark.fault("K1.draft-sent-meanwhile")
def test_what_is_wrong_with_typed_text_is_said_and_kept_too(admin_client, sent_meanwhile):
    task, window = sent_meanwhile
    page = post(admin_client, task, window, prompt="My new words", metadata="{not json")
    assert "My new words" in page.content.decode()
    assert typed(page)["metadata"] == "{not json"


@pytest.mark.fault("K1.draft-sent-meanwhile")
def test_a_picture_that_cannot_be_read_costs_only_the_picture(admin_client, sent_meanwhile, monkeypatch):
    from django.core.files.storage import FileSystemStorage

    class GoneError(Exception):
        """No OSError."""

    def broken(self, name, mode="rb"):
        raise GoneError

    task, window = sent_meanwhile
    monkeypatch.setattr(FileSystemStorage, "_open", broken)
    page = post(admin_client, task, window, prompt="My new words")
    assert typed(page)["prompt"] == "My new words"
    assert "first_frame_kept" not in typed(page)


@pytest.mark.fault("K1.draft-deleted-meanwhile")
def test_what_was_typed_after_the_draft_was_deleted_is_shown(admin_client, make_task):
    task = make_task()
    window, pk = opened(admin_client, task), task.pk
    task.delete()
    page = admin_client.post(url("change", pk), sent(window, prompt="My new words", first_frame_file=picture()))
    text = page.content.decode()
    assert "This draft was deleted meanwhile" in text
    assert "My new words" in text
    assert "Edit a copy with this text" in text


def test_who_may_not_add_sees_the_typed_text_and_no_button(person, make_task, admin_client):
    ann = person("view_videotask", "change_videotask")
    task = make_task()
    window = opened(ann, task)
    actions.enqueue(task, by=admin_client.user)
    text = post(ann, task, window, prompt="My new words").content.decode()
    assert "My new words" in text
    assert "Edit a copy" not in text


def test_who_may_not_change_is_refused(person, make_task):
    task = make_task("queued")
    assert post(person("view_videotask"), task, {"shown_model": FLASH}).status_code == 403


# Notes -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.fault("K1.two-tabs-on-notes")
def test_notes_of_two_windows_are_both_kept(admin_client, make_task):
    task = make_task("completed")
    task.video.save("v.mp4", ContentFile(b"x"), save=True)
    windows = [{"seen": opened(admin_client, task)["seen"]} for _window in range(2)]
    admin_client.post(url("change", task.pk), {"notes": "of the first", **windows[0]})
    page = admin_client.post(url("change", task.pk), {"notes": "of the second", **windows[1]})
    text = page.content.decode()
    assert page.status_code == 200
    assert "of the first" in text
    assert "of the second" in text
    assert VideoTask.objects.get(pk=task.pk).notes == "of the first"
    seen = html.unescape(re.search(r'name="seen" value="([^"]*)"', text)[1])
    assert admin_client.post(url("change", task.pk), {"notes": "of both", "seen": seen}).status_code == 302
    assert VideoTask.objects.get(pk=task.pk).notes == "of both"


def test_what_workers_write_is_no_conflict_for_notes(admin_client, make_task):
    task = make_task("processing")
    window = {"seen": opened(admin_client, task)["seen"]}
    VideoTask.objects.filter(pk=task.pk).update(progress=50, error_message="x")
    assert admin_client.post(url("change", task.pk), {"notes": "n", **window}).status_code == 302
    for _time in range(2):
        assert (
            admin_client.post(
                url("change", task.pk), {"notes": "twice", "seen": opened(admin_client, task)["seen"]}
            ).status_code
            == 302
        )
