"""Many videos at once: pictures that survive a reload, the ZIP way without JavaScript, and how both pages look."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from django_wanvideo.choices import BatchState
from django_wanvideo.models import Batch, VideoTask
from django_wanvideo.testing import run_pending
from tests.admin.batches.forms import LINK, table
from tests.browser import axe
from tests.browser.pictures import SCENES, picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import FilePayload, Page, Route

    from tests.browser.person import Person

SMALL = (640, 384)


def add_page(person: Person, query: str = "") -> Page:
    """Open the page."""
    person.page.goto(reverse("admin:wanvideo_batch_add") + query)
    return person.page


def payloads(*scenes: str, size: tuple[int, int] = SMALL) -> list[FilePayload]:
    """Pictures as a browser takes them from a folder."""
    drawn = [picture(scene, size) for scene in scenes]
    return [{"name": item.name, "mimeType": "image/jpeg", "buffer": item.getvalue()} for item in drawn]


def archive(*scenes: str) -> FilePayload:
    """A ZIP file with pictures."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        for scene in scenes:
            packed.writestr(f"{scene}.jpg", picture(scene, SMALL).getvalue())
    return {"name": "cards.zip", "mimeType": "application/zip", "buffer": target.getvalue()}


def test_pictures_go_on_after_a_reload_as_one_draft_each(maria: Person) -> None:
    """Pictures go on where they were after a reload, and each becomes one draft."""
    page = add_page(maria)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if "/files/" in request.url else None)
    page.locator("#id_pictures").set_input_files(payloads("fox", "cup"))
    expect(page.locator(".wv-given").first).to_contain_text("2 pictures")
    expect(page.get_by_role("button", name="Check", exact=True)).to_be_enabled()
    expect(page.locator("#id_price strong")).to_contain_text("2 × 11.90")

    page.reload()
    expect(page.locator(".wv-given").first).to_contain_text("2 pictures")
    sent.clear()
    page.locator("#id_pictures").set_input_files(payloads("fox", "cup", "dunes"))
    expect(page.locator(".wv-given").first).to_contain_text("3 pictures")
    assert sent == ["GET", "POST"]

    page.get_by_label("Prompt for all").fill("A slow look at {name}")
    expect(page.locator("#id_prompt_filled mark")).to_have_text("fox")
    expect(page.get_by_role("button", name="Check", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_role("heading", name="3 of 3 videos can be made")).to_be_visible()
    expect(page.get_by_text("A slow look at fox")).to_be_visible()
    assert not VideoTask.objects.exists()
    page.get_by_role("button", name="Save 3 drafts").click()
    expect(page.locator(".messagelist")).to_contain_text("3 drafts are made")
    run_pending()
    assert sorted(VideoTask.objects.values_list("prompt", flat=True)) == [
        f"A slow look at {name}" for name in ("cup", "dunes", "fox")
    ]
    page.go_back()
    expect(page.locator(".messagelist")).to_contain_text("nothing was made a second time")
    assert VideoTask.objects.count() == 3


def test_a_site_that_does_not_answer_for_a_moment_costs_no_picture(maria: Person) -> None:
    page = add_page(maria)
    maria.expected.append("ERR_FAILED|Failed to load")
    turns = iter([True])

    def interrupt(route: Route) -> None:
        if route.request.method == "POST" and next(turns, False):
            route.abort()
        else:
            route.continue_()

    page.route(re.compile("/files/"), interrupt)
    page.locator("#id_pictures").set_input_files(payloads("fox", "cup"))
    expect(page.locator(".wv-given").first).to_contain_text("2 pictures")
    assert Batch.objects.get().files.count() == 2


def test_what_does_not_fit_is_named_and_left_out(maria: Person) -> None:
    page = add_page(maria)
    page.locator("#id_pictures").set_input_files(
        [
            *payloads("fox"),
            *payloads("cup", size=(320, 180)),
            {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"x" * 10_000_001},
        ]
    )
    expect(page.locator(".wv-given").first).to_contain_text("cup.jpg is left out")
    expect(page.locator("[data-wanvideo-refused]").first).to_have_text("x.jpg has more than 10 MB and is left out.")
    page.get_by_role("button", name="Remove all").click()
    expect(page.locator(".wv-given").first).to_be_empty()
    assert not Batch.objects.get().files.exists()


def test_without_javascript_a_zip_of_pictures_becomes_a_batch(new_person: Callable[..., Person]) -> None:
    maria = new_person(java_script_enabled=False)
    page = add_page(maria)
    page.locator("#id_pictures").set_input_files(archive("fox", "cup"))
    page.get_by_role("button", name="Check", exact=True).click()
    # A prompt is missing; the ZIP file need not be given again.
    expect(page.locator(".field-prompt .errorlist")).to_be_visible()
    expect(page.locator(".wv-given").first).to_contain_text("2 pictures")
    page.get_by_label("Prompt for all").fill("A slow look at {name}")
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_role("button", name="Generate 2 videos for about 23.8 credits").click()
    expect(page.locator(".messagelist")).to_contain_text("2 videos are made and sent")
    assert Batch.objects.get().state == BatchState.CREATING


def look_through(maria: Person, look: Callable[[str], None]) -> None:
    """Go through both pages, each way in, and a check with bad rows that was made before."""
    page = add_page(maria)
    look("make many, pictures")
    page.locator("#id_pictures").set_input_files(
        [*payloads(*[scene for scene in SCENES if scene != "cup"]), *payloads("cup", size=(320, 180))]
    )
    expect(page.locator(".wv-given").first).to_contain_text("8 pictures")
    expect(page.get_by_role("button", name="Check", exact=True)).to_be_enabled()
    look("make many, pictures given")
    page.locator("[name=way][value=takes]").check()
    look("make many, takes")
    page.locator("[name=way][value=table]").check()
    look("make many, table")
    rows = [f"{LINK}?{number},fox {number},5" for number in range(5)]
    bad = ["no.jpg,hen,5", f"{LINK},,20", f"{LINK},owl,five"]
    for turn in range(2):
        given = table(*rows, *bad, name="cards.csv") if turn else table(*rows[:2], name="cards.csv")
        page = add_page(maria)
        page.locator("[name=way][value=table]").check()
        page.locator("#id_table").set_input_files({"name": given.name, "mimeType": "text/csv", "buffer": given.read()})
        page.get_by_label("Prompt for all").fill("Slow push-in on the postcard {motif}: light wanders across")
        page.get_by_role("button", name="Check", exact=True).click()
        expect(page.locator(".wv-check")).to_be_visible()
        if not turn:
            page.get_by_role("button", name="Save 2 drafts").click()
            expect(page.locator(".messagelist")).to_be_visible()
            run_pending()
    look("check")


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_screen(
    new_person: Callable[..., Person], phone: bool
) -> None:
    source = axe.script()
    maria = new_person(phone=phone, bypass_csp=True)
    found: list[str] = []

    def judge(name: str) -> None:
        # While it asks for the price, the old one is greyed.
        expect(maria.page.locator(".wv-price.is-asking")).to_have_count(0)
        found.extend(f"{name}: {problem}" for problem in axe.look_at(maria, source))

    look_through(maria, judge)
    assert not found, "\n".join(found)
