"""A first video: from the login page to playing it, and what one sees on the way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from django_wanvideo.models import VideoTask
from tests.browser.person import address

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.person import Person

LONG = 40_000
#: Waits until a video has come to a second; the policy forbids Playwright's own way of waiting.
UNTIL = """(video, [event, second]) => new Promise((done, failed) => {
    const look = () => !video.seeking && video.currentTime >= second && done();
    video.addEventListener(event, look);
    setTimeout(() => failed(new Error(`It stands at ${video.currentTime} s.`)), 15000);
    look();
})"""


@pytest.mark.usefixtures("workers")
def test_a_first_video_needs_no_reload_from_login_to_playing_it(
    new_person: Callable[..., Person], site, settings
) -> None:
    # Ranges are served where Django itself serves the files: in development.
    settings.DEBUG = True
    maria = new_person(signed_in=False)
    page = maria.page
    page.goto(address("changelist"))
    maria.sign_in()
    expect(page.get_by_role("heading", name="No videos yet")).to_be_visible()
    page.locator(".wv-empty").get_by_role("link", name="Animate a picture").click()
    maria.fill_in("A fox trots between the firs [seconds:2]", scene="fox")
    expect(page.locator(".wv-drop-fit")).to_have_text(re.compile("1280 × 720 px · JPEG · .+ It fits"))
    expect(page.locator(".wv-price strong")).to_contain_text("11.9")
    page.get_by_role("button", name="Generate for about 11.9 credits").click()
    expect(page.locator(".wv-steps")).to_be_visible()
    maria.mark()
    video = page.locator("video")
    expect(video).to_be_visible(timeout=LONG)
    expect(page.locator(".wv-chip").first).to_have_text("Completed")
    expect(page.get_by_role("status").filter(has_text="Completed")).to_have_count(1)
    assert maria.is_marked(), "The page was loaded anew."

    video.focus()
    page.keyboard.press("Space")
    video.evaluate(UNTIL, ["timeupdate", 0.2])
    video.evaluate("video => { video.pause(); video.currentTime = 3; }")
    video.evaluate(UNTIL, ["seeked", 3])
    assert video.evaluate("video => video.error") is None
    assert maria.is_marked()

    task = VideoTask.objects.get()
    assert task.status == "completed"
    assert task.owner == maria.user
    site.assert_charged_once()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().stat().st_size == task.video_size


@pytest.mark.usefixtures("workers")
def test_rows_of_the_list_finish_without_a_reload(maria: Person) -> None:
    page = maria.open("add")
    maria.fill_in("Waves below the lighthouse [seconds:3]", scene="lighthouse")
    page.get_by_role("button", name="Generate for").click()
    expect(page.locator(".wv-steps")).to_be_visible()
    maria.open("changelist")
    maria.mark()
    row = page.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    expect(page.locator("[data-wanvideo-live]")).to_contain_text("Live: 1 on their way")
    expect(row.locator(".wv-chip")).to_have_text("Completed", timeout=LONG)
    expect(row.locator(".wv-length")).to_have_text("0:05")
    expect(row.locator(".field-credits")).to_contain_text("11.90")
    expect(page.locator("[data-wanvideo-live]")).to_contain_text("Up to date")
    expect(page.locator("[data-wanvideo-say]")).to_have_text("Waves below the lighthouse [seconds:3]: completed")
    assert maria.is_marked(), "The list was loaded anew."


@pytest.mark.usefixtures("workers")
def test_a_refusal_is_explained_and_a_retry_makes_the_video(maria: Person, site) -> None:
    page = maria.open("add")
    maria.fill_in("She turns to the camera [fail:content_policy_violation]", scene="portrait")
    page.get_by_role("button", name="Generate for").click()
    outcome = page.locator(".wv-outcome")
    expect(outcome).to_be_visible(timeout=LONG)
    expect(page.get_by_role("heading", name="Content refused")).to_be_visible()
    expect(outcome.locator("dt")).to_have_text(["What happened", "Was it charged?", "What you can do", "Next"])
    expect(outcome).not_to_contain_text("task-unified")

    page.get_by_role("button", name="Edit a copy").click()
    prompt = page.get_by_label("Prompt", exact=False).first
    expect(prompt).to_have_value("She turns to the camera [fail:content_policy_violation]")
    expect(page.locator(".wv-drop-picture img")).to_be_visible()
    prompt.fill("She turns to the camera")
    page.get_by_role("button", name="Generate for").click()
    expect(page.locator("video")).to_be_visible(timeout=LONG)
    assert sorted(VideoTask.objects.values_list("status", flat=True)) == ["completed", "failed"]
    site.assert_charged_once()


@pytest.mark.usefixtures("workers")
def test_a_fault_of_evolink_is_retried_with_one_press(maria: Person, site) -> None:
    page = maria.open("add")
    maria.fill_in("Steam above the cup [fail:service_error]", scene="cup")
    page.get_by_role("button", name="Generate for").click()
    expect(page.get_by_role("heading", name="EvoLink had a fault")).to_be_visible(timeout=LONG)
    billed = len(site.simulator.ledger)
    page.get_by_role("button", name="Retry for about 11.9 credits").click()
    expect(page.locator(".wv-messages, .messagelist")).to_contain_text("Queued again.")
    expect(page.get_by_role("heading", name="EvoLink had a fault")).to_be_visible(timeout=LONG)
    task = VideoTask.objects.get()
    assert task.attempts.count() == 2
    assert len(site.simulator.ledger) == billed + 1
