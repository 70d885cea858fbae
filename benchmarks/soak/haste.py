"""The site's own waits made short, so that ten minutes hold what takes hours; what is done after them stays the same.

Leases and hand-outs must still be longer than the work that they guard: every job here takes well under five seconds.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

#: Every back-off of `services.schedule` is divided by this: so many seconds of the site's pass in one of ours.
FACTOR = 20.0
#: Seconds, in place of minutes and hours.
SECONDS = {
    "leases": {"LEASE": 8, "RENEWAL": 2},
    "notifying": {"LEASE": 8},
    "sweeping": {"HAND_OUT": 4, "MESSAGE_HAND_OUT": 2, "LONGEST_QUEUE": 4},
    "receipts": {"READING": 5},
    "lifecycle": {"WAKE_GRACE": 2},
    "schedule": {"TROUBLE_DEADLINE": 30, "GIVE_UP": 25, "GIVE_UP_TOGETHER": 50, "SILENCE": 5},
    "gate": {"LONGEST_WAIT": 36},
    "holds": {"_SOON": 1},
    "limits": {"_SOON": 1},
    "holding": {"NO_KEY": 3},
    "installation": {"LOOK_AGAIN": 2, "STORE_EVERY": 2},
    "lookup": {"SOONEST": 1, "LATEST": 10},
    "account": {"QUIET": 10},
}
#: Plain numbers of seconds.
NUMBERS = {
    "schedule": {"OVERDUE_LOOK": 6.0, "USUAL_ESTIMATE": 8},
    "provider": {"DEFAULT_PAUSE": 1.0},
    "recovery": {"LISTING": 3.0},
    "mirror": {"READ_EVERY": 2},
}
#: A request that takes longer has lost its worker.
CLAIM_LIFETIME = dt.timedelta(seconds=8)
#: Longer than EvoLink knows no task for everybody.
ASK_AGAIN = (dt.timedelta(seconds=6), dt.timedelta(seconds=12))


def hasten() -> None:
    """Shorten the waits in this process. AttributeError when one of them is no longer where it was."""
    from importlib import import_module

    from django_wanvideo.services import schedule
    from django_wanvideo.services.attempts import settlement
    from django_wanvideo.services.tracking import lookup

    for values, unit in ((SECONDS, lambda number: dt.timedelta(seconds=number)), (NUMBERS, lambda number: number)):
        for module, names in values.items():
            for name, number in names.items():
                _replace(import_module(f"django_wanvideo.services.{module}"), name, unit(number))
    backoff = schedule._backoff

    def faster(start: float, factor: float, tries: int, most: float) -> float:
        return backoff(start, factor, tries, most) / FACTOR

    _replace(schedule, "_backoff", faster)
    _replace(lookup, "ASK_AGAIN", ASK_AGAIN)
    for module in (schedule, settlement):
        _replace(module, "claim_lifetime", lambda: CLAIM_LIFETIME)


def _replace(module: Any, name: str, value: Any) -> None:
    getattr(module, name)
    setattr(module, name, value)
