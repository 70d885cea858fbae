"""The account's trouble with EvoLink: a key that is rejected, credits that are used up. It is no task's own fault."""

from __future__ import annotations

import datetime as dt
import logging
import zoneinfo
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Sum
from django.utils import timezone

from django_wanvideo.choices import CREDITS_USED_UP, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.evolink.exceptions import RejectedError
from django_wanvideo.models import SiteState, VideoTask
from django_wanvideo.services import schedule
from django_wanvideo.services.holds import lock
from django_wanvideo.services.holds.account_marks import Trouble, change, is_of_other_keys, keep, of_this_key
from django_wanvideo.services.holds.lock import CREDITS_OUT, KEY_REJECTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_wanvideo.evolink.exceptions import EvoLinkError
    from django_wanvideo.evolink.types import Credits
    from django_wanvideo.models import Attempt

logger = logging.getLogger(__name__)

#: Why a queued task waits, by the row that says so.
REASONS = {KEY_REJECTED: "key_rejected", CREDITS_OUT: CREDITS_USED_UP}
#: EvoLink's codes about the key or the account as such (evolink-api.md §4.3).
KEY_CODES = frozenset({"invalid_token", "key_disabled", "key_expired", "user_disabled", "ip_restricted"})
DAILY_CODES = frozenset({"token_daily_quota_exceeded", "key_daily_quota_exhausted"})
CREDIT_CODES = DAILY_CODES | {
    "insufficient_quota",
    "insufficient_user_quota",
    "quota_not_enough",
    "account_balance_insufficient",
    "insufficient_token_quota",
    "key_quota_exhausted",
}
#: People are told once, and not again when it comes back within this time.
QUIET = dt.timedelta(hours=1)
_NOTICES = "account_notices"
_NOTICE = {
    KEY_REJECTED: "EvoLink rejects this site's key (%s). Sending waits until it works or another one is set.",
    CREDITS_OUT: "EvoLink says that the credits are used up (%s). Tasks that cost more than what is left wait.",
}


def reason_of(error: EvoLinkError) -> str | None:
    """Return the name of the row that an answer concerns, or ``None`` for one that is about the request alone."""
    status, code = error.http_status, error.code
    if status not in {400, 401, 402, 403}:
        return None
    if code in CREDIT_CODES:
        return CREDITS_OUT
    if status == 401 or code in KEY_CODES:
        return KEY_REJECTED
    # Without EvoLink's own words a 402 may be anybody's between us and EvoLink.
    return CREDITS_OUT if status == 402 and (code or isinstance(error, RejectedError)) else None


def price_of(task: VideoTask, trouble: Trouble) -> Decimal:
    """Return what a task costs as far as known; else as much as what was refused."""
    return task.credits_estimated if task.credits_estimated is not None else trouble.refused or Decimal(0)


def note(error: EvoLinkError, attempt: Attempt | None = None) -> str | None:
    """Take note of what an error says about the account; return why tasks wait now, or ``None`` if it says nothing.

    Without the attempt that was refused the error is the answer to a call that costs nothing.
    """
    name = reason_of(error)
    if name is None:
        return None
    standing = of_this_key(SiteState.objects.filter(name=name).first())
    if standing is None or attempt is not None:
        with database.atomic():
            lock.lock()
            _note(name, error, attempt)
    return REASONS[name]


def _note(name: str, error: EvoLinkError, attempt: Attempt | None) -> None:
    now = timezone.now()
    state, made = SiteState.objects.get_or_create(name=name)
    standing = None if made else of_this_key(state)
    past = _past(name)
    if standing is None:
        came_back = past["ended"] is not None and abs(now - past["ended"]) < QUIET
        checks = int(past["checks"]) if came_back else 0
        # The call that costs nothing has worked and a request is refused all the same: only requests can tell.
        probing = name == KEY_REJECTED and came_back and attempt is not None
        wait = schedule.next_probe(checks) if probing else dt.timedelta(0)
        standing = Trouble(since=now, check_at=now + wait, checks=checks, probing=probing)
        if not any(at is not None and abs(now - at) < QUIET for at in (past["told"], past["ended"])):
            logger.error(_NOTICE[name], f"HTTP {error.http_status} {error.code}".strip())
            _remember(name, told=now.isoformat())
    elif (
        attempt is not None
        and not standing.probing
        and standing.checked_at is not None
        and attempt.claimed_at > standing.checked_at
    ):
        # What EvoLink reported was enough, and it refused all the same: ask what is left now.
        standing = replace(standing, spendable=None, check_at=now)
    if attempt is not None and name == CREDITS_OUT:
        price = price_of(attempt.task, standing)
        standing = replace(standing, refused=min(price, standing.refused or price))
    standing = replace(standing, http_status=error.http_status or 0, code=error.code)
    if error.code in DAILY_CODES:
        standing = replace(standing, resets_at=_midnight(error.reset_timezone) or standing.resets_at)
    keep(state, standing)


