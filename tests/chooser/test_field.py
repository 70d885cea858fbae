"""A foreign key to a video: what the form shows, and what it takes."""

from __future__ import annotations

import pytest
from django import forms
from django.contrib.auth import get_user_model

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.chooser import VideoField
from django_wanvideo.chooser.videos import RECENT
from django_wanvideo.models import VideoTask
from example_project.shop.models import Product
from tests.chooser.conftest import address, errors, field, options, page, save

REFUSED = "This video cannot be chosen: it is not finished, it was deleted, or you may not see it."


@pytest.fixture
def only_own(monkeypatch):
    """Let people see their own videos only."""
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, tasks: tasks.owned_by(request.user)
    )


def show(product, task):
    Product.objects.filter(pk=product.pk).update(video=task)
    product.refresh_from_db()


def test_an_empty_field_offers_finished_videos_and_is_a_select(admin_client, cup, make_task):
    done = make_task("completed")
    for status in ("draft", "processing", "failed"):
        make_task(status)
    row = field(page(admin_client, cup), "video")
    assert "No video chosen." in row
    assert "Choose a video…" in row
    assert "_popup=1" in row
    assert "_to_field=id" in row
    assert options(row, "video") == ["", str(done.pk)]


def test_a_chosen_video_is_shown_by_its_picture_and_words(admin_client, cup, make_task):
    task = make_task("completed", owner=admin_client.user, prompt="<b>Steam</b> curls")
    show(cup, task)
    row = field(page(admin_client, cup), "video")
    assert task.first_frame.thumbnail.url in row
    assert "&lt;b&gt;Steam&lt;/b&gt; curls" in row
    assert f'href="/admin/wanvideo/videotask/{task.pk}/change/"' in row
    assert "0:05" in row
    assert "boss" in row
    assert all(words in row for words in ("Change…", "Remove"))


def test_a_video_on_its_way_says_how_far_it_is(admin_client, cup, make_task):
    show(cup, make_task("processing", progress=42))
    row = field(page(admin_client, cup), "video")
    assert "Being made: 42\N{NO-BREAK SPACE}%. It is shown here when it is ready." in row
    assert "Open the task" in row


@pytest.mark.parametrize("status", ["draft", "processing", "failed"])
def test_only_a_finished_video_is_accepted(admin_client, cup, make_task, status):
    assert errors(save(admin_client, cup, video=str(make_task(status).pk))) == {"video": [REFUSED]}


@pytest.mark.parametrize("value", ["00000000-0000-4000-8000-000000000000", "fox", "1", "\0"])
def test_what_is_no_video_is_refused(admin_client, cup, value):
    assert "video" in errors(save(admin_client, cup, video=value))


def test_choosing_and_removing(admin_client, cup, make_task):
    task = make_task("completed")
    assert save(admin_client, cup, video=str(task.pk)).status_code == 302
    cup.refresh_from_db()
    assert cup.video == task
    assert save(admin_client, cup, video="").status_code == 302
    cup.refresh_from_db()
    assert cup.video is None


def test_only_what_the_person_may_see_is_offered_and_accepted(seller, cup, make_task, only_own):
    maria = seller("view_videotask")
    mine, other = make_task("completed", owner=maria.user), make_task("completed")
    assert options(page(maria, cup), "video") == ["", str(mine.pk)]
    assert errors(save(maria, cup, video=str(other.pk))) == {"video": [REFUSED]}
    assert save(maria, cup, video=str(mine.pk)).status_code == 302


def test_without_permission_to_see_nothing_is_offered(seller, cup, make_task):
    """Without the permission to see tasks nothing is offered or accepted."""
    task, maria = make_task("completed"), seller()
    text = page(maria, cup)
    assert options(text, "video") == [""]
    assert "data-choose" not in text
    assert errors(save(maria, cup, video=str(task.pk))) == {"video": [REFUSED]}


def test_a_permission_on_single_tasks_is_asked(seller, cup, make_task, monkeypatch):
    task, maria = make_task("completed"), seller("view_videotask")
    monkeypatch.setattr(VideoTaskAdmin, "has_view_permission", lambda self, request, obj=None: obj is None)
    assert errors(save(maria, cup, video=str(task.pk))) == {"video": [REFUSED]}


@pytest.mark.parametrize("status", ["completed", "processing", "failed"])
def test_what_was_chosen_before_stays_valid_and_is_not_shown(seller, cup, make_task, only_own, status):
    other, maria = make_task(status, prompt="A secret"), seller("view_videotask")
    show(cup, other)
    text = page(maria, cup)
    assert "A video that you may not see." in text
    assert "A secret" not in field(text, "video")
    assert str(other.pk) in options(text, "video")
    assert save(maria, cup, description="New").status_code == 302
    cup.refresh_from_db()
    assert (cup.video, cup.description) == (other, "New")
    # Once it is taken away, it does not come back.
    assert save(maria, cup, video="").status_code == 302
    cup.refresh_from_db()
    assert errors(save(maria, cup, video=str(other.pk))) == {"video": [REFUSED]}


