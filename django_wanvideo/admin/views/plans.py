"""What a person was shown before many tasks are sent, kept for a day, and which steps of it have been taken.

A plan is one row that never changes: the tasks, and for each the quote that was shown. Each step is a row whose primary
key is its place in the plan, so that of two presses at once the database lets one through.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError
from django.utils import timezone

from django_wanvideo.db import database
from django_wanvideo.models import SiteState
from django_wanvideo.services.sending.quotes import Quote

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX, STEP_PREFIX = "plan:", "step:"
#: How long a plan can be looked at and sent.
LIFETIME = dt.timedelta(days=1)
#: Up to so many tasks are all shown; of more, the blocked ones and the first few of each group.
SHOWN, FIRST_SHOWN, BLOCKED_SHOWN = 100, 20, 50
_TOKEN = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One task of a plan; ``quote`` is ``None`` where nothing could be sent."""

    task_id: uuid.UUID
    quote: Quote | None
    #: The length of its video.
    seconds: int = 0
    #: Whether trying again unchanged makes sense; only that is chosen at first.
    helps: bool = True
    #: Whether EvoLink is asked about an earlier request before another is sent.
    looks_first: bool = False

    def pack(self) -> list[Any]:
        flags = self.helps + 2 * self.looks_first
        return [self.task_id.hex, self.seconds, flags, *(self.quote.pack() if self.quote else ())]

    @classmethod
    def unpack(cls, packed: list[Any]) -> Entry:
        task_id, seconds, flags, *quote = packed
        return cls(
            uuid.UUID(task_id), Quote.unpack(quote) if quote else None, seconds, bool(flags & 1), bool(flags & 2)
        )


@dataclass(frozen=True)
class StoredPlan:
    """A plan that belongs to the person who asks for it."""

    token: str
    again: bool
    #: The list that it was chosen from.
    back: str
    entries: list[Entry]

    def shown_places(self) -> list[int]:
        """Return which rows are shown: all, or of a long plan what cannot be sent and the first few."""
        places = range(len(self.entries))
        if len(places) <= SHOWN:
            return list(places)
        blocked = [place for place in places if self.entries[place].quote is None]
        sendable = [place for place in places if self.entries[place].quote is not None]
        helping = [place for place in sendable if self.entries[place].helps]
        changing = [place for place in sendable if not self.entries[place].helps]
        return [*blocked[:BLOCKED_SHOWN], *helping[:FIRST_SHOWN], *changing[:FIRST_SHOWN]]

    def chosen_places(self, ticks: list[int] | None) -> list[int]:
        """Return what a press sends: what helps, or of what is shown only what is ticked."""
        shown = set(self.shown_places()) if ticks is not None else set()
        return [
            place
            for place, entry in enumerate(self.entries)
            if entry.quote is not None and (place in (ticks or ()) if place in shown else entry.helps)
        ]


@dataclass
class Progress:
    """What the steps taken so far have come to."""

    #: The places of the chosen entries; ``None`` before the first step.
    chosen: list[int] | None = None
    begun: set[int] = field(default_factory=set)
    done: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    #: Why single tasks were left alone, by their place.
    left: dict[int, str] = field(default_factory=dict)


def keep(user: Any, entries: list[Entry], *, again: bool, back: str) -> str:
    """Keep a plan for ``user`` and return its token."""
    token = secrets.token_hex(12)
    value = {"user": str(user.pk), "again": again, "back": back, "tasks": [entry.pack() for entry in entries]}
    SiteState(name=PREFIX + token, value=value).save(force_insert=True)
    old = SiteState.objects.filter(updated_at__lt=timezone.now() - 2 * LIFETIME)
    old.filter(name__startswith=PREFIX).delete()
    old.filter(name__startswith=STEP_PREFIX).delete()
    return token


def read(token: str, user: Any) -> StoredPlan | None:
    """Return a plan; ``None`` when there is none, it is too old, or another person's."""
    if not _TOKEN.fullmatch(token):
        return None
    row = SiteState.objects.filter(name=PREFIX + token, updated_at__gt=timezone.now() - LIFETIME).first()
    if row is None or row.value.get("user") != str(user.pk):
        return None
    entries = [Entry.unpack(item) for item in row.value["tasks"]]
    return StoredPlan(token, bool(row.value["again"]), str(row.value["back"]), entries)


def begin_step(token: str, at: int, chosen: list[int] | None = None) -> bool:
    """Take one step; return whether nobody had taken it. The first one fixes what is chosen."""
    try:
        with database.atomic():
            SiteState(name=_step(token, at), value={"chosen": chosen}).save(force_insert=True)
    except IntegrityError:
        return False
    return True


def end_step(token: str, at: int, *, done: int, reasons: Counter[str], left: dict[int, str]) -> None:
    row = SiteState.objects.get(name=_step(token, at))
    row.value |= {"done": done, "reasons": dict(reasons.most_common(20)), "left": {str(k): v for k, v in left.items()}}
    row.save()


def progress(token: str) -> Progress:
    found = Progress()
    prefix = _step(token, "")
    for row in SiteState.objects.filter(name__startswith=prefix):
        at = int(row.name.removeprefix(prefix))
        found.begun.add(at)
        if at == 0:
            found.chosen = list(row.value.get("chosen") or [])
        found.done += int(row.value.get("done", 0))
        found.reasons.update(row.value.get("reasons", {}))
        found.left |= {int(place): why for place, why in row.value.get("left", {}).items()}
    return found


def numbers(texts: Iterable[str]) -> list[int]:
    """Read numbers as they travel in an address, joined by dots; anything else is left out."""
    parts = (part for text in texts for part in text.split("."))
    return sorted({int(part) for part in parts if part.isdecimal() and len(part) < 19})


def _step(token: str, at: int | str) -> str:
    return f"{STEP_PREFIX}{token}:{at}"
