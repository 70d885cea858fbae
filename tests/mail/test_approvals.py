"""Those who may approve are told once of what waits, and who has asked is told that it was refused."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core import mail

from django_wanvideo import approvals, jobs
from django_wanvideo.choices import ApprovalKind
from django_wanvideo.exceptions import ApprovalRequired
from django_wanvideo.mail import delivery
from django_wanvideo.models import Approval, Notification, TaskEvent
from django_wanvideo.services.sending import approvals as gate
from django_wanvideo.services.sending import quotes
from tests.approvals.conftest import draft


@pytest.fixture
def approver(person):
    def make(name, when="batch"):
        user = person(name, when)
        user.user_permissions.add(Permission.objects.get(codename="approve_videotask"))
        return user

    return make


@pytest.fixture
def ask(settings, wanvideo_wakeups):
    settings.WANVIDEO = settings.WANVIDEO | {"APPROVAL_ABOVE": 5, "SITE_URL": "https://www.example.com"}

    def ask(by, count=1):
        tasks = [draft(prompt=f"fox {number}") for number in range(count)]
        with pytest.raises(ApprovalRequired):
            gate.admit_together({task.pk: quotes.quote(task) for task in tasks}, ApprovalKind.SUBMIT, by=by)
        tell()

    return ask


def tell():
    for task_id in TaskEvent.objects.filter(notify_at__isnull=False).values_list("task_id", flat=True):
        jobs.run_here("notify", str(task_id))
    delivery.send_due()


def test_those_who_may_approve_are_told_once_of_what_one_press_asks_for(person, approver, ask):
    maria = approver("maria")
    approver("jonas")
    approver("lena", "never")
    person("tom")
    ask(maria, 3)
    (message,) = mail.outbox
    assert message.to == ["jonas@example.com"]
    assert message.subject == "3 videos wait for approval: about 35.70 credits"
    assert "https://www.example.com/admin/wanvideo/videotask/approvals/" in message.body


def test_whoever_asked_is_told_that_it_was_sent_back(person, approver, ask):
    maria, jonas = person("maria"), approver("jonas", None)
    ask(maria)
    assert mail.outbox == []
    approvals.send_back(Approval.objects.get(), by=jonas, note="Five seconds are enough.")
    tell()
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["maria@example.com"], "jonas did not approve a video")
    assert "Five seconds are enough." in message.body
    assert Notification.objects.get().kind == "approval"


def test_the_site_names_others_who_may_approve(person, approver, ask, settings):
    settings.WANVIDEO = settings.WANVIDEO | {"NOTIFY": lambda event: [jonas, tom]}
    jonas, tom = approver("jonas", None), person("tom", None)
    ask(person("maria", None))
    assert [message.to for message in mail.outbox] == [["jonas@example.com"]]