def test_a_video_deleted_meanwhile_is_told(admin_client, cup, make_task):
    task = make_task("completed")
    show(cup, task)
    task.delete()
    assert errors(save(admin_client, cup)) == {"video": [REFUSED]}


def test_an_address_that_fills_in_a_video_makes_none_valid(admin_client, make_task):
    draft = make_task()
    add = "/admin/shop/product/add/"
    assert admin_client.get(f"{add}?video={draft.pk}").status_code == 200
    assert admin_client.get(f"{add}?video=fox").status_code == 200
    data = {"name": "Lamp", "description": "", "video": str(draft.pk), "_save": "Save"}
    assert errors(admin_client.post(f"{add}?video={draft.pk}", data)) == {"video": [REFUSED]}


def test_a_refused_form_keeps_what_was_chosen(admin_client, cup, make_task, monkeypatch):
    monkeypatch.setattr("django_wanvideo.chooser.videos.RECENT", 1)
    older, _newer = make_task("completed", prompt="The older one"), make_task("completed")
    response = save(admin_client, cup, name="", video=str(older.pk))
    row = field(response.content.decode(), "video")
    assert f'<option value="{older.pk}" selected>' in row
    assert "The older one" in row


def test_many_videos_cost_no_more_than_a_few(admin_client, cup, make_task, django_assert_max_num_queries):
    VideoTask.objects.bulk_create(
        VideoTask(model="m", prompt=f"fox {number}", status="completed") for number in range(RECENT + 5)
    )
    page(admin_client, cup)
    with django_assert_max_num_queries(8):
        assert len(options(page(admin_client, cup), "video")) == RECENT + 1


def test_the_popup_is_narrowed_as_the_foreign_key_says(admin_client, cup, make_task, monkeypatch):
    limits = {"prompt__startswith": "Steam"}
    monkeypatch.setattr(Product._meta.get_field("video").remote_field, "limit_choices_to", limits)
    # Where Django notes it when a model is defined.
    monkeypatch.setattr(VideoTask._meta, "related_fkey_lookups", [limits])
    steam, fox = make_task("completed", prompt="Steam curls"), make_task("completed")
    text = page(admin_client, cup)
    assert options(text, "video") == ["", str(steam.pk)]
    (link,) = {part.split('"')[0] for part in field(text, "video").split('href="')[1:] if "_popup=1" in part}
    listed = admin_client.get(link.replace("&amp;", "&")).content.decode()
    assert str(steam.pk) in listed
    assert str(fox.pk) not in listed
    assert errors(save(admin_client, cup, video=str(fox.pk))) == {"video": [REFUSED]}


@pytest.mark.parametrize("way", ["raw_id_fields", "autocomplete_fields"])
def test_other_ways_to_choose_keep_working(admin_client, cup, make_task, monkeypatch, way):
    from example_project.shop.admin import ProductAdmin

    monkeypatch.setattr(ProductAdmin, way, ["video"])
    task = make_task("completed", prompt="Steam curls")
    show(cup, task)
    row = field(page(admin_client, cup), "video")
    assert "data-wanvideo-chooser" not in row
    assert ("vForeignKeyRawIdAdminField" if way == "raw_id_fields" else "admin-autocomplete") in row
    assert save(admin_client, cup, video=str(task.pk)).status_code == 302
    if way == "autocomplete_fields":
        query = {"app_label": "shop", "model_name": "product", "field_name": "video", "term": "steam"}
        found = admin_client.get("/admin/autocomplete/", query).json()
        assert [row["id"] for row in found["results"]] == [str(task.pk)]


def test_a_form_of_ones_own(make_task, rf):
    """The field works without an admin; what it is given is what can be chosen."""
    user = get_user_model().objects.create_user("tom")
    mine, other, draft = make_task("completed", owner=user), make_task("completed"), make_task(owner=user)

    class PickForm(forms.Form):
        video = VideoField(VideoTask.objects.owned_by(user))

    assert PickForm({"video": str(mine.pk)}).is_valid()
    assert PickForm({"video": str(other.pk)}).errors == {"video": [REFUSED]}
    assert PickForm({"video": str(draft.pk)}).errors == {"video": [REFUSED]}
    assert PickForm({"video": ""}).errors == {"video": ["This field is required."]}
    form = PickForm()
    text = str(form)
    assert str(mine.pk) in text
    assert str(other.pk) not in text
    assert "data-choose" not in text
    assert "wanvideo/js/chooser.js" in str(form.media)
    # As forms often do; unfinished ones are left out of it.
    form.fields["video"].queryset = VideoTask.objects.all()
    assert set(form.fields["video"].queryset) == {mine, other}


def test_a_site_without_video_tasks_has_what_django_has(admin_client, cup, make_task, monkeypatch):
    from django.contrib import admin

    monkeypatch.delitem(admin.site._registry, VideoTask)
    assert "data-wanvideo-chooser" not in admin_client.get(address(cup)).content.decode()
