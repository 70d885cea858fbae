"""What only a browser shows of the pages in another admin theme; ``tests/admin/test_themes`` runs this with the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.browser import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.person import Person

THEME = settings.THEME
#: Texts that are cut off inside a cell, and words in a cell that are not ours.
CUT_OFF = """cells => cells.flatMap((cell) => {
    const style = getComputedStyle(cell);
    const cut = style.overflow !== "visible" && cell.scrollHeight > cell.clientHeight + 1;
    const label = getComputedStyle(cell, "::before");
    const labelled = !["none", "normal", '""'].includes(label.content) && label.display !== "none";
    return cut || labelled ? [`${cell.className}: ${cell.textContent.trim()} ${label.content}`] : [];
})"""


@pytest.fixture
def new_maria(new_person: Callable[..., Person]) -> Callable[..., Person]:
    """Make Maria; what a theme itself does wrong is its own affair."""

    def make(**look: object) -> Person:
        maria = new_person(bypass_csp=True, **look)
        maria.expected.append("")
        return maria

    return make


def test_rows_are_whole_on_a_phone(new_maria: Callable[..., Person]) -> None:
    maria = new_maria(phone=True)
    factories.make_all()
    page = maria.open("changelist")
    cells = page.locator("#result_list tbody tr > :is(td, th)")
    expect(cells.first).to_be_attached()
    assert cells.evaluate_all(CUT_OFF) == []
    title, state = page.locator(".field-task").first.bounding_box(), page.locator(".field-state").first.bounding_box()
    assert title["y"] + title["height"] <= state["y"] + 1, "The state lies over the title."
    row = page.locator("#result_list tbody tr").first.bounding_box()
    assert title["x"] + title["width"] <= row["x"] + row["width"], "The title runs out of its row."
    assert maria.is_wider_than_screen() == 0


@pytest.mark.skipif(THEME != "jazzmin", reason="Only Jazzmin puts something of its own in the place of a select.")
def test_choosing_another_model_shows_its_settings(new_maria: Callable[..., Person]) -> None:
    maria = new_maria()
    page = maria.open("add")
    page.locator("#id_prompt").fill("A fox trots on")
    page.locator("[data-wanvideo-field=model] .select2-selection").click()
    page.locator(".select2-results__option", has_text="Wan 2.6, text to video").click()
    expect(page.locator("[data-wanvideo-field=aspect_ratio]")).to_be_visible()
    expect(page.locator("#id_prompt")).to_have_value("A fox trots on")
