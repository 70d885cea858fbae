"""When to look again: plain arithmetic, no database."""

from __future__ import annotations

import datetime as dt
import random

from django_wanvideo.conf import conf

_random = random.SystemRandom()

#: Seconds EvoLink documents for wan2.x when it does not say itself (evolink-api.md §1.1).
USUAL_ESTIMATE = 120
SLOWEST_LOOK = 300.0
SLOWEST_LOOK_WITHOUT_CALLBACKS = 60.0
OVERDUE_LOOK = 600.0
#: The longest wait between two tries to send while EvoLink's answers get lost or its account is in trouble.
SLOWEST_PROBE = 600.0
#: How long EvoLink must not know a task, or have no file of a finished one, before that is taken for lasting.
TROUBLE_DEADLINE = dt.timedelta(minutes=10)
#: How often EvoLink must have said within that time, without a better answer between, that it does not know a task.
UNKNOWN_ANSWERS = 3
#: Results live for a day (every Wan model's page in EvoLink's documentation).
RESULT_LIFETIME = dt.timedelta(hours=24)
EXPIRY_WARNING = dt.timedelta(hours=6)
#: How long a task may be put off by EvoLink before that is a failure.
WAIT_DEADLINE = dt.timedelta(hours=24)


def first_look(estimated_seconds: int | None) -> dt.timedelta:
    """After acceptance: at the estimated time where a callback will tell us anyway, sooner where none will."""
    estimate = float(estimated_seconds or USUAL_ESTIMATE)
    if conf.has_callbacks():
        return _spread(max(estimate, conf.POLL_INTERVAL))
    return _spread(min(estimate, conf.POLL_INTERVAL))


def next_look(tries: int, *, overdue: bool = False) -> dt.timedelta:
    """After ``tries`` looks at an unfinished task."""
    if overdue:
        return _spread(max(OVERDUE_LOOK, conf.POLL_INTERVAL))
    if conf.has_callbacks():
        return _spread(_backoff(conf.POLL_INTERVAL, 2.0, tries, SLOWEST_LOOK))
    return _spread(_backoff(conf.POLL_INTERVAL, 1.2, tries, SLOWEST_LOOK_WITHOUT_CALLBACKS))


def next_store_try(tries: int, expires_in: dt.timedelta | None) -> dt.timedelta:
    """After ``tries`` failed copies; never so late that the link would be dead by then."""
    seconds = _backoff(5.0, 2.0, tries, 900.0)
    if expires_in is not None and expires_in.total_seconds() > 0:
        seconds = min(seconds, max(expires_in.total_seconds() / 4, 5.0))
    return _spread(seconds)


def next_send_try(waits: int, retry_after: float | None) -> dt.timedelta:
    """After EvoLink put a task off for the ``waits``-th time."""
    if retry_after is not None:
        return dt.timedelta(seconds=max(retry_after, 1.0))
    return _spread(_backoff(15.0, 2.0, waits, 900.0))


def claim_lifetime() -> dt.timedelta:
    """How long a claimed attempt may take before its worker is taken for dead."""
    return dt.timedelta(seconds=conf.CONNECT_TIMEOUT + conf.READ_TIMEOUT + 60)


def next_probe(tries: int) -> dt.timedelta:
    """After the ``tries``-th look at whether sending works again."""
    return _spread(_backoff(15.0, 2.0, tries, SLOWEST_PROBE))


def next_receipt_try(tries: int) -> dt.timedelta:
    """After a callback's task could not be read for the ``tries``-th time."""
    return _spread(_backoff(5.0, 2.0, tries, 300.0))


def _backoff(start: float, factor: float, tries: int, most: float) -> float:
    return min(start * factor ** min(tries, 30), max(most, start))


def _spread(seconds: float) -> dt.timedelta:
    return dt.timedelta(seconds=seconds * _random.uniform(0.9, 1.1))
