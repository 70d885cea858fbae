"""Deleting: what is on its way stays and is named, files go after commit, nobody reaches what is not theirs."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.messages import get_messages

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.exceptions import NotPossible
from django_wanvideo.models import VideoTask
from django_wanvideo.services import deleting
from tests.admin.conftest import url

ACTIVE = ["queued", "submitting", "unconfirmed", "pending", "processing", "storing"]


def delete_selected(client, *tasks, sure=True):
    """Choose "Delete selected" for some tasks, and confirm it."""
    data = {"action": "delete_selected", "_selected_action": [str(task.pk) for task in tasks]}
    return client.post(url("changelist"), data | ({"post": "yes"} if sure else {}))


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.mark.parametrize("status", ACTIVE)
def test_what_is_on_its_way_offers_no_deletion_and_stays(boss, make_task, status):
    task = make_task(status)
    assert url("delete", task.pk) not in boss.get(url("change", task.pk)).content.decode()
    assert boss.post(url("delete", task.pk), {"post": "yes"}).status_code == 403
    assert VideoTask.objects.filter(pk=task.pk).exists()


@pytest.mark.parametrize("sure", [False, True])
def test_of_several_those_on_their_way_are_named_with_the_reason(boss, make_task, sure):
    held = make_task("processing", prompt="The fox that runs")
    old = make_task("failed", prompt="The fox that fell")
    response = delete_selected(boss, held, old, sure=sure)
    (words,) = said(response)[:1]
    assert "“The fox that runs” (processing)" in words
    assert "may still cost or bring something" in words
    assert "The fox that fell" not in words
    assert VideoTask.objects.filter(pk=held.pk).exists()
    assert VideoTask.objects.filter(pk=old.pk).exists() is not sure
    if not sure:
        page = response.content.decode()
        assert "The fox that fell" in page.split('id="content"')[1]


def test_many_that_stay_are_counted(boss, make_task):
    tasks = [make_task("queued", prompt=f"fox {number}") for number in range(8)]
    (words,) = said(delete_selected(boss, *tasks))
    assert words.count("“") == 5
    assert "3 more" in words
    assert VideoTask.objects.count() == 8


def test_a_task_that_a_worker_takes_at_this_moment_is_no_error(boss, make_task, monkeypatch):
    task = make_task()

    def refuse(sender, instance, **kwargs):
        raise NotPossible("A task that is on its way cannot be deleted; this one is submitting.")

    deleting.pre_delete.connect(refuse, sender=VideoTask, dispatch_uid="a test's worker")
    try:
        one = boss.post(url("delete", task.pk), {"post": "yes"})
        several = delete_selected(boss, task)
    finally:
        deleting.pre_delete.disconnect(sender=VideoTask, dispatch_uid="a test's worker")
    assert (one.status_code, one.url) == (302, url("change", task.pk))
    assert "this one is submitting" in said(one)[-1]
    assert several.status_code == 302
    assert "Nothing was deleted" in said(several)[-1]
    assert VideoTask.objects.filter(pk=task.pk).exists()
    assert not LogEntry.objects.filter(action_flag=DELETION).exists()


def test_files_go_after_commit_and_not_before(boss, make_task, django_capture_on_commit_callbacks):
    task = make_task("failed")
    frame = task.first_frame
    storage, names = frame.file.storage, [frame.file.name, frame.thumbnail.name]
    with django_capture_on_commit_callbacks() as after_commit:
        boss.post(url("delete", task.pk), {"post": "yes"})
    assert not VideoTask.objects.exists()
    assert [storage.exists(name) for name in names] == [True, True]
    for callback in after_commit:
        callback()
    assert [storage.exists(name) for name in names] == [False, False]


def test_deleting_is_logged(boss, make_task):
    one, two = make_task(), make_task("failed")
    boss.post(url("delete", one.pk), {"post": "yes"})
    delete_selected(boss, two)
    logged = LogEntry.objects.filter(action_flag=DELETION, user=boss.user).values_list("object_id", flat=True)
    assert set(logged) == {str(one.pk), str(two.pk)}


def test_only_own_tasks_can_be_deleted_where_the_site_says_so(boss, make_task, monkeypatch):
    other, mine = make_task("failed"), make_task("failed", owner=boss.user)
    monkeypatch.setattr(VideoTaskAdmin, "visible_to", lambda self, request, tasks: tasks.owned_by(request.user))
    assert boss.post(url("delete", other.pk), {"post": "yes"}).status_code == 302
    delete_selected(boss, other, mine)
    assert list(VideoTask.objects.values_list("pk", flat=True)) == [other.pk]
