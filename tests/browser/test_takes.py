"""Takes beside each other: they play as one, one of them is picked, and more are made."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile
from playwright.sync_api import Page, Route, expect

from django_wanvideo import takes
from django_wanvideo.models import VideoTask
from django_wanvideo.simulator.media.video import Scene, draw
from tests.browser import factories
from tests.browser.pictures import picture
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.person import Person

PROMPT = "A fox steps out between the firs, looks into the camera and trots on"
#: Returns the most that two players were apart in some frames of the screen, in seconds.
APART = """frames => new Promise((done) => {
    const players = [...document.querySelectorAll(".wv-take video")];
    let most = 0;
    const look = () => {
        const times = players.map((player) => player.currentTime);
        most = Math.max(most, Math.max(...times) - Math.min(...times));
        if (--frames) requestAnimationFrame(look);
        else done(most);
    };
    look();
})"""
#: Waits until all players are beyond a second, or none moves to another place any more.
BEYOND = """second => new Promise((done, failed) => {
    const players = [...document.querySelectorAll(".wv-take video")];
    const begun = performance.now();
    const look = () => {
        if (players.every((player) => !player.seeking && player.currentTime >= second)) return done(true);
        if (performance.now() - begun > 15000) return failed(new Error(players.map((player) => player.currentTime).join()));
        requestAnimationFrame(look);
    };
    look();
})"""
LOADED = """player => new Promise((done) => {
    const look = () => (player.readyState === 4 && !player.seeking ? done() : requestAnimationFrame(look));
    look();
})"""


def until_together(page: Page, frames: int) -> None:
    """Wait until no player is more than 100 ms from another for so many frames: a busy machine may hold one up."""
    wait_until(lambda: page.evaluate(APART, frames) <= 0.1, "the players to be together")


PAUSED = "players => players.map((player) => player.paused)"


@cache
def film() -> bytes:
    """Five seconds with sound, small."""
    scene = Scene(
        seconds=5, quality="720p", audio=True, caption="", ratio=16 / 9, scale=0.2, fps=12, picture_digest="fox"
    )
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        draw(scene, picture("fox").getvalue(), Path(file.name))
        return Path(file.name).read_bytes()


@pytest.fixture
def group(settings: Any) -> Callable[..., list[VideoTask]]:
    """Make takes of one group, the first ones completed."""
    # Ranges are served where Django itself serves the files: in development.
    settings.DEBUG = True

    def make(count: int, *others: str, prompts: dict[int, str] | None = None) -> list[VideoTask]:
        made = [
            factories.make(
                factories.Wish("fox", (prompts or {}).get(number, PROMPT), status, 40 - number),
                number=number,
                video=film(),
            )
            for number, status in enumerate(["completed"] * count + list(others), start=1)
        ]
        takes.group(made[0], made[1:])
        return made

    return make


def picked() -> list[int | None]:
    return list(VideoTask.objects.filter(picked=True).values_list("take_number", flat=True))


def pick(page: Page, number: int) -> Any:
    return page.locator(f"[data-number='{number}'] [data-key]")


def test_six_players_start_stop_and_scrub_together(maria: Person, group: Callable[..., list[VideoTask]]) -> None:
    page = maria.open("takes", group(6)[0].pk)
    deck, players = page.locator(".wv-deck"), page.locator(".wv-take video")
    expect(page.get_by_role("slider")).to_have_attribute("max", "5")
    assert players.evaluate_all("players => players.filter((player) => player.controls).length") == 0
    page.get_by_role("button", name="Play all").click()
    page.evaluate(BEYOND, 0.4)
    until_together(page, 40)
    # Sound comes from one only.
    assert players.evaluate_all("players => players.map((player) => player.muted)") == [False] + [True] * 5
    deck.get_by_label("Take 3").check()
    assert players.evaluate_all("players => players.map((player) => player.muted)") == [True, True, False] + [True] * 3
    page.get_by_role("slider").evaluate("line => { line.value = 3; line.dispatchEvent(new Event('input')); }")
    page.evaluate(BEYOND, 3.2)
    until_together(page, 30)
    page.get_by_role("button", name="Stop all").click()
    assert players.evaluate_all(PAUSED) == [True] * 6
    page.evaluate(BEYOND, 3)
    assert page.evaluate(APART, 3) <= 0.001
    assert not maria.complaints


def test_a_player_that_cannot_play_keeps_nobody_waiting(maria: Person, group: Callable[..., list[VideoTask]]) -> None:
    maria.expected = ["404"]
    first, second = group(2)
    second.video.storage.delete(second.video.name)
    page = maria.open("takes", first.pk)
    expect(page.locator("[data-number='2'] video[data-broken]")).to_be_visible()
    page.get_by_role("button", name="Play all").click()
    page.locator("[data-number='1'] video").evaluate(
        "player => new Promise((done) => player.addEventListener('timeupdate', () => player.currentTime > 0.2 && done()))"
    )


def test_all_wait_for_the_one_that_waits(maria: Person, group: Callable[..., list[VideoTask]]) -> None:
    held: list[Route] | None = []
    first, second = group(2)

    def hold(route: Route) -> None:
        route.continue_() if held is None else held.append(route)

    maria.page.route(f"**/{second.pk}/video/", hold)
    page = maria.open("takes", first.pk)
    players = page.locator(".wv-take video")
    expect(page.get_by_role("slider")).to_have_attribute("max", "5")
    page.get_by_role("button", name="Play all").click()
    # The one that could play has all it needs, and waits.
    players.first.evaluate(LOADED)
    assert page.evaluate(APART, 20) == 0
    waiting, held = held, None
    for route in waiting:
        route.continue_()
    page.evaluate(BEYOND, 0.2)
    until_together(page, 10)


def test_keys_pick_play_and_step_and_can_be_turned_off(maria: Person, group: Callable[..., list[VideoTask]]) -> None:
    page = maria.open("takes", group(3)[0].pk)
    maria.mark()
    players = page.locator(".wv-take video")
    expect(pick(page, 2)).to_have_attribute("aria-keyshortcuts", "2")
    for _twice in range(2):
        page.keyboard.press("2")
        expect(page.get_by_role("status").filter(has_text="Take 2 is picked, by Maria")).to_be_visible()
        assert picked() == [2]
    expect(page.get_by_role("link", name="Download take 2")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Stop all")).to_be_visible()
    page.evaluate(BEYOND, 0.1)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play all")).to_be_visible()
    before = players.first.evaluate("player => player.currentTime")
    page.keyboard.press("ArrowRight")
    page.evaluate(BEYOND, before + 0.03)
    assert 0.03 <= players.first.evaluate("player => player.currentTime") - before <= 0.1
    # In a field a key is a letter, and on a control what it is there.
    page.get_by_role("slider").press("3")
    with page.expect_response(lambda response: response.request.method == "POST") as kept:
        page.get_by_role("button", name="Turn the keys off").press("Space")
    assert kept.value.status == 204
    expect(page.get_by_role("button", name="Turn the keys on")).to_be_focused()
    page.locator("body").press("3")
    page.reload()
    expect(page.get_by_role("button", name="Turn the keys on")).to_be_visible()
    assert pick(page, 2).get_attribute("aria-keyshortcuts") is None
    page.locator("body").press("1")
    expect(pick(page, 2)).to_have_text("Picked (take 2)")
    assert picked() == [2]


def test_picking_leaves_page_and_focus_where_they_are(maria: Person, group: Callable[..., list[VideoTask]]) -> None:
    page = maria.open("takes", group(2)[0].pk)
    maria.mark()
    pick(page, 1).press("Enter")
    expect(pick(page, 1)).to_have_attribute("aria-pressed", "true")
    expect(pick(page, 1)).to_be_focused()
    pick(page, 2).click()
    expect(pick(page, 1)).to_have_attribute("aria-pressed", "false")
    assert picked() == [2]
    pick(page, 2).click()
    expect(page.get_by_role("status").filter(has_text="No take is picked yet.")).to_be_visible()
    assert picked() == []
    assert maria.is_marked()


def test_of_two_who_pick_the_second_is_told(
    new_person: Callable[..., Person], group: Callable[..., list[VideoTask]]
) -> None:
    maria, tom = new_person("maria"), new_person("tom")
    first = group(3)[0]
    for person in (maria, tom):
        person.open("takes", first.pk)
    pick(maria.page, 2).click()
    expect(pick(maria.page, 2)).to_have_attribute("aria-pressed", "true")
    pick(tom.page, 3).click()
    told = tom.page.get_by_role("alert").filter(has_text="Somebody else has just picked take 2")
    expect(told).to_be_visible()
    assert picked() == [2]
    # By now Tom has seen it.
    expect(pick(tom.page, 2)).to_have_attribute("aria-pressed", "true")
    pick(tom.page, 3).click()
    expect(pick(tom.page, 3)).to_have_attribute("aria-pressed", "true")
    expect(told).to_have_count(0)
    assert picked() == [3]


def test_a_take_that_is_ready_becomes_a_player_on_the_open_page(
    maria: Person, group: Callable[..., list[VideoTask]]
) -> None:
    first, second = group(1, "processing")
    page = maria.open("takes", first.pk)
    maria.mark()
    expect(page.locator("[data-number='2'] progress")).to_be_visible()
    expect(pick(page, 2)).to_have_count(0)
    second.video.save("video.mp4", ContentFile(film()), save=False)
    VideoTask.objects.filter(pk=second.pk).update(status="completed", progress=100, video=second.video.name)
    expect(pick(page, 2)).to_be_visible()
    expect(page.get_by_text("2 of 2 completed")).to_be_visible()
    expect(page.locator("[data-wanvideo-say]")).to_have_text("Take 2: completed")
    assert not page.locator("[data-number='2'] video").evaluate("player => player.controls")
    assert maria.is_marked()


def test_a_phone_shows_two_beside_each_other(
    new_person: Callable[..., Person], group: Callable[..., list[VideoTask]]
) -> None:
    maria = new_person(phone=True)
    page = maria.open("takes", group(4, prompts={3: f"{PROMPT}, slowly"})[0].pk)
    boxes = [take.bounding_box() for take in page.locator(".wv-take").all()]
    assert [box["y"] == boxes[0]["y"] for box in boxes if box] == [True, True, False, False]
    assert not maria.is_wider_than_screen()
    expect(page.locator("[data-number='3'] mark")).to_have_text(", slowly")
    page.get_by_role("button", name="Play all").tap()
    page.evaluate(BEYOND, 0.1)


def test_without_scripts_players_have_controls_and_pick_works(
    new_person: Callable[..., Person], group: Callable[..., list[VideoTask]]
) -> None:
    """Without scripts each player has its own controls and pick is a form."""
    maria = new_person(java_script_enabled=False)
    page = maria.open("takes", group(2)[0].pk)
    expect(page.locator("video[controls]")).to_have_count(2)
    expect(page.locator(".wv-deck")).to_be_hidden()
    pick(page, 2).click()
    expect(page.locator(".messagelist")).to_contain_text("Take 2 is picked.")
    page.go_back()
    expect(pick(page, 2)).to_have_text("Picked (take 2)")
    assert picked() == [2]
    pick(page, 2).click()
    expect(page.locator(".messagelist")).to_contain_text("Take 2 is not picked any more.")
    assert picked() == []


def test_takes_are_made_at_the_price_on_the_button_and_once(maria: Person) -> None:
    task = factories.make(factories.Wish("fox", PROMPT, "completed", 40), video=b"x")
    page = maria.open("change", task.pk)
    page.get_by_role("link", name="More like this…").click()
    page.get_by_label("With the same prompt").fill("2")
    page.get_by_label("With other prompts").fill("in snow\n\nat night")
    page.get_by_role("button", name="Generate 4 for about 47.6 credits").click()
    expect(page.locator(".messagelist")).to_contain_text("4 takes will be generated.")
    expect(page.get_by_role("heading", name="Take 5")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Generate 4 for about 47.6 credits").click()
    expect(page.locator(".messagelist")).to_contain_text("nothing was made or sent a second time")
    assert list(
        VideoTask.objects.filter(status="queued").values_list("take_number", flat=True).order_by("take_number")
    ) == [2, 3, 4, 5]
