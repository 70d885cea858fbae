"""Presets in a browser: choosing one fills in the form at once and keeps the picture; keeping one makes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from django_wanvideo.models import Preset, VideoTask
from tests.factories import MODEL

if TYPE_CHECKING:
    from tests.browser.person import Person


def test_choosing_a_preset_fills_in_the_form_and_keeps_the_picture(maria: Person) -> None:
    values = {"model": MODEL, "prompt": "Push in on {name}", "parameters": {"duration": 8}}
    Preset.objects.create(name="Push in", is_shared=True, **values)
    page = maria.open("add")
    maria.fill_in("Something else", scene="sailboat")
    expect(page.get_by_role("button", name="Use preset")).to_be_hidden()
    page.get_by_label("Preset", exact=True).select_option("Push in")
    expect(page.locator("#id_prompt")).to_have_value("Push in on {name}")
    expect(page.locator("#id_duration")).to_have_value("8")
    expect(page.locator(".wv-drop-name")).to_have_text("sailboat.jpg")
    expect(page.locator("#id_preset_state")).to_contain_text("Filled in: Prompt")
    page.locator("[name=_save]").click()
    expect(page.locator("#result_list")).to_be_visible()
    task = VideoTask.objects.get()
    assert (task.prompt, task.parameters["duration"]) == ("Push in on sailboat", 8)


def test_a_preset_is_kept_from_the_form_which_stays_as_it_is(maria: Person) -> None:
    page = maria.open("add")
    maria.fill_in("A fox trots on", scene="fox", duration="7")
    page.get_by_text("Save as preset").click()
    page.get_by_role("button", name="Save preset").click()
    expect(page.get_by_text("Give the preset a name.")).to_be_visible()
    page.get_by_label("Name:").fill("Trot")
    page.get_by_role("button", name="Save preset").click()
    expect(page.locator(".messagelist")).to_contain_text("Trot")
    expect(page.locator(".wv-drop-name")).to_have_text("fox.jpg")
    assert Preset.objects.get().parameters["duration"] == 7
    # The key for Enter in a field does nothing to what was typed.
    page.locator("#id_prompt").fill("Another wish")
    page.locator("#id_duration").press("Enter")
    expect(page.locator("#id_prompt")).to_have_value("Another wish")
    assert not VideoTask.objects.exists()
