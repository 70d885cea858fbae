"""The form: what it counts, what it keeps, how it says what is wrong, and prompts of every script."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from django_wanvideo.models import VideoTask
from tests.browser.person import address
from tests.browser.pictures import picture
from tests.catalog.phone import photo, scene
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.person import Person

ARABIC = "قافلة من الجمال تعبر الكثبان الرملية عند الغروب"
EMOJI = "🦊 ein Fuchs 🌲🌲 läuft durch den Wald 👩‍👩‍👧 🎬"


def send_whatever_it_is(maria: Person, button: str = "_save") -> None:
    """Send the form past the browser's own checks, as a browser without them would."""
    maria.page.locator("form#videotask_form").evaluate("form => { form.noValidate = true; }")
    maria.page.locator(f"[name={button}]").click()


def test_what_the_server_refuses_stands_at_its_field_and_nothing_is_lost(maria: Person) -> None:
    page = maria.open("add")
    maria.fill_in("x" * 1501, scene="sailboat")
    page.locator("#id_duration").fill("99")
    page.get_by_label("1080p").check()
    page.locator("details.wv-more summary, .wv-rest summary").last.click()
    page.get_by_label("Notes:").fill("for the autumn sale")
    send_whatever_it_is(maria)

    expect(page.locator(".errornote")).to_be_focused()
    expect(page.locator(".field-prompt .errorlist")).to_contain_text("1500")
    expect(page.locator(".field-duration .errorlist")).to_be_visible()
    prompt = page.locator("#id_prompt")
    assert "id_prompt_error" in (prompt.get_attribute("aria-describedby") or "")
    expect(prompt).to_have_value("x" * 1501)
    expect(page.locator("#id_duration")).to_have_value("99")
    expect(page.get_by_label("1080p")).to_be_checked()
    expect(page.get_by_label("Notes:")).to_have_value("for the autumn sale")
    expect(page.locator(".wv-drop-name")).to_have_text("sailboat.jpg")
    shown = page.locator(".wv-drop-picture img")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1280

    prompt.fill("The sailboat heels in a gust")
    page.locator("#id_duration").fill("4")
    page.locator("[name=_save]").click()
    expect(page.locator("#result_list")).to_be_visible()
    task = VideoTask.objects.get()
    assert task.first_frame is not None
    assert (task.first_frame.width, task.parameters["quality"], task.notes) == (1280, "1080p", "for the autumn sale")


def test_a_picture_that_does_not_fit_is_told_before_and_after_sending(maria: Person) -> None:
    page = maria.open("add")
    small = picture("cup", (200, 120))
    page.locator("#id_first_frame_file").set_input_files(
        {"name": "tiny.jpg", "mimeType": "image/jpeg", "buffer": small.getvalue()}
    )
    expect(page.locator(".wv-drop-fit.is-failed")).to_contain_text("200 × 120 px")
    expect(page.locator(".wv-drop-fit")).to_contain_text("Too small")
    zone = page.locator("[data-wanvideo-drop]")
    edge = zone.evaluate("zone => getComputedStyle(zone).borderTopColor")
    page.get_by_role("button", name="Remove").click()
    assert zone.evaluate("zone => getComputedStyle(zone).borderTopColor") != edge, (
        "A bad picture has no edge of its own."
    )
    page.locator("#id_first_frame_file").set_input_files(
        {"name": "tiny.jpg", "mimeType": "image/jpeg", "buffer": small.getvalue()}
    )
    expect(zone).to_have_class(re.compile("is-failed"))
    page.get_by_label("Prompt", exact=False).first.fill("A cup")
    send_whatever_it_is(maria)
    expect(page.locator(".field-first_frame_file .errorlist")).to_contain_text("200")
    assert not VideoTask.objects.exists()


