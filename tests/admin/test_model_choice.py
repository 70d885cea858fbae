"""Choosing another model: its settings are shown before anything is made of what was typed."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from django_wanvideo.models import VideoTask
from tests.admin.conftest import FLASH, add_data, hidden, url
from tests.pictures import picture

TEXT = "wan2.6-text-to-video"
IMAGE_26 = "wan2.6-image-to-video"
TEXT_25 = "wan2.5-text-to-video"
IMAGE_25 = "wan2.5-image-to-video"


def test_what_was_typed_for_one_model_is_not_sent_to_another_unseen(admin_client):
    data = add_data(model=TEXT, shown_model=FLASH, _save=None, _generate="1")
    page = admin_client.post(url("add"), data)
    assert page.status_code == 200
    assert "aspect_ratio" in page.context["adminform"].form.fields
    assert "errornote" not in page.content.decode()
    assert "A fox trots on" in page.content.decode()
    assert VideoTask.objects.count() == 0


def test_settings_that_are_new_stand_at_their_defaults(admin_client):
    data = {"model": FLASH, "shown_model": TEXT, "prompt": "x", "duration": "7", "quality": "1080p", "_model": "1"}
    form = admin_client.post(url("add"), data).context["adminform"].form
    assert form["generate_audio"].value() is True
    assert (form["duration"].value(), form["quality"].value()) == ("7", "1080p")


def test_the_picture_survives_a_model_that_takes_none(admin_client):
    there = admin_client.post(
        url("add"), add_data(model=TEXT, shown_model=FLASH, _model="1", first_frame_file=picture(name="fox.jpg"))
    )
    token = hidden(there, "first_frame_kept")
    assert token
    data = add_data(first_frame_file=None, first_frame_kept=token, shown_model=TEXT, _model="1")
    back = admin_client.post(url("add"), data)
    assert "Preview of fox.jpg" in back.content.decode()
    accepted = admin_client.post(url("add"), add_data(first_frame_file=None, first_frame_kept=token, shown_model=FLASH))
    assert accepted.status_code == 302


def test_a_draft_can_be_moved_to_another_model(admin_client, make_task):
    task = make_task()
    data = {"model": TEXT, "shown_model": TEXT, "prompt": "x", "duration": "5", "quality": "720p", "_save": "1"}
    page = admin_client.post(url("change", task.pk), data)
    task.refresh_from_db()
    assert (page.status_code, task.model) == (302, TEXT)


class Filled(HTMLParser):
    """What a browser sends of the task's form when its button is pressed; the last of two values with one name counts."""

    def __init__(self, response):
        super().__init__()
        #: All values of each name, and the last one.
        self.lists = {}
        self.data = {}
        self.area = self.select = None
        self.feed(response.content.decode())

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        name, kind = values.get("name"), values.get("type", "text")
        if tag == "textarea":
            self.area = name
            self.data[name] = ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and "selected" in values:
            self.data[self.select] = values["value"]
            self.lists[self.select] = [values["value"]]
        elif tag == "input" and name and (kind in {"text", "number", "url", "hidden"} or "checked" in values):
            self.data[name] = values.get("value", "on")
            self.lists.setdefault(name, []).append(self.data[name])

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.area = None
        elif tag == "select":
            self.select = None

    def handle_data(self, data):
        if self.area:
            # HTML drops the first line end of a text area.
            self.data[self.area] += data if self.data[self.area] else data.removeprefix("\n")
            self.lists[self.area] = [self.data[self.area]]


def switched(client, page, model, address=None, **changes):
    """Choose another model on a page, with or without having changed something first."""
    data = {**Filled(page).data, **changes, "model": model, "_model": "1"}
    return client.post(address or url("add"), {name: value for name, value in data.items() if value is not None})


def typed(page):
    """What stands in the fields of the form."""
    fields = page.context["adminform"].form.fields
    return {name: value for name, value in Filled(page).data.items() if name in fields}


