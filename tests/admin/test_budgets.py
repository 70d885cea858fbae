"""Pages that are about to spend say how many videos fit into the limits on credits, and when the others go."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from django_wanvideo.choices import CreditOutcome, TaskStatus
from django_wanvideo.models import CreditEntry, VideoTask
from django_wanvideo.services.attempts import delays
from django_wanvideo.services.limits import throttling
from tests.admin.conftest import add_data, hidden, url

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


@pytest.fixture
def limit(settings):
    def set_to(**values):
        settings.WANVIDEO = {**settings.WANVIDEO, **values}

    return set_to


@pytest.fixture
def noon(monkeypatch):
    now = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)
    return now


def used(amount, owner=None):
    return CreditEntry.objects.create(
        attempt_id=uuid.uuid4(),
        task_id=uuid.uuid4(),
        model="m",
        owner=owner,
        used=Decimal(str(amount)),
        outcome=CreditOutcome.CHARGED,
        claimed_at=timezone.now(),
    )


def confirm(client, tasks, action="submit_selected"):
    data = {"action": action, "_selected_action": [task.pk for task in tasks]}
    return client.post(url("changelist"), data, follow=True)


def text_of(response):
    return " ".join(response.content.decode().split())


@pytest.mark.fault("K1.forecast")
def test_confirmation_page_says_how_many_fit_today(admin_client, make_task, limit, noon):
    """The confirmation page says how many fit today and when the rest goes."""
    tasks = [make_task() for _number in range(5)]
    assert "wv-forecast" not in text_of(confirm(admin_client, tasks)), "nothing is limited"
    limit(DAILY_CREDIT_LIMIT=24)
    assert (
        "2 of 5 fit into today’s credit limits. 3 wait in the queue for credits; the first are sent from 27 Nov, 00:00 on "
        "and the last from 28 Nov, 00:00 on. They can be cancelled until they are sent."
        in text_of(confirm(admin_client, tasks))
    )
    assert "All 2 fit into today’s credit limits." in text_of(confirm(admin_client, tasks[:2]))
    limit(DAILY_CREDIT_LIMIT=10)
    page = text_of(confirm(admin_client, tasks))
    assert "5 cost more than this site’s limit of 10 credits a day allows at all and will not be sent." in page
    assert "raise the limit" in page


def test_the_page_counts_each_owners_limit_and_not_that_of_who_presses(admin_client, person, make_task, limit, noon):
    ann = person(name="ann").user
    limit(CREDIT_LIMITS={"user": {"week": 12}})
    tasks = [make_task(owner=ann), make_task(owner=ann), make_task(owner=admin_client.user)]
    page = text_of(confirm(admin_client, tasks))
    assert (
        "2 of 3 fit into today’s credit limits. 1 waits in the queue for credits and is sent from 30 Nov, 00:00 on."
        in page
    )


def test_what_is_fetched_free_of_charge_is_not_counted(admin_client, make_task, limit, noon):
    limit(DAILY_CREDIT_LIMIT=12)
    used(12)
    alive = {"result_url": "https://files.example/v.mp4", "result_expires_at": noon + dt.timedelta(hours=2)}
    page = text_of(confirm(admin_client, [make_task(TaskStatus.FAILED, **alive)], action="retry_selected"))
    assert "Fetch 1 file again, free of charge" in page
    assert "wv-forecast" not in page


@pytest.mark.fault("K1.above-the-whole-limit")
def test_what_can_never_be_sent_stays_a_draft_and_says_why(admin_client, make_task, limit):
    limit(DAILY_CREDIT_LIMIT=10)
    task = make_task()
    page = confirm(admin_client, [task])
    answer = admin_client.post(url("send"), {"plan": hidden(page, "plan")})
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert len(said) == 1
    assert "more than this site’s limit of 10 credits a day allows at all" in said[0]
    assert VideoTask.objects.get().status == TaskStatus.DRAFT


@pytest.mark.fault("K1.forecast")
def test_the_form_says_beside_the_price_that_a_video_would_wait(admin_client, limit, noon):
    assert '<span class="wv-sub" data-budget></span>' in text_of(admin_client.get(url("add")))
    limit(USER_DAILY_CREDIT_LIMIT=20)
    used(10, admin_client.user)
    waits = "Over the credit limits for now: it will wait in the queue and is sent from 27 Nov, 00:00 on."
    assert waits in text_of(admin_client.get(url("add")))
    price = admin_client.get(url("price"), {"duration": "5", "generate_audio": "on"}).json()
    assert price["limit"] == waits
    assert admin_client.get(url("price"), {"duration": "3", "generate_audio": "on"}).json()["limit"] == ""
    assert (
        "It costs more than the owner’s limit of 20 credits a day"
        in admin_client.get(url("price"), {"duration": "15", "generate_audio": "on"}).json()["limit"]
    )


def test_the_price_of_a_draft_counts_its_owners_limit(admin_client, person, make_task, limit, noon):
    ann = person(name="ann").user
    limit(USER_DAILY_CREDIT_LIMIT=20)
    used(10, ann)
    draft = make_task(owner=ann)
    page = admin_client.get(url("change", draft.pk))
    assert "wait in the queue" in text_of(page)
    asked = {"duration": "5", "generate_audio": "on"}
    assert (
        "wait in the queue"
        in admin_client.get(url("price"), {**asked, "price_of": hidden(page, "price_of")}).json()["limit"]
    )
    for other in ("", "x", str(uuid.uuid4())):
        assert admin_client.get(url("price"), {**asked, "price_of": other}).json()["limit"] == ""


def test_who_may_not_see_a_draft_learns_nothing_about_its_owners_limit(person, make_task, limit, noon):
    maker = person("add_videotask", "submit_videotask")
    ann = person(name="ann").user
    limit(USER_DAILY_CREDIT_LIMIT=20)
    used(10, ann)
    asked = {"duration": "5", "generate_audio": "on", "price_of": str(make_task(owner=ann).pk)}
    assert maker.get(url("price"), asked).json()["limit"] == ""


@pytest.mark.fault("K1.over-a-limit-is-told")
def test_after_generate_page_says_that_it_waits(admin_client, limit, noon):
    """After generate the page says that it waits until when and it can be cancelled."""
    limit(CREDIT_LIMITS={"site": {"month": 20}})
    used(15)
    answer = admin_client.post(url("add"), add_data(_generate="1", _save=None), follow=True)
    page = text_of(answer)
    assert (
        "It waits in the queue for credits and will be sent from 1 Dec, 00:00 on. You can cancel it until then." in page
    )
    task = VideoTask.objects.get()
    held = throttling.check_credits(task)
    delays.delay(task, held.reason, until=held.until)
    page = text_of(admin_client.get(url("change", task.pk)))
    assert "Waiting for next month’s credits, to be sent 1 Dec, 00:00" in page
    assert "Waiting for next month’s credits, until 1 Dec, 00:00." in page, "the history"
    admin_client.post(url("operate", task.pk, "cancel"))
    task.refresh_from_db()
    assert task.status == TaskStatus.CANCELLED


def test_limits_that_cannot_be_read_break_no_page(admin_client, make_task, limit):
    limit(CREDIT_LIMITS=lambda user: 1 / 0)
    task = make_task()
    for page in (admin_client.get(url("add")), admin_client.get(url("change", task.pk)), confirm(admin_client, [task])):
        assert page.status_code == 200
        assert "wv-forecast" not in text_of(page)
    assert admin_client.get(url("price"), {"duration": "5"}).json()["limit"] == ""