@pytest.mark.fault("K9.phone-photos-are-refused")
def test_the_form_says_what_will_be_sent_of_a_photo_of_a_phone(maria: Person, tmp_path: Path) -> None:
    page = maria.open("add")

    def choose(name: str, kind: str, content: bytes) -> None:
        page.locator("#id_first_frame_file").set_input_files({"name": name, "mimeType": kind, "buffer": content})

    choose("large.jpg", "image/jpeg", photo(6, size=(4032, 3024)).getvalue())
    fit = page.locator(".wv-drop-fit.is-good")
    expect(fit).to_contain_text("4032 × 3024 px")
    expect(fit).to_contain_text("It will be sent as 2000 × 1500 JPEG.")
    choose("long.jpg", "image/jpeg", photo(1, size=(4000, 500)).getvalue())
    expect(page.locator(".wv-drop-fit.is-failed")).to_contain_text("one side is too long")
    for name, color, verdict in (("opaque", (9, 9, 9, 255), "is-good"), ("transparent", (9, 9, 9, 0), "is-failed")):
        target = io.BytesIO()
        Image.new("RGBA", (800, 600), color).save(target, "PNG")
        choose(f"{name}.png", "image/png", target.getvalue())
        expect(page.locator(f".wv-drop-fit.{verdict}")).to_contain_text("800 × 600 px")
    target = io.BytesIO()
    scene().save(target, "TIFF")
    choose("scan.tif", "image/tiff", target.getvalue())
    expect(page.locator(".wv-drop-fit")).to_contain_text("It will be sent as JPEG.")
    expect(page.locator(".wv-drop-fit.is-failed")).to_have_count(0)

    choose("large.jpg", "image/jpeg", photo(6, size=(4032, 3024)).getvalue())
    page.get_by_label("Prompt", exact=False).first.fill("A sail")
    page.screenshot(path=tmp_path / "add.png", full_page=True)
    page.locator("[name=_save]").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    task = VideoTask.objects.get()
    assert task.first_frame is not None
    assert task.first_frame.sent_size == (2000, 1500)
    page.locator("#result_list tbody tr th a, #result_list tbody tr td.field-task a").first.click()
    expect(page.locator(".wv-drop-fit")).to_contain_text("It will be sent as 2000 × 1500 JPEG.")


