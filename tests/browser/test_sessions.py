"""A session that ends while something is typed: nothing of it is lost, whatever is pressed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import VideoTask
from tests.browser import factories
from tests.browser.person import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

    from tests.browser.person import Person

pytestmark = pytest.mark.fault("K12.session-ends-while-the-form-is-filled")
PRICE = re.compile(r"/videotask/price/")
COMPLETED = next(wish for wish in factories.WISHES if wish.status == "completed")


def notice(page: Page):
    """What tells that nobody is signed in any more."""
    return page.locator("[data-wanvideo-session]")


def sign_in_elsewhere(maria: Person) -> None:
    """Follow the link of the notice, sign in there, and come back."""
    page = maria.page
    with page.expect_popup() as opened:
        notice(page).get_by_role("link", name="Sign in in another tab").click()
    other = opened.value
    other.get_by_label("Username").fill(maria.name)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Log in").click()
    expect(other.get_by_text("Site administration").first).to_be_visible()
    other.close()
    page.bring_to_front()


def test_a_price_that_nobody_may_ask_for_is_told_as_what_it_is(maria: Person) -> None:
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    expect(notice(page)).to_be_hidden()
    Session.objects.all().delete()
    page.locator("#id_duration").fill("9")
    expect(notice(page)).to_contain_text("You are signed out.")
    expect(notice(page)).to_contain_text("what you typed stays here.")
    expect(page.get_by_label("Prompt", exact=False).first).to_have_value("A fox trots on")
    sign_in_elsewhere(maria)
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(notice(page)).to_be_hidden()
    page.get_by_role("button", name="Generate for about 21.42 credits").click()
    expect(page.locator(".messagelist")).to_be_visible()
    task = VideoTask.objects.get()
    assert (task.status, task.parameters["duration"]) == (TaskStatus.QUEUED, 9)


def test_a_price_that_was_not_told_is_shown_before_anything_is_spent(maria: Person) -> None:
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    Session.objects.all().delete()
    page.locator("#id_duration").fill("9")
    expect(notice(page)).to_be_visible()
    maria.sign_in_quietly()
    page.locator("[name=_generate]").click()
    expect(notice(page)).to_be_hidden()
    expect(page.locator("[name=_generate]")).to_have_text("Generate for about 21.42 credits")
    assert not VideoTask.objects.exists()
    page.locator("[name=_generate]").click()
    expect(page.locator(".messagelist")).to_be_visible()
    assert VideoTask.objects.get().status == TaskStatus.QUEUED


@pytest.mark.parametrize("button", ["_generate", "_save"])
def test_pressed_while_signed_out_is_sent(maria: Person, button: str) -> None:
    """What is pressed while signed out is sent after signing in elsewhere."""
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    maria.mark()
    Session.objects.all().delete()
    page.locator(f"[name={button}]").click()
    expect(notice(page)).to_be_visible()
    assert maria.is_marked()
    assert not VideoTask.objects.exists()
    sign_in_elsewhere(maria)
    # Signing in has changed the token; the old one would be refused, and all be lost.
    page.locator(f"[name={button}]").click()
    expect(page.locator(".messagelist")).to_be_visible()
    task = VideoTask.objects.get()
    assert (task.prompt, task.parameters["duration"], task.inputs.count()) == ("A fox trots on", 5, 1)
    assert task.status == (TaskStatus.QUEUED if button == "_generate" else TaskStatus.DRAFT)


def test_two_presses_while_the_site_is_asked_make_one_task(maria: Person) -> None:
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    page.locator("[name=_generate]").dblclick()
    expect(page.locator(".messagelist")).to_be_visible()
    assert VideoTask.objects.count() == 1


def test_a_site_that_does_not_say_does_not_keep_anybody_from_sending(maria: Person) -> None:
    maria.expected.append("ERR_FAILED|503")
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    page.route(PRICE, lambda route: route.abort())
    page.locator("[name=_save]").click()
    expect(page.locator(".messagelist")).to_be_visible()
    assert VideoTask.objects.count() == 1


def test_notes_of_a_finished_task_outlive_the_session(maria: Person) -> None:
    task = factories.make(COMPLETED, video=b"x")
    page = maria.open("change", task.pk)
    page.locator("textarea[name=notes]").fill("call the customer")
    Session.objects.all().delete()
    page.get_by_role("button", name="Save notes").click()
    expect(notice(page)).to_be_visible()
    sign_in_elsewhere(maria)
    page.get_by_role("button", name="Save notes").click()
    expect(page.locator(".messagelist")).to_contain_text("The notes were saved.")
    task.refresh_from_db()
    assert task.notes == "call the customer"


def test_an_item_added_while_signed_out_waits_for_the_login(maria: Person) -> None:
    """An item that is added while signed out waits until somebody is signed in."""
    page = maria.open("add", query="?model=wan2.7-reference-video")
    page.locator("#id_prompt").fill("A fox trots on")
    maria.mark()
    Session.objects.all().delete()
    add = page.locator("[name=_add][value='reference_images:link']")
    page.get_by_text("Add reference pictures").click()
    add.click()
    expect(notice(page)).to_be_visible()
    assert maria.is_marked()
    expect(page.locator("[name=reference_images_url]")).to_have_count(0)
    sign_in_elsewhere(maria)
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(notice(page)).to_be_hidden()
    add.click()
    expect(page.locator("[name=reference_images_url]")).to_have_count(1)
    expect(page.locator("#id_prompt")).to_have_value("A fox trots on")
    assert maria.is_marked()


def test_a_part_of_the_form_that_cannot_be_had(maria: Person) -> None:
    """A part of the form that cannot be had is asked for once, and then the whole page."""
    maria.expected.append("413")
    page = maria.open("add", query="?model=wan2.7-reference-video")
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.resource_type)
        return route.fulfill(status=413) if asked[-1] == "fetch" else route.continue_()

    page.route(
        re.compile("/videotask/add/"),
        lambda route: refuse(route) if route.request.method == "POST" else route.continue_(),
    )
    page.get_by_text("Add reference pictures").click()
    page.locator("[name=_add][value='reference_images:link']").click()
    expect(page.locator("[name=reference_images_url]")).to_have_count(1)
    assert asked == ["fetch", "document"]


def test_cards_lead_to_the_login_and_back_to_what_was_chosen(maria: Person) -> None:
    page = maria.open("models")
    Session.objects.all().delete()
    page.get_by_text("Keep this character").click()
    maria.sign_in()
    expect(page.get_by_role("radio", name="Keep this character")).to_be_checked()
    expect(page.locator("#models-heading")).to_contain_text("Keep this character")


def test_without_scripts_the_form_is_sent_as_ever(new_person: Callable[..., Person]) -> None:
    maria = new_person(java_script_enabled=False)
    page = maria.open("add")
    maria.fill_in("A fox trots on")
    page.locator("[name=_save]").click()
    expect(page.locator(".messagelist")).to_be_visible()
    assert VideoTask.objects.count() == 1
