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


@pytest.mark.parametrize("look", LOOKS)
def test_every_page(new_person: Callable[..., Person], look: str) -> None:
    """No page breaks a strict policy, logs an error, is wider than the screen, or has what axe finds serious."""
    maria, source = new_person(**LOOKS[look]), axe.script()
    found: list[str] = []

    def look_at(name: str) -> None:
        if more := maria.is_wider_than_screen():
            found.append(f"{name}: wider than the screen by {more} pixels")
        found.extend(f"{name}: {text}" for text in maria.complaints)
        maria.complaints.clear()
        # In the dark only the colours are others.
        problems = axe.problems(maria.page, source, rules=axe.COLOURS if look == "dark" else None)
        found.extend(f"{name}: {problem}" for problem in problems)

    maria.open("changelist")
    expect(maria.page.get_by_role("heading", name="No videos yet")).to_be_visible()
    look_at("empty list")
    tasks = rows.make_all()
    for name in PAGES:
        open_page(maria, name, tasks)
        look_at(name)
    assert not found, "\n".join(found)
