"""Actions of the list: who may, what is sent, how often, and what is said about it."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages

from django_wanvideo.admin import confirm
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import SiteState, VideoTask
from tests.admin.conftest import hidden, url


def run(client, action, *tasks, **data):
    """Choose an action for some tasks."""
    return client.post(
        url("changelist"), {"action": action, "_selected_action": [str(task.pk) for task in tasks], **data}
    )


def send(client, page):
    """Press the button of the confirmation page."""
    return client.post(url("send"), {"plan": hidden(page, "plan")})


def said(response):
    """What the person is told."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def statuses():
    return sorted(VideoTask.objects.values_list("status", flat=True))


def test_submitting_shows_the_total_first_and_sends_nothing(boss, make_task):
    first, second = make_task(), make_task()
    page = run(boss, "submit_selected", first, second)
    assert page.status_code == 200
    assert "Generate 2 videos for about 23.8 credits" in page.content.decode()
    assert statuses() == ["draft", "draft"]


def test_the_button_of_the_confirmation_sends_each_once_and_logs_it(boss, make_task):
    first, second = make_task(), make_task()
    page = run(boss, "submit_selected", first, second)
    response = send(boss, page)
    assert response.url == url("changelist")
    assert statuses() == ["queued", "queued"]
    assert said(response) == ["2 videos will be generated."]
    assert LogEntry.objects.filter(object_id__in=[str(first.pk), str(second.pk)]).count() == 2


def test_a_confirmation_counts_once_however_often_it_is_sent(boss, make_task):
    task = make_task()
    page = run(boss, "submit_selected", task)
    send(boss, page)
    VideoTask.objects.update(status="draft")
    assert "sent already" in said(send(boss, page))[-1]
    assert statuses() == ["draft"]


def test_two_tabs_with_the_same_tasks_send_each_once(boss, make_task):
    task = make_task()
    one, two = run(boss, "submit_selected", task), run(boss, "submit_selected", task)
    send(boss, one)
    assert "Only a draft" in said(send(boss, two))[-1]
    assert task.events.filter(kind="queued").count() == 1


def test_what_cannot_be_sent_is_shown_with_its_reason_and_not_sent(boss, make_task):
    good, done = make_task(), make_task("completed")
    page = run(boss, "submit_selected", good, done)
    text = page.content.decode()
    assert "Generate 1 video for about 11.9 credits" in text
    assert "This task is completed already." in text
    send(boss, page)
    done.refresh_from_db()
    assert done.status == "completed"


def test_a_draft_that_is_not_complete_any_more_is_blocked(boss, make_task):
    task = make_task(prompt="x")
    VideoTask.objects.filter(pk=task.pk).update(prompt="")
    page = run(boss, "submit_selected", task)
    assert hidden(page, "plan") == ""
    assert "Write a prompt" in page.content.decode()


def test_a_plan_of_another_person_is_refused(boss, person, make_task):
    page = run(boss, "submit_selected", make_task())
    other = person("view_videotask", "submit_videotask")
    assert "not made for you" in said(send(other, page))[-1]
    assert statuses() == ["draft"]


def test_a_forged_plan_is_refused(boss, make_task):
    make_task()
    assert "too old or was not made for you" in said(boss.post(url("send"), {"plan": "x:y:z"}))[-1]
    assert statuses() == ["draft"]


def test_sending_is_no_matter_of_a_link(boss):
    assert boss.get(url("send")).status_code == 405


def test_all_across_pages_are_sent_in_steps(boss, make_task, monkeypatch):
    monkeypatch.setattr(confirm, "STEP", 2)
    for _number in range(5):
        make_task()
    one = VideoTask.objects.first()
    page = run(boss, "submit_selected", one, select_across="1")
    assert "Generate 5 videos" in page.content.decode()
    page = send(boss, page)
    assert "2 of 5 are sent" in page.content.decode()
    page = send(boss, page)
    response = send(boss, page)
    assert statuses() == ["queued"] * 5
    assert said(response) == ["5 videos will be generated."]


