"""The site's own waits made short, so that ten minutes hold what takes hours; what is done after them stays the same.

Leases and hand-outs must still be longer than the work that they guard: every job here takes well under five seconds.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

#: Every back-off of `services.schedule` is divided by this.
FACTOR = 8.0
#: Seconds, in place of minutes.
SECONDS = {
    "leases": {"LEASE": 10, "RENEWAL": 2},
    "notifying": {"LEASE": 10},
    "sweeping": {"HAND_OUT": 5, "MESSAGE_HAND_OUT": 2},
    "receipts": {"READING": 5, "GIVE_UP": 20},
    "lifecycle": {"WAKE_GRACE": 2},
    "schedule": {"TROUBLE_DEADLINE": 60},
}


def hasten() -> None:
    """Shorten the waits in this process. AttributeError when one of them is no longer where it was."""
    from importlib import import_module

    from django_wanvideo.conf import conf
    from django_wanvideo.services import outcomes, provider, schedule

    for module, values in SECONDS.items():
        for name, seconds in values.items():
            _replace(import_module(f"django_wanvideo.services.{module}"), name, dt.timedelta(seconds=seconds))
    backoff = schedule._backoff

    def faster(start: float, factor: float, tries: int, most: float) -> float:
        return backoff(start, factor, tries, most) / FACTOR

    _replace(schedule, "_backoff", faster)
    _replace(provider, "DEFAULT_PAUSE", 1.0)
    lifetime = dt.timedelta(seconds=conf.CONNECT_TIMEOUT + conf.READ_TIMEOUT + 5)
    _replace(outcomes, "claim_lifetime", lambda: lifetime)


def _replace(module: Any, name: str, value: Any) -> None:
    getattr(module, name)
    setattr(module, name, value)
