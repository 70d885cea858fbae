"""Who is told: those who have chosen to be, and those whom the site names, of what they may see."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from rq.timeouts import JobTimeoutException

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.choices import EventKind, EventSource, TaskStatus
from django_wanvideo.mail import collecting
from django_wanvideo.models import Notification, NotificationChoice, TaskEvent, VideoTask, lifecycle

pytestmark = pytest.mark.django_db


def told():
    return list(Notification.objects.order_by("pk").values_list("person__username", "kind"))


def test_nobody_is_told_by_default(person, ended, django_assert_num_queries):
    ended(person(when=None))
    ended(None)
    assert told() == []


def test_an_owner_who_wants_it_is_told_of_each_end_and_of_decisions(person, ended):
    maria = person()
    ended(maria)
    ended(maria, TaskStatus.FAILED)
    ended(maria, TaskStatus.UNCONFIRMED)
    assert told() == [("maria", "ready"), ("maria", "failed"), ("maria", "decision")]


def test_other_events_are_nobodys_business(person):
    maria = person()
    task = VideoTask.objects.create_task("x", "https://example.com/a.jpg", owner=maria)
    for kind in (EventKind.ACCEPTED, EventKind.CANCELLED, EventKind.OVERDUE):
        collecting.collect(lifecycle.record(task, kind, EventSource.WORKER))
    assert told() == []


def test_whoever_chose_never_is_not_told_even_when_the_site_names_them(person, ended, settings):
    maria = person(when="never")
    settings.WANVIDEO = settings.WANVIDEO | {"NOTIFY": lambda event: [maria]}
    ended(maria)
    assert told() == []


def test_the_site_names_others_for_each_event(person, ended, batch_ended, settings):
    ops = person("ops", when=None)
    asked = []

    def notify(event):
        asked.append(event)
        return [ops, ops] if event.kind in {"failed", "finished"} else None

    settings.WANVIDEO = settings.WANVIDEO | {"NOTIFY": notify}
    ended(None)
    ended(None, TaskStatus.FAILED)
    batch_ended(None, 1)
    assert told() == [("ops", "failed"), ("ops", "batch")]
    assert [event.kind for event in asked] == ["stored", "failed", "stored", "finished"]


def test_a_hook_that_breaks_keeps_nothing_from_being_told(person, ended, settings, caplog):
    def notify(event):
        raise RuntimeError("no such team")

    settings.WANVIDEO = settings.WANVIDEO | {"NOTIFY": notify}
    ended(person())
    assert told() == [("maria", "ready")]
    assert "WANVIDEO['NOTIFY'] failed" in caplog.text
    assert not TaskEvent.objects.filter(notify_at__isnull=False).exists()


def test_a_hook_that_takes_too_long_ends_the_job(person, ended, settings):
    """A hook that takes too long ends the job, and the event counts as told."""

    def notify(event):
        raise JobTimeoutException

    settings.WANVIDEO = settings.WANVIDEO | {"NOTIFY": notify}
    with pytest.raises(JobTimeoutException):
        ended(person())
    assert not TaskEvent.objects.filter(notify_at__isnull=False).exists()


def test_an_error_in_here_does_not_hold_the_event_back(person, ended, monkeypatch, caplog):
    monkeypatch.setattr(collecting, "may_see", lambda user, event: 1 / 0)
    ended(person())
    assert told() == []
    assert not TaskEvent.objects.filter(notify_at__isnull=False).exists()
    assert "Nobody is told by e-mail" in caplog.text


@pytest.mark.parametrize("columns", [{"may_look": False}, {"is_active": False}])
def test_who_may_not_see_it_is_not_told(person, ended, settings, columns):
    maria = person(**columns)
    settings.WANVIDEO = settings.WANVIDEO | {"NOTIFY": lambda event: [maria]}
    ended(maria)
    assert told() == []


def test_what_the_sites_admin_hides_is_not_told(person, ended, batch_ended, settings, monkeypatch):
    maria, tom = person(), person("tom")
    settings.WANVIDEO = settings.WANVIDEO | {"NOTIFY": lambda event: [maria, tom]}

    def own(self, request, queryset):
        return queryset.owned_by(request.user)

    monkeypatch.setattr(VideoTaskAdmin, "get_visible_queryset", own)
    ended(maria)
    batch_ended(maria, 1)
    assert set(told()) == {("maria", "ready"), ("maria", "batch")}


def test_an_admin_that_needs_more_of_a_request_shows_nothing(person, ended, monkeypatch, caplog):
    monkeypatch.setattr(VideoTaskAdmin, "get_visible_queryset", lambda self, request, rows: request.session["x"])
    ended(person())
    assert told() == []
    assert "cannot tell what a person may see" in caplog.text


def test_without_an_admin_of_videos_the_permission_counts(person, ended, monkeypatch):
    monkeypatch.setattr(admin.AdminSite, "is_registered", lambda self, model: False)
    ended(person())
    ended(person("tom", may_look=False))
    assert told() == [("maria", "ready")]


def test_who_has_no_address_is_not_told(person, ended):
    maria = person()
    get_user_model().objects.update(email="")
    ended(maria)
    assert told() == []


def test_an_event_is_written_down_once_however_often_it_is_told(person, ended):
    ended(person())
    event = TaskEvent.objects.get()
    collecting.collect(event)
    collecting.collect(event)
    assert told() == [("maria", "ready")]


def test_a_batch_is_told_once_and_single_videos_at_once(person, ended, batch_ended):
    """A batch is told once where that is wished, and single videos at once."""
    maria = person(when="batch")
    batch = batch_ended(maria, 3, failed=1)
    assert told() == [("maria", "batch")]
    ended(maria)
    # Tried again by itself once the batch had ended.
    ended(maria, batch=batch, row_number=9)
    assert told() == [("maria", "batch"), ("maria", "ready"), ("maria", "ready")]


def test_what_an_owner_chose_counts_from_then_on(person, ended):
    maria = person()
    ended(maria)
    NotificationChoice.objects.update(when="never")
    ended(maria)
    assert len(told()) == 1


def test_a_deleted_task_takes_what_is_untold_with_it(person, ended):
    task = ended(person())
    task.delete()
    assert told() == []


def test_telling_nobody_costs_little(person, ended, django_assert_max_num_queries):
    maria = person(when=None)
    ended(maria)
    event = TaskEvent.objects.get()
    with django_assert_max_num_queries(2):
        collecting.collect(event)
