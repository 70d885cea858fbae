"""A person who waits asks EvoLink about one task: within seconds, and never against EvoLink's wish."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_wanvideo.choices import TaskStatus
from django_wanvideo.evolink.exceptions import EvoLinkError, NotFoundError
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import SiteState
from django_wanvideo.services.provider import provider
from django_wanvideo.services.tracking import polling
from tests.services.tracking.helpers import look

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

S = TaskStatus


@pytest.fixture
def admin_client(site: Site) -> Client:
    """A superuser's browser."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="x"))
    return client


def test_a_person_may_look_at_any_time(site: Site, evolink: Simulator):
    task = site.accepted()
    evolink.set_progress(task.attempt.provider_task_id, 55)
    task.refresh()
    assert (task.status, task.progress) == (S.PROCESSING, 55)
    evolink.complete(task.attempt.provider_task_id)
    task.refresh()
    assert task.status == S.STORING


def test_there_must_be_something_to_ask_about(site: Site, evolink: Simulator):
    draft = site.draft()
    with pytest.raises(TransitionNotAllowed):
        draft.refresh()
    assert site.gets() == 0


def test_trouble_is_told_to_the_person_and_fails_nothing(site: Site, evolink: Simulator):
    task = site.accepted()
    evolink.faults.add("get", "503")
    evolink.faults.add("get", "404")
    with pytest.raises(EvoLinkError):
        task.refresh()
    with pytest.raises(NotFoundError):
        task.refresh()
    task.refresh_from_db()
    assert (task.status, task.not_found_since) == (S.PENDING, None)
    site.configure(API_KEY="")
    with pytest.raises(ConfigurationError):
        task.refresh()


def test_429_makes_whole_site_wait_and_next_person(site: Site, evolink: Simulator):
    """A 429 makes the whole site wait and the next person is told how long."""
    task = site.accepted()
    evolink.faults.add("get", "429", retry_after=90)
    with pytest.raises(EvoLinkError) as caught:
        task.refresh()
    assert caught.value.http_status == 429
    assert 85 < (provider.backoff_until() - timezone.now()).total_seconds() < 91
    with pytest.raises(TransitionNotAllowed, match=r"8\d|90"):
        task.refresh()
    look(task)
    assert site.gets() == 1, "neither people nor workers ask now"


def test_rejected_key_is_remembered_until_answer_shows(site: Site, evolink: Simulator):
    """A rejected key is remembered until an answer shows that it is in order."""
    task = site.accepted()
    evolink.faults.add("get", "401")
    with pytest.raises(EvoLinkError):
        task.refresh()
    [trouble] = SiteState.objects.get(name="key_rejected").value["keys"].values()
    assert (trouble["http_status"], trouble["code"]) == (401, "unauthorized")
    task.refresh()
    assert not SiteState.objects.filter(name="key_rejected").exists()


def test_a_person_does_not_wait_as_long_as_a_worker_does(
    site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch
):
    task = site.accepted()
    monkeypatch.setattr(polling, "INTERACTIVE_TIMEOUT", 0.2)
    evolink.faults.add("get", "hang", seconds=3)
    began = time.monotonic()
    with pytest.raises(EvoLinkError):
        task.refresh()
    assert time.monotonic() - began < 2


def test_the_action_of_the_list_asks_about_each_and_says_so(site: Site, evolink: Simulator, admin_client: Client):
    tasks = [site.accepted(f"Wish {number}") for number in range(2)]
    for task in tasks:
        evolink.set_progress(task.attempt.provider_task_id, 40)
    chosen = {"action": "refresh_selected", "_selected_action": [str(task.pk) for task in tasks]}
    response = admin_client.post(reverse("admin:wanvideo_videotask_changelist"), chosen)
    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert said == ["The status of 2 tasks was refreshed."]
    for task in tasks:
        task.refresh_from_db()
        assert (task.status, task.progress) == (S.PROCESSING, 40)


def test_the_button_of_the_page_asks_and_says_so(site: Site, evolink: Simulator, admin_client: Client):
    task = site.accepted()
    evolink.complete(task.attempt.provider_task_id)
    response = admin_client.post(reverse("admin:wanvideo_videotask_operate", args=[task.pk, "refresh"]))
    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert said == ["The status was refreshed."]
    task.refresh_from_db()
    assert task.status == S.STORING
