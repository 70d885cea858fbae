"""Deleting: what is on its way stays and is named, files go after commit, nobody reaches what is not theirs."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.messages import get_messages
from django.db.models.signals import pre_delete

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import VideoTask
from tests.admin.conftest import url

ACTIVE = ["queued", "submitting", "unconfirmed", "pending", "processing", "storing"]


def delete_selected(client, *tasks, sure=True):
    """Choose "Delete selected" for some tasks, and confirm it."""
    data = {"action": "delete_selected", "_selected_action": [str(task.pk) for task in tasks]}
    return client.post(url("changelist"), data | ({"post": "yes"} if sure else {}))


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.mark.parametrize("status", ACTIVE)
def test_what_is_on_its_way_offers_no_deletion_and_stays(admin_client, make_task, status):
    task = make_task(status)
    assert url("delete", task.pk) not in admin_client.get(url("change", task.pk)).content.decode()
    assert admin_client.post(url("delete", task.pk), {"post": "yes"}).status_code == 403
    assert VideoTask.objects.filter(pk=task.pk).exists()


@pytest.mark.parametrize("sure", [False, True])
def test_of_several_those_on_their_way_are_named_with_the_reason(admin_client, make_task, sure):
    held = make_task("processing", prompt="The fox that runs")
    old = make_task("failed", prompt="The fox that fell")
    response = delete_selected(admin_client, held, old, sure=sure)
    (words,) = said(response)[:1]
    assert "“The fox that runs” (processing)" in words
    assert "may still be charged or deliver a video" in words
    assert "The fox that fell" not in words
    assert VideoTask.objects.filter(pk=held.pk).exists()
    assert VideoTask.objects.filter(pk=old.pk).exists() is not sure
    if not sure:
        page = response.content.decode()
        assert "The fox that fell" in page.split('id="content"')[1]


def test_many_that_stay_are_counted(admin_client, make_task):
    tasks = [make_task("queued", prompt=f"fox {number}") for number in range(8)]
    (words,) = said(delete_selected(admin_client, *tasks))
    assert words.count("“") == 5
    assert "3 more" in words
    assert VideoTask.objects.count() == 8


def test_a_task_that_a_worker_takes_at_this_moment_is_no_error(admin_client, make_task, monkeypatch):
    task = make_task()

    def refuse(sender, instance, **kwargs):
        raise TransitionNotAllowed("A task that is on its way cannot be deleted; this one is submitting.")

    pre_delete.connect(refuse, sender=VideoTask, dispatch_uid="a test's worker")
    try:
        one = admin_client.post(url("delete", task.pk), {"post": "yes"})
        several = delete_selected(admin_client, task)
    finally:
        pre_delete.disconnect(sender=VideoTask, dispatch_uid="a test's worker")
    assert (one.status_code, one.url) == (302, url("change", task.pk))
    assert "this one is submitting" in said(one)[-1]
    assert several.status_code == 302
    assert "Nothing was deleted" in said(several)[-1]
    assert VideoTask.objects.filter(pk=task.pk).exists()
    assert not LogEntry.objects.filter(action_flag=DELETION).exists()


def test_files_go_after_commit_and_not_before(admin_client, make_task, django_capture_on_commit_callbacks):
    task = make_task("failed")
    frame = task.first_frame
    storage, names = frame.file.storage, [frame.file.name, frame.thumbnail.name]
    with django_capture_on_commit_callbacks() as after_commit:
        admin_client.post(url("delete", task.pk), {"post": "yes"})
    assert not VideoTask.objects.exists()
    assert [storage.exists(name) for name in names] == [True, True]
    for callback in after_commit:
        callback()
    assert [storage.exists(name) for name in names] == [False, False]


def test_deleting_is_logged(admin_client, make_task):
    one, two = make_task(), make_task("failed")
    admin_client.post(url("delete", one.pk), {"post": "yes"})
    delete_selected(admin_client, two)
    logged = LogEntry.objects.filter(action_flag=DELETION, user=admin_client.user).values_list("object_id", flat=True)
    assert set(logged) == {str(one.pk), str(two.pk)}


def test_only_own_tasks_can_be_deleted_where_the_site_says_so(admin_client, make_task, monkeypatch):
    other, mine = make_task("failed"), make_task("failed", owner=admin_client.user)
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, tasks: tasks.owned_by(request.user)
    )
    assert admin_client.post(url("delete", other.pk), {"post": "yes"}).status_code == 302
    delete_selected(admin_client, other, mine)
    assert list(VideoTask.objects.values_list("pk", flat=True)) == [other.pk]


SHOWN_ELSEWHERE = pytest.mark.fault("K12.delete-says-nothing-of-the-product")


@pytest.fixture
def lamp(make_task):
    """A product that shows a video."""
    from example_project.shop.models import Product

    return Product.objects.create(name="Lamp <3", video=make_task("completed"))


def rule(monkeypatch, on_delete):
    """Let the product's reference to its video be of another kind."""
    from example_project.shop.models import Product

    monkeypatch.setattr(Product._meta.get_field("video").remote_field, "on_delete", on_delete)


