"""From what one has and wants to a video: cards, models side by side, and the form of the one that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from django_wanvideo.models import VideoTask
from tests.browser.pictures import picture
from tests.clips import silence

if TYPE_CHECKING:
    from tests.browser.person import Person

LONG = 40_000


@pytest.mark.usefixtures("workers")
def test_from_a_card_to_a_video(maria: Person, site) -> None:
    page = maria.open("add")
    page.get_by_role("link", name="Other ways to make a video").click()
    go_on = page.locator("[name=_continue]")
    expect(go_on).to_have_text("Continue with Wan 2.6 Flash")
    maria.mark()
    page.get_by_role("radio", name="Animate a picture").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="Models for “From words”, cheapest first")).to_be_visible()
    expect(go_on).to_have_text("Continue with Wan 2.6 text to video")
    page.get_by_role("radio", name="Wan 3.0 text to video").check()
    expect(go_on).to_have_text("Continue with Wan 3.0 text to video")
    expect(page.locator("td.is-chosen").first).to_contain_text("25.50")
    assert maria.is_marked(), "The page was loaded anew."
    go_on.click()
    expect(page.get_by_role("heading", name="Make a video from words")).to_be_visible()
    page.get_by_label("Prompt", exact=False).first.fill("Rain on a lake [seconds:2]")
    page.get_by_role("button", name="Generate for about 25.5 credits").click()
    expect(page.locator("video")).to_be_visible(timeout=LONG)
    task = VideoTask.objects.get()
    assert (task.model, task.status) == ("wan3.0-text-to-video", "completed")
    site.assert_charged_once()


def test_the_form_follows_another_model_and_keeps_what_still_applies(maria: Person) -> None:
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    page.locator("#id_duration").fill("7")
    page.locator("summary", has_text="Add a sound").click()
    page.get_by_role("group", name="Sound").get_by_role("button", name="Add a link").click()
    page.get_by_label("Sound, Audio 1", exact=False).fill("https://files.example/song.mp3")
    maria.mark()
    model = page.locator("#id_model")
    model.focus()
    model.select_option("wan3.0-image-to-video")
    expect(page.get_by_role("group", name="Last frame")).to_have_count(0)
    expect(page.locator("#id_last_frame_file")).to_have_count(1)
    expect(page.locator("#id_seed")).to_be_visible()
    expect(page.locator(".field-first_frame_file .wv-drop-name")).to_have_text("fox.jpg")
    expect(page.locator("#id_prompt")).to_have_value("A fox trots on")
    expect(page.locator(".wv-price strong")).to_contain_text("7 s × 5.10 = 35.70")
    expect(model).to_be_focused()
    # What was put in anew is alive as well.
    page.locator("#id_duration").fill("10")
    expect(page.locator(".wv-price strong")).to_contain_text("10 s × 5.10 = 51.00")
    model.select_option("wan2.6-image-to-video-flash")
    expect(page.get_by_label("Sound, Audio 1", exact=False)).to_have_value("https://files.example/song.mp3")
    expect(page.locator("#id_duration_slider")).to_be_visible()
    assert maria.is_marked(), "The page was loaded anew."
    page.locator("[name=_save]").click()
    expect(page.locator("#result_list")).to_be_visible()
    task = VideoTask.objects.get()
    assert sorted(task.inputs.values_list("role", flat=True)) == ["audio", "first_frame"]
    assert task.parameters["duration"] == 10


def test_pictures_are_put_in_order_and_a_sound_is_cut_with_the_keyboard(maria: Person, settings: Any) -> None:
    settings.WANVIDEO = {**settings.WANVIDEO, "PUBLIC_MEDIA_BASE_URL": "https://media.example"}
    page = maria.open("add", query="?model=wan2.7-reference-video")
    page.locator("summary", has_text="Add reference pictures").click()
    maria.mark()
    drawn = [picture(name) for name in ("fox", "cup")]
    files = [{"name": file.name, "mimeType": "image/jpeg", "buffer": file.getvalue()} for file in drawn]
    page.locator("#id_reference_images_url_files").set_input_files(files)
    group = page.get_by_role("group", name="Reference pictures")
    expect(group.locator("img")).to_have_count(2)
    group.get_by_role("button", name="Add another link").focus()
    page.keyboard.press("Enter")
    written = page.get_by_label("Image 3: address", exact=False)
    expect(written).to_be_focused()
    page.keyboard.type("https://files.example/firs.jpg")
    group.get_by_role("button", name="Move up Image 3").focus()
    page.keyboard.press("Enter")
    up = group.get_by_role("button", name="Move up Image 2")
    expect(up).to_be_focused()
    page.keyboard.press("Enter")
    expect(group.get_by_role("button", name="Remove Image 1")).to_be_focused()
    expect(page.get_by_label("Image 1: address", exact=False)).to_have_value("https://files.example/firs.jpg")
    group.get_by_role("button", name="Remove Image 2").press("Enter")
    expect(group.locator("li")).to_have_count(2)
    expect(group.locator("li").last).to_contain_text("cup.jpg")
    page.locator("summary", has_text="Add voices").click()
    voice = {"name": "voice.wav", "mimeType": "audio/wav", "buffer": silence(14)}
    page.locator("#id_voices_url_files").set_input_files(voice)
    heard = page.get_by_role("group", name="Voices")
    expect(heard.locator("li")).to_contain_text("14 s")
    heard.get_by_role("button", name="Use its first 10 seconds, Audio 1").press("Enter")
    expect(heard.locator("li")).to_contain_text("WAV · 9.9")
    expect(heard.get_by_role("button", name="Remove Audio 1")).to_be_focused()
    expect(heard.get_by_role("button", name="Use its first")).to_have_count(0)
    assert maria.is_marked(), "The page was loaded anew."
    page.get_by_label("Prompt", exact=False).first.fill("Image 1 and Image 2")
    page.locator("[name=_save]").click()
    expect(page.locator("#result_list")).to_be_visible()
    items = VideoTask.objects.get().inputs.filter(role="reference_images").order_by("position")
    assert [bool(item.url) for item in items] == [True, False]
