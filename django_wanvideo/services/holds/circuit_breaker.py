"""The breaker before the one call that costs: while EvoLink's answers get lost, requests go out one at a time, then none.

At most ``AT_ONCE`` requests are under way whose outcome is open, so that an outage, however suddenly it comes and however
many workers there are, leaves no more tasks unconfirmed than that. After ``THRESHOLD`` lost answers in a row only probes
go out, ever more slowly. An answer that accepts or refuses ends the row.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from django_wanvideo.choices import AttemptState
from django_wanvideo.models import Attempt, SiteState
from django_wanvideo.services import schedule
from django_wanvideo.services.holds import lock
from django_wanvideo.services.holds.lock import LOCK_NAME

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: So many lost answers in a row stop sending.
THRESHOLD = 3
#: So many requests may be under way at once.
AT_ONCE = 3
#: Seconds that a worker waits for its turn before it puts its task off.
PATIENCE = 5.0
_LOOK = 0.05
#: Why a queued task waits: for lost answers, or because others are just being sent.
LOST_ANSWERS, BUSY = "answers_lost", "sending_busy"


class Busy(Exception):  # noqa: N818 - not an error: it will be this worker's turn in a moment
    """As many requests as may be are under way, and will soon be answered."""


@dataclass(frozen=True, slots=True)
class Count:
    """What the lock's row says: how many answers in a row were lost since when, and when the next probe may go."""

    lost: int
    probes: int
    since: dt.datetime
    probe_at: dt.datetime

    @property
    def is_open(self) -> bool:
        """Whether nothing but a probe may be sent."""
        return self.lost >= THRESHOLD

    @property
    def may_probe(self) -> bool:
        """Whether it is time for a probe."""
        return self.probe_at <= timezone.now()

    @property
    def places(self) -> int:
        """How many requests may be under way at once."""
        return 1 if self.lost else AT_ONCE


def read(state: SiteState | None) -> Count:
    """Read the lock's row."""
    value = state.value if state is not None else {}
    now = timezone.now()
    return Count(
        lost=int(value.get("lost") or 0),
        probes=int(value.get("probes") or 0),
        since=min(lock.moment(value, "since") or now, now),
        probe_at=lock.believed(lock.moment(value, "probe_at")),
    )


def under_way() -> QuerySet[Attempt]:
    """Return the attempts that were claimed and have no outcome; none longer than a claim can live."""
    now, longest = timezone.now(), 2 * schedule.claim_lifetime()
    lately = {"claimed_at__gt": now - longest, "claimed_at__lt": now + longest}
    return Attempt.objects.filter(state=AttemptState.CLAIMED, **lately)


def note_probe(state: SiteState) -> None:
    """A probe goes out now: the next one may go after a while. The lock must be held."""
    probes = read(state).probes
    state.value |= {"probes": probes + 1, "probe_at": (timezone.now() + schedule.next_probe(probes)).isoformat()}
    state.save()


def note_lost(state: SiteState) -> None:
    """An answer was lost. The lock must be held."""
    count = read(state)
    now = timezone.now()
    state.value |= {"lost": count.lost + 1, "since": (count.since if count.lost else now).isoformat()}
    if count.lost + 1 >= THRESHOLD:
        state.value["probe_at"] = (now + schedule.next_probe(count.probes)).isoformat()
    state.save()


def note_answer(state: SiteState) -> bool:
    """An answer accepts or refuses: the row of lost ones has ended. The lock must be held. Returns whether there was one."""
    count = read(state)
    if not count.lost:
        return False
    for name in ("lost", "probes", "since", "probe_at"):
        state.value.pop(name, None)
    if count.is_open:
        lock.note_end(state)
    else:
        state.save()
    return True


def allow_probe(state: SiteState) -> None:
    """Let one probe go now, because a person says so. The lock must be held."""
    if read(state).is_open:
        state.value["probe_at"] = timezone.now().isoformat()
        state.save()


def wait_for_turn(until: float) -> bool:
    """Wait until fewer requests are under way, at most until ``time.monotonic()`` is ``until``; return whether they are.

    Those that have been under way for long are not waited for: their answers may be lost as well.
    """
    while time.monotonic() < until:
        count = read(SiteState.objects.filter(name=LOCK_NAME).first())
        begun = list(under_way().order_by("-claimed_at").values_list("claimed_at", flat=True)[: count.places])
        late = timezone.now() - dt.timedelta(seconds=PATIENCE)
        if not count.is_open and len(begun) < count.places:
            return True
        if count.is_open or all(at < late for at in begun):
            return False
        time.sleep(_LOOK)
    return False
