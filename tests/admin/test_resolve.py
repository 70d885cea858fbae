"""Settling what nobody knows: the evidence, the three decisions, and who may."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.utils import timezone

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.models import CallbackReceipt, VideoTask
from django_wanvideo.services.tracking import callbacks
from tests.admin.conftest import ID, url


@pytest.fixture
def task(make_task):
    return make_task("unconfirmed")


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)][-1]


def test_the_screen_shows_the_evidence_and_the_candidates(admin_client, task, stub_client):
    stub_client.offer()
    page = admin_client.get(url("resolve", task.pk))
    text = page.content.decode()
    assert [row.looked_at for row in page.context["evidence"]] == [
        "Our request",
        "EvoLink’s answer",
        "Callbacks",
        "EvoLink’s task list",
        "Credits",
    ]
    assert ID in text
    assert "Fits the evidence" in text
    assert "88.10 left now" in text
    assert "costs about 11.90" in text


@pytest.mark.parametrize(
    ("offer", "words", "can_be_chosen"),
    [
        ({"seconds": -3600}, "Not possible unless this site’s clock was ahead: older than our request", False),
        ({"model": "wan2.6-text-to-video"}, "Not possible: made with another model", False),
        ({"seconds": 7200}, "Unlikely: started much later than our request", True),
        ({}, "May be this one", True),
    ],
)
def test_what_cannot_be_it_is_marked_as_such(admin_client, task, stub_client, offer, words, can_be_chosen):
    stub_client.offer(**offer)
    page = admin_client.get(url("resolve", task.pk))
    (choice,) = page.context["candidates"]
    assert (choice["remark"], choice["can_be_chosen"]) == (words, can_be_chosen)
    assert page.context["fits"] == ("attach" if words == "May be this one" else "not_accepted")


def test_video_that_another_task_has_cannot_be_chosen(admin_client, task, stub_client, make_task):
    """A video that another task has cannot be chosen and leads to that task."""
    other = make_task("processing", provider_task_id=ID)
    stub_client.offer()
    page = admin_client.get(url("resolve", task.pk))
    (choice,) = page.context["candidates"]
    assert (choice["can_be_chosen"], choice["url"]) == (False, url("change", other.pk))
    assert 'href="{}"'.format(choice["url"]) in page.content.decode()


def test_a_task_that_one_may_not_see_is_no_link(admin_client, task, stub_client, make_task, monkeypatch):
    make_task("processing", provider_task_id=ID)
    stub_client.offer()
    VideoTask.objects.filter(pk=task.pk).update(owner=admin_client.user)
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, tasks: tasks.owned_by(request.user)
    )
    (choice,) = admin_client.get(url("resolve", task.pk)).context["candidates"]
    assert choice["url"] == ""


def test_the_list_leads_those_who_may_settle_to_the_decision(admin_client, person, task):
    VideoTask.objects.filter(pk=task.pk).update(next_action_at=None)
    address = url("resolve", task.pk)
    assert address in admin_client.get(url("changelist")).content.decode()
    assert address in admin_client.get(url("status"), {"id": str(task.pk)}).json()["tasks"][str(task.pk)]["state"]
    looker = person("view_videotask")
    assert "Needs a decision" in looker.get(url("changelist")).content.decode()
    assert address not in looker.get(url("changelist")).content.decode()


def test_the_screen_works_while_evolink_does_not(admin_client, task, stub_client):
    stub_client.broken = True
    text = admin_client.get(url("resolve", task.pk)).content.decode()
    assert "EvoLink’s list cannot be read just now" in text
    assert "502" not in text


def test_attaching_follows_the_chosen_video(admin_client, task, stub_client):
    stub_client.offer()
    admin_client.post(url("resolve", task.pk), {"decision": "attach", "provider_task_id": ID})
    task.refresh_from_db()
    assert task.status == "processing"
    assert task.attempt.provider_task_id == ID
    assert LogEntry.objects.filter(object_id=str(task.pk), user=admin_client.user).count() == 1


def test_attaching_an_unknown_id_says_so_and_changes_nothing(admin_client, task, stub_client):
    response = admin_client.post(url("resolve", task.pk), {"decision": "attach", "other": "task-unified-0-x"})
    assert said(response) == "EvoLink does not know this video."
    task.refresh_from_db()
    assert task.status == "unconfirmed"


def test_a_video_that_seems_older_is_attached_only_with_its_own_tick(admin_client, task, stub_client):
    """The clock of the machine that sent the request may have been ahead."""
    stub_client.offer(seconds=-600)
    task.attempts.update(claimed_at=timezone.now())
    assert "this site’s clock was ahead" in admin_client.get(url("resolve", task.pk)).content.decode()
    assert "before this site made its request" in said(
        admin_client.post(url("resolve", task.pk), {"decision": "attach", "other": ID})
    )
    task.refresh_from_db()
    assert task.status == "unconfirmed"
    CallbackReceipt.objects.create(attempt=task.attempt, provider_task_id=ID)
    callbacks.apply_callback(task.attempt, stub_client.snapshots[ID])
    for page in ("resolve", "change"):
        assert f"{ID}, which seems older than our request" in admin_client.get(url(page, task.pk)).content.decode()
    admin_client.post(url("resolve", task.pk), {"decision": "attach", "other": ID, "older": "1"})
    task.refresh_from_db()
    assert (task.status, task.attempt.provider_task_id) == ("processing", ID)


def test_not_accepted_fails_it_and_sends_nothing(admin_client, task, stub_client, wakes):
    admin_client.post(url("resolve", task.pk), {"decision": "not_accepted"})
    task.refresh_from_db()
    assert task.status == "failed"
    assert "Not accepted" in admin_client.get(url("change", task.pk)).content.decode()


def test_sending_again_needs_its_own_tick(admin_client, task, stub_client):
    admin_client.post(url("resolve", task.pk), {"decision": "send_again"})
    task.refresh_from_db()
    assert task.status == "unconfirmed"
    admin_client.post(url("resolve", task.pk), {"decision": "send_again", "twice": "1"})
    task.refresh_from_db()
    assert task.status == "queued"


def test_no_decision_is_no_decision(admin_client, task, stub_client):
    assert said(admin_client.post(url("resolve", task.pk), {"decision": "x"})) == "Choose one of the decisions."


def test_what_is_settled_needs_no_decision(admin_client, make_task, stub_client):
    task = make_task("completed")
    response = admin_client.post(url("resolve", task.pk), {"decision": "not_accepted"})
    assert response.url == url("change", task.pk)
    task.refresh_from_db()
    assert task.status == "completed"


def test_deciding_needs_its_permission(person, task, stub_client):
    other = person("view_videotask", "change_videotask", "submit_videotask")
    assert other.post(url("resolve", task.pk), {"decision": "not_accepted"}).status_code == 403
    assert "resolve" not in other.get(url("change", task.pk)).content.decode().split("wv-timeline")[0]
    task.refresh_from_db()
    assert task.status == "unconfirmed"


def order(page):
    """The decisions in the order in which they stand."""
    return re.findall(r'name="decision" value="(\w+)"', page.content.decode())


def primary(page):
    """The words on the button that is recommended."""
    return re.findall(r'class="wv-button is-primary"[^>]*>([^<]+)', page.content.decode())


def test_decision_that_fits_evidence_stands_first(admin_client, task, stub_client):
    """The decision that fits the evidence stands first and alone is recommended."""
    rejected = admin_client.get(url("resolve", task.pk))
    assert order(rejected) == ["not_accepted", "attach", "send_again"]
    assert primary(rejected) == ["Mark as not accepted"]
    stub_client.offer()
    accepted = admin_client.get(url("resolve", task.pk))
    assert order(accepted) == ["attach", "not_accepted", "send_again"]
    assert primary(accepted) == ["Attach this video"]
    for page in (rejected, accepted):
        first = page.content.decode().split('name="decision"')[1]
        assert page.content.decode().count("Fits the evidence") == first.count("Fits the evidence") == 1


def test_a_callback_for_the_attempt_outweighs_a_list_without_it(admin_client, task, stub_client):
    CallbackReceipt.objects.create(attempt=task.attempts.get(), provider_task_id=ID)
    assert order(admin_client.get(url("resolve", task.pk)))[0] == "attach"


def test_without_evidence_no_decision_is_recommended(admin_client, task, stub_client):
    stub_client.broken = True
    page = admin_client.get(url("resolve", task.pk))
    assert order(page) == ["attach", "not_accepted", "send_again"]
    assert primary(page) == []
    assert "Fits the evidence" not in page.content.decode()


def test_an_id_is_asked_for_by_hand_only_where_nothing_else_is_likelier(admin_client, task, stub_client):
    rejected = admin_client.get(url("resolve", task.pk)).content.decode()
    assert "Enter EvoLink’s id" in rejected
    assert "It is not in this list" not in rejected
    assert 'wv-more" open' not in rejected
    stub_client.broken = True
    assert 'wv-more" open' in admin_client.get(url("resolve", task.pk)).content.decode()
    stub_client.broken = False
    stub_client.offer()
    accepted = admin_client.get(url("resolve", task.pk)).content.decode()
    assert "It is not in this list" in accepted
    assert 'wv-more" open' not in accepted


def test_of_the_credits_only_what_is_known_is_told(admin_client, task, stub_client):
    row = admin_client.get(url("resolve", task.pk)).context["evidence"][-1]
    assert "before" not in row.remark
    assert "console" in row.remark