def question(client, lamp, *, several=False):
    """The page that asks whether to delete."""
    if several:
        return delete_selected(client, lamp.video, sure=False).content.decode().partition('id="content"')[2]
    return client.get(url("delete", lamp.video.pk)).content.decode().partition('id="content"')[2]


@SHOWN_ELSEWHERE
@pytest.mark.parametrize("several", [False, True])
def test_the_product_that_loses_its_video_is_named(admin_client, lamp, several):
    page = question(admin_client, lamp, several=several)
    address = f"/admin/shop/product/{lamp.pk}/change/"
    assert f'Product “<a href="{address}">Lamp &lt;3</a>” shows this video and will lose it' in page
    if several:
        delete_selected(admin_client, lamp.video)
    else:
        admin_client.post(url("delete", lamp.video.pk), {"post": "yes"})
    lamp.refresh_from_db()
    assert lamp.video is None


@SHOWN_ELSEWHERE
def test_who_may_not_see_products_gets_no_link_to_them(person, lamp):
    page = question(person("view_videotask", "delete_videotask"), lamp)
    assert "Product “Lamp &lt;3” shows this video and will lose it" in page


@SHOWN_ELSEWHERE
@pytest.mark.parametrize("several", [False, True])
def test_a_product_that_goes_with_its_video_is_named_and_counted(admin_client, person, lamp, several, monkeypatch):
    from django.db.models import CASCADE

    rule(monkeypatch, CASCADE)
    page = question(admin_client, lamp, several=several)
    assert "Lamp &lt;3</a>” will be deleted with this video" in page
    assert "Products: 1" in page
    nobody_of_the_shop = person("view_videotask", "delete_videotask")
    page = question(nobody_of_the_shop, lamp, several=several)
    assert "permission" in page
    assert "product" in page
    assert nobody_of_the_shop.post(url("delete", lamp.video.pk), {"post": "yes"}).status_code == 403


@SHOWN_ELSEWHERE
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("kind", ["PROTECT", "RESTRICT"])
def test_a_product_that_keeps_its_video_is_named_and_nothing_is_deleted(admin_client, lamp, several, kind, monkeypatch):
    from django.db import models

    rule(monkeypatch, getattr(models, kind))
    page = question(admin_client, lamp, several=several)
    assert "Lamp &lt;3</a>” shows this video; change that first" in page
    assert 'name="post"' not in page
    answer = (
        delete_selected(admin_client, lamp.video)
        if several
        else admin_client.post(url("delete", lamp.video.pk), {"post": "yes"})
    )
    assert answer.status_code in {200, 302}
    assert VideoTask.objects.filter(pk=lamp.video.pk).exists()


@SHOWN_ELSEWHERE
@pytest.mark.parametrize("several", [False, True])
def test_product_that_comes_between_question(admin_client, lamp, several, monkeypatch):
    """A product that comes between question and answer is no server error."""
    from django.db.models import PROTECT

    from django_wanvideo.admin import deletion

    rule(monkeypatch, PROTECT)
    monkeypatch.setattr(deletion, "relations", lambda: iter(()))
    response = (
        delete_selected(admin_client, lamp.video)
        if several
        else admin_client.post(url("delete", lamp.video.pk), {"post": "yes"})
    )
    assert response.status_code == 302
    assert "Something else on this site needs the video." in said(response)[-1]
    assert VideoTask.objects.filter(pk=lamp.video.pk).exists()


@SHOWN_ELSEWHERE
def test_of_many_products_some_are_named_and_the_rest_is_counted(admin_client, make_task, monkeypatch):
    from django_wanvideo.admin import deletion
    from example_project.shop.models import Product

    monkeypatch.setattr(deletion, "NAMED", 3)
    task = make_task("completed")
    Product.objects.bulk_create(Product(name=f"Lamp {number}", video=task) for number in range(5))
    page = admin_client.get(url("delete", task.pk)).content.decode()
    assert page.count("shows this video and will lose it") == 3
    assert "2 more: products" in page


@SHOWN_ELSEWHERE
def test_the_parts_of_a_task_are_no_news(admin_client, make_task):
    task = make_task("completed")
    make_task("draft", parent=task)
    page = admin_client.get(url("delete", task.pk)).content.decode().partition('id="content"')[2]
    assert page.count("<li>") == 2
