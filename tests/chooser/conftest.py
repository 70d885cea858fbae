"""A product whose page has the chooser, and people in front of it."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission

from example_project.shop.models import Product
from tests.admin.conftest import admin_client, make_task, media, person, store, wakes
from tests.pictures import picture

__all__ = ["admin_client", "make_task", "media", "person", "wakes"]


@pytest.fixture
def cup(db):
    """A product with a photo."""
    return Product.objects.create(name="Cup", photo=picture(name="cup.jpg"))


@pytest.fixture
def make_video(make_task):
    """Make a finished video with a file."""

    def make(content=b"a video", **fields):
        task = make_task("completed", **fields)
        store(task, content)
        return task

    return make


@pytest.fixture
def seller(person):
    """Make somebody who may change products, and has the named permissions on tasks."""

    def make(*permissions):
        client = person(*permissions)
        shop = Permission.objects.filter(content_type__app_label="shop")
        client.user.user_permissions.add(*shop)
        return client

    return make


def address(product):
    return f"/admin/shop/product/{product.pk}/change/"


def page(client, product):
    """The page of a product."""
    response = client.get(address(product))
    assert response.status_code == 200
    return response.content.decode()


def field(text, name):
    """The row of one field of a page."""
    return re.search(
        rf'<div class="form-row[^"]* field-{name}">.*?(?=<div class="form-row|<div class="submit-row)', text, re.S
    )[0]


def options(text, name):
    """The values of a select."""
    select = re.search(rf'<select name="{name}".*?</select>', text, re.S)[0]
    return re.findall(r'<option value="([^"]*)"', select)


def save(client, product, **changes):
    """Send a product's page as it is, but for ``changes``."""
    video = "" if product.video_id is None else str(product.video_id)
    data = {"name": product.name, "description": "", "video": video, "_save": "Save"}
    return client.post(address(product), data | changes)


def errors(response):
    """What the form says is wrong, by field."""
    assert response.status_code == 200
    return {name: list(found) for name, found in response.context["adminform"].form.errors.items()}
