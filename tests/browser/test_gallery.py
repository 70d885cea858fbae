"""The grid in a browser: what is pointed at plays, what is ticked is what an action takes, and the choice is remembered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile
from playwright.sync_api import expect

from django_wanvideo.models import VideoTask
from tests.browser import factories
from tests.browser.test_watching import PROCESSING, STATUS, move_on
from tests.clips import clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tests.browser.person import Person

COMPLETED = [wish for wish in factories.WISHES if wish.status == "completed"]
MAY_PLAY = "video => !video.paused && video.muted && video.currentTime > 0"


@pytest.fixture(scope="module")
def film() -> bytes:
    return clip("red", "green")


def grid(maria: Person, query: str = "") -> Page:
    return maria.open("changelist", query=f"?view=grid{query}")


def tile(page: Page, task: VideoTask) -> Locator:
    return page.locator(f'[data-wanvideo-task="{task.pk}"]')


def until_it_plays(page: Page, task: VideoTask) -> None:
    playing = tile(page, task).locator("video")
    expect(playing).to_be_visible()
    page.wait_for_function(f"video => ({MAY_PLAY})(video)", arg=playing.element_handle())


def test_one_tile_plays_muted_while_it_is_pointed_at_or_has_the_focus(maria: Person, film: bytes) -> None:
    first, second = (factories.make(wish, number=n, video=film) for n, wish in enumerate(COMPLETED[:2]))
    draft = factories.make(factories.WISHES[0], number=3)
    page = grid(maria)
    videos = page.locator(".wv-gallery video")
    expect(page.locator(".wv-gallery > li")).to_have_count(3)
    expect(videos).to_have_count(0)
    tile(page, first).locator(".wv-poster").hover()
    until_it_plays(page, first)
    tile(page, second).locator(".wv-poster").hover()
    until_it_plays(page, second)
    expect(videos).to_have_count(1)
    page.locator("h1").hover()
    expect(videos).to_have_count(0)
    expect(page.locator(".is-playing")).to_have_count(0)
    tile(page, first).locator(".wv-tile-text a").focus()
    until_it_plays(page, first)
    tile(page, draft).locator(".wv-tile-text a").focus()
    expect(videos).to_have_count(0)
    tile(page, first).locator(".wv-poster").click()
    expect(page).to_have_url(re.compile(f"{first.pk}/change/"))


def test_nothing_plays_for_who_wants_calm(new_person: Callable[..., Person], film: bytes) -> None:
    maria = new_person(reduced_motion="reduce")
    task = factories.make(COMPLETED[0], video=film)
    page = grid(maria)
    page.clock.install()
    tile(page, task).locator(".wv-poster").hover()
    tile(page, task).locator(".wv-tile-text a").focus()
    page.clock.run_for(5000)
    expect(page.locator("video")).to_have_count(0)


def test_a_video_that_cannot_be_played_leaves_the_picture(maria: Person) -> None:
    # The browser says of a file that is none that it cannot play it.
    task = factories.make(COMPLETED[0], video=b"no video")
    page = grid(maria)
    with page.expect_response(re.compile(r"\.mp4")):
        tile(page, task).locator(".wv-poster").hover()
    expect(page.locator("video")).to_have_count(0)
    expect(tile(page, task).locator("img")).to_be_visible()


def test_the_choice_is_remembered_in_another_browser_of_the_same_person(new_person: Callable[..., Person]) -> None:
    here, elsewhere, jonas = new_person("maria"), new_person("maria"), new_person("jonas")
    factories.make(COMPLETED[0])
    page = here.open("changelist")
    page.get_by_role("link", name="Grid").click()
    expect(page.locator(".wv-gallery")).to_be_visible()
    expect(page.get_by_role("link", name="Grid")).to_have_attribute("aria-current", "true")
    expect(elsewhere.open("changelist", query="?q=fox").locator(".wv-gallery")).to_be_visible()
    expect(jonas.open("changelist").locator("#result_list")).to_be_visible()


def test_what_is_ticked_in_the_grid_is_what_an_action_takes(maria: Person) -> None:
    tasks = [factories.make(factories.WISHES[2], number=n) for n in range(5)]
    page = grid(maria)
    counter, boxes = page.locator(".action-counter"), page.locator("input.action-select")
    expect(counter).to_have_text("0 of 5 selected")
    page.get_by_label("Select all").check()
    expect(counter).to_have_text("5 of 5 selected")
    boxes.nth(1).uncheck()
    expect(counter).to_have_text("4 of 5 selected")
    page.get_by_label("Select all").check()
    page.get_by_label("Select all").uncheck()
    boxes.nth(1).check()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(counter).to_have_text("3 of 5 selected")
    page.locator("select[name=action]").select_option("cancel_selected")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".messagelist")).to_contain_text("3 tasks were cancelled")
    expect(page.locator(".wv-gallery .is-cancelled")).to_have_count(3)
    assert VideoTask.objects.filter(pk__in=[task.pk for task in tasks], status="cancelled").count() == 3


def test_a_tile_and_the_sum_follow_what_happens(maria: Person, film: bytes) -> None:
    task = factories.make(PROCESSING)
    page = grid(maria, "&created=7")
    expect(page.locator(".wv-sum")).to_contain_text("1 task in this filter")
    expect(page.locator(".wv-sum")).to_contain_text("0 videos")
    with page.expect_response(STATUS):
        move_on(task, progress=70)
    expect(tile(page, task).locator('progress[value="70"]')).to_be_visible()
    task.video.save("v.mp4", ContentFile(film), save=False)
    move_on(task, status="completed", video=task.video.name, credits_used="11.9")
    expect(tile(page, task).locator(".wv-chip")).to_have_text("Completed")
    expect(tile(page, task).locator("progress")).to_have_count(0)
    expect(page.locator(".wv-sum")).to_contain_text("11.90 credits")
    expect(page.locator("[data-wanvideo-say]")).to_contain_text("completed")
    tile(page, task).locator(".wv-poster").hover()
    until_it_plays(page, task)
