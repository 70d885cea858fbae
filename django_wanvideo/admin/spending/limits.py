"""What is left of each limit on credits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from django_wanvideo.admin.presentation import formats
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models.base import people
from django_wanvideo.services.limits import budget, credit_limits
from django_wanvideo.services.limits.credit_limits import GROUP, SITE, USER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_wanvideo.services.limits.credit_limits import CreditLimit

#: People whose limits are told.
MOST_PEOPLE = 20


@dataclass(frozen=True)
class Standing:
    """One limit, and how it stands now."""

    limit: CreditLimit
    whose: str
    period: str
    used: str
    left: str
    of: str
    of_words: str
    #: Per cent, of what is used, at most 100.
    share: int
    resets_at: str


def site_day() -> Decimal | None:
    """Return the credits that the site may spend in a day; ``None`` where that is not limited, or cannot be read."""
    try:
        limits = credit_limits.limits_for(None) if credit_limits.are_set() else []
    except ConfigurationError:
        return None
    return next((limit.credits for limit in limits if (limit.scope, limit.period) == (SITE, "day")), None)


def standings(names: Mapping[Any, str], *, with_shared: bool) -> list[Standing] | None:
    """Return the limits that hold now; ``None`` where they cannot be read.

    Args:
        names: people by key, whose own limits are told.
        with_shared: whether the limits of the site and of all groups are told as well.
    """
    if not credit_limits.are_set():
        return []
    room = budget.Room()
    try:
        limits = credit_limits.limits_for(None, groups=people.all_groups()) if with_shared else []
        for key in list(names)[:MOST_PEOPLE]:
            limits += [limit for limit in credit_limits.limits_for(key, groups={}) if limit.scope == USER]
        used = room.read(limits)
    except ConfigurationError:
        return None
    return [_standing(limit, used[limit], names, room) for limit in limits]


def fullest(found: Iterable[Standing], scope: str) -> Standing | None:
    """Return the limit of a scope of which most is used."""
    return max((item for item in found if item.limit.scope == scope), key=lambda item: item.share, default=None)


def _standing(limit: CreditLimit, used: Decimal, names: Mapping[Any, str], room: budget.Room) -> Standing:
    whose = {
        SITE: _("This site"),
        GROUP: _("Group “%(name)s”") % {"name": limit.name},
        USER: names.get(limit.key, ""),
    }
    period = {"day": _("Today"), "week": _("This week"), "month": _("This month")}
    of = formats.credits_on_button(limit.credits)
    of_words = {
        "day": _("of %(n)s credits, the daily limit"),
        "week": _("of %(n)s credits, the weekly limit"),
        "month": _("of %(n)s credits, the monthly limit"),
    }
    return Standing(
        limit,
        whose[limit.scope],
        period[limit.period],
        formats.credits_in_table(used),
        formats.credits_in_table(max(limit.credits - used, Decimal(0))),
        of,
        of_words[limit.period] % {"n": of},
        min(int(used / limit.credits * 100), 100) if limit.credits else 100,
        formats.clock(budget.bounds(limit.period, room.now)[1]),
    )
