"""A parameter of a model: its description, and the checks of its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.messages import describe_value

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Scalar = bool | int | str


_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
#: Digits; what is longer is no length or count, and Python refuses to read very long numbers.
_LONGEST_NUMBER = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that a parameter may have."""

    value: Scalar
    label: StrOrPromise
    #: One line that tells it from the others.
    description: StrOrPromise = ""


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One parameter of a model, under EvoLink's name."""

    name: str
    kind: Literal["integer", "boolean", "choice"]
    label: StrOrPromise
    default: Scalar
    #: Where the value stands in the request; a dot leads into an object.
    request_field: str
    help_text: StrOrPromise = ""
    minimum: int | None = None
    maximum: int | None = None
    options: tuple[Choice, ...] = ()
    #: "s" for seconds, "" for none.
    unit: str = ""
    #: Whether the default is sent when nothing was chosen.
    always_sent: bool = False

    @property
    def choices(self) -> tuple[tuple[Scalar, StrOrPromise], ...]:
        """The values and their labels, as Django's form fields take them."""
        return tuple((option.value, option.label) for option in self.options)

    def clean(self, value: object) -> Scalar:
        """Return ``value`` in its own type. Raises ValidationError when the parameter cannot have it."""
        return clean_value(self, value)

    def parse(self, text: str) -> Scalar:
        """Return the value that a form field or a command line means by ``text``; ValidationError when it means none."""
        return parse_value(self, text)


def clean_value(parameter: ParameterSpec, value: object) -> Scalar:
    """Return ``value`` in the parameter's own type, or raise ValidationError."""
    if parameter.kind == "boolean":
        if not isinstance(value, bool):
            raise ValidationError(_("Say true or false; got %(value)s."), "invalid", {"value": describe_value(value)})
        return value
    if parameter.kind == "choice":
        for option in parameter.options:
            # Without the types True would pass for 1 and 5.0 for 5.
            if _same_type(option.value, value) and option.value == value:
                return option.value
        raise ValidationError(
            _("Choose one of %(choices)s; got %(value)s."),
            "invalid_choice",
            {"choices": ", ".join(str(option.value) for option in parameter.options), "value": describe_value(value)},
        )
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValidationError(
            _(
                "Give a whole number from %(minimum)s to %(maximum)s, such as %(default)s, without a decimal point; "
                "got %(value)s."
            ),
            "invalid",
            _limits(parameter) | {"value": describe_value(value)},
        )
    too_small = parameter.minimum is not None and value < parameter.minimum
    if too_small or (parameter.maximum is not None and value > parameter.maximum):
        raise ValidationError(
            _("Choose from %(minimum)s to %(maximum)s; %(value)s is outside."),
            "min_value" if too_small else "max_value",
            _limits(parameter) | {"value": describe_value(value)},
        )
    return int(value)


def parse_value(parameter: ParameterSpec, text: str) -> Scalar:
    """Return the value that ``text`` means, or raise ValidationError."""
    word = text.strip()
    meant: object = word
    if parameter.kind == "boolean":
        meant = _BOOLEANS.get(word.casefold(), word)
    elif parameter.kind == "choice":
        meant = next((option.value for option in parameter.options if str(option.value) == word), word)
    elif len(word) <= _LONGEST_NUMBER and word.removeprefix("-").isdecimal():
        meant = int(word)
    return clean_value(parameter, meant)


def _same_type(known: object, value: object) -> bool:
    """Tell whether ``value`` is of the plain type of ``known``; subclasses count, but a boolean is no number."""
    return isinstance(value, type(known)) and isinstance(value, bool) is isinstance(known, bool)


def _with_unit(text: str, parameter: ParameterSpec) -> str:
    """Return ``text`` followed by the parameter's unit."""
    return f"{text}\N{NO-BREAK SPACE}{parameter.unit}" if parameter.unit else text


def _limits(parameter: ParameterSpec) -> dict[str, Any]:
    """Return the parameter's limits for a message."""
    return {
        "minimum": parameter.minimum,
        "maximum": _with_unit(str(parameter.maximum), parameter),
        "default": parameter.default,
    }
