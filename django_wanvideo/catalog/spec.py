"""How a model is described, its price included: frozen data, and the few questions that it answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from django_stubs_ext import StrOrPromise

    from django_wanvideo.catalog.parameters import ParameterSpec, Scalar
    from django_wanvideo.choices import InputRole

#: The media type of each format that an input can have, by the name used in ``InputSpec.formats``.
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "MP3": "audio/mpeg",
}

#: EvoLink counts in units of 1/10,000 credit and rounds them half up.
CREDIT_UNIT = Decimal("0.0001")
#: EvoLink's units: 680,000 are one dollar, 10,000 are one credit.
CREDITS_PER_DOLLAR = Decimal(68)
DOLLAR_UNIT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """The words that a model takes. Characters are Unicode code points."""

    max_length: int
    required: bool = True
    label: StrOrPromise = ""
    help_text: StrOrPromise = ""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One kind of media that a model takes, by role."""

    role: InputRole
    #: The field of the request.
    request_field: str
    media: Literal["image", "audio", "video", "document"]
    formats: tuple[str, ...]
    #: Bytes.
    max_bytes: int
    required: bool = False
    max_items: int = 1
    #: Whether the request carries a list of addresses or one address.
    as_list: bool = False
    #: Pixels, for width and height alike, both inclusive.
    min_side: int | None = None
    max_side: int | None = None
    allow_transparency: bool = True
    #: Length of sounds and clips, both inclusive.
    min_seconds: int | None = None
    max_seconds: int | None = None
    label: StrOrPromise = ""
    help_text: StrOrPromise = ""

    @property
    def accept(self) -> str:
        """The formats as the ``accept`` attribute of a file field."""
        return ",".join(MEDIA_TYPES[name] for name in self.formats)


@dataclass(frozen=True, slots=True)
class Rule:
    """What two fields have to do with each other.

    It concerns ``parameter`` when somebody has set it (to one of ``values``, or to anything when ``values`` is empty).
    ``requires`` wants all of ``others`` to hold, ``excludes`` wants that they do not. A name in ``others`` is a
    parameter with the value it has, given or by default, or the role of an input with whether there is one.
    """

    kind: Literal["requires", "excludes"]
    parameter: str
    others: tuple[tuple[str, Scalar], ...]
    #: The error, which stands at ``parameter``.
    message: StrOrPromise
    values: tuple[Scalar, ...] = ()
    #: A remark for the form while the rule is kept.
    note: StrOrPromise = ""

    def is_broken(self, given: Mapping[str, object], effective: Mapping[str, object]) -> bool:
        """Tell whether ``given`` values break the rule beside all those ``effective`` (defaults and inputs included)."""
        if self.parameter not in given or (self.values and given[self.parameter] not in self.values):
            return False
        holds = all(effective.get(name) == value for name, value in self.others)
        return holds is (self.kind == "excludes")

    def as_dict(self) -> dict[str, Any]:
        """Return the rule as JSON for the form, in the reader's language."""
        texts = {"message": str(self.message), "note": str(self.note)}
        return asdict(self) | {"values": list(self.values), "others": dict(self.others)} | texts


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


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What one model accepts and costs."""

    id: str
    label: StrOrPromise
    #: As the subject of a sentence.
    short_label: StrOrPromise
    prompt: PromptSpec
    parameters: tuple[ParameterSpec, ...]
    inputs: tuple[InputSpec, ...]
    price: PriceRule
    rules: tuple[Rule, ...] = ()

    def parameter(self, name: str) -> ParameterSpec:
        """Return the parameter called ``name``. Raises KeyError when the model has none."""
        return {parameter.name: parameter for parameter in self.parameters}[name]

    def input(self, role: InputRole | str) -> InputSpec:
        """Return the input with ``role``. Raises KeyError when the model takes none."""
        return {str(item.role): item for item in self.inputs}[str(role)]

    def has_role(self, role: InputRole | str) -> bool:
        """Tell whether the model takes inputs with ``role``."""
        return any(item.role == role for item in self.inputs)

    def effective_values(self, parameters: Mapping[str, object]) -> dict[str, object]:
        """Return the value that each parameter has: as given, or else its default."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return {parameter.name: given.get(parameter.name, parameter.default) for parameter in self.parameters}
