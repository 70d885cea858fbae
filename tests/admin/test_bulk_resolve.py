"""Unconfirmed tasks are settled together against EvoLink's list, and only where nothing is a guess."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services.holds import lock
from django_wanvideo.services.provider import provider
from django_wanvideo.services.resolution import matching

from .conftest import url

pytestmark = [pytest.mark.integration, pytest.mark.fault("K4.settle-in-bulk")]


def lose(site, evolink, prompt, *, fault="accept_then_close", hours_ago=0):
    """Make a task whose answer was lost, ``hours_ago`` on both sides."""
    evolink.faults.add("create", fault)
    task = site.queued(prompt)
    jobs.submit(str(task.pk))
    lock.SiteState.objects.all().delete()
    at = timezone.now() - dt.timedelta(hours=hours_ago)
    Attempt.objects.filter(task=task).update(claimed_at=at, sent_at=at)
    if fault.startswith("accept"):
        evolink.tasks.latest.created = at.timestamp()
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED
    return task


def resolve(client, *tasks):
    data = {"action": "resolve_selected", "_selected_action": [str(task.pk) for task in tasks]}
    answer = client.post(url("changelist"), data)
    assert answer.status_code == 302, "the page has an address of its own, for Back and reload"
    return answer.headers["Location"], client.get(answer.headers["Location"]).content.decode()


def boxes(html):
    return {value: "checked" in rest for value, rest in re.findall(r'name="resolve" value="([^"]*)"([^>]*)>', html)}


def test_what_fits_one_request_only_is_ticked_and_attached(site, evolink, admin_client):
    first = lose(site, evolink, "First", hours_ago=5)
    second = lose(site, evolink, "Second", hours_ago=2)
    never = lose(site, evolink, "Never accepted", fault="503", hours_ago=8)
    own = {evolink.tasks[pk].body["prompt"]: pk for pk in evolink.tasks}
    address, html = resolve(admin_client, first, second, never)
    assert boxes(html) == {
        f"attach:{first.pk.hex}:{own['First']}": True,
        f"attach:{second.pk.hex}:{own['Second']}": True,
        f"not_accepted:{never.pk.hex}": False,
    }
    assert "No unknown video of this model from that time" in html
    assert re.findall(r"<h2 id=.group-\d.>(.+?)</h2>", html) == ["On EvoLink’s list (2)", "Not on EvoLink’s list (1)"]
    assert len(re.findall(r"up to \d+\.\d\d<", html)) == 3

    ticked = [value for value, is_ticked in boxes(html).items() if is_ticked]
    answer = admin_client.post(address, {"resolve": ticked}, follow=True).content.decode()
    assert "2 videos were settled." in answer
    assert dict(VideoTask.objects.values_list("prompt", "status")) == {
        "First": "pending",
        "Second": "pending",
        "Never accepted": "unconfirmed",
    }
    assert first.attempts.get().provider_task_id == own["First"]
    assert evolink.journal.count("create") == 3, "nothing is sent from here"
    admin_client.post(address, {"resolve": [f"not_accepted:{never.pk.hex}", ticked[0]]})
    never.refresh_from_db()
    assert (never.status, never.error_code) == ("failed", "decided_not_accepted")


def test_what_may_be_of_several_requests_is_not_ticked(site, evolink, admin_client):
    tasks = [lose(site, evolink, "First"), lose(site, evolink, "Second")]
    _address, html = resolve(admin_client, *tasks)
    assert boxes(html) == {}
    assert "2 videos may be this one" in html


def test_request_that_is_not_selected(site, evolink, admin_client, monkeypatch):
    """A request that is not selected or not to be seen is a rival all the same."""
    seen = lose(site, evolink, "Seen")
    hidden = lose(site, evolink, "Hidden", fault="503")
    assert not hidden.owner_id
    _address, html = resolve(admin_client, seen)
    assert boxes(html) == {}


def test_a_list_that_was_not_read_back_to_the_request_ticks_nothing(site, evolink, admin_client, monkeypatch):
    monkeypatch.setattr(provider, "PAGE_SIZE", 1)
    monkeypatch.setattr(matching, "MOST_PAGES", 1)
    old = lose(site, evolink, "Old", hours_ago=5)
    site.send(site.queued("Newer"))
    _address, html = resolve(admin_client, old)
    assert boxes(html) == {}
    assert "could not be read back" in html


@pytest.mark.parametrize("fault", ["500", "401", "garbage"])
def test_a_list_that_cannot_be_read_leaves_all_to_single_decisions(site, evolink, admin_client, fault):
    task = lose(site, evolink, "First")
    evolink.faults.add("list", fault, times=None)
    _address, html = resolve(admin_client, task)
    assert boxes(html) == {}
    assert url("resolve", task.pk) in html


def test_a_forged_choice_attaches_nothing_that_is_taken_or_foreign(site, evolink, admin_client, person):
    running = site.send(site.queued("Running"))
    task = lose(site, evolink, "Lost", fault="503")
    taken = running.attempt.provider_task_id
    for value in (f"attach:{task.pk.hex}:{taken}", f"send_again:{task.pk.hex}", "nonsense", f"attach:{task.pk.hex}:"):
        admin_client.post(url("bulk_resolve"), {"resolve": [value]})
    clerk = person("view_videotask", "submit_videotask")
    assert clerk.post(url("bulk_resolve"), {"resolve": [f"not_accepted:{task.pk.hex}"]}).status_code == 403
    task.refresh_from_db()
    assert task.status == "unconfirmed"
    assert evolink.journal.count("create") == 2
