"""Watching: hidden tabs, pauses, slow lines, lost sessions, and what is written meanwhile."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.utils import timezone
from playwright.sync_api import expect

from django_wanvideo import chains
from django_wanvideo.choices import EventKind, EventSource, TaskStatus
from django_wanvideo.models import Film, TaskEvent, VideoTask, lifecycle
from tests.browser import axe, factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

    from tests.browser.person import Person

STATUS = re.compile(r"/videotask/status/")
#: Puts the tab into the background, or takes it out.
HIDE = """hidden => { Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange")); }"""
PROCESSING, COMPLETED = (
    next(wish for wish in factories.WISHES if wish.status == status) for status in ("processing", "completed")
)


def live(page: Page):
    """The line that says how the watching goes."""
    return page.locator("[data-wanvideo-live]")


def count_requests(page: Page) -> list[str]:
    """Return a list that grows with each status request."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if STATUS.search(request.url) else None)
    return asked


def pass_time(page: Page, seconds: int = 60) -> None:
    """Let time pass in a page whose clock is installed, and hear of every request that it made meanwhile."""
    page.clock.run_for(seconds * 1000)
    # Requests are told of in their order: after this one no earlier one can be missing.
    with page.expect_request(re.compile("last-of-all")):
        page.evaluate("() => { fetch('/static/wanvideo/wanvideo.css?last-of-all'); }")


def move_on(task: VideoTask, **columns: object) -> None:
    """Change a row as a worker would have; there is none beside these tests."""
    VideoTask.objects.filter(pk=task.pk).update(**columns)


def test_one_request_asks_for_all_rows_and_the_bar_never_goes_back(maria: Person) -> None:
    first, second = factories.make(PROCESSING), factories.make(PROCESSING, number=2)
    asked = count_requests(maria.page)
    page = maria.open("changelist")
    bars = page.locator("#result_list progress")
    expect(live(page)).to_contain_text("Live: 2 on their way")
    with page.expect_response(STATUS):
        move_on(first, progress=70)
    expect(bars.and_(page.locator('[value="70"]'))).to_have_count(1)
    assert all(str(task.pk) in asked[0] for task in (first, second))
    move_on(first, progress=10)
    with page.expect_response(STATUS):
        pass
    expect(bars.and_(page.locator('[value="70"]'))).to_have_count(1)
    assert page.locator("[data-wanvideo-say]").text_content() == "", "A percentage was announced."


def test_a_pause_stops_all_requests_until_it_ends(maria: Person) -> None:
    maria.page.clock.install()
    task = factories.make(PROCESSING)
    asked = count_requests(maria.page)
    page = maria.open("changelist")
    page.get_by_role("button", name="Pause").click()
    expect(live(page)).to_contain_text("Paused")
    before = len(asked)
    move_on(task, progress=80)
    pass_time(page)
    assert len(asked) == before
    page.get_by_role("button", name="Go on").click()
    expect(page.locator('progress[value="80"]')).to_be_visible()


def test_a_hidden_tab_asks_nothing_and_catches_up_when_it_is_shown(maria: Person) -> None:
    maria.page.clock.install()
    task = factories.make(PROCESSING)
    asked = count_requests(maria.page)
    page = maria.open("changelist")
    page.evaluate(HIDE, True)
    before = len(asked)
    move_on(task, progress=66)
    pass_time(page)
    assert len(asked) <= before + 1, "A hidden tab goes on asking."
    page.evaluate(HIDE, False)
    expect(page.locator('progress[value="66"]')).to_be_visible()


def test_a_hidden_tab_counts_in_its_title_what_has_ended(maria: Person) -> None:
    """A hidden tab counts in its title what has ended, and the browser says it."""
    maria.page.add_init_script("""window.told = [];
        window.Notification = class { static permission = "granted"; constructor(title, options) { told.push(options.body); }
            addEventListener() {} };""")
    maria.page.clock.install()
    task, _other = factories.make(PROCESSING), factories.make(PROCESSING, number=2)
    VideoTask.objects.update(owner=maria.user)
    page = maria.open("changelist")
    title = page.title()
    page.evaluate(HIDE, True)
    move_on(task, status=TaskStatus.FAILED)
    lifecycle.record(task, EventKind.FAILED, EventSource.WORKER)
    # The page counts with its own clock from when it was made; what is stored has the real one.
    TaskEvent.objects.filter(task=task).update(created_at=timezone.now() + dt.timedelta(minutes=1))
    with page.expect_response(re.compile("/videotask/news/")):
        page.clock.run_for(31_000)
    page.wait_for_function("document.title.startsWith('(1) ')")
    assert page.evaluate("told") == ["1 video failed"]
    page.evaluate(HIDE, False)
    assert page.title() == title


def test_the_browser_is_asked_for_its_notifications_by_a_button_only(maria: Person) -> None:
    maria.page.add_init_script("""window.asked = 0;
        window.Notification = class { static permission = "default";
            static async requestPermission() { asked += 1; this.permission = "denied"; } };""")
    factories.make(PROCESSING)
    page = maria.open("changelist")
    button = page.get_by_role("button", name="Tell me in this browser")
    expect(button).to_be_visible()
    assert page.evaluate("asked") == 0
    button.click()
    expect(button).to_be_hidden()
    assert page.evaluate("asked") == 1


def test_nothing_is_asked_where_nothing_moves(maria: Person) -> None:
    maria.page.clock.install()
    factories.make(COMPLETED, video=b"x")
    asked = count_requests(maria.page)
    page = maria.open("changelist")
    pass_time(page)
    assert asked == []
    expect(live(page)).to_be_hidden()


def test_an_expired_session_is_told_and_ends_the_watching(maria: Person) -> None:
    maria.page.clock.install()
    factories.make(PROCESSING)
    asked = count_requests(maria.page)
    page = maria.open("changelist")
    maria.mark()
    Session.objects.all().delete()
    expect(live(page)).to_contain_text("You are signed out")
    count = len(asked)
    pass_time(page)
    assert len(asked) == count, "It goes on asking without a session."
    assert maria.is_marked()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)


def test_expired_session_is_told_on_page_of_task(maria: Person) -> None:
    """An expired session is told on the page of a task and keeps what was written."""
    task = factories.make(PROCESSING)
    page = maria.open("change", task.pk)
    notes = page.locator("textarea[name=notes]")
    notes.fill("call the customer")
    Session.objects.all().delete()
    expect(live(page)).to_contain_text("You are signed out")
    expect(notes).to_have_value("call the customer")


def test_the_page_of_a_part_follows_until_the_film_is_joined(maria: Person) -> None:
    maria.page.clock.install()
    first, last = (factories.make(COMPLETED, number=number, video=b"x") for number in (1, 2))
    VideoTask.objects.filter(pk=last.pk).update(continues=first)
    last.refresh_from_db()
    parts = chains.parts_of(last)
    ids = [str(part.task.pk) for part in parts]
    film = Film.objects.create(task=last, digest=chains.digest_of(parts), parts=ids, next_action_at=timezone.now())
    asked = count_requests(maria.page)
    page = maria.open("change", first.pk)
    expect(page.locator(".wv-film")).to_contain_text("The parts are being joined.")
    page.locator("textarea[name=notes]").fill("half a sentence")
    maria.mark()
    pass_time(page, 20)
    expect(live(page)).to_contain_text("This page updates itself")
    Session.objects.all().delete()
    pass_time(page, 20)
    expect(live(page)).to_contain_text("You are signed out")
    maria.sign_in_quietly()
    Film.objects.filter(pk=film.pk).update(video=first.video.name, size=1, next_action_at=None)
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.get_by_role("link", name="Download the film")).to_be_visible()
    expect(page.locator("[data-wanvideo-say]")).to_have_text("The parts are joined into one video.")
    expect(page.locator("textarea[name=notes]")).to_have_value("half a sentence")
    assert maria.is_marked()
    count = len(asked)
    pass_time(page)
    assert len(asked) == count, "It goes on asking for what is there."


def test_a_slow_line_is_told_and_recovers_by_itself(maria: Person) -> None:
    task = factories.make(PROCESSING)
    maria.expected.append("ERR_FAILED|503")
    page = maria.open("changelist")
    page.route(STATUS, lambda route: route.abort())
    expect(live(page)).to_contain_text("The site does not answer")
    move_on(task, progress=90)
    page.unroute(STATUS)
    expect(page.locator('progress[value="90"]')).to_be_visible(timeout=40_000)
    expect(live(page)).to_contain_text("Live: 1 on their way")


def test_requests_do_not_pile_up_on_a_slow_line(maria: Person) -> None:
    maria.page.clock.install()
    task = factories.make(PROCESSING)
    page = maria.page
    held: list = []

    def hold_the_first(route: Route) -> None:
        if held:
            return route.continue_()
        return held.append(route)

    asked = count_requests(page)
    page.route(STATUS, hold_the_first)
    maria.open("changelist")
    # Shorter than the twenty seconds after which it gives a request up.
    pass_time(page, 15)
    assert len(asked) == 1, "A second request was made while the first was under way."
    move_on(task, progress=55)
    held[0].continue_()
    expect(page.locator('progress[value="55"]')).to_be_visible()


def test_half_written_notes_outlive_a_change_of_status(maria: Person) -> None:
    task = factories.make(PROCESSING)
    page = maria.open("change", task.pk)
    notes = page.locator("textarea[name=notes]")
    notes.fill("half a sent")
    notes.focus()
    move_on(task, status=TaskStatus.FAILED, error_code="service_error", error_message="Service error.")
    expect(page.get_by_role("heading", name="EvoLink had a fault")).to_be_visible()
    expect(notes).to_have_value("half a sent")
    expect(notes).to_be_focused()
    page.keyboard.type("ence")
    page.get_by_role("button", name="Save notes").click()
    expect(page.locator(".messagelist")).to_contain_text("The notes were saved.")
    task.refresh_from_db()
    assert (task.notes, task.status) == ("half a sentence", "failed")


@pytest.mark.fault("K12.banner-and-delete-after-a-watched-end")
def test_a_page_that_was_watched_to_the_end_is_what_a_new_one_is(maria: Person) -> None:
    maria.page.clock.install()
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    page.get_by_role("button", name="Generate for").click()
    expect(page.locator(".messagelist")).to_contain_text("On its way")
    delete = page.locator("a[href$='/delete/']")
    expect(delete).to_have_count(0)
    maria.mark()
    task = VideoTask.objects.get()
    page.locator("textarea[name=notes]").fill("half a sentence")
    move_on(task, status=TaskStatus.PROCESSING, accepted_at=timezone.now())
    pass_time(page, 20)
    expect(page.locator(".wv-head .wv-chip")).to_contain_text("Processing")
    expect(page.locator(".messagelist")).to_contain_text("On its way")
    task.video.save("v.mp4", ContentFile(b"x"), save=False)
    move_on(task, status=TaskStatus.COMPLETED, video=task.video.name, finished_at=timezone.now())
    pass_time(page, 20)
    expect(page.locator("video")).to_be_visible()
    expect(page.get_by_text("On its way")).to_have_count(0)
    expect(delete).to_have_count(1)
    assert maria.is_marked()
    expect(page.locator("textarea[name=notes]")).to_have_value("half a sentence")


@pytest.mark.fault("K12.counts-in-filters-follow-live-updates")
def test_the_numbers_in_the_filters_follow_what_happens(maria: Person) -> None:
    maria.page.clock.install()
    task = factories.make(PROCESSING)
    page = maria.open("changelist")
    choices = page.locator("#changelist-filter")
    expect(choices.get_by_role("link", name="Processing (1)", exact=True)).to_be_visible()
    move_on(task, status=TaskStatus.FAILED, error_code="service_error")
    pass_time(page, 20)
    expect(choices.get_by_role("link", name="Processing", exact=True)).to_be_visible()
    expect(choices.get_by_role("link", name="Needs attention (1)", exact=True)).to_be_visible()


@pytest.mark.fault("K12.filters-within-reach-on-a-phone")
def test_filters_are_one_tap_away_on_a_phone(new_person: Callable[..., Person]) -> None:
    maria = new_person(phone=True)
    for number in range(8):
        factories.make(factories.WISHES[number % 2], number=number)
    page = maria.open("changelist")
    link = page.get_by_role("link", name="Filters", exact=True)
    rows_begin = page.locator("#result_list").bounding_box()["y"]
    assert link.bounding_box()["y"] < rows_begin
    filters = page.locator("#changelist-filter")
    expect(filters).to_be_hidden()
    link.click()
    expect(page.locator("#changelist-filter-header")).to_be_in_viewport()
    close = page.get_by_role("link", name="Show the tasks")
    expect(close).to_be_in_viewport()
    assert maria.is_wider_than_screen() == 0
    assert axe.problems(page, axe.script()) == []
    close.click()
    expect(filters).to_be_hidden()
    link.click()
    filters.get_by_role("link", name="Draft").click()
    expect(filters).to_be_hidden()
    expect(page.get_by_role("link", name="Filters (1)")).to_be_visible()
    page.get_by_role("link", name="Draft Remove this filter").click()
    expect(page.get_by_role("link", name="Filters", exact=True)).to_be_visible()
