"""Whether EvoLink bills what the price lists say."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django_wanvideo.models import CreditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How many bills in a row must be off, and by more than which share of the price.
IN_A_ROW, TOLERANCE = 3, Decimal("0.01")


@dataclass(frozen=True)
class OffList:
    """A model of which the last bills were not what its price list says; pairs of price and bill, the newest first."""

    model: str
    bills: tuple[tuple[Decimal, Decimal], ...]


def is_off(estimated: Decimal, used: Decimal, *, may_be_less: bool = False) -> bool:
    """Tell whether a bill differs from its price by more than a hundredth."""
    return used - estimated > estimated * TOLERANCE or (estimated - used > estimated * TOLERANCE and not may_be_less)


def off_lists(models: Mapping[str, bool]) -> list[OffList]:
    """Return the models whose price list was off three times in a row.

    A video whose length the model chose is left out: what was expected of it is the most that it may cost.

    Args:
        models: whether less may be billed than what is expected, by model: where the length of a given clip counts, which
            may not be known.
    """
    found = []
    for model, may_be_less in models.items():
        entries = CreditEntry.objects.filter(model=model, used__gt=0, estimated__gt=0, seconds__gt=0)
        newest = entries.order_by("-settled_at").values_list("estimated", "used")
        bills = tuple((estimated, used) for estimated, used in newest[:IN_A_ROW] if estimated and used)
        if len(bills) == IN_A_ROW and all(is_off(*bill, may_be_less=may_be_less) for bill in bills):
            found.append(OffList(model, bills))
    return found
