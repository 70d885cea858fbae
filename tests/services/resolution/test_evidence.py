"""What is found out about a lost answer, from EvoLink itself, and how long that may take."""

from __future__ import annotations

import datetime as dt
import socket
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_wanvideo.models import Attempt
from django_wanvideo.services.provider import provider
from django_wanvideo.services.resolution import evidence
from django_wanvideo.services.resolution.evidence import ListingState, Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.models import VideoTask
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lost(site: Site) -> VideoTask:
    """A task whose request EvoLink accepted without our hearing of it."""
    site.sim.faults.add("create", "accept_then_close")
    return site.send(site.queued("A cat plays the piano"))


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_the_accepted_video_is_the_one_that_fits(lost: VideoTask, evolink: Simulator):
    found = evidence.collect(lost)
    (candidate,) = found.possible
    assert candidate.id == evolink.tasks.latest.id
    assert found.listing is ListingState.COMPLETE
    assert found.attempt == lost.attempts.get()


def test_the_credits_are_those_that_evolink_has_now(lost: VideoTask, evolink: Simulator):
    assert evidence.collect(lost).credits_now == Decimal(1000) - Decimal(6)


def test_a_request_that_was_not_accepted_leaves_no_candidate(site: Site):
    site.sim.faults.add("create", "reset")
    task = site.send(site.queued("A cat plays the piano"))
    found = evidence.collect(task)
    assert (found.listing, found.candidates) == (ListingState.COMPLETE, ())


def test_a_video_of_another_task_is_named_as_such(lost: VideoTask, site: Site):
    other = site.send(site.queued("A dog plays the drums"))
    verdicts = {candidate.task_id: candidate.match for candidate in evidence.collect(lost).candidates}
    assert verdicts == {other.pk: Match.TAKEN, None: Match.POSSIBLE}


@pytest.mark.parametrize(
    ("shift", "verdict"),
    [(dt.timedelta(hours=1), Match.OLDER), (dt.timedelta(hours=-1), Match.LATE)],
    ids=["older", "later"],
)
def test_a_video_from_another_time_does_not_fit(lost: VideoTask, shift: dt.timedelta, verdict: Match):
    now = timezone.now() + shift
    Attempt.objects.update(claimed_at=now, sent_at=now)
    found = evidence.collect(lost)
    assert [candidate.match for candidate in found.candidates] == [verdict]
    assert found.possible == ()


def test_a_list_that_ends_before_our_request_proves_nothing(lost: VideoTask, site: Site, monkeypatch: Any):
    monkeypatch.setattr(provider, "PAGE_SIZE", 1)
    monkeypatch.setattr(evidence, "MOST_PAGES", 2)
    for prompt in ("one", "two"):
        site.send(site.queued(prompt))
    assert evidence.collect(lost).listing is ListingState.PARTIAL


@pytest.mark.parametrize("what", ["list", "credits"])
def test_one_question_that_fails_leaves_the_other_answered(lost: VideoTask, evolink: Simulator, what: str):
    evolink.faults.add(what, "500")
    found = evidence.collect(lost)
    assert (found.listing is ListingState.UNREADABLE) == (what == "list")
    assert (found.credits_now is None) == (what == "credits")


def test_an_evolink_that_never_answers_holds_nobody_up(
    lost: VideoTask, settings: Any, silent_server: str, monkeypatch: Any
):
    monkeypatch.setattr(evidence, "TIMEOUT", 0.3)
    settings.WANVIDEO = {**settings.WANVIDEO, "BASE_URL": silent_server}
    began = time.monotonic()
    found = evidence.collect(lost)
    assert time.monotonic() - began < 1.5
    assert (found.listing, found.credits_now) == (ListingState.UNREADABLE, None)


def test_what_hangs_without_any_time_limit_holds_nobody_up(lost: VideoTask, monkeypatch: Any):
    import threading

    released = threading.Event()
    monkeypatch.setattr(evidence, "TIMEOUT", 0.2)
    monkeypatch.setattr(provider.EvoLinkClient, "list_tasks", lambda *args, **kwargs: [released.wait(20)][:0])
    began = time.monotonic()
    try:
        assert evidence.collect(lost).listing is ListingState.UNREADABLE
        assert time.monotonic() - began < 1.5
    finally:
        released.set()


def test_while_evolink_wants_to_be_left_alone_nothing_is_asked(lost: VideoTask, evolink: Simulator):
    provider.back_off(60)
    asked = len(evolink.journal)
    assert evidence.collect(lost).listing is ListingState.PAUSED
    assert len(evolink.journal) == asked


def test_without_a_key_nothing_is_asked(lost: VideoTask, settings: Any):
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": ""}
    assert evidence.collect(lost).listing is ListingState.NO_KEY


def test_a_task_without_a_request_that_left_has_nothing_to_show(lost: VideoTask):
    Attempt.objects.update(sent_at=None)
    assert evidence.collect(lost).listing is ListingState.NOT_SENT
