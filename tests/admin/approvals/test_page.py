"""The page of what waits: who sees what of it, and that what is pressed is what was shown."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages

from django_wanvideo.choices import ApprovalKind, TaskStatus
from django_wanvideo.exceptions import ApprovalRequired
from django_wanvideo.models import Approval, Batch, VideoTask
from django_wanvideo.services.sending import approvals, quotes
from tests.admin.batches.forms import url as batch_url
from tests.admin.conftest import url
from tests.approvals.doors import failed, made_batch

pytestmark = pytest.mark.django_db
APPROVER = ("view_videotask", "approve_videotask", "change_videotask")


@pytest.fixture(autouse=True)
def above(settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "APPROVAL_ABOVE": 10}


@pytest.fixture
def jonas(person):
    """Somebody who may approve."""
    return person(*APPROVER, name="jonas")


@pytest.fixture
def maria(person):
    """Somebody who may spend."""
    return person("view_videotask", "submit_videotask", "change_videotask", "add_videotask", "view_batch", name="maria")


def ask(task, by):
    with pytest.raises(ApprovalRequired) as refused:
        task.submit(by=by.user)
    return refused.value.approval


def words(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.content.decode())).replace("\xa0", " ")


def told(response):
    """What has been told since it was asked for last."""
    client = response.client
    messages = [str(message) for message in get_messages(response.wsgi_request)]
    client.cookies.pop("messages", None)
    return messages


def press(client, *chosen, button="_approve", shown=None, note=""):
    ticks = [str(approval.pk) for approval in chosen]
    shown = ".".join(sorted(ticks, key=int)) if shown is None else shown
    return client.post(url("approvals"), {"t": ticks, "shown": shown, button: "1", "note": note})


def test_it_is_shown_with_who_asked_and_nothing_ticked(make_task, maria, jonas):
    asked = ask(make_task(), maria)
    page = jonas.get(url("approvals"))
    assert "Approve and send the selected ones" in words(page)
    assert "maria" in words(page)
    assert "checked" not in page.content.decode().split('id="content-main"')[1]
    page = jonas.get(url("approvals"), {"t": str(asked.pk)})
    assert "Approve and send 1 for about 11.9 credits" in words(page)


def test_a_press_sends_it_once_also_after_back(make_task, maria, jonas):
    task = make_task()
    asked = ask(task, maria)
    assert told(press(jonas, asked)) == ["1 video was approved and is sent."]
    assert told(press(jonas, asked)) == ["1 was decided or changed meanwhile; nothing was sent a second time."]
    task.refresh_from_db()
    assert (task.status, task.approved_by) == (TaskStatus.QUEUED, jonas.user)
    assert task.events.filter(kind="queued").count() == 1
    history = words(jonas.get(url("change", task.pk)))
    for line in ("maria asked for approval", "jonas approved it", "It was sent for maria."):
        assert line in history


def test_what_was_not_shown_is_not_approved(make_task, maria, jonas):
    first, second = ask(make_task(), maria), ask(make_task(prompt="A hen"), maria)
    page = press(jonas, first, second, shown=str(first.pk), note="Fine.")
    assert "Approve and send 2 for about 23.8 credits" in words(page)
    assert "Fine." in page.content.decode()
    assert not VideoTask.objects.exclude(status=TaskStatus.DRAFT).exists()


def test_own_requests_are_shown_and_cannot_be_approved(make_task, person):
    approver = person(*APPROVER, "submit_videotask", name="boss")
    task = make_task()
    asked = ask(task, approver)
    page = approver.get(url("approvals"))
    assert "You asked for this one. Somebody else has to approve it." in words(page)
    assert f'value="{asked.pk}"' not in page.content.decode()
    assert told(press(approver, asked)) == ["You have no permission to do this with this task."]
    task.refresh_from_db()
    assert task.status == TaskStatus.DRAFT


def test_the_page_takes_its_permission(make_task, maria, person):
    ask(make_task(), maria)
    assert maria.post(url("approvals"), {"t": "1", "_approve": "1"}).status_code == 403
    assert "Approvals" not in words(maria.get(url("changelist")))


def test_the_list_counts_and_narrows_what_waits(make_task, maria, jonas):
    ask(make_task(), maria)
    make_task(prompt="A hen")
    page = jonas.get(url("changelist"), {"attention": "approval"})
    assert "Approvals (1)" in words(page)
    assert "Waits for approval (1)" in words(page)
    assert [task.prompt for task in page.context["cl"].result_list] == ["A fox trots on"]


def test_a_submission_with_a_task_that_is_hidden_is_not_shown(make_task, maria, jonas, monkeypatch):
    tasks = [make_task(owner=maria.user), make_task(owner=jonas.user, prompt="A hen")]
    with pytest.raises(ApprovalRequired) as refused:
        approvals.admit_together({task.pk: quotes.quote(task) for task in tasks}, ApprovalKind.SUBMIT, by=maria.user)
    model_admin = admin.site.get_model_admin(VideoTask)
    monkeypatch.setattr(model_admin, "get_visible_queryset", lambda request, rows: rows.filter(owner=request.user))
    assert "Nothing waits for approval." in words(jonas.get(url("approvals")))
    press(jonas, refused.value.approval)
    assert not VideoTask.objects.exclude(status=TaskStatus.DRAFT).exists()


def test_sending_back_needs_a_note_that_the_task_shows(make_task, maria, jonas):
    task = make_task()
    asked = ask(task, maria)
    page = press(jonas, asked, button="_return")
    assert "Say why: whoever asked reads it." in words(page)
    assert told(press(jonas, asked, button="_return", note="Five seconds are enough.")) == ["1 video was sent back."]
    page = words(maria.get(url("change", task.pk)))
    assert "jonas sent it back" in page
    assert "“Five seconds are enough.” It is a draft again." in page


def test_whoever_asked_withdraws_it_where_it_is_shown_to_wait(make_task, maria, jonas, person):
    task = make_task()
    ask(task, maria)
    withdraw = url("operate", task.pk, "withdraw")
    assert withdraw not in jonas.get(url("change", task.pk)).content.decode()
    assert jonas.post(withdraw).status_code == 403
    assert withdraw in maria.get(url("change", task.pk)).content.decode()
    assert told(maria.post(withdraw)) == ["The request was withdrawn."]
    assert told(maria.post(withdraw)) == ["It does not wait for approval any more."]
    assert "Waits for approval since" not in words(maria.get(url("change", task.pk)))
    page = words(jonas.get(url("approvals")))
    assert "Nothing waits for approval." in page
    assert "maria withdrew it at" in page


def test_a_failed_task_that_waits_says_so_and_offers_no_second_retry(maria, jonas):
    (task,) = failed()
    page = maria.get(url("change", task.pk))
    quote = re.search(r'name="quote" value="([^"]*)"', page.content.decode())[1]
    answer = maria.post(url("operate", task.pk, "retry"), {"quote": quote})
    assert "it waits until somebody else has approved it" in told(answer)[0]
    page = words(maria.get(url("change", task.pk)))
    assert "Waits for approval since" in page
    assert "Retry for about" not in page
    press(jonas, Approval.objects.get())
    task.refresh_from_db()
    assert task.status == TaskStatus.QUEUED


def test_a_plan_says_before_the_press_that_it_only_asks(make_task, maria, settings):
    tasks = [make_task(), make_task(prompt="A hen")]
    settings.WANVIDEO = {**settings.WANVIDEO, "APPROVAL_ABOVE": 20}
    data = {"action": "submit_selected", "_selected_action": [str(task.pk) for task in tasks]}
    page = maria.post(url("changelist"), data, follow=True)
    assert "More than 20 credits together: they are sent only after somebody else has approved them." in words(page)


def test_a_batch_waits_as_a_whole_and_its_page_says_so(admin_client, jonas):
    batch = made_batch()
    page = admin_client.get(batch_url("change", batch.pk))
    quote = re.search(r'name="quote" value="([^"]*)"', page.content.decode())[1]
    answer = admin_client.post(batch_url("operate", batch.pk, "submit"), {"quote": quote})
    assert "Together they cost about 35.70 credits" in told(answer)[0]
    page = words(admin_client.get(batch_url("change", batch.pk)))
    assert "3 videos together cost more than 10 credits." in page
    assert "Generate 3" not in page
    withdraw = batch_url("operate", batch.pk, "withdraw")
    assert withdraw not in jonas.get(batch_url("change", batch.pk)).content.decode()
    assert withdraw in admin_client.get(batch_url("change", batch.pk)).content.decode()
    assert told(admin_client.post(withdraw)) == ["The request was withdrawn."]
    page = admin_client.get(batch_url("change", batch.pk))
    assert "Generate 3" in words(page)
    quote = re.search(r'name="quote" value="([^"]*)"', page.content.decode())[1]
    admin_client.post(batch_url("operate", batch.pk, "submit"), {"quote": quote})
    page = words(jonas.get(url("approvals")))
    assert "Spring Batch of 3 videos" in page
    assert told(press(jonas, Approval.objects.get(state="waiting"))) == ["3 videos were approved and are sent."]
    assert Batch.objects.get().operation == "submit"
