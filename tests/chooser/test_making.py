"""A new video from an object's picture: the link, the form that it opens, and the video on the object's page."""

from __future__ import annotations

import re

import pytest

from django_wanvideo.admin.forms import made_for
from django_wanvideo.models import VideoTask
from example_project.shop.models import Product
from tests.admin.conftest import add_data, hidden, url
from tests.chooser.conftest import field, page
from tests.pictures import picture

PHOTO = "Make a new one from this product’s picture…"


def link(client, product, name="video"):
    """The address that the page has for a new video, or nothing."""
    found = re.search(r'href="([^"]*made_for=[^"]*)"', field(page(client, product), name))
    return found[1].replace("&amp;", "&") if found else None


def make(client, address, **changes):
    """Open the form and send it with the picture that it shows."""
    shown = client.get(address)
    assert shown.status_code == 200
    kept, key = hidden(shown, "first_frame_kept"), hidden(shown, "idempotency_key")
    data = add_data(first_frame_file=None, first_frame_kept=kept, idempotency_key=key)
    return client.post(address, {name: value for name, value in (data | changes).items() if value is not None})


def test_the_form_has_the_picture_and_the_task_knows_the_product(admin_client, cup):
    address = link(admin_client, cup)
    shown = admin_client.get(address).content.decode()
    assert "wv-drop is-filled" in shown
    preview = re.search(r'<p class="wv-drop-picture"><img src="([^"]*)"', shown)[1]
    assert admin_client.get(preview.replace("&amp;", "&")).content == cup.photo.read()
    assert make(admin_client, address).status_code == 302
    task = VideoTask.objects.get()
    assert task.metadata == {"product": cup.pk, "made_for": f"shop.product:{cup.pk}:video"}
    assert task.owner == admin_client.user
    cup.photo.seek(0)
    assert task.first_frame.file.read() == cup.photo.read()
    assert task.first_frame.file.name != cup.photo.name
    # The product's own picture is not one that was kept for the form.
    assert cup.photo.storage.exists(cup.photo.name)


def test_a_price_is_paid_for_the_picture_that_was_shown(admin_client, cup):
    address = link(admin_client, cup)
    was = cup.photo.read()
    cup.photo = picture(name="other.jpg", size=(800, 600))
    cup.save()
    make(admin_client, address)
    assert VideoTask.objects.get().first_frame.file.read() == was


def test_a_picture_that_is_gone_is_told(admin_client, cup):
    address = link(admin_client, cup)
    shown = admin_client.get(address)
    cup.photo.storage.delete(cup.photo.name)
    kept = hidden(shown, "first_frame_kept")
    answer = admin_client.post(address, add_data(first_frame_file=None, first_frame_kept=kept))
    assert "cannot be read here any more" in answer.content.decode()
    assert not VideoTask.objects.exists()


def test_another_picture_keeps_the_product_of_the_task(admin_client, cup):
    """Another picture can be chosen and the task still knows the product."""
    make(
        admin_client,
        link(admin_client, cup),
        first_frame_file=picture(name="fox.jpg", size=(800, 600)),
        first_frame_kept=None,
    )
    task = VideoTask.objects.get()
    assert task.metadata["made_for"] == f"shop.product:{cup.pk}:video"
    assert task.first_frame.file.read() != cup.photo.read()


def test_what_a_superuser_writes_stands_beside_it(admin_client, cup):
    make(admin_client, link(admin_client, cup), metadata='{"sku": "X1"}')
    assert VideoTask.objects.get().metadata == {
        "product": cup.pk,
        "sku": "X1",
        "made_for": f"shop.product:{cup.pk}:video",
    }


def test_the_link_is_one_persons_and_cannot_be_changed(admin_client, seller, cup):
    address, maria = link(admin_client, cup), seller("view_videotask", "add_videotask")
    for strange in (address, address + "x", "/admin/wanvideo/videotask/add/?made_for=fox"):
        answer = maria.get(strange)
        assert answer.status_code == 200
        assert "is-filled" not in answer.content.decode()
        assert maria.post(strange, add_data(prompt=strange[-9:])).status_code == 302
    assert not any(task.metadata for task in VideoTask.objects.all())


def test_an_old_link_is_none(admin_client, cup, monkeypatch):
    address = link(admin_client, cup)
    monkeypatch.setattr(made_for, "LIFETIME", -1)
    assert "is-filled" not in admin_client.get(address).content.decode()


def test_without_a_picture_or_the_permission_there_is_no_link(admin_client, seller, cup):
    lamp = Product.objects.create(name="Lamp")
    assert link(admin_client, lamp) is None
    assert "Save a picture first" in field(page(admin_client, lamp), "video")
    assert "Save a picture first" in admin_client.get("/admin/shop/product/add/").content.decode()
    text = field(page(seller("view_videotask"), cup), "video")
    assert PHOTO not in text
    assert "Save a picture first" not in text


