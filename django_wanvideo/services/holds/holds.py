"""What holds sending back as a whole. Several holds may stand at once; sending goes on only when none does."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from django.utils import timezone

from django_wanvideo.db import database
from django_wanvideo.services import schedule
from django_wanvideo.services.holds import account, circuit_breaker, lock
from django_wanvideo.services.holds.account_marks import Trouble, change, keep, of_the_site, of_this_key
from django_wanvideo.services.holds.lock import CREDITS_OUT, KEY_REJECTED, LOCK_NAME, PAUSED, Delay, Hold
from django_wanvideo.services.installation import installation

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Mapping

    from django_wanvideo.models import SiteState, VideoTask

#: Why a queued task waits while a person has paused sending.
BY_A_PERSON = "sending_paused"
#: Reasons of single tasks that a hold of the whole stands behind.
REASONS = frozenset(
    {BY_A_PERSON, circuit_breaker.LOST_ANSWERS, circuit_breaker.BUSY, "installation", "rolled_back"}
).union(account.REASONS.values())
_SOON = dt.timedelta(seconds=15)
#: Further parts of the app that hold sending back; each returns what stands, and nothing is sent while one does.
SOURCES: list[Callable[[], list[Hold]]] = [installation.holds]


@dataclass(frozen=True)
class Permit:
    """A task may be sent. ``use`` is called when it is claimed, so that what was allowed once is not allowed twice."""

    _steps: list[Callable[[], None]] = field(default_factory=list)

    def use(self) -> None:
        """Write down what this sending uses up; in the transaction of the claim."""
        for step in self._steps:
            step()


def standing(rows: Mapping[str, SiteState] | None = None) -> list[Hold]:
    """Return all holds that stand now, oldest first; of ``lock.marks()`` that were read already, those alone."""
    found: list[Hold | None] = [*_others()] if rows is None else []
    rows = lock.marks() if rows is None else rows
    found += [_account_hold(name, of_the_site(rows.get(name))) for name in (KEY_REJECTED, CREDITS_OUT)]
    count = circuit_breaker.read(rows.get(LOCK_NAME))
    if count.is_open:
        found.append(Hold("breaker", count.since, {"lost": count.lost, "next_try_at": count.probe_at.isoformat()}))
    if (paused := rows.get(PAUSED)) is not None:
        since = min(lock.moment(paused.value, "since") or paused.updated_at, timezone.now())
        found.append(Hold("person", since, {name: str(paused.value.get(name) or "") for name in ("by", "reason")}))
    return sorted((hold for hold in found if hold is not None), key=lambda hold: hold.since)


def refusal(task: VideoTask) -> Delay | None:
    """Say whether a hold keeps ``task`` back now; a look without the lock, before any work is done for it."""
    found = _others_hold() or _decide(task, lock.marks(), under_way=0)
    return found if isinstance(found, Delay) else None


def reasons(tasks: Iterable[VideoTask], rows: Mapping[str, SiteState]) -> dict[uuid.UUID, str]:
    """Return why each queued task waits by the holds in ``rows``; an empty text for one that none keeps back."""
    found = {task.pk: _decide(task, rows, under_way=0) for task in tasks}
    return {pk: held.reason if isinstance(held, Delay) else "" for pk, held in found.items()}


def admit(task: VideoTask) -> Permit | Delay:
    """Say whether ``task`` may be sent; inside the transaction that claims it, which takes the lock here."""
    lock.lock()
    return _others_hold() or _decide(task, lock.marks(), under_way=circuit_breaker.under_way().count())


def places() -> int | None:
    """Return how many queued tasks it makes sense to hand to workers now, or ``None`` for all."""
    rows = lock.marks()
    count = circuit_breaker.read(rows.get(LOCK_NAME))
    limits: list[int] = []
    if PAUSED in rows or _others():
        limits.append(0)
    if count.is_open:
        limits.append(1 if count.may_probe else 0)
    for name in (KEY_REJECTED, CREDITS_OUT):
        trouble = of_the_site(rows.get(name))
        if trouble is None:
            if name in rows:
                # It stands against another key than workers have.
                lock.release(account.REASONS[name])
        elif trouble.asked or (trouble.is_due and (trouble.probing or name == KEY_REJECTED)):
            # Whoever takes that one finds out.
            limits.append(1)
        elif name == KEY_REJECTED or trouble.probing:
            limits.append(0)
    return min(limits, default=None)


def forbid_repeats() -> bool:
    """Tell whether even a request that was sent before may not be repeated; lost answers do not forbid that."""
    return any(hold.kind != "breaker" for hold in standing())


def make_due() -> None:
    """Let the next look at what stands, or the next probe, be due now; nothing that stands is lifted."""
    with database.atomic():
        row = lock.lock()
        rows = lock.marks()
        circuit_breaker.allow_probe(row)
        for name in (KEY_REJECTED, CREDITS_OUT):
            if name in rows:
                change(rows[name], lambda trouble: replace(trouble, check_at=timezone.now()))


def waited_too_long(task: VideoTask) -> bool:
    """Tell whether a queued task was put off for longer than EvoLink is given; what a hold took does not count."""
    now = timezone.now()
    if task.queued_at is None or now - task.queued_at <= schedule.QUEUE_DEADLINE:
        return False
    rows = lock.marks()
    of_account = any(of_the_site(rows.get(name)) is not None for name in (KEY_REJECTED, CREDITS_OUT))
    if of_account or PAUSED in rows or _others() or circuit_breaker.read(rows.get(LOCK_NAME)).is_open:
        return False
    ended = lock.moment(rows[LOCK_NAME].value, "hold_ended") if LOCK_NAME in rows else None
    return ended is None or now - min(ended, now) > schedule.QUEUE_DEADLINE


def request_accepted() -> None:
    """EvoLink has accepted a request: what that disproves has ended."""
    rows = lock.marks()
    if circuit_breaker.read(rows.get(LOCK_NAME)).lost:
        with database.atomic():
            circuit_breaker.note_answer(lock.lock())
        lock.release(circuit_breaker.LOST_ANSWERS, circuit_breaker.BUSY)
    account.request_works(rows)


def _others() -> list[Hold]:
    return [hold for source in SOURCES for hold in source()]


def _others_hold() -> Delay | None:
    others = _others()
    return Delay(others[0].kind, timezone.now() + lock.LONGEST_WAIT) if others else None


def _decide(task: VideoTask, rows: Mapping[str, SiteState], *, under_way: int) -> Permit | Delay:
    now = timezone.now()
    steps: list[Callable[[], None]] = []
    probing = ""
    if PAUSED in rows:
        return Delay(BY_A_PERSON, now + lock.LONGEST_WAIT)
    for name in (KEY_REJECTED, CREDITS_OUT):
        trouble = of_this_key(rows.get(name))
        if trouble is None:
            continue
        after = _after_sending(task, name, trouble)
        if after is None:
            return Delay(account.REASONS[name], max(trouble.check_at, now + dt.timedelta(seconds=1)))
        probing = name if trouble.probing or trouble.asked else probing
        steps.append(partial(keep, rows[name], after))
    state = rows.get(LOCK_NAME)
    count = circuit_breaker.read(state)
    if count.is_open and not count.may_probe:
        return Delay(circuit_breaker.LOST_ANSWERS, count.probe_at)
    if under_way >= count.places:
        return Delay(circuit_breaker.LOST_ANSWERS if count.is_open else circuit_breaker.BUSY, now + _SOON)
    if under_way and probing:
        return Delay(account.REASONS[probing], now + _SOON)
    if count.is_open and state is not None:
        steps.append(partial(circuit_breaker.note_probe, state))
    return Permit(steps)


def _after_sending(task: VideoTask, name: str, trouble: Trouble) -> Trouble | None:
    """Return what stands against the key once ``task`` is sent, or ``None`` if it must not be."""
    if trouble.asked or (trouble.probing and trouble.is_due):
        wait = schedule.next_probe(trouble.checks)
        check_at = timezone.now() + wait if trouble.probing else trouble.check_at
        return replace(trouble, asked=False, checks=trouble.checks + 1, check_at=check_at)
    price = account.price_of(task, trouble)
    if name == CREDITS_OUT and not trouble.probing and trouble.spendable is not None and price <= trouble.spendable:
        return replace(trouble, spendable=trouble.spendable - price)
    return None


def _account_hold(name: str, trouble: Trouble | None) -> Hold | None:
    if trouble is None:
        return None
    detail = {
        "reason": account.REASONS[name],
        "http_status": trouble.http_status,
        "code": trouble.code,
        "next_try_at": trouble.check_at.isoformat(),
        "credits_left": str(trouble.spendable) if trouble.spendable is not None else None,
        "resets_at": trouble.resets_at.isoformat() if trouble.resets_at is not None else None,
    }
    return Hold("account", trouble.since, {name: value for name, value in detail.items() if value})
