"""Presets are filled into the form of a new task, kept from it, and changed by those whose they are."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from django_wanvideo.models import Preset, VideoTask
from tests.admin.conftest import FLASH, add_data, hidden, picture, url

TEXT_MODEL = "wan2.6-text-to-video"


@pytest.fixture
def maker(person):
    """Somebody who makes videos and keeps presets of their own."""
    return person("view_videotask", "add_videotask", "change_videotask", "add_preset", "change_preset", "delete_preset")


def preset(name="Slow push-in", **columns):
    values = {"model": FLASH, "prompt": "Push in", "parameters": {"duration": 8, "prompt_extend": False}}
    return Preset.objects.create(name=name, **values | columns)


def page(name, *args):
    return reverse(f"admin:wanvideo_preset_{name}", args=args)


def values(response):
    """What the form of a page shows of its prompt, length and tick boxes."""
    form = response.context["adminform"].form
    return {name: form[name].value() for name in ("prompt", "duration", "prompt_extend", "generate_audio")}


def test_an_address_fills_the_form(maker):
    preset(is_shared=True)
    response = maker.get(url("add"), {"preset": "slow-push-in"})
    shown = values(response)
    assert (shown["prompt"], shown["duration"], shown["prompt_extend"]) == ("Push in", 8, False)
    assert '<option value="slow-push-in" selected>' in response.content.decode()
    assert "Filled in: Prompt, " in response.content.decode()


def test_an_address_chooses_the_presets_model(maker):
    preset(is_shared=True, model=TEXT_MODEL, parameters={})
    response = maker.get(url("add"), {"preset": "slow-push-in"})
    assert response.context["adminform"].form.spec.id == TEXT_MODEL
    other = maker.get(url("add"), {"preset": "slow-push-in", "model": FLASH})
    assert other.context["adminform"].form.spec.id == FLASH


def test_the_button_fills_in_a_preset_and_loses_nothing(maker):
    """The button fills in what a preset says and loses neither picture nor notes."""
    preset(is_shared=True)
    data = add_data(preset="slow-push-in", _preset="1", _save=None, notes="for the shop", quality="1080p")
    response = maker.post(url("add"), data)
    form = response.context["adminform"].form
    assert values(response)["duration"] == "8"
    assert values(response)["prompt"] == "Push in"
    assert (form["notes"].value(), form["quality"].value()) == ("for the shop", "1080p")
    assert hidden(response, "first_frame_kept")
    assert not VideoTask.objects.exists()


def test_the_button_also_changes_to_the_presets_model(maker):
    preset(is_shared=True, model=TEXT_MODEL, parameters={"duration": 10})
    response = maker.post(url("add"), add_data(preset="slow-push-in", _preset="1", _save=None, shown_model=FLASH))
    form = response.context["adminform"].form
    assert (form.spec.id, form["model"].value(), form["duration"].value()) == (TEXT_MODEL, TEXT_MODEL, "10")


@pytest.mark.parametrize("slug", ["", "nothing-there"])
def test_using_no_preset_makes_nothing_and_loses_nothing(maker, slug):
    response = maker.post(url("add"), add_data(preset=slug, _preset="1", _save=None))
    assert values(response)["prompt"] == "A fox trots on"
    assert not VideoTask.objects.exists()


def test_what_was_changed_since_is_said(maker):
    preset(is_shared=True)
    data = add_data(preset="slow-push-in", prompt="Push in", duration="5", prompt_extend=None, first_frame_file=None)
    text = maker.post(url("add"), data).content.decode()
    assert re.search(r"You have changed since: \w+\.", text)


def test_the_name_of_the_picture_is_filled_into_the_prompt_of_a_preset(maker):
    preset(is_shared=True, prompt="Push in on {name}")
    data = add_data(preset="slow-push-in", prompt="Go to {name}", first_frame_file=picture(name="red fox.jpg"))
    assert maker.post(url("add"), data).status_code == 302
    assert VideoTask.objects.get().prompt == "Go to red fox"


def test_braces_stay_braces_without_a_preset(maker):
    maker.post(url("add"), add_data(prompt="Go to {name}"))
    assert VideoTask.objects.get().prompt == "Go to {name}"


def test_a_preset_is_kept_from_the_form_and_nothing_is_made(maker):
    data = add_data(_save_preset="1", _save=None, preset_name="Trot, slow", preset_for="me", duration="7")
    response = maker.post(url("add"), data)
    kept = Preset.objects.get()
    assert (kept.name, kept.slug, kept.owner, kept.is_shared) == ("Trot, slow", "trot-slow", maker.user, False)
    assert (kept.model, kept.prompt, kept.parameters["duration"]) == (FLASH, "A fox trots on", 7)
    assert "was saved" in response.content.decode()
    assert '<option value="trot-slow" selected>' in response.content.decode()
    assert hidden(response, "first_frame_kept")
    assert not VideoTask.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"preset_name": ""}, "Give the preset a name."),
        ({"preset_name": "slow push-in"}, "There is a preset of this name already."),
        ({"preset_for": "all"}, "You may not share presets."),
        ({"duration": "99"}, "15"),
        ({"prompt": "{name"}, "A brace is opened"),
    ],
)
def test_what_is_wrong_with_a_preset_is_said_where_it_is_kept(maker, changes, words):
    preset(owner=maker.user)
    data = add_data(_save_preset="1", _save=None, preset_name="New", preset_for="me")
    response = maker.post(url("add"), data | changes)
    assert words in response.content.decode()
    assert Preset.objects.count() == 1
    assert not VideoTask.objects.exists()


def test_sharing_needs_a_permission(person):
    client = person("view_videotask", "add_videotask", "add_preset", "share_preset")
    data = add_data(_save_preset="1", _save=None, preset_name="New", preset_for="all")
    client.post(url("add"), data)
    assert Preset.objects.get().is_shared


def test_who_may_not_keep_presets_is_not_offered_to_and_cannot(person):
    client = person("view_videotask", "add_videotask")
    assert "Save as preset" not in client.get(url("add")).content.decode()
    client.post(url("add"), add_data(_save_preset="1", _save=None, preset_name="New"))
    assert not Preset.objects.exists()
    assert not VideoTask.objects.exists()


def test_others_presets_are_neither_listed_nor_offered_nor_opened(maker, person):
    others = preset("Bobs own", owner=person(name="bob").user)
    shared = preset("For all", is_shared=True)
    assert "Bobs own" not in maker.get(url("add"), {"preset": others.slug}).content.decode()
    listed = maker.get(page("changelist")).content.decode()
    assert ("For all" in listed, "Bobs own" in listed) == (True, False)
    assert maker.get(page("change", others.pk)).status_code == 302
    # A shared one is seen, and changed by those who may share only.
    assert maker.post(page("change", shared.pk), {"name": "Mine"}).status_code == 403
    assert maker.post(page("delete", shared.pk), {"post": "yes"}).status_code == 403


def test_ones_own_is_changed_with_its_models_settings(maker):
    own = preset(owner=maker.user)
    assert maker.get(page("change", own.pk)).status_code == 200
    data = {"name": "Renamed", "slug": "renamed", "is_shared": "on", "prompt": "Pull out", "duration": "9"}
    data |= {"quality": "720p", "shot_type": "single", "generate_audio": "on"}
    response = maker.post(page("change", own.pk), data)
    assert response.status_code == 302, response.context["errors"]
    own.refresh_from_db()
    assert (own.name, own.slug, own.prompt, own.is_shared) == ("Renamed", "renamed", "Pull out", False)
    assert (own.parameters["duration"], own.parameters["prompt_extend"]) == (9, False)
    response = maker.post(page("change", own.pk), data | {"duration": "99", "prompt": "{"})
    assert set(response.context["adminform"].form.errors) == {"duration", "prompt"} or response.context["errors"]


def test_new_ones_are_kept_from_the_form_of_a_video(maker):
    response = maker.get(page("add"))
    assert response.url == f"{url('add')}?save_preset=1"
    assert '<details class="wv-save" open>' in maker.get(response.url).content.decode()


def test_a_preset_whose_model_is_gone_can_still_be_renamed(maker):
    own = preset(owner=maker.user, model="wan1")
    assert maker.get(page("change", own.pk)).status_code == 200
    assert maker.get(url("add"), {"preset": own.slug}).status_code == 200
