"""A video for a product: chosen by its picture, with few clicks, also by keys and without JavaScript."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile
from playwright.sync_api import Error, expect

from django_wanvideo import takes
from django_wanvideo.models import VideoTask
from example_project.shop.models import Product
from tests.browser import factories
from tests.browser.pictures import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.person import Person

WISH = factories.Wish("cup", "Steam curls above the cup", "completed", 30)


@pytest.fixture
def cup(maria: Person) -> Product:
    """A product with a photo, in front of Maria."""
    return make_cup()


def make_cup() -> Product:
    product = Product(name="Coffee cup “Nord”, white")
    product.photo.save("cup.jpg", ContentFile(picture("cup").getvalue()))
    return product


def open_product(maria: Person, product: Product) -> Page:
    maria.page.goto(f"/admin/shop/product/{product.pk}/change/")
    expect(maria.page.locator(".field-video [data-wanvideo-chooser].is-live")).to_be_visible()
    return maria.page


def use(popup: Page) -> None:
    """Press the button, which closes the popup, at times before the click is reported done."""
    with contextlib.suppress(Error):
        popup.get_by_role("button", name="Use this video").click()


def test_the_best_of_four_takes_is_on_the_products_page_with_four_clicks(maria: Person, cup: Product) -> None:
    first = factories.make(WISH, video=b"0")
    others = [factories.make(WISH, number=number, video=b"0") for number in (1, 2, 3)]
    takes.group(first, others)
    best = others[1]
    takes.pick(best, by=maria.user)
    page = open_product(maria, cup)
    with page.expect_popup() as opened:
        page.locator(".field-video").get_by_role("link", name="Choose a video…").click()
    popup = opened.value
    tile = popup.locator("label.wv-choice").filter(has_text="Picked")
    expect(tile).to_have_count(1)
    tile.click()
    use(popup)
    card = page.locator(".field-video .wv-chooser")
    expect(card).to_contain_text("Steam curls above the cup")
    expect(card.locator("img")).to_be_visible()
    expect(card.get_by_role("button", name="Remove")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    cup.refresh_from_db()
    assert cup.video == best


def test_a_tick_shows_what_was_made_for_this_product_alone(maria: Person, cup: Product) -> None:
    ours, _other = (factories.make(WISH, number=number, video=b"0") for number in (0, 1))
    ours.metadata = {"made_for": f"shop.product:{cup.pk}:video"}
    ours.save(update_fields=["metadata"])
    page = open_product(maria, cup)
    with page.expect_popup() as opened:
        page.locator(".field-video").get_by_role("link", name="Choose a video…").click()
    popup = opened.value
    # The tick takes effect by itself once the page's script has run.
    expect(popup.locator("form.is-live")).to_be_attached()
    expect(popup.locator("label.wv-choice")).to_have_count(2)
    # Not ``check()``, which looks at the page that the tick leads away from.
    tick = popup.get_by_label("From this product’s picture (1)")
    tick.click()
    expect(popup.locator("label.wv-choice")).to_have_count(1)
    expect(tick).to_be_checked()
    popup.locator("label.wv-choice").click()
    use(popup)
    expect(page.locator("select[name=video]")).to_have_value(str(ours.pk))


def test_changing_removing_and_searching_by_keys(maria: Person, cup: Product) -> None:
    tasks = factories.make_all()
    fox = tasks["completed"]
    cup.video = VideoTask.objects.filter(status="completed").exclude(pk=fox.pk).first()
    cup.save()
    page = open_product(maria, cup)
    change = page.locator(".field-video").get_by_role("link", name="Change…")
    change.focus()
    with page.expect_popup() as opened:
        page.keyboard.press("Enter")
    popup = opened.value
    popup.locator("#searchbar").fill("fox")
    popup.locator("#searchbar").press("Enter")
    expect(popup.locator("[name=video]")).to_have_count(1)
    popup.locator("[name=video]").focus()
    popup.keyboard.press("Space")
    with contextlib.suppress(Error):
        popup.keyboard.press("Enter")
    card = page.locator(".field-video")
    expect(card).to_contain_text("A fox steps out")
    expect(card.locator("[role=status]")).to_contain_text("It is kept when you save.")
    card.get_by_role("button", name="Remove").click()
    expect(card).to_contain_text("No video chosen.")
    expect(card.get_by_role("link", name="Choose a video…")).to_be_focused()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    cup.refresh_from_db()
    assert cup.video is None


def test_a_new_video_from_the_picture_is_used_with_one_press(maria: Person, cup: Product) -> None:
    page = open_product(maria, cup)
    with page.expect_popup() as opened:
        page.locator(".field-loop").get_by_role("link", name="Make a new one from this product’s picture").click()
    form = opened.value
    expect(form.locator(".wv-drop-picture img")).to_be_visible()
    form.get_by_label("Prompt", exact=False).first.fill("Steam curls above the cup")
    form.get_by_role("button", name="Save draft").click()
    expect(form.locator(".messagelist")).to_contain_text("was added successfully")
    task = VideoTask.objects.get()
    assert task.metadata == {"made_for": f"shop.product:{cup.pk}:loop"}
    task.video.save("video.mp4", ContentFile(b"the loop"), save=False)
    VideoTask.objects.filter(pk=task.pk).update(status="completed", video=task.video.name)
    page.reload()
    ready = page.locator(".field-loop .wv-chooser-made")
    expect(ready).to_contain_text("A new video for this product is ready")
    ready.get_by_role("button", name="Use this video").click()
    expect(ready).to_be_hidden()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    cup.refresh_from_db()
    assert cup.loop.read() == b"the loop"


def test_without_javascript_it_is_a_select(new_person: Callable[..., Person]) -> None:
    maria, task = new_person(java_script_enabled=False), factories.make(WISH, video=b"0")
    cup = make_cup()
    page = maria.page
    page.goto(f"/admin/shop/product/{cup.pk}/change/")
    expect(page.get_by_role("link", name="Choose a video…")).to_have_count(0)
    page.locator("select[name=video]").select_option(str(task.pk))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    cup.refresh_from_db()
    assert cup.video == task
