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
    "services.leases": {"LEASE": 8, "RENEWAL": 2},
    "services.notifications": {"LEASE": 8},
    "services.sweep": {"TASK_VISIBILITY": 4, "MESSAGE_VISIBILITY": 2, "LONGEST_QUEUE": 4},
    "services.tracking.receipts": {"VISIBILITY_TIMEOUT": 5},
    "models.lifecycle": {"WAKE_GRACE": 2},
    "services.schedule": {"MISSING_RESULT_DEADLINE": 30, "GIVE_UP": 25, "GIVE_UP_TOGETHER": 50, "SILENCE": 5},
    "services.holds.lock": {"LONGEST_WAIT": 36},
    "services.holds.holds": {"_SOON": 1},
    "services.limits.throttling": {"_SOON": 1},
    "services.provider.provider": {"NO_KEY": 3},
    "services.installation.installation": {"LOOK_AGAIN": 2, "STORE_EVERY": 2},
    "services.tracking.lookup": {"SOONEST": 1, "LATEST": 10},
    "services.holds.account": {"QUIET": 10},
}
#: Plain numbers of seconds.
NUMBERS = {
    "services.schedule": {"OVERDUE_LOOK": 6.0, "USUAL_ESTIMATE": 8},
    "services.provider.provider": {"DEFAULT_PAUSE": 1.0},
    "services.attempts.binding": {"LISTING": 3.0},
    "services.installation.claim_counter": {"READ_EVERY": 2},
}
#: A request that takes longer has lost its worker.
CLAIM_LIFETIME = dt.timedelta(seconds=8)
#: Longer than EvoLink knows no task for everybody.
ASK_AGAIN = (dt.timedelta(seconds=6), dt.timedelta(seconds=12))


def hasten() -> None:
    """Shorten the waits in this process. AttributeError when one of them is no longer where it was."""
    from importlib import import_module

    from django_wanvideo.services import schedule
    from django_wanvideo.services.tracking import lookup

    for values, unit in ((SECONDS, lambda number: dt.timedelta(seconds=number)), (NUMBERS, lambda number: number)):
        for module, names in values.items():
            for name, number in names.items():
                _replace(import_module(f"django_wanvideo.{module}"), name, unit(number))
    backoff = schedule._backoff

    def faster(start: float, factor: float, tries: int, most: float) -> float:
        return backoff(start, factor, tries, most) / FACTOR

    _replace(schedule, "_backoff", faster)
    _replace(lookup, "ASK_AGAIN", ASK_AGAIN)
    _replace(schedule, "claim_lifetime", lambda: CLAIM_LIFETIME)


def _replace(module: Any, name: str, value: Any) -> None:
    getattr(module, name)
    setattr(module, name, value)
