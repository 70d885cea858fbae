"""Several lost requests and one video: nobody is led, and nobody able, to attach another's."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
from django.utils import timezone

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.choices import AttemptState
from django_wanvideo.evolink.types import TaskSnapshot
from django_wanvideo.models import Attempt, VideoTask
from tests.admin.conftest import FLASH, ID, hidden, url
from tests.admin.test_resolve import said

pytestmark = [pytest.mark.django_db, pytest.mark.fault("K1.one-video-several-lost-requests")]


@pytest.fixture
def lost(make_task, admin_client):
    """Two requests whose answers were lost at about the same time; the second is another person's."""
    mine = make_task("unconfirmed", prompt="A fox trots on", owner=admin_client.user)
    return mine, make_task("unconfirmed", prompt="A secret whale")


def tell(stub_client, **more):
    """Let EvoLink tell more about the one video that it lists."""
    body = {"id": ID, "status": "completed", "model": FLASH, "created": int(timezone.now().timestamp()), **more}
    stub_client.listed = [TaskSnapshot.parse(body)]
    stub_client.snapshots[ID] = TaskSnapshot.parse(body)


def own_only(monkeypatch):
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, tasks: tasks.owned_by(request.user)
    )


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())))


def is_preselected(page):
    return bool(re.search(r'name="provider_task_id"[^>]* checked', page.content.decode()))


def attach(client, task, **more):
    client_page = client.post(url("resolve", task.pk), {"decision": "attach", "provider_task_id": ID, **more})
    task.refresh_from_db()
    return said(client_page)


def test_one_video_for_one_request_is_preselected(admin_client, make_task, stub_client):
    task = make_task("unconfirmed")
    stub_client.offer()
    page = admin_client.get(url("resolve", task.pk))
    assert is_preselected(page)
    assert page.context["fits"] == "attach"


def test_two_videos_for_one_request_are_not(admin_client, make_task, stub_client):
    task = make_task("unconfirmed")
    stub_client.offer()
    second = TaskSnapshot.parse({"id": f"{ID}-2", "model": FLASH, "status": "pending", "created": None})
    stub_client.listed.append(second)
    assert not is_preselected(admin_client.get(url("resolve", task.pk)))


def test_with_another_request_open_it_is_said(admin_client, lost, stub_client):
    """With another request open it is said and nothing is preselected or recommended."""
    stub_client.offer()
    page = admin_client.get(url("resolve", lost[0].pk))
    assert "1 other request of this site, from about that time, whose answer was lost too" in text_of(page)
    assert "A secret whale" in text_of(page), "who may see both compares them"
    assert "Sent at" in text_of(page)
    assert not is_preselected(page)
    assert page.context["fits"] is None


@pytest.mark.parametrize(
    ("state", "minutes", "model", "counts"),
    [
        (AttemptState.UNCONFIRMED, 5, FLASH, True),
        (AttemptState.CLAIMED, 0, FLASH, True),
        (AttemptState.UNCONFIRMED, 300, FLASH, False),
        (AttemptState.UNCONFIRMED, 5, "wan2.6-text-to-video", False),
        (AttemptState.ACCEPTED, 5, FLASH, False),
        (AttemptState.NOT_ACCEPTED, 5, FLASH, False),
    ],
)
def test_only_open_requests_of_that_model_and_time_count(
    admin_client, lost, stub_client, state, minutes, model, counts
):
    stub_client.offer()
    moment = timezone.now() - dt.timedelta(minutes=minutes)
    Attempt.objects.filter(task=lost[1]).update(
        state=state, sent_at=moment, claimed_at=moment, request={"model": model, "prompt": "x"}
    )
    page = admin_client.get(url("resolve", lost[0].pk))
    assert ("other request of this site" in text_of(page)) == counts
    assert is_preselected(page) != counts


def test_who_sees_both_says_that_they_were_compared(admin_client, lost, stub_client):
    stub_client.offer()
    assert "Compare them" in attach(admin_client, lost[0])
    assert lost[0].status == "unconfirmed"
    attach(admin_client, lost[0], compared="1")
    assert lost[0].status == "processing"


