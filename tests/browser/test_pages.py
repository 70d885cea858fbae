"""Every page, looked at by a machine: no complaint of the browser, no scrolling sideways, nothing that axe minds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import axe, rows
from tests.browser.pages import PAGES, open_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.person import Person

LOOKS = {"light": {}, "dark": {"dark": True}, "phone": {"phone": True}}


def walk(maria: Person, look: Callable[[str], None]) -> None:
    """Go through all pages as one person does, the empty list first."""
    maria.open("changelist")
    expect(maria.page.get_by_role("heading", name="No videos yet")).to_be_visible()
    look("empty list")
    tasks = rows.make_all()
    for name in PAGES:
        open_page(maria, name, tasks)
        look(name)


@pytest.mark.parametrize("look", ["light", "phone"])
def test_no_page_breaks_a_strict_policy_logs_an_error_or_is_wider_than_the_screen(
    new_person: Callable[..., Person], look: str
) -> None:
    maria = new_person(**LOOKS[look])
    wide: list[str] = []

    def measure(name: str) -> None:
        maria.complaints = [text if " [" in text else f"{text} [{name}]" for text in maria.complaints]
        if more := maria.is_wider_than_screen():
            wide.append(f"{name} by {more} pixels")

    walk(maria, measure)
    assert not wide, f"Wider than the screen: {', '.join(wide)}"


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious_on_any_page(new_person: Callable[..., Person], look: str) -> None:
    # axe adds style elements of its own, so this browser lets them pass; the policy has its own test.
    source = axe.script()
    maria = new_person(**LOOKS[look], bypass_csp=True)
    found: list[str] = []
    walk(maria, lambda name: found.extend(f"{name}: {problem}" for problem in axe.problems(maria.page, source)))
    assert not found, "\n".join(found)
