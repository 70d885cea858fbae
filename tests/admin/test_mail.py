"""Each person chooses when to get e-mails; whoever runs the site sees those that did not leave; a tab counts news."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from django_wanvideo.admin import banner
from django_wanvideo.choices import EventKind, EventSource, TaskStatus
from django_wanvideo.health import Level, site
from django_wanvideo.mail.delivery import GIVEN_UP
from django_wanvideo.models import Batch, BatchEvent, Notification, NotificationChoice, SiteState, lifecycle
from tests.admin.conftest import url


def page(model, name, *args):
    return reverse(f"admin:wanvideo_{model}_{name}", args=args)


CHOICE = "notificationchoice"


def test_a_person_chooses_for_themselves(person):
    client = person("view_videotask")
    response = client.get(page(CHOICE, "changelist"), follow=True)
    assert "E-mails about my videos" in response.content.decode()
    assert "Save and add another" not in response.content.decode()
    assert "Your account has no e-mail address" in response.content.decode()
    client.user.email = "<b>@example.com"
    client.user.save()
    assert "to &lt;b&gt;@example.com." in client.get(page(CHOICE, "add")).content.decode()
    assert page(CHOICE, "add") not in client.get(reverse("admin:index")).content.decode()
    client.post(page(CHOICE, "add"), {"when": "hour"})
    own = NotificationChoice.objects.get()
    assert (own.user, own.when) == (client.user, "hour")
    response = client.get(page(CHOICE, "changelist"))
    assert response.url == page(CHOICE, "change", own.pk)
    client.post(response.url, {"when": "never"})
    # An old tab.
    response = client.post(page(CHOICE, "add"), {"when": "now"}, follow=True)
    assert "At once, of each video" in response.content.decode()
    assert NotificationChoice.objects.get().when == "now"


def test_nobody_touches_what_others_chose(person, admin_client):
    other = NotificationChoice.objects.create(user=person("view_videotask").user, when="now")
    for client in (person("view_videotask"), admin_client):
        assert client.post(page(CHOICE, "change", other.pk), {"when": "never"}).status_code == 302
        assert client.post(page(CHOICE, "delete", other.pk), {"post": "yes"}).status_code in {302, 403}
    assert NotificationChoice.objects.get(pk=other.pk).when == "now"


def test_who_may_not_look_at_videos_has_nothing_to_choose(person):
    client = person()
    assert client.get(page(CHOICE, "changelist")).status_code in {302, 403}
    assert client.post(page(CHOICE, "add"), {"when": "now"}).status_code == 403


@pytest.fixture
def lost(admin_client, make_task):
    """An e-mail that was given up."""
    event = lifecycle.record(make_task(TaskStatus.COMPLETED), EventKind.STORED, EventSource.WORKER)
    columns = {"kind": "ready", "gave_up_at": timezone.now(), "tries": 25, "error": "ConnectionRefusedError"}
    SiteState.objects.create(name=GIVEN_UP)
    return Notification.objects.create(person=admin_client.user, task_event=event, **columns)


def test_what_was_given_up_is_listed_and_can_be_tried_again(admin_client, lost):
    text = admin_client.get(page("notification", "changelist"), {"state": "lost"}).content.decode()
    assert "Given up after 25 tries (ConnectionRefusedError)" in text
    assert url("change", lost.task_event.task_id) in text
    assert "fox" not in text
    data = {"action": "try_again", "_selected_action": [lost.pk]}
    admin_client.post(page("notification", "changelist"), data)
    lost.refresh_from_db()
    assert (lost.gave_up_at, lost.tries, lost.due_at is None) == (None, 0, False)
    assert "mail" not in [code for code, _detail in banner._troubles()]


def test_the_list_of_mails_is_for_those_who_run_the_site(person, lost):
    client = person("view_videotask", "change_videotask")
    assert client.get(page("notification", "changelist")).status_code == 403


def test_the_list_asks_no_more_for_more_mails(admin_client, lost, django_assert_max_num_queries):
    event = lost.task_event
    for number in range(5):
        other = lifecycle.record(event.task_id, EventKind.FAILED, EventSource.WORKER)
        Notification.objects.create(person=admin_client.user, task_event=other, kind="failed", tries=number)
    with django_assert_max_num_queries(8):
        admin_client.get(page("notification", "changelist"))


def test_the_list_of_videos_and_the_doctor_say_that_mails_were_given_up(lost):
    assert "mail" in [code for code, _detail in banner._troubles()]
    [result] = site.check_mail()
    assert (result.level, "1 e-mail was given up" in str(result.message)) == (Level.ERROR, True)
    lost.gave_up_at, lost.due_at = None, timezone.now()
    lost.save()
    [result] = site.check_mail()
    assert (result.level, "ConnectionRefusedError" in str(result.message)) == (Level.WARNING, True)
    lost.delete()
    [result] = site.check_mail()
    assert result.level == Level.OK


def ask(client, since):
    return client.get(url("news"), {"since": since.isoformat()})


def test_a_tab_that_nobody_looks_at_hears_what_became_of_ones_own(person, make_task):
    client, since = person("view_videotask"), timezone.now()
    assert ask(client, since).json()["count"] == 0
    done = make_task(TaskStatus.COMPLETED, owner=client.user)
    lifecycle.record(done, EventKind.STORED, EventSource.WORKER)
    lifecycle.record(make_task(TaskStatus.FAILED), EventKind.FAILED, EventSource.WORKER)
    make_task(TaskStatus.PENDING, owner=client.user, like=done)
    batch = Batch.objects.create(name="Autumn", owner=client.user)
    BatchEvent.objects.create(batch=batch, kind="finished", source="worker")
    news = ask(client, since).json()
    assert (news["count"], news["text"], news["moving"]) == (2, "1 video is ready, Autumn has ended", 1)
    assert ask(client, timezone.now() + dt.timedelta(seconds=1)).json()["count"] == 0


def test_news_are_for_those_who_may_look(person):
    assert ask(person(), timezone.now()).status_code == 403
    client = person("view_videotask")
    for since in ("", "yesterday", "2026-01-01", "2026-13-45T00:00:00Z"):
        assert client.get(url("news"), {"since": since}).status_code == 400


def test_the_list_and_a_batch_offer_the_browsers_own_news(admin_client, make_task):
    make_task()
    batch = Batch.objects.create(name="Autumn", owner=admin_client.user, state="submitted")
    for address in (url("changelist"), page("batch", "change", batch.pk)):
        text = admin_client.get(address).content.decode()
        assert f'data-wanvideo-news="{url("news")}"' in text
        assert "wanvideo/js/news.js" in text
