"""What a video costs: frozen data, and the arithmetic of EvoLink's price list."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from django_wanvideo.catalog.inputs import MediaFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from django_wanvideo.catalog.parameters import Scalar
    from django_wanvideo.choices import InputRole

#: EvoLink counts in units of 1/10,000 credit and rounds them half up.
CREDIT_UNIT = Decimal("0.0001")
#: EvoLink's units: 680,000 are one dollar, 10,000 are one credit.
CREDITS_PER_DOLLAR = Decimal(68)


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
class InputSeconds:
    """Seconds of given clips that are billed beside those of the video."""

    role: InputRole
    #: Seconds of all clips that are billed at most.
    most: Decimal
    #: Seconds of each clip that are billed at most, by how many there are; empty where only ``most`` counts.
    most_each: tuple[Decimal, ...] = ()

    def billed(self, clips: Sequence[object]) -> Decimal:
        """Return the billed seconds. A clip whose length is not known (no ``MediaFacts``) counts as a long one."""
        if not clips:
            return Decimal(0)
        each = self.most_each[min(len(clips), len(self.most_each)) - 1] if self.most_each else self.most
        return min(self.most, sum((min(each, _seconds(clip, each)) for clip in clips), Decimal(0)))


def _seconds(clip: object, otherwise: Decimal) -> Decimal:
    known = clip.seconds if isinstance(clip, MediaFacts) else None
    return otherwise if known is None else known


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
    #: Values of that parameter that are no length, and the seconds that are reserved for them; less may be billed.
    reserved: tuple[tuple[int, int], ...] = ()
    #: Clips that are billed too.
    input_seconds: tuple[InputSeconds, ...] = ()

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

    def billed_seconds(self, values: Mapping[str, object], inputs: Mapping[str, Sequence[object]]) -> Decimal:
        """Return the seconds that are reserved for complete, valid ``values`` and ``inputs`` by role."""
        seconds = values[self.seconds]
        if not isinstance(seconds, int):
            raise TypeError(f"{self.seconds} must be whole seconds.")
        given = (item.billed(inputs.get(item.role, ())) for item in self.input_seconds)
        return Decimal(dict(self.reserved).get(seconds, seconds)) + sum(given, Decimal(0))

    def credits(self, values: Mapping[str, object], inputs: Mapping[str, Sequence[object]] | None = None) -> Decimal:
        """Return the credits, with four decimals, for complete, valid ``values`` and ``inputs`` by role."""
        return max(self.minimum, self._unbounded(values, inputs)).quantize(CREDIT_UNIT, ROUND_HALF_UP)

    def is_minimum(self, values: Mapping[str, object], inputs: Mapping[str, Sequence[object]] | None = None) -> bool:
        """Tell whether complete, valid ``values`` cost the minimum because they would cost less."""
        return self._unbounded(values, inputs) < self.minimum

    def is_upper_limit(self, values: Mapping[str, object], inputs: Mapping[str, Sequence[object]]) -> bool:
        """Tell whether less may be billed: the model chooses the length, or that of a clip is not known."""
        clips = [clip for item in self.input_seconds for clip in inputs.get(item.role, ())]
        unknown = any(not isinstance(clip, MediaFacts) or clip.seconds is None for clip in clips)
        return unknown or values[self.seconds] in dict(self.reserved)

    def _unbounded(self, values: Mapping[str, object], inputs: Mapping[str, Sequence[object]] | None) -> Decimal:
        return self.billed_seconds(values, inputs or {}) * self.rate_for(values)
