"""Choosing a video for something else, in the popup that Django opens."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error, expect

from example_project.shop.models import Product
from tests.browser import rows

if TYPE_CHECKING:
    from tests.browser.person import Person


@pytest.mark.fault("K12.popup-click-on-the-picture")
@pytest.mark.parametrize("column", ["field-picture", "field-task"])
def test_a_click_on_picture_or_words_chooses_the_video(maria: Person, column: str) -> None:
    tasks = rows.make_all()
    product = Product.objects.create(name="Lamp")
    page = maria.page
    page.goto(f"/admin/shop/product/{product.pk}/change/")
    with page.expect_popup() as opened:
        page.locator("#lookup_id_video").click()
    popup = opened.value
    expect(popup.locator("#result_list tbody tr")).to_have_count(3)
    # The choice closes the popup, at times before the click is reported done.
    with contextlib.suppress(Error):
        popup.locator(f"#result_list .{column} a").first.click()
    expect(page.locator("#id_video")).to_have_value(str(tasks["completed"].pk))
    page.get_by_role("button", name="Save", exact=True).click()
    product.refresh_from_db()
    assert product.video == tasks["completed"]
