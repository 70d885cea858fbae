"""What only a browser shows of an admin site of one's own; ``tests/hosts/test_sites`` runs this with it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from playwright.sync_api import Error, expect

from tests.browser import factories
from tests.hosts.shelves.models import Shelf, Slot

if TYPE_CHECKING:
    from tests.browser.person import Person


def test_a_row_that_was_added_in_the_browser_has_the_chooser(maria: Person) -> None:
    task = factories.make(factories.Wish("fox", "A fox steps out", "completed", 30), video=b"0")
    shelf = Shelf.objects.create(name="Top shelf")
    page = maria.page
    page.goto(f"/backoffice/shelves/shelf/{shelf.pk}/change/")
    expect(page.locator(".field-video [data-wanvideo-chooser].is-live")).to_have_count(1)
    page.locator(".add-row a").click()
    added = page.locator("#slot_set-1 .field-video")
    expect(added.locator("[data-wanvideo-chooser].is-live")).to_be_visible()
    with page.expect_popup() as opened:
        added.get_by_role("link", name="Choose a video…").click()
    popup = opened.value
    popup.locator(".wv-choice").click()
    with contextlib.suppress(Error):
        popup.get_by_role("button", name="Use this video").click()
    expect(added).to_contain_text("A fox steps out")
    expect(page.locator("#slot_set-0 .field-video")).to_contain_text("No video chosen.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    assert Slot.objects.get().video == task
