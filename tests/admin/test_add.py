"""The add page: what is typed becomes a draft, what is wrong stands at its field, nothing typed is lost."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile

from django_wanvideo.models import VideoTask
from tests.admin.conftest import FLASH, add_data, hidden, url
from tests.pictures import picture


def errors_of(response):
    """Errors by field of a refused form."""
    return {name: list(errors) for name, errors in response.context["adminform"].form.errors.items()}


def test_the_page_offers_every_parameter_of_the_catalogue(admin_client):
    page = admin_client.get(url("add"))
    names = set(page.context["adminform"].form.fields)
    assert {"duration", "quality", "generate_audio", "prompt_extend", "shot_type", "prompt"} <= names
    assert {"first_frame_file", "first_frame_url", "audio_url", "notes", "metadata", "model"} <= names
    assert "Generate for about 11.9 credits" in page.content.decode()


def test_a_file_and_a_prompt_become_a_draft_of_the_person(admin_client, wakes):
    response = admin_client.post(url("add"), add_data(duration="3", notes="for spring"))
    task = VideoTask.objects.get()
    assert response.status_code == 302
    assert (task.status, task.owner, task.notes) == ("draft", admin_client.user, "for spring")
    assert task.parameters["duration"] == 3
    assert task.first_frame.width == 640
    assert LogEntry.objects.filter(object_id=str(task.pk), user=admin_client.user).count() == 1
    assert wakes == []


def test_a_link_instead_of_a_file_is_passed_on(admin_client):
    admin_client.post(url("add"), add_data(first_frame_file=None, first_frame_url="https://example.com/fox.jpg"))
    assert VideoTask.objects.get().first_frame.url == "https://example.com/fox.jpg"


def test_generate_sends_it_and_leads_to_its_page(admin_client, wakes, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        response = admin_client.post(url("add"), add_data(_save=None, _generate="1"))
    task = VideoTask.objects.get()
    assert response.url == url("change", task.pk)
    assert task.status == "queued"
    assert wakes == [("submit", str(task.pk))]


def test_all_problems_are_told_at_once_and_at_their_fields(admin_client):
    data = add_data(prompt="", duration="99", quality="4k", first_frame_file=picture(size=(100, 100)))
    response = admin_client.post(url("add"), data)
    errors = errors_of(response)
    assert set(errors) == {"prompt", "duration", "quality", "first_frame_file"}
    assert "15" in errors["duration"][0]
    assert VideoTask.objects.count() == 0


PROBLEMS = {
    "blank prompt": ({"prompt": "   "}, "prompt"),
    "long prompt": ({"prompt": "x" * 1501}, "prompt"),
    "too short": ({"duration": "1"}, "duration"),
    "half a second": ({"duration": "2.5"}, "duration"),
    "no duration": ({"duration": ""}, "duration"),
    "unknown quality": ({"quality": "4k"}, "quality"),
    "no picture": ({"first_frame_file": None}, "first_frame_file"),
    "small picture": ({"first_frame_file": picture(size=(359, 500))}, "first_frame_file"),
    "transparent picture": (
        {"first_frame_file": picture(kind="PNG", mode="RGBA", color=(0, 0, 0, 0))},
        "first_frame_file",
    ),
    "GIF": ({"first_frame_file": picture(kind="GIF")}, "first_frame_file"),
    "two pictures": ({"first_frame_url": "https://example.com/also.jpg"}, "first_frame_url"),
    "no web link": ({"first_frame_file": None, "first_frame_url": "ftp://example.com/x.jpg"}, "first_frame_url"),
    "shots without rewriting": ({"shot_type": "multi", "prompt_extend": None}, "shot_type"),
    "silent with a sound": ({"generate_audio": None, "audio_url": "https://example.com/a.mp3"}, "generate_audio"),
    "metadata is a list": ({"metadata": "[1]"}, "metadata"),
    "metadata is an empty list": ({"metadata": "[]"}, "metadata"),
    "metadata is no JSON": ({"metadata": "{"}, "metadata"),
}


@pytest.mark.parametrize(("changes", "field"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_problem_stands_at_its_field_and_nothing_is_saved(admin_client, changes, field):
    for value in changes.values():
        if hasattr(value, "seek"):
            value.seek(0)
    response = admin_client.post(url("add"), add_data(**changes))
    assert response.status_code == 200
    assert list(errors_of(response)) == [field]
    assert VideoTask.objects.count() == 0


def test_emoji_count_as_one_character_each(admin_client):
    assert admin_client.post(url("add"), add_data(prompt="🦊" * 1500)).status_code == 302
    assert VideoTask.objects.get().prompt == "🦊" * 1500


def test_shots_left_at_their_default_do_not_clash_with_rewriting_off(admin_client):
    assert admin_client.post(url("add"), add_data(prompt_extend=None)).status_code == 302
    assert VideoTask.objects.get().parameters == {
        "duration": 5,
        "quality": "720p",
        "generate_audio": True,
        "prompt_extend": False,
    }


def test_the_chosen_file_survives_a_refused_form(admin_client, django_capture_on_commit_callbacks):
    refused = admin_client.post(url("add"), add_data(prompt=""))
    token = hidden(refused, "first_frame_kept")
    assert token
    shown = admin_client.get(url("temporary_upload"), {"name": token})
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    with django_capture_on_commit_callbacks(execute=True):
        accepted = admin_client.post(url("add"), add_data(first_frame_file=None, first_frame_kept=token))
    assert accepted.status_code == 302
    assert VideoTask.objects.get().first_frame.width == 640
    assert admin_client.get(url("temporary_upload"), {"name": token}).status_code == 404


def test_a_kept_file_is_of_use_to_nobody_else(admin_client, person):
    token = hidden(admin_client.post(url("add"), add_data(prompt="")), "first_frame_kept")
    other = person("add_videotask", "view_videotask")
    assert other.get(url("temporary_upload"), {"name": token}).status_code == 404
    refused = other.post(url("add"), add_data(first_frame_file=None, first_frame_kept=token))
    assert list(errors_of(refused)) == ["first_frame_file"]


def test_everything_typed_is_still_there_after_a_refusal(admin_client):
    data = add_data(prompt="x" * 1501, duration="7", notes="keep me", metadata='{"sku": "X1"}', quality="1080p")
    page = admin_client.post(url("add"), data).content.decode()
    assert "x" * 1501 in page
    assert "keep me" in page
    assert "X1" in page
    assert 'value="7"' in page


def test_the_same_form_sent_twice_makes_and_sends_one_task(admin_client, wakes, django_capture_on_commit_callbacks):
    key = hidden(admin_client.get(url("add")), "idempotency_key")
    with django_capture_on_commit_callbacks(execute=True):
        first = admin_client.post(url("add"), add_data(_save=None, _generate="1", idempotency_key=key))
        second = admin_client.post(url("add"), add_data(_save=None, _generate="1", idempotency_key=key))
    assert VideoTask.objects.count() == 1
    assert first.url == second.url == url("change", VideoTask.objects.get().pk)
    assert len(wakes) == 1


def test_metadata_is_offered_to_superusers_only(admin_client, person):
    other = person("add_videotask", "view_videotask")
    assert "metadata" not in other.get(url("add")).context["adminform"].form.fields
    other.post(url("add"), add_data(metadata='{"sku": "X1"}'))
    assert VideoTask.objects.get().metadata == {}


def test_another_model_needs_no_form_code(admin_client):
    page = admin_client.get(url("add"), {"model": "wan2.6-text-to-video"})
    fields = page.context["adminform"].form.fields
    assert "aspect_ratio" in fields
    assert "first_frame_file" not in fields
    data = {"prompt": "Rain", "model": "wan2.6-text-to-video", "duration": "5", "quality": "720p"}
    response = admin_client.post(url("add"), {**data, "aspect_ratio": "9:16", "prompt_extend": "on", "_save": "1"})
    assert response.status_code == 302
    assert VideoTask.objects.get().parameters["aspect_ratio"] == "9:16"


def test_an_unknown_model_is_refused(admin_client):
    response = admin_client.post(url("add"), add_data(model="wan9"))
    assert list(errors_of(response)) == ["model"]


def test_a_page_has_no_inline_script_or_style(admin_client):
    page = admin_client.get(url("add")).content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", page)
    assert not re.search(r"\sstyle=|\son[a-z]+=", page)


def test_the_price_follows_the_settings(admin_client):
    def price(**data):
        return admin_client.get(url("price"), {"model": FLASH, **data}).json()

    assert price(duration="5", quality="720p", generate_audio="on")["credits"] == "11.9000"
    assert price(duration="15", quality="1080p", generate_audio="on")["credits"] == "59.6190"
    assert price(duration="5", quality="720p")["credits"] == "6.0000"
    assert price(duration="99", quality="720p")["known"] is False


def generate_button(page):
    return re.search(r'<button[^>]*name="_generate"[^>]*>', page.content.decode())[0]


def test_nothing_can_be_generated_before_its_price_is_known(admin_client):
    refused = admin_client.post(url("add"), add_data(duration="99"))
    assert "Price unknown just now" in refused.content.decode()
    assert " disabled" in generate_button(refused)
    assert " disabled" not in generate_button(admin_client.post(url("add"), add_data(prompt="")))
    assert " disabled" not in generate_button(admin_client.get(url("add")))


def test_a_kept_picture_is_described_like_one_that_was_just_chosen(admin_client):
    refused = admin_client.post(
        url("add"), add_data(prompt="", first_frame_file=picture(size=(800, 600), name="whale.jpg"))
    )
    present = refused.context["adminform"].form.fields["first_frame_file"].widget.present
    assert (present.name, present.width, present.height) == ("whale.jpg", 800, 600)
    assert present.size == picture(size=(800, 600)).size
    again = admin_client.post(url("add"), add_data(prompt="", first_frame_file=None, first_frame_kept=present.token))
    assert again.context["adminform"].form.fields["first_frame_file"].widget.present == present


def test_a_file_that_is_no_picture_is_not_kept(admin_client):
    refused = admin_client.post(
        url("add"), add_data(first_frame_file=SimpleUploadedFile("notes.jpg", b"no picture at all"))
    )
    assert refused.context["adminform"].form.fields["first_frame_file"].widget.present is None
    assert not hidden(refused, "first_frame_kept")


def test_the_picture_of_a_draft_is_shown_large_enough_to_judge_it(admin_client, make_task):
    frame = make_task().first_frame
    page = admin_client.get(url("change", frame.task_id)).content.decode()
    assert f'<img src="{frame.file.url}"' in page


@pytest.mark.parametrize(
    ("model", "title"), [(FLASH, "Animate a picture"), ("wan2.6-text-to-video", "Make a video from words")]
)
def test_the_title_says_what_the_model_does(admin_client, model, title):
    assert admin_client.get(url("add"), {"model": model}).context["title"] == title
