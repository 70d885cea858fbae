"""From what one has and wants to a video: cards, models side by side, and the form of the one that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from tests.browser.person import Person

LONG = 40_000


@pytest.mark.usefixtures("crew")
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
