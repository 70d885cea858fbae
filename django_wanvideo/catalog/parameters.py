"""A parameter of a model: its description, and the checks of its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.text import describe_value, wrong_kind

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
        if self.kind == "boolean":
            if not isinstance(value, bool):
                raise wrong_kind(_("Say true or false; got %(value)s."), value)
            return value
        if self.kind == "choice":
            for option in self.options:
                # Without the types True would pass for 1 and 5.0 for 5.
                if _same_type(option.value, value) and option.value == value:
                    return option.value
            choices = ", ".join(str(option.value) for option in self.options)
            message = _("Choose one of %(choices)s; got %(value)s.")
            raise ValidationError(message, "invalid_choice", {"choices": choices, "value": describe_value(value)})
        params = self._limits() | {"value": describe_value(value)}
        if isinstance(value, bool) or not isinstance(value, int):
            message = _(
                "Give a whole number from %(minimum)s to %(maximum)s, such as %(default)s, without a decimal point; "
                "got %(value)s."
            )
            raise ValidationError(message, "invalid", params)
        too_small = self.minimum is not None and value < self.minimum
        if too_small or (self.maximum is not None and value > self.maximum):
            message = _("Choose from %(minimum)s to %(maximum)s; %(value)s is outside.")
            raise ValidationError(message, "min_value" if too_small else "max_value", params)
        return int(value)

    def parse(self, text: str) -> Scalar:
        """Return the value that a form field or a command line means by ``text``; ValidationError when it means none."""
        word = text.strip()
        meant: object = word
        if self.kind == "boolean":
            meant = _BOOLEANS.get(word.casefold(), word)
        elif self.kind == "choice":
            meant = next((option.value for option in self.options if str(option.value) == word), word)
        elif len(word) <= _LONGEST_NUMBER and word.removeprefix("-").isdecimal():
            meant = int(word)
        return self.clean(meant)

    def _limits(self) -> dict[str, Any]:
        maximum = f"{self.maximum}\N{NO-BREAK SPACE}{self.unit}" if self.unit else str(self.maximum)
        return {"minimum": self.minimum, "maximum": maximum, "default": self.default}


def _same_type(known: object, value: object) -> bool:
    """Tell whether ``value`` is of the plain type of ``known``; subclasses count, but a boolean is no number."""
    return isinstance(value, type(known)) and isinstance(value, bool) is isinstance(known, bool)
