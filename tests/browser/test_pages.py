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

LOOKS = {"light": {}, "dark": {"dark": True}, "phone": {"phone": True}, "dark phone": {"phone": True, "dark": True}}


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_breaks_the_policy_or_is_hard_to_use(new_person: Callable[..., Person], look: str) -> None:
    """One browser goes through all pages, as one person does; findings of all pages are told at once."""
    source = axe.script()
    maria = new_person(**LOOKS[look])
    found: list[str] = []

    def examine(name: str) -> None:
        found.extend(f"{name}: {problem}" for problem in axe.problems(maria.page, source))
        if more := maria.is_wider_than_screen():
            found.append(f"{name}: {more} pixels wider than the screen")

    maria.open("changelist")
    expect(maria.page.get_by_role("heading", name="No videos yet")).to_be_visible()
    examine("empty list")
    tasks = rows.make_all()
    for name in PAGES:
        open_page(maria, name, tasks)
        examine(name)
    assert not found, "\n".join(found)
