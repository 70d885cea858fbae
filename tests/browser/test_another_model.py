"""A model of other inputs than today's: its form is made from the catalogue alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from django_wanvideo.catalog import wan
from django_wanvideo.catalog.inputs import InputSpec
from django_wanvideo.catalog.spec import ModelSpec
from django_wanvideo.catalog.wan import common
from django_wanvideo.catalog.wan.wan26 import AUDIO
from django_wanvideo.choices import InputRole
from django_wanvideo.models import VideoTask
from tests.browser.pictures import picture

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.person import Person

PICTURE = {"media": "image", "formats": ("JPEG", "PNG"), "max_bytes": 10_000_000, "min_side": 360, "max_side": 2000}
STUB = ModelSpec(
    id="stub-edit-video",
    label="A model of another kind",
    short_label="Stub",
    prompt=common.prompt(500, "text"),
    parameters=(common.duration(2, 15), common.quality()),
    inputs=(
        InputSpec(InputRole.FIRST_FRAME, "image_start", label="First frame", **PICTURE),
        InputSpec(InputRole.LAST_FRAME, "image_end", label="Last frame", **PICTURE),
        InputSpec(
            InputRole.REFERENCE_IMAGES, "image_urls", max_items=3, as_list=True, label="Reference pictures", **PICTURE
        ),
        InputSpec(
            InputRole.SOURCE_VIDEO,
            "video_url",
            media="video",
            formats=("MP4",),
            max_bytes=100_000_000,
            required=True,
            label="Source clip",
        ),
        AUDIO,
    ),
    price=common.price("2", "6"),
)
PASTE = """(target, [bytes, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "pasted.jpg", {type: "image/jpeg"}));
    if (text) data.setData("text/plain", text);
    const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
    return target.dispatchEvent(event);
}"""


@pytest.fixture
def page(maria: Person, monkeypatch: pytest.MonkeyPatch) -> Page:
    """The add page of the stub."""
    monkeypatch.setattr(wan, "MODELS", (*wan.MODELS, STUB))
    return maria.open("add", query=f"?model={STUB.id}")


def zone(page: Page, role: str) -> Locator:
    """The place where a picture can be dropped."""
    return page.locator(f"[data-wanvideo-field={role}_file] [data-wanvideo-drop]")


def paste(target: Locator, text: str = "") -> bool:
    """Paste a picture; returns whether the browser would go on and paste by itself."""
    return bool(target.evaluate(PASTE, [list(picture("fox").getvalue()), text]))


def test_each_input_has_its_own_words_and_only_what_is_optional_is_folded(page: Page) -> None:
    labels = " ".join(page.locator(".wv-form :is(label, summary)").all_text_contents())
    assert "%(" not in labels
    clip = page.get_by_role("group", name="Source clip")
    expect(clip).to_be_visible()
    assert clip.evaluate("field => field.closest('details')") is None
    expect(page.locator(".field-source_video_url label").first).to_have_class("required")
    for fold, field in (("Add reference pictures", "Reference pictures"), ("Add a sound", "Sound")):
        expect(page.get_by_role("group", name=field)).to_be_hidden()
        page.locator("summary", has_text=fold).click()
        expect(page.get_by_role("group", name=field)).to_be_visible()
    fields = [row.get_attribute("data-wanvideo-field") for row in page.locator("[data-wanvideo-field]").all()]
    assert fields.index("source_video_url") < fields.index("prompt") < fields.index("last_frame_file")


def test_paste_goes_to_place_with_focus_or_else(page: Page) -> None:
    """A paste goes to the place with the focus or else to the first empty one."""
    first, last, body = zone(page, "first_frame"), zone(page, "last_frame"), page.locator("body")
    page.locator("#id_last_frame_file").focus()
    assert not paste(body)
    expect(last.locator(".wv-drop-name")).to_have_text("pasted.jpg")
    expect(first.locator(".wv-drop-empty")).to_be_visible()
    page.locator("#id_duration").focus()
    assert not paste(body)
    expect(first.locator(".wv-drop-name")).to_have_text("pasted.jpg")
    assert paste(body), "With nothing empty and nothing chosen, a picture was replaced."


def test_words_that_come_with_picture_are_pasted(page: Page) -> None:
    """Words that come with a picture are pasted as words where words are written."""
    assert paste(page.locator("#id_prompt"), "copied from a table")
    expect(zone(page, "first_frame").locator(".wv-drop-empty")).to_be_visible()


def test_what_was_filled_in_becomes_a_task(page: Page) -> None:
    drawn = picture("fox")
    page.locator("#id_last_frame_file").set_input_files(
        {"name": "last.jpg", "mimeType": "image/jpeg", "buffer": drawn.getvalue()}
    )
    page.get_by_role("group", name="Source clip").get_by_role("button", name="Add a link").click()
    page.get_by_label("Source clip, Video 1").fill("https://files.example/clip.mp4")
    page.locator("summary", has_text="Add reference pictures").click()
    pictures = page.get_by_role("group", name="Reference pictures")
    for number, name in enumerate("ab", 1):
        pictures.get_by_role("button", name=re.compile("^Add .*link")).click()
        pictures.get_by_label(f"Image {number}", exact=False).first.fill(f"https://files.example/{name}.jpg")
    page.get_by_label("Prompt", exact=False).first.fill("The clip, but in snow")
    page.locator("[name=_save]").click()
    expect(page.locator("#result_list")).to_be_visible()
    task = VideoTask.objects.get()
    assert sorted(task.inputs.values_list("role", flat=True)) == [
        "last_frame",
        "reference_images",
        "reference_images",
        "source_video",
    ]
