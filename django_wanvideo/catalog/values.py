"""Checks of one parameter's value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.words import shown

if TYPE_CHECKING:
    from django_wanvideo.catalog.spec import ParameterSpec, Scalar

_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
#: Digits; what is longer is no length or count, and Python refuses to read very long numbers.
_LONGEST_NUMBER = 20


def clean_value(parameter: ParameterSpec, value: object) -> Scalar:
    """Return ``value`` in the parameter's own type, or raise ValidationError."""
    if parameter.kind == "boolean":
        if not isinstance(value, bool):
            raise ValidationError(_("Say true or false; got %(value)s."), "invalid", {"value": shown(value)})
        return value
    if parameter.kind == "choice":
        for option in parameter.options:
            # Without the types True would pass for 1 and 5.0 for 5.
            if _same_type(option.value, value) and option.value == value:
                return option.value
        raise ValidationError(
            _("Choose one of %(choices)s; got %(value)s."),
            "invalid_choice",
            {"choices": ", ".join(str(option.value) for option in parameter.options), "value": shown(value)},
        )
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValidationError(
            _(
                "Give a whole number from %(minimum)s to %(maximum)s, such as %(default)s, without a decimal point; "
                "got %(value)s."
            ),
            "invalid",
            _limits(parameter) | {"value": shown(value)},
        )
    too_small = parameter.minimum is not None and value < parameter.minimum
    if too_small or (parameter.maximum is not None and value > parameter.maximum):
        raise ValidationError(
            _("Choose from %(minimum)s to %(maximum)s; %(value)s is outside."),
            "min_value" if too_small else "max_value",
            _limits(parameter) | {"value": shown(value)},
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
