"""What credits are in money."""

from __future__ import annotations

from decimal import Decimal

from django_wanvideo.catalog.pricing import CREDITS_PER_DOLLAR
from django_wanvideo.conf import conf


def money(credits_: Decimal) -> tuple[Decimal, str]:
    """Return an amount of credits in money, unrounded, and the currency's code: by ``CREDIT_PRICE``, or EvoLink's list."""
    if conf.CREDIT_PRICE is None:
        return credits_ / CREDITS_PER_DOLLAR, "USD"
    price, currency = conf.CREDIT_PRICE
    return credits_ * Decimal(str(price)), currency