def test_the_products_page_shows_the_new_video_until_it_is_chosen(admin_client, cup, make_task):
    made = {"made_for": f"shop.product:{cup.pk}:video"}
    task = make_task("processing", progress=42, metadata=made)
    make_task("failed", metadata=made)
    make_task("completed", metadata={"made_for": f"shop.product:{cup.pk}9:video"})
    row = field(page(admin_client, cup), "video")
    assert "A new video for this product is on its way. Being made: 42" in row
    assert row.count("wv-chooser-made") == 1
    VideoTask.objects.filter(pk=task.pk).update(status="completed")
    row = field(page(admin_client, cup), "video")
    assert "A new video for this product is ready:" in row
    assert f'data-use="{task.pk}"' in row
    assert "wv-chooser-made" not in field(page(admin_client, cup), "loop")
    Product.objects.filter(pk=cup.pk).update(video=task)
    assert "wv-chooser-made" not in field(page(admin_client, cup), "video")


@pytest.mark.parametrize(
    "metadata", [[], {"made_for": None}, {"made_for": [1]}, {"made_for": "shop.product:1"}, {"made_for": "x:1:y"}]
)
def test_metadata_of_any_kind_breaks_no_page(admin_client, cup, make_task, metadata):
    task = make_task("completed", metadata=metadata)
    page(admin_client, cup)
    assert "Made for" not in admin_client.get(url("change", task.pk)).content.decode()


def test_the_tasks_page_leads_back_to_the_product(admin_client, seller, person, cup, make_task):
    task = make_task("completed", metadata={"made_for": f"shop.product:{cup.pk}:video"})
    text = admin_client.get(url("change", task.pk)).content.decode()
    assert "Made for" in text
    assert f'<a href="/admin/shop/product/{cup.pk}/change/" dir="auto">Cup</a>' in text
    assert "Made for" not in person("view_videotask").get(url("change", task.pk)).content.decode()
    Product.objects.filter(pk=cup.pk).update(video=task)
    text = admin_client.get(url("change", task.pk)).content.decode()
    assert "Made for" not in text
    assert "Used by" in text


def test_the_popup_has_a_tick_for_what_was_made_for_this_very_product(admin_client, cup, make_video):
    key = f"shop.product:{cup.pk}:video"
    ours = make_video(prompt="Ours", metadata={"made_for": key})
    make_video(prompt="Another's", metadata={"made_for": f"shop.product:{cup.pk}9:video"})
    popup = re.search(r'href="([^"]*_popup=1[^"]*)"', field(page(admin_client, cup), "video"))[1].replace("&amp;", "&")
    shown = admin_client.get(popup)
    assert "From this product’s picture (1)" in shown.content.decode()
    assert len(shown.context["cl"].result_list) == 2
    shown = admin_client.get(popup + "&made_for=1")
    assert [task.pk for task in shown.context["cl"].result_list] == [ours.pk]
    form = re.search(r'<form id="changelist-search".*?</form>', shown.content.decode(), re.S)[0]
    assert re.findall(r'type="checkbox" name="made_for" value="1" data-wanvideo-tick checked', form)
    assert form.count('name="made_for"') == 1
    assert f'name="made_for_key" value="{key}"' in form
    # Nothing of it where there is nothing to tick, whatever an address says.
    for strange in ("", "x", "shop.product", "shop.product:999:video"):
        shown = admin_client.get(url("changelist"), {"_popup": "1", "made_for": "1", "made_for_key": strange})
        assert "data-wanvideo-tick" not in shown.content.decode()


def test_a_product_finds_its_videos_however_many_others_are_newer(admin_client, cup, make_task):
    task = make_task("processing", metadata={"made_for": f"shop.product:{cup.pk}:video"})
    VideoTask.objects.bulk_create(
        VideoTask(prompt="Another", model=task.model, metadata={"made_for": "shop.product:0:video"}) for _ in range(301)
    )
    assert "A new video for this product is on its way." in field(page(admin_client, cup), "video")
    for change in ({}, {"made_for": f"shop.product:{cup.pk}:video"}):
        draft = VideoTask.objects.create_task("A fox", picture(), metadata={"made_for": "shop.product:0:video"})
        draft.update(metadata=change)
        assert VideoTask.objects.get(pk=draft.pk).made_for == change.get("made_for", "")
    VideoTask.objects.exclude(pk=task.pk).delete()
    task.metadata = {}
    task.save()
    assert "A new video for this product" not in field(page(admin_client, cup), "video")