def end(name: str) -> bool:
    """End what stands against this process's key, and make due what waited for it. Returns whether anything stood."""
    with database.atomic():
        row = lock.lock()
        state = SiteState.objects.filter(name=name).first()
        trouble = of_this_key(state)
        if state is None or (trouble is None and not is_of_other_keys(state)):
            return False
        if trouble is not None:
            _remember(name, ended=timezone.now().isoformat(), checks=trouble.checks + 1)
        keep(state, None)
        lock.note_end(row)
    lock.release(REASONS[name])
    logger.warning("Sending goes on: %s is over.", REASONS[name])
    return True


def mark_key_valid() -> None:
    """EvoLink has answered a call with this process's key: it is not rejected, unless only requests can tell."""
    state = SiteState.objects.filter(name=KEY_REJECTED).first()
    trouble = of_this_key(state)
    if is_of_other_keys(state) or (trouble is not None and not trouble.probing):
        end(KEY_REJECTED)


def request_works(states: Mapping[str, SiteState]) -> None:
    """EvoLink has accepted a request with this process's key."""
    for name in (KEY_REJECTED, CREDITS_OUT):
        state = states.get(name)
        trouble = of_this_key(state)
        if is_of_other_keys(state) or (trouble is not None and (name == KEY_REJECTED or trouble.probing)):
            end(name)
    trouble = of_this_key(states.get(CREDITS_OUT))
    if trouble is not None and not trouble.probing and trouble.spendable is None:
        # There are credits again, it seems: let EvoLink say how many.
        with database.atomic():
            lock.lock()
            state = SiteState.objects.filter(name=CREDITS_OUT).first()
            if state is not None:
                change(state, lambda trouble: replace(trouble, check_at=timezone.now(), refused=None))


def apply(credits_now: Credits) -> None:
    """Judge by what EvoLink reports whether the credits are still used up, and what fits into them."""
    left, over = credits_now.spendable, False
    with database.atomic():
        lock.lock()
        state = SiteState.objects.filter(name=CREDITS_OUT).first()
        trouble = of_this_key(state)
        if state is None or trouble is None or trouble.probing:
            return
        now = timezone.now()
        enough = trouble.refused is not None and left is not None and left >= trouble.refused
        if trouble.code in DAILY_CODES and trouble.resets_at is None:
            trouble = replace(trouble, resets_at=_midnight(credits_now.reset_timezone))
        waits_for_reset = trouble.resets_at is not None and trouble.resets_at > now
        if waits_for_reset and credits_now.daily_remaining is None:
            # What is left of the day's limit is not reported, so that what is reported says nothing.
            trouble = replace(trouble, check_at=trouble.resets_at or now, spendable=None)
        elif left is None or (enough and trouble.spendable is None):
            wait = dt.timedelta(0) if trouble.resets_at is not None else schedule.next_probe(trouble.checks)
            trouble = replace(trouble, probing=True, check_at=now + wait)
        else:
            waiting = VideoTask.objects.filter(status=TaskStatus.QUEUED).aggregate(n=Sum("credits_estimated"))["n"]
            over = left >= max(waiting or Decimal(0), trouble.refused or Decimal(0))
            trouble = replace(trouble, spendable=left)
        keep(state, replace(trouble, checked_at=now))
    if over:
        end(CREDITS_OUT)
    elif trouble.spendable is not None:
        lock.release(REASONS[CREDITS_OUT])


def _remember(name: str, **facts: Any) -> None:
    state, _made = SiteState.objects.get_or_create(name=_NOTICES)
    state.value[name] = {**state.value.get(name, {}), **facts}
    state.save()


def _past(name: str) -> dict[str, Any]:
    state = SiteState.objects.filter(name=_NOTICES).first()
    value = state.value.get(name, {}) if state is not None else {}
    return {"told": lock.moment(value, "told"), "ended": lock.moment(value, "ended"), "checks": value.get("checks", 0)}


def _midnight(zone: str) -> dt.datetime | None:
    """Return when the day ends in a time zone that EvoLink names; ``None`` for one that nobody knows."""
    try:
        local = timezone.now().astimezone(zoneinfo.ZoneInfo(zone))
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return None
    return (local + dt.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
