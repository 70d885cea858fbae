"""People who want to be told, and events that they are told of."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.mail.backends import locmem
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.batches import work
from django_wanvideo.choices import EventKind, EventSource, TaskStatus
from django_wanvideo.mail import delivery
from django_wanvideo.models import Batch, BatchEvent, Notification, NotificationChoice, lifecycle
from tests.factories import make_task

ENDS = {
    TaskStatus.COMPLETED: EventKind.STORED,
    TaskStatus.FAILED: EventKind.FAILED,
    TaskStatus.UNCONFIRMED: EventKind.NEEDS_DECISION,
}


@pytest.fixture
def person(db):
    """Make a person who may look at videos, and who has chosen when to be told."""

    def make(name="maria", when="now", *, may_look=True, **columns):
        user = get_user_model().objects.create_user(name, f"{name}@example.com", **columns)
        if may_look:
            user.user_permissions.add(Permission.objects.get(codename="view_videotask"))
        if when:
            NotificationChoice.objects.create(user=user, when=when)
        return user

    return make


@pytest.fixture
def ended(db):
    """Let a task end, and tell of it."""

    def end(owner=None, status=TaskStatus.COMPLETED, **columns):
        task = make_task(status, owner=owner, finished_at=timezone.now(), **columns)
        lifecycle.record(task, ENDS[status], EventSource.WORKER)
        jobs.run_here("notify", str(task.pk))
        return task

    return end


@pytest.fixture
def batch_ended(ended):
    """Let a batch of some videos end, and tell of each and of all."""

    def end(owner, completed=2, failed=0, undecided=0, name="Autumn postcards", before=lambda: None):
        batch = Batch.objects.create(name=name, owner=owner, state="submitted", submitted_at=timezone.now())
        statuses = [TaskStatus.COMPLETED] * completed + [TaskStatus.FAILED] * failed
        statuses += [TaskStatus.UNCONFIRMED] * undecided
        for number, status in enumerate(statuses, 1):
            code = "content_filter" if status == TaskStatus.FAILED else ""
            ended(owner, status, batch=batch, row_number=number, error_code=code)
        before()
        now = timezone.now()
        Batch.objects.filter(pk=batch.pk).update(state="ended", ended_at=now)
        BatchEvent.objects.create(batch=batch, kind="finished", source="worker", notify_at=now)
        work.work(batch.pk)
        return batch

    return end


@pytest.fixture
def server(monkeypatch):
    """The mail server: ``server.error`` is what it answers with, if anything."""

    class Server:
        error: Exception | None = None
        asked = 0

    real = locmem.EmailBackend.send_messages

    def send_messages(self, messages):
        Server.asked += 1
        if Server.error is not None:
            raise Server.error
        return real(self, messages)

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", send_messages)
    return Server


@pytest.fixture
def later():
    """Let time pass for what waits."""

    def pass_by(**by):
        for row in Notification.objects.all():
            for column in ("created_at", "due_at", "sent_at"):
                if (moment := getattr(row, column)) is not None:
                    setattr(row, column, moment - dt.timedelta(**by))
            row.save()
        return delivery.send_due()

    return pass_by
