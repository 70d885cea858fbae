"""The mixin in other people's admins: a subclass of one's own, and Unfold where it is installed."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.urls import path, reverse
from django.utils import timezone

from django_wanvideo.admin import VideoTaskAdminMixin, base
from django_wanvideo.models import VideoTask
from tests.admin.conftest import add_data, hidden, store, url
from tests.pictures import picture


def site_with(base, name="admin"):
    """An admin site that shows video tasks with the mixin before ``base``."""
    site = admin.AdminSite(name=name)
    site.register(VideoTask, type("TaskAdmin", (VideoTaskAdminMixin, base), {}))
    return site


def list_of(site, user):
    request = RequestFactory().get(url("changelist"))
    request.user = user
    response = site.get_model_admin(VideoTask).changelist_view(request)
    return response.render().content.decode()


def test_a_model_admin_of_ones_own_shows_the_list(admin_client, make_task):
    make_task(prompt="A red fox")
    assert "A red fox" in list_of(site_with(admin.ModelAdmin), admin_client.user)


def test_columns_can_be_added_by_a_subclass(admin_client, make_task):
    make_task()

    class Wider(VideoTaskAdminMixin, admin.ModelAdmin):
        list_display = (*VideoTaskAdminMixin.list_display, "model")

    site = admin.AdminSite(name="admin")
    site.register(VideoTask, Wider)
    assert "field-model" in list_of(site, admin_client.user)


def test_djangos_own_admin_is_recognised():
    assert base.is_stock()


def test_unfolds_model_admin_takes_the_mixin():
    unfold = pytest.importorskip("unfold.admin", reason="Unfold is not installed")
    ours = site_with(unfold.ModelAdmin).get_model_admin(VideoTask)
    assert ours.check() == []
    assert next(pattern.name for pattern in ours.get_urls()) == "wanvideo_videotask_status"


class Addresses:
    """What ``ROOT_URLCONF`` names: a site's own admin, alone or beside one that does not know video tasks."""

    def __init__(self, *, is_alone):
        backoffice = path("backoffice/", site_with(admin.ModelAdmin, "backoffice").urls)
        self.urlpatterns = [backoffice] if is_alone else [path("admin/", admin.AdminSite().urls), backoffice]


class TestAnAdminOfAnotherName:
    """Every page, in an admin site that is not called "admin"."""

    @pytest.fixture(autouse=True, params=["alone", "beside another"])
    def backoffice(self, request, settings):
        settings.ROOT_URLCONF = Addresses(is_alone=request.param == "alone")
        # Django's own view of files is taken in development only; ours must be found there too.
        settings.DEBUG = True

    def address(self, name, *args):
        return reverse(f"admin:wanvideo_videotask_{name}", args=args, current_app="backoffice")

    def page(self, response):
        """What is on a page, all of whose addresses must lead into this admin."""
        assert response.status_code == 200
        text = response.content.decode()
        assert not re.search(r'="/admin/', text)
        return text

    def test_a_refused_form_shows_its_picture(self, admin_client):
        refused = admin_client.post(self.address("add"), add_data(prompt=""))
        text = self.page(refused)
        token = hidden(refused, "first_frame_kept")
        assert f"{self.address('temporary_upload')}?name={token}" in text
        assert admin_client.get(self.address("temporary_upload"), {"name": token}).status_code == 200
        there = admin_client.post(self.address("add"), add_data(model="wan2.6-text-to-video", _model="1"))
        assert hidden(there, "first_frame_kept")

    def test_a_form_leads_to_its_task(self, admin_client):
        key = hidden(admin_client.get(self.address("add")), "idempotency_key")
        for _time in range(2):
            answer = admin_client.post(
                self.address("add"), add_data(_generate="1", idempotency_key=key, first_frame_file=picture())
            )
            assert answer.url == self.address("change", VideoTask.objects.get().pk)

    @pytest.mark.parametrize("status", ["draft", "queued", "processing", "unconfirmed", "failed", "completed"])
    def test_a_task_has_its_pages(self, admin_client, make_task, status):
        task = make_task(status, **({} if status == "draft" else {"finished_at": timezone.now()}))
        if status == "completed":
            store(task, b"0123456789")
        admin_client.post(self.address("make_takes", task.pk), {"prompts": "other words", "repeats": ""})
        text = self.page(admin_client.get(self.address("change", task.pk)))
        assert self.address("change", task.children.get().pk) in text
        assert (self.address("video", task.pk) in text) == (status == "completed")
        assert self.address("change", task.pk) in self.page(
            admin_client.get(self.address("change", task.children.get().pk))
        )
        self.page(admin_client.get(self.address("make_takes", task.pk)))
        assert admin_client.get(self.address("status"), {"id": str(task.pk), "page": "1"}).status_code == 200

    def test_the_list_and_what_follows_it_stay_in_this_admin(self, admin_client, make_task):
        task = make_task()
        make_task("completed")
        assert self.address("change", task.pk) in self.page(admin_client.get(self.address("changelist")))
        chosen = {"action": "submit_selected", "_selected_action": [str(one.pk) for one in VideoTask.objects.all()]}
        confirmation = admin_client.post(self.address("changelist"), chosen, follow=True)
        assert f'action="{self.address("send")}"' in self.page(confirmation)
        answer = admin_client.post(self.address("send"), {"plan": hidden(confirmation, "plan")})
        assert answer.url == self.address("changelist")
        lost = make_task("unconfirmed")
        self.page(admin_client.get(self.address("resolve", lost.pk)))
