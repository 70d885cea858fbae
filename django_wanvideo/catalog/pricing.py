"""What a video costs, as data: credits a second, multipliers, a minimum and the date of the price list."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

#: EvoLink counts in units of 1/10,000 credit and rounds them half up.
CREDIT_UNIT = Decimal("0.0001")
#: EvoLink's units: 680,000 are one dollar, 10,000 are one credit.
CREDITS_PER_DOLLAR = Decimal(68)
DOLLAR_UNIT = Decimal("0.0001")

Scalar = bool | int | str


@dataclass(frozen=True, slots=True)
class Multiplier:
    """By how much each value of one parameter multiplies the rate."""

    parameter: str
    values: tuple[tuple[Scalar, Decimal], ...]

    def factor(self, value: object) -> Decimal:
        """Return the factor for ``value``. Raises LookupError when the price list does not know it."""
        for known, factor in self.values:
            if type(known) is type(value) and known == value:
                return factor
        raise LookupError(f"The price list has no factor for {self.parameter}={value!r}.")


@dataclass(frozen=True, slots=True)
class PriceRule:
    """Price of one video: ``max(minimum, seconds * rate * factors)``, in credits.

    Source: EvoLink's public pricing rules as they stood on ``as_of``. Prices move; what EvoLink reports as used is the truth.
    """

    #: Credits for one second, before factors.
    rate: Decimal
    #: Credits that every video costs at least.
    minimum: Decimal
    as_of: date
    multipliers: tuple[Multiplier, ...] = ()
    #: The parameter that holds the billed seconds.
    seconds: str = "duration"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters that the price depends on."""
        return (self.seconds, *(multiplier.parameter for multiplier in self.multipliers))

    def rate_for(self, values: Mapping[str, object]) -> Decimal:
        """Return credits a second for complete, valid ``values``; the minimum is not considered."""
        rate = self.rate
        for multiplier in self.multipliers:
            rate *= multiplier.factor(values[multiplier.parameter])
        return rate

    def credits(self, values: Mapping[str, object]) -> Decimal:
        """Return the credits, with four decimals, for complete, valid ``values``."""
        return max(self.minimum, self._unbounded(values)).quantize(CREDIT_UNIT, ROUND_HALF_UP)

    def is_minimum(self, values: Mapping[str, object]) -> bool:
        """Tell whether complete, valid ``values`` cost the minimum because they would cost less."""
        return self._unbounded(values) < self.minimum

    def dollars(self, amount: Decimal) -> Decimal:
        """Return ``amount`` credits in US dollars, with four decimals."""
        return (amount / CREDITS_PER_DOLLAR).quantize(DOLLAR_UNIT, ROUND_HALF_UP)

    def _unbounded(self, values: Mapping[str, object]) -> Decimal:
        seconds = values[self.seconds]
        if not isinstance(seconds, int):
            raise TypeError(f"{self.seconds} must be whole seconds.")
        return seconds * self.rate_for(values)
