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
#: The slowest look at a task that EvoLink says not to know.
UNKNOWN_LOOK = 1800.0
#: An estimate of EvoLink's that is longer than this is not waited for.
LONGEST_ESTIMATE = 3600.0
#: How long EvoLink must have no file of a finished task before people are told.
MISSING_RESULT_DEADLINE = dt.timedelta(minutes=10)
#: How often, without a better answer between, it must be said that a task is not known before that is believed.
UNKNOWN_ANSWERS = 3
#: How long EvoLink must have given no answer about a task that is given up for that: workers may have been away as well.
SILENCE = dt.timedelta(hours=1)
#: After acceptance: how long anything but EvoLink's own word about its end keeps a task going. Its file lives for a day.
GIVE_UP = dt.timedelta(hours=26)
#: The same while many tasks meet the same trouble, which is then the account's or EvoLink's: a long weekend.
GIVE_UP_TOGETHER = dt.timedelta(hours=72)
#: Results live for a day (every Wan model's page in EvoLink's documentation).
RESULT_LIFETIME = dt.timedelta(hours=24)
EXPIRY_WARNING = dt.timedelta(hours=6)
#: How long a task may be put off by EvoLink before that is a failure.
QUEUE_DEADLINE = dt.timedelta(hours=24)


def first_poll(estimated_seconds: int | None) -> dt.timedelta:
    """After acceptance: at the estimated time where a callback will tell us anyway, sooner where none will."""
    estimate = min(float(estimated_seconds or USUAL_ESTIMATE), LONGEST_ESTIMATE)
    if conf.has_callbacks():
        return _jitter(max(estimate, conf.POLL_INTERVAL))
    return _jitter(min(estimate, conf.POLL_INTERVAL))


def next_poll(tries: int, *, overdue: bool = False) -> dt.timedelta:
    """After ``tries`` looks at an unfinished task."""
    if overdue:
        return _jitter(max(OVERDUE_LOOK, conf.POLL_INTERVAL))
    if conf.has_callbacks():
        return _jitter(_backoff(conf.POLL_INTERVAL, 2.0, tries, SLOWEST_LOOK))
    return _jitter(_backoff(conf.POLL_INTERVAL, 1.2, tries, SLOWEST_LOOK_WITHOUT_CALLBACKS))


def next_not_found_poll(tries: int) -> dt.timedelta:
    """After EvoLink has said for the ``tries``-th time that it does not know a task."""
    return _jitter(_backoff(conf.POLL_INTERVAL, 2.0, tries, UNKNOWN_LOOK))


def next_download(tries: int, expires_in: dt.timedelta | None) -> dt.timedelta:
    """After ``tries`` failed copies; never so late that the link would be dead by then."""
    seconds = _backoff(5.0, 2.0, tries, 900.0)
    if expires_in is not None and expires_in.total_seconds() > 0:
        seconds = min(seconds, max(expires_in.total_seconds() / 4, 5.0))
    return _jitter(seconds)


def next_send(waits: int, retry_after: float | None) -> dt.timedelta:
    """After EvoLink put a task off for the ``waits``-th time."""
    if retry_after is not None:
        return dt.timedelta(seconds=max(retry_after, 1.0))
    return _jitter(_backoff(15.0, 2.0, waits, 900.0))


def claim_lifetime() -> dt.timedelta:
    """How long a claimed attempt may take before its worker is taken for dead."""
    return dt.timedelta(seconds=conf.CONNECT_TIMEOUT + conf.READ_TIMEOUT + 60)


def next_probe(tries: int) -> dt.timedelta:
    """After the ``tries``-th look at whether sending works again."""
    return _jitter(_backoff(15.0, 2.0, tries, SLOWEST_PROBE))


def next_callback_read(tries: int) -> dt.timedelta:
    """After a callback's task could not be read for the ``tries``-th time."""
    return _jitter(_backoff(5.0, 2.0, tries, 900.0))


def _backoff(start: float, factor: float, tries: int, most: float) -> float:
    return min(start * factor ** min(tries, 30), max(most, start))


def _jitter(seconds: float) -> dt.timedelta:
    return dt.timedelta(seconds=seconds * _random.uniform(0.9, 1.1))
