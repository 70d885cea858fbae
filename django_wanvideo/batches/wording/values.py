"""What is said of a model's settings."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from django_wanvideo.batches.wording.place import Place, Sentences, one_of
from django_wanvideo.choices import InputRole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_wanvideo.catalog import ParameterSpec, Rule

_FRACTION = re.compile(r"(\d{1,9})[.,](\d{1,9})")
#: 05. Oct, 5-Oct, Oct-05, 5.10.2026, 2026-10-05
_DATE = re.compile(
    r"\d{1,2}[.\-/ ]\s*[^\W\d_]{3,9}\.?([.\-/ ]\s*\d{2,4})?|[^\W\d_]{3,9}\.?[.\-/ ]\s*\d{1,4}"
    r"|\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})|\d{4}-\d{1,2}-\d{1,2}.*"
)


def invalid(place: Place, params: Mapping[str, Any]) -> Sentences:
    """Say that a value is of another kind."""
    parameter = place.parameter
    if parameter is None or parameter.kind == "boolean":
        return _("This is neither yes nor no."), _("yes or no")
    if fraction := _FRACTION.fullmatch(place.cell):
        seconds = parameter.unit == "s"
        wrong = _("Only whole seconds can be made.") if seconds else _("Only whole numbers are taken.")
        exact = float(f"{fraction[1]}.{fraction[2]}")
        near = {min(max(value, parameter.minimum or 0), parameter.maximum or value) for value in _around(exact)}
        return wrong, one_of(sorted(near))
    if _DATE.fullmatch(place.cell):
        return excel_date(place, params)
    return _("“%(value)s” is not a number.") % {"value": place.cell}, _whole_number(parameter)


def outside(place: Place, params: Mapping[str, Any]) -> Sentences:
    """Say which values a model takes."""
    parameter = place.parameter
    if parameter is None:
        return "", ""
    words = {
        "model": place.model,
        "label": parameter.label,
        "minimum": parameter.minimum,
        "maximum": _maximum(parameter),
    }
    if parameter.unit == "s":
        wrong = _("%(model)s makes videos of %(minimum)s to %(maximum)s seconds.") % words
    else:
        wrong = _("%(model)s takes “%(label)s” from %(minimum)s to %(maximum)s.") % words
    return wrong, _whole_number(parameter)


def unknown_choice(place: Place, params: Mapping[str, Any]) -> Sentences:
    """Say which choices a model has."""
    parameter = place.parameter
    if parameter is None:
        return "", ""
    words = {"model": place.model, "label": parameter.label}
    choices = one_of(option.value for option in parameter.options)
    return _("%(model)s has no “%(label)s” of this name.") % words, choices


def excel_date(place: Place, params: Mapping[str, Any]) -> Sentences:
    """Say that there was a number once."""
    numbers = [int(part) for part in re.findall(r"\d{1,4}", place.cell)]
    if re.match(r"\d{4}-", place.cell):
        # A date of Excel itself, whose day most likely was typed first.
        numbers = numbers[2:3]
    parameter = place.parameter
    taken = [
        number
        for number in numbers
        if parameter is not None and (parameter.minimum or 0) <= number <= (parameter.maximum or number)
    ]
    value = str(taken[0]) if taken else _("The number")
    repair = _("%(value)s; set the column to Text before typing") % {"value": value}
    return _("Excel has turned the number into a date."), repair


def requires(place: Place, params: Mapping[str, Any]) -> Sentences:
    """Say what has to be chosen with a setting."""
    rule: Rule = params["rule"]
    if _is_said_whole(rule):
        return str(rule.message), ""
    name, value = rule.others[0]
    words = {"label": _label(place, place.column), "name": name, "value": _value(value)}
    wrong = _("“%(label)s” can be chosen only with `%(name)s` %(value)s, which is not so in this row.") % words
    return wrong, _("`%(name)s` %(value)s, or an empty cell") % words


def excludes(place: Place, params: Mapping[str, Any]) -> Sentences:
    """Say which two cannot be together."""
    rule: Rule = params["rule"]
    if _is_said_whole(rule):
        return str(rule.message), ""
    words = {"name": place.column, "other": rule.others[0][0], "value": place.cell}
    wrong = _("`%(name)s` %(value)s and `%(other)s` exclude each other.") % words
    return wrong, _("An empty cell in `%(name)s` or in `%(other)s`") % words


def _is_said_whole(rule: Rule) -> bool:
    """Tell whether a rule is about more than one value beside one other, which its own message says better."""
    about_inputs = any(name in InputRole.values for name, _value in rule.others)
    return len(rule.others) > 1 or (about_inputs and len(rule.values) != 1)


def _label(place: Place, name: str) -> str:
    return str(place.parameter.label) if place.parameter is not None else name


def _value(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def _around(value: float) -> tuple[int, int]:
    return math.floor(value), math.ceil(value)


def _maximum(parameter: ParameterSpec) -> str:
    limit = str(parameter.maximum)
    for option in parameter.also:
        limit = _("%(limit)s, or %(other)s") % {"limit": limit, "other": option.value}
    return limit


def _whole_number(parameter: ParameterSpec) -> str:
    words = {"minimum": parameter.minimum, "maximum": _maximum(parameter)}
    return _("A whole number from %(minimum)s to %(maximum)s") % words


SENTENCES: dict[str, Callable[[Place, Mapping[str, Any]], Sentences]] = {
    "invalid": invalid,
    "invalid_choice": unknown_choice,
    "max_value": outside,
    "min_value": outside,
}
