"""System checks of what the settings say about credits and money."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error

from django_wanvideo.conf import conf

if TYPE_CHECKING:
    from collections.abc import Iterator


def limits() -> Iterator[CheckMessage]:
    """Judge ``CREDIT_LIMITS``, as far as it is no callable."""
    # The services need the models, which are not there yet when checks are registered.
    from django_wanvideo.services.limits import credit_limits

    if callable(conf.CREDIT_LIMITS):
        return
    try:
        credit_limits.parse(conf.CREDIT_LIMITS)
    except ValueError as error:
        shape = '{"site": {"month": 5000}, "group": {"Marketing": {"month": 1000}}, "user": {"week": 200}}'
        yield _bad_value("CREDIT_LIMITS", f"credits by period, such as {shape}, or a callable of the user; {error}")


def price() -> Iterator[CheckMessage]:
    """Judge ``CREDIT_PRICE``."""
    if conf.CREDIT_PRICE is not None and not _is_price(conf.CREDIT_PRICE):
        yield _bad_value("CREDIT_PRICE", 'the price of a credit and its currency, such as ("0.0147", "USD"), or None')


def _is_price(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return False
    try:
        amount = Decimal(str(value[0]))
    except InvalidOperation:
        return False
    return amount.is_finite() and amount > 0 and re.fullmatch("[A-Z]{3}", str(value[1])) is not None


def _bad_value(name: str, wanted: str) -> CheckMessage:
    return Error(f"WANVIDEO['{name}'] must be {wanted}.", hint="Leave it out to use the default.", id="wanvideo.E011")