TYPED = {
    "prompt": "A fox\ntrots on",
    "first_frame_url": "https://example.com/fox.jpg",
    "audio_url": "https://example.com/song.mp3",
    "duration": "7",
    "quality": "1080p",
    "shot_type": "multi",
    "notes": "for spring",
    "metadata": '{"sku": "X1"}',
}
WAYS = {
    "a model without sound": [IMAGE_25],
    "a model without a picture": [TEXT],
    "a model with less of all": [TEXT_25],
    "several models": [TEXT_25, IMAGE_26, IMAGE_25, TEXT],
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_comes_back_to_a_model_finds_what_was_typed(admin_client, way):
    page = switched(admin_client, admin_client.get(url("add")), FLASH, **TYPED)
    before = typed(page)
    assert before.items() >= TYPED.items()
    for model in [*WAYS[way], FLASH]:
        page = switched(admin_client, page, model)
        assert page.context["adminform"].form.spec.id == model
    assert typed(page) == before


@pytest.mark.parametrize("way", WAYS)
def test_a_silent_video_stays_silent_and_costs_what_it_cost(admin_client, way):
    page = switched(admin_client, admin_client.get(url("add")), FLASH, generate_audio=None, prompt_extend=None)
    assert not {"generate_audio", "prompt_extend"} & set(typed(page))
    for model in [*WAYS[way], FLASH]:
        page = switched(admin_client, page, model)
        assert page.context["adminform"].form["prompt_extend"].value() is False
    assert page.context["adminform"].form["generate_audio"].value() is False
    assert "Generate for about 6 credits" in page.content.decode()


def test_what_waits_for_its_model_outlives_a_refusal_too(admin_client):
    page = switched(admin_client, admin_client.get(url("add")), FLASH, **TYPED, generate_audio=None)
    page = switched(admin_client, page, TEXT_25)
    refused = admin_client.post(url("add"), {**Filled(page).data, "prompt": "", "_save": "1"})
    assert list(refused.context["adminform"].form.errors) == ["prompt"]
    back = typed(switched(admin_client, refused, FLASH, prompt=TYPED["prompt"]))
    assert back.items() >= TYPED.items()
    assert "generate_audio" not in back


def test_what_waits_for_its_model_is_no_part_of_another(admin_client):
    page = switched(admin_client, switched(admin_client, admin_client.get(url("add")), FLASH, **TYPED), TEXT_25)
    assert admin_client.post(url("add"), {**Filled(page).data, "_save": "1"}).status_code == 302
    task = VideoTask.objects.get()
    assert task.parameters == {"duration": 5, "quality": "1080p", "aspect_ratio": "16:9", "prompt_extend": True}
    assert task.inputs.count() == 0


def test_value_that_other_model_does_not_have_stands(admin_client):
    """A value that the other model does not have stands at its default and comes back."""
    page = switched(admin_client, switched(admin_client, admin_client.get(url("add")), FLASH, duration="7"), IMAGE_25)
    assert typed(page)["duration"] == "5"
    assert "Price unknown" not in page.content.decode().split('id="id_price"')[1].split("<strong>")[1]
    assert typed(switched(admin_client, page, FLASH))["duration"] == "7"


def test_what_is_chosen_meanwhile_counts_more_than_what_stood_there_before(admin_client):
    page = switched(admin_client, switched(admin_client, admin_client.get(url("add")), FLASH, duration="7"), IMAGE_25)
    page = switched(admin_client, page, FLASH, duration="10")
    assert typed(page)["duration"] == "10"
    assert typed(switched(admin_client, switched(admin_client, page, IMAGE_25), FLASH))["duration"] == "10"


def test_a_draft_that_has_a_sound_finds_it_again(admin_client, make_task):
    task = make_task()
    admin_client.post(
        url("change", task.pk), add_data(first_frame_file=None, audio_url=TYPED["audio_url"], shot_type="multi")
    )
    page = admin_client.get(url("change", task.pk))
    before = typed(page)
    for model in (IMAGE_25, TEXT, FLASH):
        page = switched(admin_client, page, model, url("change", task.pk))
    assert typed(page) == before
    assert "the present picture" in page.content.decode()
    admin_client.post(url("change", task.pk), {**Filled(page).data, "_save": "1"})
    assert sorted(task.inputs.values_list("role", flat=True)) == ["audio", "first_frame"]
