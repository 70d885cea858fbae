"""Whatever staff do to a task leaves Django's log entry, with their name."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.urls import reverse
from django.utils import timezone

from django_wanvideo.admin.object_actions import OPERATIONS
from django_wanvideo.models import VideoTask
from django_wanvideo.services.tracking import polling
from tests.admin.conftest import add_data, hidden, url

LINK = {"result_url": "https://files.example/v.mp4"}


def act(client, name, *tasks):
    """Choose an action of the list."""
    data = {"action": name, "_selected_action": [str(task.pk) for task in tasks]}
    return client.post(url("changelist"), data)


def confirm(client, name, task):
    """Choose an action that asks first, and say yes."""
    return client.post(url("send"), {"plan": hidden(client.get(act(client, name, task).url), "plan")})


def press(verb):
    return lambda client, task: client.post(url("operate", task.pk, verb))


def resolve(decision):
    return lambda client, task: client.post(url("resolve", task.pk), {"decision": decision, "twice": "1"})


#: What is done, to a task at which status, and the flags that are logged about the task itself.
DEEDS = {
    "generate from the list": ("draft", lambda c, t: confirm(c, "submit_selected", t), [CHANGE]),
    "retry from the list": ("failed", lambda c, t: confirm(c, "retry_selected", t), [CHANGE]),
    "cancel from the list": ("queued", lambda c, t: act(c, "cancel_selected", t), [CHANGE]),
    "ask from the list": ("processing", lambda c, t: act(c, "refresh_selected", t), [CHANGE]),
    "duplicate from the list": ("failed", lambda c, t: act(c, "duplicate_selected", t), [CHANGE]),
    "retry": ("failed", press("retry"), [CHANGE]),
    "cancel": ("queued", press("cancel"), [CHANGE]),
    "ask": ("processing", press("refresh"), [CHANGE]),
    "duplicate": ("failed", press("duplicate"), [CHANGE]),
    "fetch again": ("fetchable", press("fetch"), [CHANGE]),
    "not accepted": ("unconfirmed", resolve("not_accepted"), [CHANGE]),
    "send again": ("unconfirmed", resolve("send_again"), [CHANGE]),
    "notes": ("completed", lambda c, t: c.post(url("change", t.pk), {"notes": "n"}), [CHANGE]),
    "change": (
        "draft",
        lambda c, t: c.post(url("change", t.pk), add_data(prompt="x", first_frame_file=None)),
        [CHANGE],
    ),
    "change and generate": (
        "draft",
        lambda c, t: c.post(url("change", t.pk), add_data(first_frame_file=None, _save=None, _generate="1")),
        [CHANGE, CHANGE],
    ),
    "delete": ("failed", lambda c, t: c.post(url("delete", t.pk), {"post": "yes"}), [DELETION]),
}


@pytest.mark.parametrize("name", DEEDS)
def test_each_deed_is_logged_once_with_the_name_of_who_did_it(admin_client, make_task, name, monkeypatch):
    monkeypatch.setattr(polling, "refresh", lambda task, by=None: None)
    idle = OPERATIONS["refresh"]._replace(run=lambda task, by: None)
    monkeypatch.setitem(OPERATIONS, "refresh", idle)
    status, do, flags = DEEDS[name]
    if status == "fetchable":
        hour = timezone.now() + dt.timedelta(hours=1)
        task = make_task("failed", error_code="result_too_large", result_expires_at=hour, **LINK)
    else:
        task = make_task(status)
    assert do(admin_client, task).status_code == 302
    entries = LogEntry.objects.filter(object_id=str(task.pk))
    assert [entry.action_flag for entry in entries] == flags
    assert {entry.user for entry in entries} == {admin_client.user}
    assert all(entry.get_change_message() for entry in entries if entry.action_flag == CHANGE)


@pytest.mark.parametrize("how", ["add", "duplicate", "duplicate from the list", "make_takes"])
def test_each_task_that_staff_make_is_logged_as_made(admin_client, make_task, how):
    task = make_task("failed")
    match how:
        case "add":
            admin_client.post(url("add"), add_data())
        case "duplicate":
            admin_client.post(url("operate", task.pk, "duplicate"))
        case "duplicate from the list":
            act(admin_client, "duplicate_selected", task)
        case "make_takes":
            admin_client.post(url("make_takes", task.pk), {"prompts": "other words", "repeats": ""})
    made = VideoTask.objects.exclude(pk=task.pk).get()
    assert [entry.action_flag for entry in LogEntry.objects.filter(object_id=str(made.pk))] == [ADDITION]


def test_what_is_refused_is_not_logged(admin_client, make_task):
    task = make_task("completed")
    for verb in ("retry", "cancel", "fetch"):
        admin_client.post(url("operate", task.pk, verb))
    act(admin_client, "cancel_selected", task)
    assert not LogEntry.objects.exists()


@pytest.mark.fault("K12.history-is-empty")
def test_the_history_of_a_task_lists_what_people_did_with_it(admin_client, make_task):
    task = make_task()
    admin_client.post(url("operate", task.pk, "duplicate"))
    admin_client.post(url("change", task.pk), add_data(prompt="Another text", first_frame_file=None))
    assert LogEntry.objects.filter(object_id=str(task.pk)).exists()
    page = admin_client.get(url("history", task.pk)).content.decode()
    assert "doesn’t have a change history" not in page
    assert 'id="change-history"' in page


@pytest.mark.fault("K12.autocomplete-finds-nothing")
def test_a_sites_autocomplete_finds_tasks(admin_client, make_task):
    task = make_task(prompt="A heron lands")
    make_task(prompt="A fox runs")
    data = {"app_label": "shop", "model_name": "product", "field_name": "video", "term": "heron"}
    answer = admin_client.get(reverse("admin:autocomplete"), data)
    assert answer.status_code == 200
    assert answer.json() == {"results": [{"id": str(task.pk), "text": "A heron lands"}], "pagination": {"more": False}}
