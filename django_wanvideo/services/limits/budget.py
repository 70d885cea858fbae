"""What is left under the limits on credits, by the ledger."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from django_wanvideo.choices import ABOVE_CREDIT_LIMIT
from django_wanvideo.models import ledger
from django_wanvideo.services.limits import credit_limits
from django_wanvideo.services.limits.credit_limits import GROUP, USER, CreditLimit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True)
class Shortage:
    """A limit that a price does not fit into. ``used`` counts what came before; ``resets_at`` is when it begins anew."""

    limit: CreditLimit
    used: Decimal
    price: Decimal
    resets_at: dt.datetime

    @property
    def is_lasting(self) -> bool:
        """Whether no period is ever large enough."""
        return self.price > self.limit.credits

    @property
    def reason(self) -> str:
        """Why the task waits."""
        return ABOVE_CREDIT_LIMIT if self.is_lasting else self.limit.reason


def bounds(period: str, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Return begin and end of the calendar period that ``now`` is in, in the site's ``TIME_ZONE``; weeks begin on Monday.

    Not the active time zone: what a person has chosen to see changes no limit.
    """
    zone = timezone.get_default_timezone()
    today = now.astimezone(zone).date()
    if period == "day":
        first, following = today, today + dt.timedelta(days=1)
    elif period == "week":
        first = today - dt.timedelta(days=today.weekday())
        following = first + dt.timedelta(days=7)
    else:
        first = today.replace(day=1)
        following = (first + dt.timedelta(days=32)).replace(day=1)
    # From dates, not by adding hours: a day may have 23 or 25.
    begin, end = (dt.datetime.combine(date, dt.time.min, tzinfo=zone) for date in (first, following))
    return begin, end


class Room:
    """What is left under the limits, from the ledger and from what is taken one after the other."""

    def __init__(self, now: dt.datetime | None = None) -> None:
        self.now = now or timezone.now()
        self._limits: dict[Any, list[CreditLimit]] = {}
        #: By scope, whose, and period.
        self._used: dict[tuple[str, Any, str], Decimal] = {}

    def shortage(self, price: Decimal | None, owner_id: Any) -> Shortage | None:
        """Return the tightest limit that a price does not fit into: the one that keeps it longest.

        A task of unknown price waits only where a limit is overdrawn.
        """
        cost = price or Decimal(0)
        short = [
            Shortage(limit, used, cost, bounds(limit.period, self.now)[1])
            for limit, used in self.standing(owner_id)
            if used + cost > limit.credits
        ]
        return max(short, key=lambda found: (found.is_lasting, found.resets_at), default=None)

    def take(self, price: Decimal | None, owner_id: Any) -> Shortage | None:
        """Count a price if it fits; return what keeps it back otherwise."""
        short = self.shortage(price, owner_id)
        if short is None:
            self.add(price, owner_id)
        return short

    def add(self, price: Decimal | None, owner_id: Any) -> None:
        """Count a price, whether it fits or not."""
        for limit, _used in list(self.standing(owner_id)):
            self._used[_key(limit)] += price or Decimal(0)

    def next_reset(self) -> dt.datetime:
        """Return when the first of the limits seen so far begins anew."""
        periods = {period for *_whose, period in self._used} or {"day"}
        return min(bounds(period, self.now)[1] for period in periods)

    def move_to(self, moment: dt.datetime) -> None:
        """Let time pass: a limit whose period has ended by ``moment`` begins anew."""
        for key in self._used:
            if moment >= bounds(key[2], self.now)[1]:
                self._used[key] = Decimal(0)
        self.now = moment

    def standing(self, owner_id: Any) -> Iterator[tuple[CreditLimit, Decimal]]:
        """Yield the limits that hold for an owner's tasks, each with what is used of it.

        Raises:
            ConfigurationError: a limit cannot be read.
        """
        if owner_id not in self._limits:
            self._limits[owner_id] = credit_limits.limits_for(owner_id)
            self.read(self._limits[owner_id])
        for limit in self._limits[owner_id]:
            yield limit, self._used[_key(limit)]

    def read(self, limits: Iterable[CreditLimit]) -> dict[CreditLimit, Decimal]:
        """Return what is used of each limit, read from the ledger where that was not done before."""
        found, missing = list(limits), defaultdict(set)
        for limit in found:
            if _key(limit) not in self._used:
                missing[limit.scope, limit.key].add(limit.period)
        for (scope, key), periods in missing.items():
            since = {period: bounds(period, self.now)[0] for period in periods}
            whose = {USER: {"owner_id": key}, GROUP: {"group_id": key}}.get(scope, {})
            for period, amount in ledger.spent(since, **whose).items():
                self._used[scope, key, period] = amount
        return {limit: self._used[_key(limit)] for limit in found}


def _key(limit: CreditLimit) -> tuple[str, Any, str]:
    return limit.scope, limit.key, limit.period


def exceeded_words(short: Shortage) -> str:
    """Say why a price does not fit, and what to do."""
    amounts = {"price": short.price, "used": short.used}
    values = {
        name: number_format(amount.quantize(Decimal("0.01"), ROUND_HALF_UP), 2) for name, amount in amounts.items()
    }
    values["limit"] = credit_limits.words(short.limit)
    if short.is_lasting:
        why = _("This video costs about %(price)s credits, more than %(limit)s allows at all.")
        cure = _("Make it shorter or of lower quality, or ask the site administrator to raise the limit.")
    else:
        why = _("This video costs about %(price)s credits; of %(limit)s, %(used)s are used or waiting to be sent.")
        at = date_format(timezone.localtime(short.resets_at), "DATETIME_FORMAT")
        cure = _("Submit it after %(at)s, or let it wait in the queue until then.") % {"at": at}
    return f"{why % values} {cure}"
