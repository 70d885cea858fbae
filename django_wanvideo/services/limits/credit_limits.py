"""What the settings allow to be spent in a day, a week or a month, by the whole site and by one person."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from django_wanvideo.choices import ABOVE_CREDIT_LIMIT, CREDIT_LIMIT_REASONS
from django_wanvideo.conf import conf
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models.base import people

logger = logging.getLogger(__name__)

SITE, USER = "site", "user"
PERIODS = ("day", "week", "month")
#: Why a task waits for credits; such a wait is computed anew from the ledger whenever the task is looked at.
REASONS = frozenset(CREDIT_LIMIT_REASONS.values()) | {ABOVE_CREDIT_LIMIT}


@dataclass(frozen=True)
class CreditLimit:
    """So many credits in each calendar period, for the whole site or for one owner."""

    scope: str
    period: str
    credits: Decimal

    @property
    def reason(self) -> str:
        """Why a task waits that this limit keeps back."""
        return CREDIT_LIMIT_REASONS[self.scope, self.period]


def are_set() -> bool:
    """Tell whether the site limits credits at all."""
    given = (conf.CREDIT_LIMITS, conf.DAILY_CREDIT_LIMIT, conf.USER_DAILY_CREDIT_LIMIT)
    return any(value is not None for value in given)


def limits_for(owner_id: Any) -> list[CreditLimit]:
    """Return the limits that hold for an owner's tasks; those of ``USER`` hold for nobody's tasks never.

    Raises ConfigurationError where one cannot be understood, or a callable of the site's raised: never taken for none.
    """
    given = conf.CREDIT_LIMITS
    try:
        if callable(given):
            given = given(_user(owner_id))
        found = parse(given)
        if callable(mine := found.get(USER)):
            found[USER] = _periods(mine(_user(owner_id)) if owner_id is not None else None)
        for scope, short in ((SITE, conf.DAILY_CREDIT_LIMIT), (USER, conf.USER_DAILY_CREDIT_LIMIT)):
            if short is not None:
                amount, periods = amount_of(short), found.setdefault(scope, {})
                periods["day"] = min(periods.get("day", amount), amount)
    except DatabaseError:
        raise
    except Exception as error:
        logger.exception("The limits on credits cannot be read; nothing is sent before they can.")
        raise ConfigurationError(f"WANVIDEO['CREDIT_LIMITS'] cannot be used: {error}") from error
    return [
        CreditLimit(scope, period, amount)
        for scope, periods in found.items()
        if scope == SITE or owner_id is not None
        for period, amount in periods.items()
    ]


def parse(value: Any) -> dict[str, Any]:
    """Return the limits by scope and period; what a callable will say is left as the callable.

    Raises ValueError for none of the shapes that ``CREDIT_LIMITS`` may have; the message says which part.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is no dictionary")  # noqa: TRY004 - one error for all that is wrong with a setting
    if value.keys() <= set(PERIODS):
        return {USER: _periods(value)}
    if unknown := value.keys() - {SITE, USER}:
        raise ValueError(f"{sorted(map(str, unknown))[0]!r} is neither 'site' nor 'user'")
    return {scope: given if callable(given) and scope == USER else _periods(given) for scope, given in value.items()}


def _periods(value: Any) -> dict[str, Decimal]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is no dictionary of periods")  # noqa: TRY004
    if unknown := value.keys() - set(PERIODS):
        raise ValueError(f"{sorted(map(str, unknown))[0]!r} is none of 'day', 'week' and 'month'")
    return {period: amount_of(amount) for period, amount in value.items() if amount is not None}


def amount_of(value: Any) -> Decimal:
    """Read an amount of credits. Raises ValueError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"{value!r} is no number of credits")  # noqa: TRY004
    amount = Decimal(str(value))
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{value!r} is no number of credits")
    return amount


def _user(owner_id: Any) -> Any:
    """Return the owner, from the primary; a task that belongs to nobody has an anonymous one."""
    found = people.rows().filter(pk=owner_id).first() if owner_id is not None else None
    return found or AnonymousUser()


def words(limit: CreditLimit) -> str:
    """Say a limit as part of a sentence."""
    amount = number_format(limit.credits.normalize() if limit.credits % 1 else limit.credits.quantize(Decimal(1)))
    return {
        ("site", "day"): _("this site’s limit of %(n)s credits a day"),
        ("site", "week"): _("this site’s limit of %(n)s credits a week"),
        ("site", "month"): _("this site’s limit of %(n)s credits a month"),
        ("user", "day"): _("the owner’s limit of %(n)s credits a day"),
        ("user", "week"): _("the owner’s limit of %(n)s credits a week"),
        ("user", "month"): _("the owner’s limit of %(n)s credits a month"),
    }[limit.scope, limit.period] % {"n": amount}
