"""Holds in the admin: the banner, its buttons, and what a queued task says of them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from django_wanvideo.admin import caching
from django_wanvideo.admin.presentation import status_text
from django_wanvideo.evolink.exceptions import RejectedError
from django_wanvideo.models import SiteState, VideoTask
from django_wanvideo.services.holds import account, holds, pause

from .conftest import url

pytestmark = pytest.mark.fault("K4.banner")


@pytest.fixture(autouse=True)
def no_other_trouble(db):
    caching.keep("wanvideo:admin:trouble", [], 60)


@pytest.fixture
def waiting(make_task):
    return [make_task("queued", credits_estimated=price) for price in (6, 12)]


def used_up():
    account.note(RejectedError("Insufficient quota.", http_status=402, code="insufficient_quota"))


def page(client):
    return client.get(url("changelist")).content.decode()


def test_a_site_that_sends_shows_no_banner(admin_client, waiting):
    assert "wv-notice" not in page(admin_client)
    assert "Next to be sent" in page(admin_client)


def test_the_banner_tells_since_how_many_wait_and_who_can_act(admin_client, waiting):
    used_up()
    pause.pause(reason="Budget review")
    html = page(admin_client)
    assert html.count('class="wv-notice is-error"') == 2
    assert "EvoLink says the account has no credits." in html
    assert "Reason: “Budget review”." in html
    assert "2 tasks" in html
    assert "about 18.00 credits" in html
    assert html.count("Who can act") == 2
    assert "Sending is paused" in html


def test_pausing_and_resuming_by_buttons(person, waiting):
    staff = person("view_videotask", "pause_sending")
    assert url("sending") in page(staff)
    assert staff.get(url("sending")).status_code == 200
    staff.post(url("sending"), {"action": "pause", "reason": "Budget review"})
    [hold] = holds.standing()
    assert hold.detail["reason"] == "Budget review"
    assert hold.detail["by"]
    html = page(staff)
    assert "Resume: send 2 for about 18.00 credits" in html
    staff.post(url("sending"), {"action": "resume"})
    assert holds.standing() == []


def test_may_not_pause_sees_banner_without_buttons(person, waiting):
    """Who may not pause sees the banner without buttons and changes nothing."""
    staff = person("view_videotask", "submit_videotask", "resolve_videotask")
    pause.pause()
    html = page(staff)
    assert "wv-notice is-error" in html
    assert f'action="{url("sending")}"' not in html
    assert person("pause_sending").post(url("sending"), {"action": "resume"}).status_code == 403, "not the list either"
    for action in ("resume", "pause", "check"):
        assert staff.post(url("sending"), {"action": action}).status_code == 403
    assert staff.get(url("sending")).status_code == 403
    assert len(holds.standing()) == 1


def test_a_get_pauses_and_resumes_nothing(admin_client, waiting):
    pause.pause()
    admin_client.get(url("sending"), {"action": "resume"})
    assert len(holds.standing()) == 1


def test_resuming_while_account_is_in_trouble_lets(admin_client, waiting):
    """Resuming while the account is in trouble lets one be tried and says so."""
    used_up()
    html = page(admin_client)
    assert "Try one now for up to 12.00 credits" in html
    answer = admin_client.post(url("sending"), {"action": "resume"}, follow=True).content.decode()
    assert "One task is tried now" in answer
    assert [hold.kind for hold in holds.standing()] == ["account"]


def test_checking_asks_evolink_at_once(admin_client, waiting, settings, monkeypatch):
    from django_wanvideo.simulator import Simulator

    with Simulator(api_key="sk-simulator") as evolink:
        settings.WANVIDEO = {
            **settings.WANVIDEO,
            "API_KEY": "sk-simulator",
            "BASE_URL": evolink.api_url,
            "ALLOW_PRIVATE_HOSTS": True,
        }
        used_up()
        assert "Check now" in page(admin_client)
        answer = admin_client.post(url("sending"), {"action": "check"}, follow=True).content.decode()
        assert evolink.journal.count("credits") == 1
    assert "the problem is solved" in answer
    assert holds.standing() == []


def test_a_queued_task_says_the_reason_that_is_true_now(admin_client, waiting):
    task = waiting[0]
    pause.pause()
    assert "sending is paused" in admin_client.get(url("change", task.pk)).content.decode()
    # A row that was not touched since: what it says of a hold is older than the holds themselves.
    VideoTask.objects.filter(pk=task.pk).update(delay_reason="answers_lost")
    assert "sending is paused" in admin_client.get(url("change", task.pk)).content.decode()
    SiteState.objects.all().delete()
    html = admin_client.get(url("change", task.pk)).content.decode()
    assert "Next to be sent" in html
    assert "answers get lost" not in html


def test_the_status_address_tells_of_the_holds(admin_client, waiting):
    used_up()
    found = admin_client.get(url("status"), {"id": str(waiting[0].pk)}).json()
    [hold] = found["holds"]
    assert (hold["kind"], hold["waiting"]) == ("account", 2)
    assert hold["since"]
    assert hold["who_can_act"]
    assert found["tasks"][str(waiting[0].pk)]["line"] == "Waiting for credits"


@pytest.mark.parametrize("reason", sorted(holds.REASONS - {"installation", "rolled_back"}))
def test_each_reason_has_words(reason):
    assert status_text.held_words(reason) != status_text.held_words("no such reason")


def test_a_key_that_cannot_be_got_harms_no_list(admin_client, waiting, settings):
    def broken():
        raise RuntimeError("the vault is sealed")

    SiteState.objects.create(name="key_rejected", value={"keys": {"abc": {}}})
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": broken}
    assert admin_client.get(url("changelist")).status_code == 200
    assert admin_client.get(url("change", waiting[0].pk)).status_code == 200


def test_the_page_is_reached_by_its_name():
    assert reverse("admin:wanvideo_videotask_sending")
