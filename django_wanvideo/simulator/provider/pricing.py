"""What a request costs, in credits: max(minimum, seconds x rate x multipliers), rounded to 1/10000 credit."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .validation import Wish

#: 1 credit is 10,000 of EvoLink's smallest unit.
UNIT = Decimal("0.0001")


def price(wish: Wish, body: dict[str, Any]) -> Decimal:
    """The credits that EvoLink reserves. Reference videos, whose length is not known here, bill their maximum."""
    rule = wish.model.price
    seconds = wish.seconds
    if rule.input_seconds and body.get("video_urls"):
        seconds += rule.input_seconds
    amount = seconds * rule.per_second * rule.quality[wish.quality]
    if not wish.audio:
        amount *= rule.silent
    return max(amount, rule.minimum).quantize(UNIT, ROUND_HALF_UP)