@pytest.mark.parametrize("more", [{}, {"compared": "1"}, {"compared": "1", "older": "1"}])
def test_who_may_not_see_the_other_cannot_attach_what_may_be_its_video(
    admin_client, lost, stub_client, monkeypatch, more
):
    own_only(monkeypatch)
    stub_client.offer()
    page = admin_client.get(url("resolve", lost[0].pk))
    assert "1 other request of this site" in text_of(page)
    assert "A secret whale" not in page.content.decode()
    assert str(lost[1].pk) not in page.content.decode()
    words = attach(admin_client, lost[0], **more)
    assert "may not see" in words
    assert "whale" not in words
    assert lost[0].status == "unconfirmed"
    assert not Attempt.objects.filter(provider_task_id=ID).exists()


def test_an_id_given_by_hand_is_held_to_the_same(admin_client, lost, stub_client, monkeypatch):
    own_only(monkeypatch)
    stub_client.offer()
    stub_client.listed = []
    response = admin_client.post(url("resolve", lost[0].pk), {"decision": "attach", "other": ID, "compared": "1"})
    assert "may not see" in said(response)
    lost[0].refresh_from_db()
    assert lost[0].status == "unconfirmed"


def test_a_video_that_only_fits_ones_own_can_be_attached(admin_client, lost, stub_client, monkeypatch):
    own_only(monkeypatch)
    tell(stub_client, prompt="A fox trots on")
    page = admin_client.get(url("resolve", lost[0].pk))
    assert "The same as this task’s" in text_of(page)
    attach(admin_client, lost[0])
    assert lost[0].attempt.provider_task_id == ID


def test_another_persons_words_are_not_told(admin_client, lost, stub_client, monkeypatch):
    own_only(monkeypatch)
    tell(stub_client, prompt="A secret whale", credits_used="11.9")
    page = admin_client.get(url("resolve", lost[0].pk))
    assert "A secret whale" not in page.content.decode()
    assert "Another one" in text_of(page)
    assert "11.90" in text_of(page)
    assert "may not see" in attach(admin_client, lost[0], compared="1")


@pytest.mark.fault("K1.a-decision-is-about-what-was-shown")
@pytest.mark.parametrize("decision", ["send_again", "not_accepted", "attach"])
def test_page_that_was_decided_in_another_tab_decides(admin_client, make_task, stub_client, decision):
    """A page that was decided in another tab decides nothing about the next request."""
    task = make_task("unconfirmed")
    stub_client.offer()
    page = admin_client.get(url("resolve", task.pk))
    assert hidden(page, "attempt") == "1"
    task.attempts.update(state=AttemptState.SUPERSEDED)
    Attempt.objects.create(
        task=task,
        number=2,
        state=AttemptState.UNCONFIRMED,
        idempotency_key="k" * 16,
        request={"model": FLASH},
        sent_at=timezone.now(),
    )
    stale = {"decision": decision, "attempt": "1", "twice": "1", "provider_task_id": ID, "compared": "1"}
    assert "decided meanwhile" in said(admin_client.post(url("resolve", task.pk), stale))
    task.refresh_from_db()
    assert (task.status, task.attempt.state) == ("unconfirmed", AttemptState.UNCONFIRMED)


@pytest.mark.fault("K1.a-decision-is-about-what-was-shown")
def test_sending_again_at_a_price_that_was_not_shown_is_refused(admin_client, make_task, stub_client):
    task = make_task("unconfirmed")
    shown = hidden(admin_client.get(url("resolve", task.pk)), "shown_credits")
    VideoTask.objects.filter(pk=task.pk).update(parameters={"duration": 15, "quality": "1080p"})
    data = {"decision": "send_again", "twice": "1", "shown_credits": shown}
    assert "The price has changed" in said(admin_client.post(url("resolve", task.pk), data))
    task.refresh_from_db()
    assert task.status == "unconfirmed"


@pytest.mark.fault("K10.deciding-needs-to-see")
def test_who_may_settle_but_not_see_is_refused(person, make_task, stub_client):
    task = make_task("unconfirmed")
    settler = person("resolve_videotask")
    assert settler.get(url("resolve", task.pk)).status_code == 403
    assert settler.post(url("resolve", task.pk), {"decision": "not_accepted"}).status_code == 403
    task.refresh_from_db()
    assert task.status == "unconfirmed"
