"""What is pressed once is made and charged once, whatever fingers, tabs and the back button do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from django_wanvideo.models import VideoTask
from tests.browser import factories
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.browser.person import Person
    from tests.browser.site import Site

pytestmark = pytest.mark.usefixtures("workers")


@pytest.fixture
def ledger(site: Site):
    """The number of accepted requests since the test began."""
    before = len(site.simulator.ledger)
    return lambda: len(site.simulator.ledger) - before


def until_all_ended(count: int) -> None:
    """Wait until so many tasks are there and all of them have ended."""
    wait_until(lambda: VideoTask.objects.finished().count() == count, f"the end of {count} tasks")


def test_a_double_click_on_generate_makes_one_task_and_one_request(maria: Person, ledger) -> None:
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    page.get_by_role("button", name="Generate for").dblclick()
    expect(page.locator("video")).to_be_visible(timeout=40_000)
    assert VideoTask.objects.count() == 1
    assert ledger() == 1


def test_a_pressed_button_says_so_and_ignores_further_presses(maria: Person) -> None:
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    # Sending is held up, as by a slow line; the page stays what it is.
    pressed = page.locator("[name=_generate]").evaluate(
        """button => {
            window.sent = 0;
            addEventListener("submit", (event) => { window.sent += !event.defaultPrevented; event.preventDefault(); });
            button.click();
            button.click();
            return [button.textContent, button.getAttribute("aria-disabled")];
        }"""
    )
    assert pressed == ["Sending…", "true"]
    # Before it is sent, the site is asked whether somebody is signed in.
    wait_until(lambda: page.evaluate("window.sent") == 1, "the form to be sent")
    page.locator("[name=_generate]").evaluate("button => button.click()")
    assert page.evaluate("window.sent") == 1
    expect(page.locator("[name=_generate]")).to_have_text("Sending…")


def test_the_same_form_sent_from_two_tabs_makes_one_task(maria: Person, ledger) -> None:
    first = maria.open("add")
    second = maria.context.new_page()
    # A tab that was duplicated has the same key.
    key = first.locator("[name=idempotency_key]").input_value()
    maria.open("add", page=second)
    second.locator("[name=idempotency_key]").evaluate("(field, value) => { field.value = value; }", key)
    for page in (first, second):
        maria.fill_in("A fox trots on", page=page)
    first.get_by_role("button", name="Generate for").click()
    expect(first.locator(".messagelist")).to_contain_text("On its way")
    second.get_by_role("button", name="Generate for").click()
    expect(second.locator(".messagelist")).to_contain_text("This form was sent already")
    until_all_ended(1)
    assert VideoTask.objects.count() == 1
    assert ledger() == 1


def test_a_reload_after_generate_sends_nothing(maria: Person, ledger) -> None:
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    page.get_by_role("button", name="Generate for").click()
    expect(page.locator(".messagelist")).to_contain_text("On its way")
    for _ in range(2):
        page.reload()
    until_all_ended(1)
    assert VideoTask.objects.count() == 1
    assert ledger() == 1


@pytest.mark.fault("K12.back-after-a-bulk-confirmation")
def test_several_drafts_are_sent_together_once_in_spite_of_reload_and_back(maria: Person, ledger) -> None:
    for wish in factories.WISHES[:2]:
        factories.make(wish)
    page = maria.open("changelist")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label="Generate selected…")
    page.locator("button[name=index]").click()
    expect(page.get_by_role("heading", name="Generate 2 videos?")).to_be_visible()
    expect(page.locator("tfoot")).to_contain_text("about 19.04")
    page.get_by_role("button", name="Generate 2 videos for about 19.04 credits").dblclick()
    expect(page.locator(".messagelist")).to_contain_text("2 videos will be generated.")
    page.go_back()
    expect(page.locator(".wv-lead")).to_contain_text("2 videos will be generated. Nothing is sent a second time")
    page.reload()
    expect(page.locator(".wv-lead")).to_contain_text("2 videos will be generated.")
    expect(page.get_by_role("button", name="Generate 2 videos")).to_have_count(0)
    until_all_ended(2)
    assert ledger() == 2


def test_a_confirmation_open_in_two_tabs_sends_once(maria: Person, ledger) -> None:
    factories.make(factories.WISHES[0])
    pages = [maria.page, maria.context.new_page()]
    for page in pages:
        maria.open("changelist", page=page)
        page.locator("#action-toggle").check()
        page.locator("select[name=action]").select_option(label="Generate selected…")
        page.locator("button[name=index]").click()
        expect(page.get_by_role("heading", name="Generate 1 video?")).to_be_visible()
    pages[0].get_by_role("button", name="Generate 1 video").click()
    expect(pages[0].locator(".messagelist")).to_contain_text("1 video will be generated.")
    pages[1].get_by_role("button", name="Generate 1 video").click()
    expect(pages[1].locator(".messagelist .warning")).to_be_visible()
    until_all_ended(1)
    assert ledger() == 1


@pytest.mark.fault("K12.retry-groups-what-helps")
def test_ticking_what_was_refused_shows_its_price_before_it_can_be_sent(maria: Person, ledger) -> None:
    for code in ("service_error", "content_policy_violation"):
        task = factories.make(factories.Wish("fox", f"A fox and {code}", "draft", 5))
        VideoTask.objects.filter(pk=task.pk).update(status="failed", error_code=code, queued_at=timezone.now())
    page = maria.open("changelist")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label="Retry selected…")
    page.locator("button[name=index]").click()
    button = page.locator(".wv-confirm .is-primary")
    expect(button).to_have_text("Retry 1 video for about 11.9 credits")
    refused = page.get_by_role("checkbox", name="A fox and content_policy_violation")
    expect(refused).not_to_be_checked()
    refused.check()
    expect(button).to_have_text("Retry 2 videos for about 23.8 credits")
    page.reload()
    expect(button).to_have_text("Retry 2 videos for about 23.8 credits")
    refused.uncheck()
    expect(button).to_have_text("Retry 1 video for about 11.9 credits")
    button.click()
    expect(page.locator(".messagelist")).to_contain_text("1 video will be tried again.")
    page.go_back()
    expect(page.locator(".wv-lead")).to_contain_text("Nothing is sent a second time")
    until_all_ended(2)
    assert ledger() == 1
