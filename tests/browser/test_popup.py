"""Choosing a video for something else, in the popup that Django opens."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error, expect

from example_project.shop.admin import ProductAdmin
from example_project.shop.models import Product
from tests.browser import factories

if TYPE_CHECKING:
    from tests.browser.person import Person


@pytest.mark.fault("K12.popup-click-on-the-picture")
@pytest.mark.parametrize("part", [".wv-poster", ".wv-clip"])
def test_a_click_on_picture_or_words_chooses_the_video(
    maria: Person, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Django's own fields for raw ids have it."""
    monkeypatch.setattr(ProductAdmin, "raw_id_fields", ["video"])
    tasks = factories.make_all()
    product = Product.objects.create(name="Lamp")
    page = maria.page
    page.goto(f"/admin/shop/product/{product.pk}/change/")
    with page.expect_popup() as opened:
        page.locator("#lookup_id_video").click()
    popup = opened.value
    expect(popup.locator(".wv-choice")).to_have_count(3)
    popup.locator(f".wv-choice {part}").first.click()
    # The choice closes the popup, at times before the click is reported done.
    with contextlib.suppress(Error):
        popup.get_by_role("button", name="Use this video").click()
    expect(page.locator("#id_video")).to_have_value(str(tasks["completed"].pk))
    page.get_by_role("button", name="Save", exact=True).click()
    product.refresh_from_db()
    assert product.video == tasks["completed"]
