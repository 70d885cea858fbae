"""Times that this site writes down for itself, and how far ahead each kind of them is believed.

A clock that was wrong for a moment leaves marks that lie hours ahead. None of them may keep a task or the site quiet: what
lies further ahead than the longest wait that is ever written for its kind is taken for over.
"""

from __future__ import annotations

import datetime as dt

from django.db.models import Q
from django.utils import timezone

from django_wanvideo.choices import ABOVE_CREDIT_LIMIT, CREDIT_LIMIT_REASONS, CREDITS_USED_UP
from django_wanvideo.conf import conf

#: By how much the clocks of a site's machines may differ.
SKEW = dt.timedelta(seconds=120)
#: How long a worker may be silent before its task is given to another.
LEASE = dt.timedelta(seconds=120)
#: How long one may hold a task in all, renewing that: RQ ends every job by then.
LONGEST_LEASE = dt.timedelta(hours=1)
#: EvoLink's own word about when to come back is taken for as long as this, and so is a pause of the whole site.
LONGEST_PAUSE = dt.timedelta(hours=1)
#: Reasons for which a queued task waits for credits that a new day, week or month brings.
BUDGET_REASONS = frozenset(CREDIT_LIMIT_REASONS.values()) | {ABOVE_CREDIT_LIMIT, CREDITS_USED_UP}
#: The longest of such waits, a month.
LONGEST_BUDGET = dt.timedelta(days=32)
#: How often tasks that wait for credits are looked at all the same: somebody may have raised a limit.
BUDGET_LOOK = dt.timedelta(hours=1)


def longest_action() -> dt.timedelta:
    """Return how far ahead ``next_action_at`` is ever set, waits for credits left out."""
    sending = conf.CONNECT_TIMEOUT + conf.READ_TIMEOUT + 60
    seconds = max(LONGEST_PAUSE.total_seconds(), conf.POLL_INTERVAL, sending + conf.UNCONFIRMED_DEADLINE)
    return dt.timedelta(seconds=1.1 * seconds)


def longest_hold(reason: str) -> dt.timedelta:
    """Return how far ahead ``delayed_until`` is ever set for a reason."""
    return LONGEST_BUDGET if reason in BUDGET_REASONS else LONGEST_PAUSE


def stands(mark: dt.datetime | None, longest: dt.timedelta) -> bool:
    """Tell whether a time lies ahead, and no further than it can have been meant."""
    now = timezone.now()
    return mark is not None and now < mark <= now + longest + SKEW


def is_over(column: str, longest: dt.timedelta, at: dt.datetime | None = None) -> Q:
    """A condition: the time in ``column`` has come, or lies further ahead than it can have been meant."""
    at = at or timezone.now()
    return Q(**{f"{column}__lte": at}) | Q(**{f"{column}__gt": at + longest + SKEW})


def is_due(at: dt.datetime | None = None) -> Q:
    """A condition on tasks: ``next_action_at`` has come, or cannot have been meant."""
    at = at or timezone.now()
    too_far = Q(next_action_at__gt=at + longest_action() + SKEW) & ~Q(delay_reason__in=BUDGET_REASONS)
    return Q(next_action_at__lte=at) | too_far | Q(next_action_at__gt=at + LONGEST_BUDGET + SKEW)
