"""The example project as a person finds it: its demo started as the README says, and a first video made and played."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.pictures import picture
from tests.browser.test_first_video import LONG, UNTIL
from tests.example.test_demo import Demo, processes_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo that waits for visitors until its terminal is closed; afterwards nothing of it is left."""
    running = Demo("--data", str(tmp_path / "data"), "--progression", "seconds:2", TMPDIR=str(tmp_path))
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGHUP)
    assert running.wait(60) == 0, running.text
    assert processes_of(tmp_path / "data") == []


def test_a_visitor_of_the_example_site_makes_and_plays_a_video(demo: Demo, chromium: Browser) -> None:
    demo.wait_for("User admin, password admin.")
    address = re.search(r"Open (http://\S+)", demo.text)
    assert address is not None
    visitor = chromium.new_context(locale="en-GB")
    complaints: list[str] = []
    visitor.on("weberror", lambda error: complaints.append(str(error.error)))
    visitor.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 500 else None)
    page = visitor.new_page()
    page.goto(address[1])
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("admin")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Video tasks").first.click()
    page.get_by_role("link", name="Animate a picture").first.click()
    drawn = picture("fox")
    page.locator("#id_first_frame_file").set_input_files(
        {"name": drawn.name, "mimeType": "image/jpeg", "buffer": drawn.getvalue()}
    )
    page.get_by_label("Prompt", exact=False).first.fill("A fox trots between the firs")
    page.locator("#id_duration").fill("2")
    page.get_by_role("button", name="Generate for about").click()
    video = page.locator("video")
    expect(video, demo.text).to_be_visible(timeout=LONG)
    expect(page.locator(".wv-chip").first).to_have_text("Completed")
    video.focus()
    page.keyboard.press("Space")
    video.evaluate(UNTIL, ["timeupdate", 0.2])
    assert complaints == []
    visitor.close()
