"""Every page in another admin theme; ``test_themes`` runs this in a process whose settings hold the theme."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.contrib import admin

from django_wanvideo import takes
from django_wanvideo.admin import VideoTaskAdminMixin, base
from django_wanvideo.models import VideoTask
from example_project.shop.models import Product
from tests.admin.conftest import add_data, hidden, url

#: What each page must keep, whatever stands around it.
PARTS = {
    "list": ['data-wanvideo-list data-status-url="', 'data-wanvideo-task="', "wv-chip is-processing", 'class="wv-thumb"',
             "A fox trots on", "live-status.js", "wanvideo.css", 'id="wv-processing"', 'name="q"', 'value="submit_selected"', "wv-clip",
             'name="created_from"', 'name="created_to"', 'select name="owner"', "Show theirs"],
    "grid": ['data-wanvideo-list data-status-url="', '<ul class="wv-gallery"', 'class="wv-poster"', "wv-chip is-processing", 'name="q"',
             'value="submit_selected"', "action-select", "gallery.js", "gallery.css", 'aria-current="true"', "wv-filterchip", "data-wanvideo-totals"],
    "empty": ["No videos yet", "wv-empty"],
    "add": ['name="prompt"', 'data-wanvideo-drop', 'name="duration"', "data-wanvideo-slider", "wv-choices", 'name="_generate"',
            "Generate for about 11.9 credits", 'name="_save"', 'name="idempotency_key"', "dropzone.js", 'enctype="multipart/form-data"'],
    "refused": ["Write a prompt", "Everything you typed is still here", 'aria-invalid="true"'],
    "draft": ['name="prompt"', "A fox trots on", 'name="_generate"'],
    "processing": ["data-wanvideo-watch", 'data-live="1"', "wv-steps", "wv-timeline", "42", 'name="notes"'],
    "failed": ["wv-outcome", "Content refused", "Edit a copy", "Retry unchanged for about 11.9 credits"],
    "confirm": ['name="plan"', "Generate 1 video for about 11.9 credits", "wv-confirm", "wanvideo.css", "submit-once.js"],
    "resolve": ["wv-decision", "Attach this video", "Mark as not accepted", "Send again for about 11.9 credits"],
    "make_takes": ['name="prompts"', "Save as drafts"],
    "takes": ["wv-takes", 'name="pick"', "takes.js", "takes.css", "wv-deck"],
    "delete": ['name="post"'],
    "popup": ['<input type="radio" name="video"', "Use this video</button>", "wanvideo/chooser.css", "choose.js"],
    "product": ["data-wanvideo-chooser", 'select name="video"', "data-choose", 'name="loop-video"', 'type="file" name="loop"',
                "Being made: 42", "wanvideo/chooser.css", "chooser.js", 'enctype="multipart/form-data"'],
}  # fmt: skip


@pytest.fixture
def show(admin_client, make_task, monkeypatch):
    """Answer with one page of ``PARTS``."""
    monkeypatch.setattr("django_wanvideo.services.resolution.evidence.TIMEOUT", 0.01)

    def page(name):
        match name:
            case "list":
                make_task("processing", progress=42)
                return admin_client.get(url("changelist"))
            case "grid":
                make_task("processing", progress=42)
                return admin_client.get(url("changelist") + "?view=grid&status=processing", follow=True)
            case "empty":
                return admin_client.get(url("changelist"))
            case "add":
                return admin_client.get(url("add"))
            case "refused":
                return admin_client.post(url("add"), add_data(prompt=""))
            case "draft":
                return admin_client.get(url("change", make_task().pk))
            case "processing":
                return admin_client.get(url("change", make_task("processing", progress=42).pk))
            case "failed":
                return admin_client.get(url("change", make_task("failed", error_code="content_filter").pk))
            case "confirm":
                data = {"action": "submit_selected", "_selected_action": [str(make_task().pk)]}
                return admin_client.post(url("changelist"), data, follow=True)
            case "resolve":
                return admin_client.get(url("resolve", make_task("unconfirmed").pk))
            case "popup":
                make_task("completed")
                return admin_client.get(url("changelist") + "?_popup=1&_to_field=id")
            case "product":
                product = Product.objects.create(name="Lamp", video=make_task("processing", progress=42))
                return admin_client.get(f"/admin/shop/product/{product.pk}/change/")
            case "make_takes":
                return admin_client.get(url("make_takes", make_task("completed").pk))
            case "takes":
                first = make_task("completed")
                takes.group(first, [make_task("processing")])
                return admin_client.get(url("takes", first.pk))
        return admin_client.get(url("delete", make_task("failed").pk))

    return page


def test_the_theme_is_there():
    assert settings.THEME in settings.INSTALLED_APPS
    assert not base.is_stock()
    ours = admin.site.get_model_admin(VideoTask)
    assert isinstance(ours, VideoTaskAdminMixin)
    assert ours.check() == []


@pytest.mark.parametrize("name", PARTS)
def test_a_page_keeps_its_parts(show, name):
    response = show(name)
    assert response.status_code == 200
    page = response.content.decode()
    assert [part for part in PARTS[name] if part not in page] == []
    content = page.split("<body", 1)[1]
    ids = re.findall(r'\sid="(wv-[^"]+|id_[^"]+|searchbar)"', content)
    assert sorted(ids) == sorted(set(ids))
    # Alpine, which Unfold is built on, binds attributes whose names begin like this; ours must not look like them.
    assert not re.search(r"<[^>]*\swv[^>]*\s(?:x-|@|:)\w", content)


def test_the_fields_of_filters_narrow_the_list_and_keep_what_is_chosen(admin_client, make_task):
    make_task(owner=admin_client.user)
    page = admin_client.get(
        url("changelist"), {"created_from": "2026-01-02", "status": "draft", "owner": str(admin_client.user.pk)}
    )
    forms = re.findall(r'<form method="get" class="wv wv-filterform">.*?</form>', page.content.decode(), re.S)
    assert [sorted(re.findall(r'\sname="(\w+)"', form)) for form in forms] == [
        ["created_from", "created_to", "owner", "status"],
        ["created_from", "owner", "status"],
    ]
    assert f'<option value="{admin_client.user.pk}" selected>' in forms[1]


def test_what_the_pages_send_is_understood(admin_client, make_task):
    response = admin_client.post(url("add"), add_data())
    assert response.status_code == 302
    task = VideoTask.objects.get()
    data = {"action": "submit_selected", "_selected_action": [str(task.pk)]}
    page = admin_client.post(url("changelist"), data, follow=True)
    admin_client.post(url("send"), {"plan": hidden(page, "plan")})
    task.refresh_from_db()
    assert task.status == "queued"