def test_a_step_sent_twice_counts_once(boss, make_task, monkeypatch):
    monkeypatch.setattr(confirm, "STEP", 1)
    first, second = make_task(), make_task()
    page = send(boss, run(boss, "submit_selected", first, second))
    send(boss, page)
    VideoTask.objects.update(status="draft")
    send(boss, page)
    assert statuses() == ["draft", "draft"]


def test_more_than_the_limit_is_refused_as_a_whole(boss, make_task, monkeypatch):
    monkeypatch.setattr(confirm, "MOST", 2)
    tasks = [make_task() for _number in range(3)]
    assert "At most 2 tasks" in said(run(boss, "submit_selected", *tasks))[-1]


def test_planning_takes_the_same_queries_for_few_and_many(boss, make_task, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def count():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            run(boss, "submit_selected", VideoTask.objects.first(), select_across="1")
        return len(queries)

    make_task()
    few = count()
    for _number in range(12):
        make_task()
    assert count() == few


def test_retry_shows_its_price_and_queues_what_has_ended(boss, make_task):
    failed, draft = make_task("failed", error_code="service_error"), make_task()
    page = run(boss, "retry_selected", failed, draft)
    assert "Retry 1 video for about 11.9 credits" in page.content.decode()
    send(boss, page)
    assert statuses() == ["draft", "queued"]


def test_cancel_withdraws_the_queued_and_says_why_not_the_others(boss, make_task):
    queued, draft = make_task("queued"), make_task()
    messages = said(run(boss, "cancel_selected", queued, draft))
    assert statuses() == ["cancelled", "draft"]
    assert messages[0] == "1 task was withdrawn."
    assert "1 not: Only a queued task can be cancelled" in messages[1]
    assert LogEntry.objects.filter(object_id=str(queued.pk)).count() == 1
    assert not LogEntry.objects.filter(object_id=str(draft.pk)).exists()


def test_refresh_says_why_there_is_nothing_to_ask(boss, make_task):
    assert "nothing to ask" in said(run(boss, "refresh_selected", make_task()))[-1]


def test_duplicate_makes_drafts_of_the_person(boss, make_task):
    task = make_task("completed")
    run(boss, "duplicate_selected", task)
    copy = task.children.get()
    assert (copy.status, copy.owner, copy.prompt) == ("draft", boss.user, task.prompt)


ACTIONS = {
    "submit_selected": "submit_videotask",
    "retry_selected": "submit_videotask",
    "cancel_selected": "change_videotask",
    "duplicate_selected": "add_videotask",
}


@pytest.mark.parametrize(("action", "permission"), ACTIONS.items(), ids=ACTIONS)
def test_an_action_needs_its_permission(action, permission, person, make_task):
    others = {"view_videotask", "add_videotask", "change_videotask", "submit_videotask"} - {permission}
    client = person(*others)
    task = make_task("queued" if action == "cancel_selected" else TaskStatus.DRAFT)
    assert action not in client.get(url("changelist")).content.decode()
    run(client, action, task)
    assert VideoTask.objects.get().status == task.status
    allowed = person("view_videotask", permission)
    assert action in allowed.get(url("changelist")).content.decode()


def test_sending_needs_the_permission_again(person, make_task):
    client = person("view_videotask", "submit_videotask")
    page = run(client, "submit_selected", make_task())
    client.user.user_permissions.clear()
    assert send(client, page).status_code == 403
    assert statuses() == ["draft"]


def test_used_nonces_are_forgotten_after_two_days(boss, make_task):
    import datetime as dt

    from django.utils import timezone

    SiteState(name=f"nonce:{uuid.uuid4().hex}", value={}).save()
    SiteState.objects.update(updated_at=timezone.now() - dt.timedelta(days=3))
    send(boss, run(boss, "submit_selected", make_task()))
    assert SiteState.objects.filter(name__startswith="nonce:").count() == 1
