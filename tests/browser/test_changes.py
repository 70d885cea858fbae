"""What a change of status does to somebody who reads, listens or types: the countdown, the focus, what is announced."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import expect

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import VideoTask
from tests.browser import factories
from tests.browser.test_watching import PROCESSING, STATUS, count_requests, live, move_on, pass_time

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from django_wanvideo.choices import TaskStatus as Status
    from tests.browser.person import Person

STORING, PENDING = (next(wish for wish in factories.WISHES if wish.status == name) for name in ("storing", "pending"))
REFUSED = {"error_code": "service_error", "error_message": "Service error."}


def make(wish: factories.Wish, number: int = 0, **columns: object) -> VideoTask:
    """Make a task and set columns that its wish does not have."""
    task = factories.make(wish, number=number)
    move_on(task, **columns)
    task.refresh_from_db()
    return task


def link_ends_in(minutes: float) -> dict[str, object]:
    """Columns of a paid video that EvoLink keeps for so long."""
    return {
        "result_url": "https://files.example/v.mp4",
        "result_expires_at": timezone.now() + dt.timedelta(minutes=minutes),
    }


@pytest.mark.parametrize("status", [TaskStatus.STORING, TaskStatus.FAILED])
def test_the_time_that_a_paid_link_has_left_counts_down(maria: Person, status: Status) -> None:
    task = make(STORING, status=status, retry_count=2, error_code="result_unavailable", **link_ends_in(20.5))
    page = maria.open("change", task.pk)
    line = page.get_by_text("EvoLink keeps the file for")
    expect(line).to_contain_text("20 min")
    move_on(task, **link_ends_in(7.5))
    expect(line).to_contain_text("7 min")
    move_on(task, **link_ends_in(-1))
    over = "copying is still tried" if status == TaskStatus.STORING else "EvoLink’s link has ended."
    expect(page.get_by_text(over)).to_be_visible()


def test_once_a_paid_link_has_ended_a_failed_page_asks_no_more(maria: Person) -> None:
    maria.page.clock.install()
    task = make(STORING, status=TaskStatus.FAILED, error_code="result_unavailable", **link_ends_in(-1))
    asked = count_requests(maria.page)
    page = maria.open("change", task.pk)
    expect(page.get_by_text("EvoLink’s link has ended.")).to_be_visible()
    with page.expect_response(STATUS):
        page.clock.run_for(3_000)
    # Only when the answer was read: time that passes before would end the request instead.
    expect(page.locator("[data-wanvideo-watch][data-live]")).to_have_count(0)
    pass_time(page)
    assert len(asked) == 1


def test_the_focus_stays_on_the_same_button_when_the_page_is_redrawn(maria: Person) -> None:
    task = make(PENDING)
    page = maria.open("change", task.pk)
    page.get_by_role("button", name="Refresh status").focus()
    move_on(task, status=TaskStatus.PROCESSING, progress=5)
    expect(page.locator(".wv-chip").first).to_have_text("Processing")
    expect(page.get_by_role("button", name="Refresh status")).to_be_focused()


def test_the_focus_stays_on_the_pause_when_the_page_is_redrawn(maria: Person) -> None:
    task = make(PROCESSING)
    page = maria.open("change", task.pk)
    page.get_by_role("button", name="Pause").focus()
    move_on(task, status=TaskStatus.STORING, progress=100)
    expect(page.locator(".wv-chip").first).to_have_text("Storing")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()


def test_the_focus_goes_to_what_happened_when_its_button_is_gone(maria: Person) -> None:
    task = make(PROCESSING)
    page = maria.open("change", task.pk)
    page.get_by_role("button", name="Refresh status").focus()
    move_on(task, status=TaskStatus.FAILED, **REFUSED)
    expect(page.get_by_role("heading", name="EvoLink had a fault")).to_be_focused()


def test_who_has_the_focus_elsewhere_keeps_it(maria: Person) -> None:
    task = make(PROCESSING)
    page = maria.open("change", task.pk)
    expect(live(page)).to_contain_text("This page updates itself")
    move_on(task, status=TaskStatus.FAILED, **REFUSED)
    expect(page.get_by_role("heading", name="EvoLink had a fault")).to_be_visible()
    assert page.evaluate("document.activeElement === document.body")


def test_rows_that_end_together_are_announced_together(maria: Person) -> None:
    first, second = make(PROCESSING), make(PROCESSING, number=2)
    move_on(first, prompt="A fox trots on")
    move_on(second, prompt="A boat heels")
    page = maria.open("changelist")
    expect(live(page)).to_contain_text("Live: 2 on their way")
    VideoTask.objects.filter(pk__in=[first.pk, second.pk]).update(status=TaskStatus.FAILED, **REFUSED)
    said = page.locator("[data-wanvideo-say]")
    expect(said).to_contain_text("A fox trots on: failed")
    expect(said).to_contain_text("A boat heels: failed")


def test_a_very_long_list_is_watched_to_its_end(maria: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib import admin

    monkeypatch.setattr(admin.site.get_model_admin(VideoTask), "list_per_page", 300)
    oldest = make(PROCESSING, created_at=timezone.now() - dt.timedelta(days=9))
    columns = {
        name: getattr(oldest, name) for name in ("model", "status", "parameters", "credits_estimated", "accepted_at")
    }
    VideoTask.objects.bulk_create(VideoTask(prompt=f"Number {n}", owner=oldest.owner, **columns) for n in range(230))
    page = maria.open("changelist")
    expect(live(page)).to_contain_text("Live: 231 on their way")
    with page.expect_response(STATUS):
        pass
    move_on(oldest, progress=77)
    expect(page.locator('progress[value="77"]')).to_have_count(1)
    expect(live(page)).to_contain_text("Live: 231 on their way")


def _signed_out(maria: Person, name: str, *args: object) -> Page:
    page = maria.open(name, *args)
    expect(live(page)).to_contain_text("Live" if name == "changelist" else "This page updates itself")
    Session.objects.all().delete()
    expect(live(page)).to_contain_text("You are signed out")
    return page


def test_who_is_signed_out_is_led_to_the_login_and_back_to_the_same_page(maria: Person) -> None:
    make(PROCESSING)
    page = _signed_out(maria, "changelist")
    live(page).get_by_role("link").click()
    maria.sign_in()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)


def test_who_signs_in_again_in_another_tab_goes_on_where_they_were(maria: Person) -> None:
    task = make(PROCESSING)
    page = _signed_out(maria, "change", task.pk)
    notes = page.locator("textarea[name=notes]")
    notes.fill("call the customer")
    with page.expect_popup() as opened:
        live(page).get_by_role("link").click()
    opened.value.get_by_label("Username").fill(maria.name)
    opened.value.get_by_label("Password").fill("seven-herons-9")
    opened.value.get_by_role("button", name="Log in").click()
    expect(opened.value.locator("[data-wanvideo-watch]")).to_be_visible()
    opened.value.close()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(live(page)).to_contain_text("This page updates itself")
    move_on(task, progress=88)
    expect(page.locator("[data-wanvideo-part=now]")).to_contain_text("88")
    # Signing in has changed the token that the form was given.
    page.get_by_role("button", name="Save notes").click()
    expect(page.locator(".messagelist")).to_contain_text("The notes were saved.")
    task.refresh_from_db()
    assert task.notes == "call the customer"
