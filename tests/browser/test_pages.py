"""Every page, looked at by a machine: no complaint of the browser, no scrolling sideways, nothing that axe minds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import axe, factories
from tests.browser.pages import PAGES, open_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.person import Person


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_every_page(new_person: Callable[..., Person], phone: bool) -> None:
    """No page breaks a strict policy, logs an error, is wider than the screen, or has what axe finds serious."""
    maria, source = new_person(phone=phone), axe.script()
    found: list[str] = []

    def look_at(name: str) -> None:
        found.extend(f"{name}: {problem}" for problem in [*axe.look_at(maria, source), *maria.complaints])
        maria.complaints.clear()

    maria.open("changelist")
    expect(maria.page.get_by_role("heading", name="No videos yet")).to_be_visible()
    look_at("empty list")
    tasks = factories.make_all()
    for name in PAGES:
        open_page(maria, name, tasks)
        look_at(name)
    assert not found, "\n".join(found)
