"""How a model is described: frozen data, and the few questions that it answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from django_wanvideo.choices import InputRole, Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from django_stubs_ext import StrOrPromise

    from django_wanvideo.catalog.inputs import InputSpec
    from django_wanvideo.catalog.parameters import ParameterSpec, Scalar
    from django_wanvideo.catalog.pricing import PriceRule


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """The words that a model takes. Characters are Unicode code points."""

    max_length: int
    required: bool = True
    #: Whether EvoLink cuts what is too long without a word. It is refused here all the same: nobody pays for half a wish.
    is_truncated: bool = False
    label: StrOrPromise = ""
    help_text: StrOrPromise = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a parameter or an input has to do with others.

    It concerns ``parameter`` when somebody has set it (to one of ``values``, or to anything when ``values`` is empty);
    for the role of an input, when there is one. ``requires`` wants all of ``others`` to hold, ``excludes`` wants that
    they do not. A name in ``others`` is a parameter with the value it has, given or by default, or the role of an input
    with whether there is one.
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
class OneOf:
    """Of some inputs (and ``prompt``) at least one has to be there; what is missing is said at the first."""

    names: tuple[str, ...]
    message: StrOrPromise


@dataclass(frozen=True, slots=True)
class CountedTogether:
    """Inputs of several roles that are at most so many together; too many are said at the first role."""

    roles: tuple[InputRole, ...]
    max_items: int
    message: StrOrPromise


@dataclass(frozen=True, slots=True)
class OutputSize:
    """Pixels of the video for one quality and one format."""

    quality: str
    aspect_ratio: str
    width: int
    height: int


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
    one_of: tuple[OneOf, ...] = ()
    counted_together: tuple[CountedTogether, ...] = ()
    #: Empty where EvoLink documents none.
    sizes: tuple[OutputSize, ...] = ()
    #: Documented fields that are not sent, each with the reason.
    not_sent: tuple[tuple[str, str], ...] = ()
    #: The page that all this was read from, and when.
    source: str = ""
    as_of: date | None = None
    #: Since when EvoLink does not have it any more: it is not offered, and tasks of it stay what they are.
    withdrawn: date | None = None

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

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """What the model is for, by what is enough for it to begin with; empty where it needs more than one thing."""
        is_part = any(item.role == InputRole.SOURCE_VIDEO and item.is_part_of_video for item in self.inputs)
        fits = {
            Purpose.ANIMATE: self._begins_with(InputRole.FIRST_FRAME),
            Purpose.WORDS: self._begins_with() and all(item.media == "audio" for item in self.inputs),
            Purpose.FIRST_TO_LAST: self._begins_with(InputRole.FIRST_FRAME, InputRole.LAST_FRAME),
            Purpose.CONTINUE: is_part and self._begins_with(InputRole.SOURCE_VIDEO),
            Purpose.CHARACTER: self._begins_with(InputRole.REFERENCE_VIDEOS)
            or self._begins_with(InputRole.REFERENCE_IMAGES),
            Purpose.CHANGE: not is_part and self._begins_with(InputRole.SOURCE_VIDEO),
        }
        return tuple(purpose for purpose, is_fit in fits.items() if is_fit)

    def _begins_with(self, *roles: InputRole) -> bool:
        """Tell whether the model takes ``roles`` and needs nothing beside them and a prompt."""
        needed = {item.role for item in self.inputs if item.required}
        given = {"prompt", *(role.value for role in roles)}
        return (
            all(self.has_role(role) for role in roles)
            and needed <= {*roles}
            and all(given & {*one.names} for one in self.one_of)
        )

    def form_rules(self) -> list[dict[str, Any]]:
        """Return the rules between settings as JSON for a form; those between inputs only the server checks."""
        return [rule.as_dict() for rule in self.rules if any(rule.parameter == item.name for item in self.parameters)]
