"""The mixin in other people's admins: a subclass of one's own, and Unfold where it is installed."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import RequestFactory

from django_wanvideo.admin import VideoTaskAdminMixin, themes
from django_wanvideo.models import VideoTask
from tests.admin.conftest import url


def site_with(base):
    """An admin site that shows video tasks with the mixin before ``base``."""
    site = admin.AdminSite(name="admin")
    site.register(VideoTask, type("TaskAdmin", (VideoTaskAdminMixin, base), {}))
    return site


def list_of(site, user):
    request = RequestFactory().get(url("changelist"))
    request.user = user
    response = site.get_model_admin(VideoTask).changelist_view(request)
    return response.render().content.decode()


def test_a_model_admin_of_ones_own_shows_the_list(boss, make_task):
    make_task(prompt="A red fox")
    assert "A red fox" in list_of(site_with(admin.ModelAdmin), boss.user)


def test_columns_can_be_added_by_a_subclass(boss, make_task):
    make_task()

    class Wider(VideoTaskAdminMixin, admin.ModelAdmin):
        list_display = (*VideoTaskAdminMixin.list_display, "model")

    site = admin.AdminSite(name="admin")
    site.register(VideoTask, Wider)
    assert "field-model" in list_of(site, boss.user)


def test_djangos_own_admin_is_recognised():
    assert themes.is_stock()


def test_unfolds_model_admin_takes_the_mixin():
    unfold = pytest.importorskip("unfold.admin", reason="Unfold is not installed")
    ours = site_with(unfold.ModelAdmin).get_model_admin(VideoTask)
    assert ours.check() == []
    assert next(pattern.name for pattern in ours.get_urls()) == "wanvideo_videotask_status"
