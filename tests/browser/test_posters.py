"""The moment at which a player stands becomes the picture of its video."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from django_wanvideo import jobs
from django_wanvideo.services.storing import posters
from tests.browser import factories
from tests.clips import clip, colour_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_wanvideo.models import VideoTask
    from tests.browser.person import Person


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch, settings: Any) -> VideoTask:
    """A video of three colours, which the site itself serves, so that one can seek in it."""
    settings.DEBUG = True
    monkeypatch.setattr(posters, "is_installed", lambda: True)
    film = clip("red", "lime", "blue", size=(640, 360))
    return factories.make(next(wish for wish in factories.WISHES if wish.status == "completed"), video=film)


def test_the_moment_of_the_player_is_taken(maria: Person, task: VideoTask) -> None:
    page = maria.open("change", task.pk)
    expect(page.get_by_label("Seconds from the beginning")).to_be_hidden()
    player = page.locator(".wv-player video")
    player.evaluate(
        """player => new Promise(done => {
            player.addEventListener("seeked", done, { once: true });
            player.currentTime = 2.5;
        })"""
    )
    page.get_by_role("button", name="Use this moment as the picture").click()
    expect(page.get_by_text("The picture is being taken")).to_be_visible()
    jobs.poster(str(task.pk))
    task.refresh_from_db()
    assert task.poster_seconds == pytest.approx(2.5, abs=0.01)
    with task.poster.open() as stored:
        assert colour_of(stored.read()) == "blue"
    page.reload()
    expect(player).to_have_attribute("poster", task.poster.url)
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/poster-wide.png", full_page=True)


def test_without_scripts_one_types_the_seconds(new_person: Callable[..., Person], task: VideoTask) -> None:
    page = new_person("nora", phone=True, java_script_enabled=False).open("change", task.pk)
    page.get_by_label("Seconds from the beginning").fill("1.5")
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/poster-phone.png", full_page=True)
    page.get_by_role("button", name="Use this moment as the picture").click()
    expect(page.get_by_text("The picture is being taken")).to_be_visible()
    task.refresh_from_db()
    assert float(task.poster_seconds) == 1.5