def test_a_picture_can_be_dropped_pasted_and_removed(maria: Person) -> None:
    page = maria.open("add")
    drawn = list(picture("fox").getvalue())
    page.locator("[data-wanvideo-drop]").evaluate(
        """(zone, bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", {type: "image/jpeg"}));
            zone.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        drawn,
    )
    expect(page.locator(".wv-drop-name")).to_have_text("dropped.jpg")
    expect(page.locator(".wv-drop-fit.is-good")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".wv-drop-empty")).to_be_visible()
    page.locator("body").evaluate(
        """(body, bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "pasted.jpg", {type: "image/jpeg"}));
            body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
        }""",
        drawn,
    )
    expect(page.locator(".wv-drop-name")).to_have_text("pasted.jpg")
    expect(page.locator("canvas")).to_be_visible()


@pytest.mark.parametrize(
    ("prompt", "count", "direction"),
    [
        ("Slow zoom. " * 136 + "End.", "1500", "ltr"),
        (ARABIC, "47", "rtl"),
        (EMOJI, "43", "ltr"),
    ],
    ids=["1500 characters", "right to left", "emoji"],
)
def test_prompts_of_every_kind_are_counted_as_server(maria: Person, prompt: str, count: str, direction: str) -> None:
    """Prompts of every kind are counted as the server counts and shown whole."""
    page = maria.open("add")
    maria.fill_in(prompt)
    expect(page.locator("[data-wanvideo-length]")).to_have_text(count)
    page.locator("[name=_save]").click()
    row = page.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    assert row.locator(".wv-clip").evaluate("clip => getComputedStyle(clip).direction") == direction
    assert row.bounding_box()["height"] < 100, "A long prompt makes the row high."
    assert maria.is_wider_than_screen() == 0
    task = VideoTask.objects.get()
    assert task.prompt == prompt
    assert len(prompt) == int(count)
    VideoTask.objects.update(status="cancelled")
    maria.open("change", task.pk)
    shown = page.locator("p.wv-prompt").first
    expect(shown).to_have_text(prompt)
    assert shown.evaluate("text => getComputedStyle(text).direction") == direction
    assert maria.is_wider_than_screen() == 0


@pytest.mark.fault("K9.normalising")
def test_characters_that_nobody_sees_are_not_counted(maria: Person) -> None:
    page = maria.open("add")
    maria.fill_in("\u00a0\ufeff A\u200b cat\r\nwalks \x85\n")
    expect(page.locator("[data-wanvideo-length]")).to_have_text("11")
    page.locator("[name=_save]").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    assert VideoTask.objects.get().prompt == "A cat\nwalks"


def test_the_price_follows_the_settings(maria: Person) -> None:
    page = maria.open("add")
    button = page.locator("[name=_generate]")
    expect(button).to_have_text("Generate for about 11.9 credits")
    page.locator("#id_duration").fill("10")
    expect(page.locator("#id_duration_slider")).to_have_value("10")
    expect(button).to_have_text("Generate for about 23.8 credits")
    page.locator("#id_duration_slider").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#id_duration")).to_have_value("9")
    expect(button).not_to_have_text("Generate for about 23.8 credits")
    expect(page.locator(".wv-price")).to_contain_text("Price list of")


def test_slow_price_keeps_old_one_and_broken(maria: Person) -> None:
    """A slow price keeps the old one and a broken one leaves only the draft."""
    page = maria.open("add")
    held: list = []
    page.route(re.compile(r"/price/"), lambda route: held.append(route))  # noqa: PLW0108 - Playwright cannot mark a built-in method
    page.locator("#id_duration").fill("10")
    price, button = page.locator(".wv-price"), page.locator("[name=_generate]")
    expect(price).to_have_class(re.compile("is-asking"))
    expect(price).to_contain_text("11.9")
    expect(button).to_have_text("Generate for about 11.9 credits")
    wait_until(lambda: held or page.wait_for_timeout(50), "the question about the price")
    held.pop().continue_()
    expect(button).to_have_text("Generate for about 23.8 credits")
    expect(price).not_to_have_class(re.compile("is-asking"))

    maria.expected.append("ERR_FAILED")
    page.unroute(re.compile(r"/price/"))
    page.route(re.compile(r"/price/"), lambda route: route.abort())
    page.locator("#id_duration").fill("12")
    expect(price).to_contain_text("Price unknown just now")
    expect(button).to_be_disabled()
    expect(page.get_by_role("button", name="Save draft")).to_be_enabled()


def test_rules_between_settings_are_told_as_they_apply(maria: Person) -> None:
    page = maria.open("add")
    rewriting = page.get_by_label("rewrit", exact=False).first
    rule = page.locator("#id_shot_type_rule")
    rewriting.uncheck()
    expect(rule).to_be_visible()
    rewriting.check()
    expect(rule).not_to_have_class(re.compile("is-warning"))


def test_takes_become_drafts_and_are_linked_both_ways(maria: Person) -> None:
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    page.locator("[name=_save]").click()
    expect(page.locator(".messagelist")).to_be_visible()
    original = VideoTask.objects.get()
    VideoTask.objects.update(status="cancelled")
    maria.open("change", original.pk)
    page.get_by_role("link", name="More like this…").click()
    page.get_by_label("With the same prompt").fill("0")
    page.locator("textarea").fill("A fox sleeps\nA fox jumps\n\n")
    page.get_by_role("button", name="Save as drafts").click()
    expect(page.locator(".messagelist")).to_contain_text("2 drafts were made.")
    expect(page.locator(".wv-take")).to_have_count(3)
    assert set(original.children.values_list("prompt", "status")) == {
        ("A fox sleeps", "draft"),
        ("A fox jumps", "draft"),
    }
    maria.open("change", original.pk)
    expect(page.locator(".wv-related").get_by_role("link", name="A fox jumps")).to_be_visible()
    assert page.url.endswith(address("change", original.pk))
