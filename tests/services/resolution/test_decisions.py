"""What a person may decide about a task whose answer was lost."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from django_wanvideo import signals
from django_wanvideo.choices import AttemptState, Charge, TaskStatus
from django_wanvideo.evolink.exceptions import EvoLinkError, NotFoundError
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import SiteState
from django_wanvideo.services import leases
from django_wanvideo.services.provider import provider
from django_wanvideo.services.resolution import decisions
from django_wanvideo.services.tracking import polling
from tests.threads import outcomes

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_wanvideo.models import VideoTask
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.django_db


def settler(name: str = "settler") -> User:
    user = User.objects.create_user(name)
    user.user_permissions.add(Permission.objects.get(codename="resolve_videotask"))
    return User.objects.get(pk=user.pk)


def lost(site: Site, prompt: str = "A cat plays the piano") -> tuple[VideoTask, str]:
    site.sim.faults.add("create", "accept_then_close")
    task = site.send(site.queued(prompt))
    return task, site.sim.tasks.latest.id


DECISIONS = {
    "attach": lambda task, own, by: decisions.attach(task, own, by=by),
    "not_accepted": lambda task, own, by: decisions.mark_not_accepted(task, by=by),
    "send_again": lambda task, own, by: decisions.resend(task, by=by),
}
each_decision = pytest.mark.parametrize("decide", DECISIONS.values(), ids=DECISIONS)


@each_decision
@pytest.mark.parametrize("who", ["nobody", "spender"])
def test_a_person_without_the_permission_decides_nothing(site: Site, evolink: Simulator, decide, who: str):
    task, own = lost(site)
    person = AnonymousUser()
    if who == "spender":
        person = User.objects.create_user("spender")
        person.user_permissions.add(Permission.objects.get(codename="submit_videotask"))
    with pytest.raises(PermissionDenied):
        decide(task, own, person)
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED
    assert "resolved" not in site.history(task)


@each_decision
def test_a_decision_is_written_down_with_its_maker_and_holds_once(site: Site, evolink: Simulator, decide):
    task, own = lost(site)
    person = settler()
    decide(task, own, person)
    event = task.events.get(kind="resolved")
    assert (event.actor, event.source, event.attempt) == (person, "user", task.attempts.get())
    after = (site.history(task), task.status)
    for again in DECISIONS.values():
        with pytest.raises(TransitionNotAllowed):
            again(task, own, person)
    task.refresh_from_db()
    assert (site.history(task), task.status) == after


@each_decision
def test_code_may_decide_and_the_history_says_so(site: Site, evolink: Simulator, decide):
    task, own = lost(site)
    decide(task, own, None)
    assert set(task.events.filter(kind__in=["resolved", "failed", "retried"]).values_list("source", flat=True)) == {
        "application"
    }


@each_decision
def test_only_an_unconfirmed_task_can_be_decided_about(site: Site, evolink: Simulator, decide):
    task = site.send(site.queued())
    assert task.status == TaskStatus.PENDING
    with pytest.raises(TransitionNotAllowed):
        decide(task, evolink.tasks.latest.id, None)


def test_attach_binds_and_the_task_goes_on(site: Site, evolink: Simulator):
    task, own = lost(site)
    decisions.attach(task, f"  {own} ")
    assert (task.status, task.attempts.get().provider_task_id) == (TaskStatus.PENDING, own)
    evolink.complete(own)
    site.finish(task)
    assert (task.status, site.posts()) == (TaskStatus.COMPLETED, 1)
    evolink.ledger.assert_charged_once()


def test_attach_takes_a_finished_task_straight_to_storing(site: Site, evolink: Simulator):
    task, own = lost(site)
    evolink.complete(own)
    decisions.attach(task, own)
    assert task.status == TaskStatus.STORING


def test_attach_refuses_what_cannot_be_this_task(site: Site, evolink: Simulator):
    other = site.send(site.queued("Another"))
    task, own = lost(site)
    for make_wrong, given in [
        (lambda: None, other.attempt.provider_task_id),
        (lambda: setattr(evolink.tasks[own], "model", "wan2.5-image-to-video"), own),
        (lambda: setattr(evolink.tasks[own], "created", evolink.tasks[own].created - 3600), own),
    ]:
        make_wrong()
        with pytest.raises(TransitionNotAllowed, match="is not this one's"):
            decisions.attach(task, given, allow_earlier=True)
    task.refresh_from_db()
    assert (task.status, task.attempts.get().state) == (TaskStatus.UNCONFIRMED, AttemptState.UNCONFIRMED)


def test_attach_refuses_what_seems_older_and_tells_both_times(site: Site, evolink: Simulator):
    task, own = lost(site)
    evolink.tasks[own].created -= 180
    with pytest.raises(decisions.CreatedBeforeAttempt) as caught:
        decisions.attach(task, own, by=settler())
    attempt, created = task.attempts.get(), dt.datetime.fromtimestamp(int(evolink.tasks[own].created), dt.UTC)
    for told in (created, attempt.claimed_at):
        assert timezone.localtime(told).isoformat(" ", "seconds") in str(caught.value)
    assert "allow_earlier" in str(caught.value)
    task.refresh_from_db()
    assert (task.status, attempt.state) == (TaskStatus.UNCONFIRMED, AttemptState.UNCONFIRMED)


def test_a_person_may_know_better_than_the_clocks_and_the_history_says_so(site: Site, evolink: Simulator):
    task, own = lost(site)
    evolink.tasks[own].created -= 180
    person = settler()
    with pytest.raises(PermissionDenied):
        decisions.attach(task, own, by=User.objects.create_user("anybody"), allow_earlier=True)
    decisions.attach(task, own, by=person, allow_earlier=True)
    event = task.events.get(kind="resolved")
    assert (event.actor, event.detail) == (person, {"decision": "attached", "allow_earlier": True})
    evolink.complete(own)
    site.finish(task)
    assert (task.status, site.posts()) == (TaskStatus.COMPLETED, 1)


def test_the_history_names_the_clocks_only_where_they_mattered(site: Site, evolink: Simulator):
    task, own = lost(site)
    decisions.attach(task, own, allow_earlier=True)
    assert task.events.get(kind="resolved").detail == {"decision": "attached"}


@pytest.mark.parametrize("given", ["", "nonsense", "../credits", "task-unified-1-unknown00", "x" * 300])
def test_attach_refuses_ids_that_evolink_does_not_know(site: Site, evolink: Simulator, given: str):
    task, _own = lost(site)
    with pytest.raises(NotFoundError):
        decisions.attach(task, given)
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED


def test_attach_changes_nothing_while_evolink_does_not_answer(site: Site, evolink: Simulator):
    task, own = lost(site)
    evolink.faults.add("get", "503")
    with pytest.raises(EvoLinkError):
        decisions.attach(task, own)
    site.configure(API_KEY="")
    with pytest.raises(ConfigurationError):
        decisions.attach(task, own)
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED


def test_a_429_to_attach_makes_the_whole_site_wait_and_says_how_long(site: Site, evolink: Simulator):
    task, own = lost(site)
    evolink.faults.add("get", "429", retry_after=90)
    with pytest.raises(EvoLinkError) as caught:
        decisions.attach(task, own)
    assert caught.value.http_status == 429
    assert 85 < (provider.backoff_until() - timezone.now()).total_seconds() < 91
    with pytest.raises(TransitionNotAllowed, match=r"wait for (8\d|90) more seconds"):
        decisions.attach(task, own)
    assert site.gets() == 1
    site.make_due()
    decisions.attach(task, own)
    assert task.status == TaskStatus.PENDING


def test_a_key_that_attach_finds_rejected_is_remembered(site: Site, evolink: Simulator):
    task, own = lost(site)
    evolink.faults.add("get", "401")
    with pytest.raises(EvoLinkError):
        decisions.attach(task, own)
    assert SiteState.objects.filter(name="key_rejected").exists()
    decisions.attach(task, own)
    assert not SiteState.objects.filter(name="key_rejected").exists()


def test_attach_gives_evolink_no_more_time_than_a_person_has(site: Site, evolink: Simulator, monkeypatch):
    task, own = lost(site)
    monkeypatch.setattr(polling, "INTERACTIVE_TIMEOUT", 0.2)
    evolink.faults.add("get", "hang", seconds=3)
    began = time.monotonic()
    with pytest.raises(EvoLinkError):
        decisions.attach(task, own)
    assert time.monotonic() - began < 2


giving_up = pytest.mark.parametrize(
    "decide", [decisions.mark_not_accepted, decisions.resend], ids=["not_accepted", "send_again"]
)


def repeating(site: Site, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[VideoTask], None]) -> VideoTask:
    """A lost task whose request is repeated with the same key, with something that happens before it leaves."""
    site.configure(TRUST_IDEMPOTENCY_KEY=True)
    task, _own = lost(site)
    create = provider.create

    def create_then(client, attempt, **options):
        meanwhile(type(task).objects.get(pk=task.pk))
        return create(client, attempt, **options)

    monkeypatch.setattr(provider, "create", create_then)
    site.make_due()
    site.send(task)
    return task


@giving_up
def test_nobody_gives_a_request_up_while_it_is_being_repeated(site: Site, evolink: Simulator, monkeypatch, decide):
    refused: list[str] = []

    def meanwhile(task: VideoTask) -> None:
        with pytest.raises(TransitionNotAllowed, match="Wait a minute") as caught:
            decide(task)
        refused.append(str(caught.value))

    task = repeating(site, monkeypatch, meanwhile)
    assert len(refused) == 1
    assert (task.status, site.posts()) == (TaskStatus.PENDING, 2)
    assert {"resolved", "failed", "retried"}.isdisjoint(site.history(task))
    evolink.ledger.assert_charged_once()


def test_an_id_may_be_attached_even_then(site: Site, evolink: Simulator, monkeypatch):
    task = repeating(site, monkeypatch, lambda task: decisions.attach(task, evolink.tasks.latest.id))
    assert task.status == TaskStatus.PENDING
    assert site.history(task).count("accepted") == 1
    evolink.ledger.assert_charged_once()


@giving_up
def test_a_worker_that_died_while_repeating_stands_in_nobodys_way_for_long(site: Site, evolink: Simulator, decide):
    task, _own = lost(site)
    leases.acquire(task.pk, TaskStatus.UNCONFIRMED)
    with pytest.raises(TransitionNotAllowed, match="Wait a minute"):
        decide(task)
    task.refresh_from_db()
    assert (task.status, task.attempts.get().state) == (TaskStatus.UNCONFIRMED, AttemptState.UNCONFIRMED)
    type(task).objects.update(lease_expires_at=timezone.now())
    decide(task)
    assert task.status in {TaskStatus.FAILED, TaskStatus.QUEUED}


def test_not_accepted_fails_the_task_free_of_charge_and_sends_nothing(site: Site, evolink: Simulator):
    evolink.faults.add("create", "refuse")
    task = site.send(site.queued())
    decisions.mark_not_accepted(task)
    task.refresh_from_db()
    assert (task.status, task.error_code, task.charge) == (TaskStatus.FAILED, "decided_not_accepted", Charge.NONE)
    assert task.attempts.get().state == AttemptState.NOT_ACCEPTED
    assert task.attempts.get().settled_at is not None
    assert site.posts() == 1
    task.retry()
    site.send(task)
    assert site.posts() == 2


def test_send_again_queues_a_new_attempt_and_supersedes_the_old_one(site: Site, evolink: Simulator):
    task, _own = lost(site)
    decisions.resend(task)
    assert task.status == TaskStatus.QUEUED
    site.send(task)
    first, second = task.attempts.order_by("number")
    assert (first.state, second.state) == (AttemptState.SUPERSEDED, AttemptState.ACCEPTED)
    assert first.idempotency_key != second.idempotency_key
    assert site.posts() == 2


def test_people_who_decide_at_once_do_not_both_decide(site_with_threads: Site, evolink: Simulator):
    task, own = lost(site_with_threads)
    people = [settler("one"), settler("two"), settler("three")]
    calls = [
        lambda decide=decide, person=person: decide(type(task).objects.get(pk=task.pk), own, person)
        for decide, person in zip(DECISIONS.values(), people, strict=True)
    ]
    results = outcomes(*calls)
    assert not [one for one in results if isinstance(one, Exception) and not isinstance(one, TransitionNotAllowed)]
    attached, refused, sent_again = (result is None for result in results)
    # An id that turns up while the task waits to be sent again is the one thing that still counts: it saves a charge.
    assert [attached, refused, sent_again] in ([1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1])
    assert site_with_threads.history(task).count("resolved") == sum([attached, refused, sent_again])
    site_with_threads.make_due()
    site_with_threads.send(task)
    assert task.attempts.count() == site_with_threads.posts() == (1 if attached or refused else 2)


def test_being_asked_and_failing_are_told_to_receivers(site: Site, evolink: Simulator):
    told: list[str] = []

    def receiver(sender, task, event, signal, **kwargs):
        told.append(event.kind)

    for signal in (signals.video_needs_attention, signals.video_finished):
        signal.connect(receiver)
    try:
        task, _own = lost(site)
        for _pass in range(3):
            site.make_due()
            site.sweep()
            site.tell()
        decisions.mark_not_accepted(task)
        site.tell()
    finally:
        for signal in (signals.video_needs_attention, signals.video_finished):
            signal.disconnect(receiver)
    assert told == ["needs_decision", "failed"]
