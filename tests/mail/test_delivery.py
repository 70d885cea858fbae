"""E-mails leave once, again and again while the mail server is away, and never more of them than somebody can read."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import mail
from django.utils import timezone
from rq.timeouts import JobTimeoutException

from django_wanvideo import jobs
from django_wanvideo.choices import TaskStatus
from django_wanvideo.mail import contents, delivery
from django_wanvideo.models import Notification, NotificationChoice, SiteState
from django_wanvideo.services.sweep import sweep

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_redis(wanvideo_wakeups):
    """Nothing is handed to RQ."""


def test_the_sweep_hands_out_what_is_due_and_each_mail_leaves_once(person, ended, server):
    ended(person())
    sweep(jobs.run_here)
    assert [message.to for message in mail.outbox] == [["maria@example.com"]]
    sweep(jobs.run_here)
    assert delivery.send_due() == 0
    assert len(mail.outbox) == 1
    row = Notification.objects.get()
    assert (row.due_at, row.sent_at is None, row.error) == (None, False, "")


def test_many_passes_hand_out_one_job_and_idle_ones_none(person, ended):
    taken = []

    def take(job, *ids):
        taken.append(job)
        return True

    sweep(take)
    assert "mail" not in taken
    ended(person())
    sweep(take)
    sweep(take)
    assert taken.count("mail") == 1


def test_two_workers_send_one_mail(person, ended, monkeypatch):
    ended(person())
    real = contents.message_for

    def meanwhile(user, rows):
        # The other worker comes while this one is at it.
        monkeypatch.setattr(contents, "message_for", real)
        assert delivery.send_due() == 0
        return real(user, rows)

    monkeypatch.setattr(contents, "message_for", meanwhile)
    assert delivery.send_due() == 1
    assert len(mail.outbox) == 1


def test_a_worker_that_dies_on_the_way_has_it_sent_by_another(person, ended, monkeypatch):
    ended(person())

    def die(user, rows):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(contents, "message_for", die)
        with pytest.raises(SystemExit):
            delivery.send_due()
    assert delivery.send_due() == 0
    Notification.objects.update(due_at=timezone.now())
    assert delivery.send_due() == 1


def test_a_dead_mail_server_is_tried_for_a_day_and_then_given_up(person, ended, server, later, caplog):
    server.error = ConnectionRefusedError("mail.example.com said secret-password")
    ended(person())
    assert delivery.send_due() == 0
    row = Notification.objects.get()
    assert (row.tries, row.error) == (1, "ConnectionRefusedError")
    assert dt.timedelta(seconds=50) < row.due_at - timezone.now() <= dt.timedelta(minutes=1)
    # Not before.
    assert (delivery.send_due(), server.asked) == (0, 1)
    for _hour in range(23):
        later(hours=1)
    row.refresh_from_db()
    assert row.due_at is not None
    assert row.tries == 24
    for _hour in range(2):
        later(hours=1)
    row.refresh_from_db()
    assert (row.due_at, row.gave_up_at is None) == (None, False)
    assert SiteState.objects.filter(name=delivery.GIVEN_UP).exists()
    asked = server.asked
    later(hours=1)
    assert server.asked == asked
    assert "secret" not in caplog.text
    assert "given up" in caplog.text
    assert mail.outbox == []


def test_a_server_that_comes_back_gets_what_waits(person, ended, server, later):
    server.error = OSError("away")
    ended(person())
    delivery.send_due()
    server.error = None
    assert later(hours=2) == 1
    assert len(mail.outbox) == 1


def test_a_dead_server_is_not_asked_for_each_of_many(person, ended, server):
    server.error = OSError("away")
    for number in range(6):
        ended(person(f"p{number}"))
    delivery.send_due()
    assert server.asked == delivery.ENOUGH_FAILURES


def test_one_bad_address_keeps_no_other_mail_back(person, ended, server, monkeypatch):
    ended(person("bad"))
    ended(person("good"))
    real = contents.message_for

    def break_for_one(user, rows):
        if user.username == "bad":
            raise ValueError("no such address")
        return real(user, rows)

    monkeypatch.setattr(contents, "message_for", break_for_one)
    assert delivery.send_due() == 1
    assert mail.outbox[0].to == ["good@example.com"]


def test_the_end_of_a_jobs_time_is_passed_on_and_the_mail_is_tried_again(person, ended, server, later):
    server.error = JobTimeoutException()
    ended(person())
    with pytest.raises(JobTimeoutException):
        delivery.send_due()
    server.error = None
    assert later(hours=1) == 1


def test_three_hundred_videos_of_a_batch_make_one_mail(person, batch_ended):
    batch_ended(person(when="batch"), 283, failed=4)
    assert delivery.send_due() == 1
    [message] = mail.outbox
    assert message.subject == "Autumn postcards: 283 of 287 videos are ready"
    assert "Content refused" in message.body


def test_no_more_than_so_many_mails_an_hour_and_the_rest_together(person, ended, later):
    maria = person()
    for _number in range(delivery.MOST_AN_HOUR - 1):
        ended(maria)
        delivery.send_due()
    for _number in range(5):
        ended(maria, TaskStatus.FAILED)
    delivery.send_due()
    assert len(mail.outbox) == delivery.MOST_AN_HOUR
    assert mail.outbox[-1].subject == "5 videos failed"
    ended(maria)
    ended(maria)
    assert delivery.send_due() == 0
    assert later(minutes=30) == 0
    assert later(minutes=31) == 1
    assert mail.outbox[-1].subject == "2 videos are ready"
    assert not Notification.objects.filter(sent_at=None).exists()


def test_once_an_hour_all_together(person, ended, batch_ended, later):
    maria = person(when="hour")
    ended(maria)
    ended(maria, TaskStatus.FAILED)
    batch_ended(maria, 2)
    row = Notification.objects.first()
    assert (row.due_at.minute, row.due_at.second) == (0, 0)
    assert delivery.send_due() == 0
    assert later(hours=1) == 1
    assert mail.outbox[0].subject == "Autumn postcards: all 2 videos are ready, 1 video is ready, 1 video failed"


def test_what_changed_since_it_was_written_down_counts(person, ended, later):
    people = [person(name, "hour") for name in ("gone", "blind", "tired", "mute", "maria")]
    for user in people:
        ended(user)
    gone, blind, tired, mute, _maria = people
    gone.delete()
    blind.user_permissions.clear()
    NotificationChoice.objects.filter(user=tired).update(when="never")
    mute.email = ""
    mute.save()
    later(hours=1)
    assert [message.to for message in mail.outbox] == [["maria@example.com"]]
    assert Notification.objects.count() == 1


def test_what_was_sent_long_ago_is_forgotten(person, ended, later):
    ended(person())
    delivery.send_due()
    later(days=31)
    assert not Notification.objects.exists()


def test_a_copy_of_the_database_sends_nothing(person, ended, monkeypatch):
    ended(person())
    monkeypatch.setattr(delivery.installation, "is_foreign", lambda: True)
    assert delivery.send_due() == 0
    assert mail.outbox == []
