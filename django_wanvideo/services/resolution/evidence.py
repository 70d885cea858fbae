"""What can be found out about an unconfirmed task before a person decides.

EvoLink is asked for its list and for the account's credits at the same time, and only for as long as somebody who looks
at a page may be kept waiting; what has not come by then is said to be unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django_wanvideo.choices import AttemptState
from django_wanvideo.db import database
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services.installation import installation
from django_wanvideo.services.provider import provider
from django_wanvideo.services.resolution.matching import CLOCK_SKEW, WINDOW, model_of, open_requests

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from decimal import Decimal

    from django_wanvideo.evolink.types import TaskSnapshot

#: Seconds that all questions together may take.
TIMEOUT = 2.0
#: Pages of EvoLink's list that are read at most.
MOST_PAGES = 3
#: Of the videos that cannot be it, so many are returned: those begun nearest to our request.
MOST_IMPOSSIBLE = 5
#: Of the other requests that are open, so many are counted.
MOST_OTHERS = 200


class ListingState(StrEnum):
    """How far EvoLink's list could be read."""

    #: Back to our request, so a video that is not in it was not made.
    COMPLETE = "complete"
    #: Not back to our request; what is missing may still exist.
    PARTIAL = "partial"
    UNREADABLE = "unreadable"
    #: EvoLink has asked this site to wait with its calls.
    PAUSED = "paused"
    #: The database belongs to another installation.
    FOREIGN = "foreign"
    #: This process has no key.
    NO_KEY = "no_key"
    #: No request left, so there is nothing to look for.
    NOT_SENT = "not_sent"


class Match(StrEnum):
    """Whether a video on EvoLink's list may come from the request."""

    POSSIBLE = "possible"
    #: Begun long after the request; it can be chosen, but does not fit.
    LATE = "late"
    #: Begun before the request.
    OLDER = "older"
    OTHER_MODEL = "other_model"
    #: EvoLink names other words than ours; it can be chosen, since EvoLink may have rewritten them.
    OTHER_PROMPT = "other_prompt"
    #: Another task of this site has it.
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A video on EvoLink's list, and whether it may be the one."""

    id: str
    status: str
    created: dt.datetime | None
    match: Match
    #: The task of this site that has it, if one has.
    task_id: uuid.UUID | None = None
    #: What EvoLink says that it cost, and the words that it was made from; mostly it says neither.
    credits_used: Decimal | None = None
    prompt: str = ""

    @property
    def can_be_chosen(self) -> bool:
        """Whether attaching it is not refused from the start."""
        return self.match in {Match.POSSIBLE, Match.LATE, Match.OTHER_PROMPT}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found out. ``credits_now`` are those that the key can spend, ``None`` when EvoLink did not say."""

    attempt: Attempt | None
    listing: ListingState
    candidates: tuple[Candidate, ...] = ()
    credits_now: Decimal | None = None
    #: Other requests of this site from about then whose answers were lost: a video may come from any of them.
    others: tuple[Attempt, ...] = ()

    @property
    def obvious(self) -> Candidate | None:
        """The one video that can be meant: only this one fits, and no other request of this site is open."""
        return self.possible[0] if len(self.possible) == 1 and not self.others else None

    @property
    def possible(self) -> tuple[Candidate, ...]:
        """Those that fit the request in every way that can be seen."""
        return tuple(candidate for candidate in self.candidates if candidate.match is Match.POSSIBLE)


def collect(task: VideoTask) -> Evidence:
    """Return what is known about the unconfirmed attempt of ``task``; never raises, takes ``TIMEOUT`` seconds at most."""
    attempt = task.attempts.filter(state=AttemptState.UNCONFIRMED).order_by("-number").first()
    if attempt is None or attempt.sent_at is None:
        return Evidence(attempt, ListingState.NOT_SENT)
    if installation.is_foreign():
        return Evidence(attempt, ListingState.FOREIGN)
    others = tuple(open_requests(attempt)[:MOST_OTHERS])
    try:
        client = provider.client(timeout=TIMEOUT)
    except provider.ProviderUnavailable as unavailable:
        is_paused = not isinstance(unavailable, ConfigurationError)
        return Evidence(attempt, ListingState.PAUSED if is_paused else ListingState.NO_KEY, others=others)
    since, model = attempt.sent_at - CLOCK_SKEW, model_of(attempt, task)
    listed, credits_now = database.within(
        TIMEOUT,
        "EvoLink could not be asked for evidence.",
        lambda: provider.read_list(client, model, since, most_pages=MOST_PAGES),
        lambda: client.get_credits().spendable,
    )
    if listed is None:
        return Evidence(attempt, ListingState.UNREADABLE, credits_now=credits_now, others=others)
    found, back_to = listed
    extent = ListingState.COMPLETE if back_to < since else ListingState.PARTIAL
    return Evidence(attempt, extent, _judge(found, attempt, model), credits_now, others)


def _judge(found: list[TaskSnapshot], attempt: Attempt, model: str) -> tuple[Candidate, ...]:
    sent_at = attempt.sent_at or attempt.claimed_at
    others = Attempt.objects.filter(provider_task_id__in=[item.id for item in found]).exclude(pk=attempt.pk)
    taken = dict(others.values_list("provider_task_id", "task_id"))

    def match_of(item: TaskSnapshot) -> Match:
        if item.id in taken:
            return Match.TAKEN
        if item.model and item.model != model:
            return Match.OTHER_MODEL
        if item.created is not None and item.created < attempt.claimed_at - CLOCK_SKEW:
            return Match.OLDER
        if item.created is not None and item.created > sent_at + WINDOW:
            return Match.LATE
        ours = attempt.request.get("prompt")
        return Match.OTHER_PROMPT if item.prompt and ours and item.prompt != ours else Match.POSSIBLE

    def distance(candidate: Candidate) -> float:
        return abs((candidate.created - sent_at).total_seconds()) if candidate.created is not None else 0.0

    unique = {item.id: item for item in found}
    all_ = [
        Candidate(
            item.id, str(item.status), item.created, match_of(item), taken.get(item.id), item.credits_used, item.prompt
        )
        for item in unique.values()
    ]
    all_.sort(key=distance)
    possible = [candidate for candidate in all_ if candidate.match is Match.POSSIBLE]
    return (*possible, *[candidate for candidate in all_ if candidate not in possible][:MOST_IMPOSSIBLE])
