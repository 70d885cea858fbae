"""A parameter of a model: its description, and the checks of its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.text import SURROGATE, describe_value, normalised, wrong_kind

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
    kind: Literal["integer", "boolean", "choice", "text"]
    label: StrOrPromise
    #: ``None`` where EvoLink or the inputs decide while nothing is chosen; ``unset_label`` then says what happens.
    default: Scalar | None
    #: Where the value stands in the request, a dot leads into an object; empty for what is sent with an input.
    request_field: str
    help_text: StrOrPromise = ""
    minimum: int | None = None
    maximum: int | None = None
    options: tuple[Choice, ...] = ()
    #: Whole numbers outside the limits that mean something of their own.
    also: tuple[Choice, ...] = ()
    #: Characters of a text, and whether EvoLink cuts what is longer without a word; it is refused here all the same.
    max_length: int | None = None
    is_truncated: bool = False
    unset_label: StrOrPromise = ""
    #: Whether an unset choice is sent as the one that the rules leave beside the inputs.
    follows_inputs: bool = False
    #: "s" for seconds, "" for none.
    unit: str = ""
    #: Whether the default is sent when nothing was chosen.
    always_sent: bool = False

    @property
    def choices(self) -> tuple[tuple[Scalar, StrOrPromise], ...]:
        """The values and their labels, as Django's form fields take them."""
        return tuple((option.value, option.label) for option in self.options)

    def label_of(self, value: object) -> StrOrPromise:
        """Return what people call ``value``; empty where it speaks for itself."""
        if value is None:
            return self.unset_label
        return next((option.label for option in (*self.options, *self.also) if option.value == value), "")

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
        if self.kind == "text":
            return self._clean_text(value)
        params = self._limits() | {"value": describe_value(value)}
        if isinstance(value, bool) or not isinstance(value, int):
            message = _(
                "Give a whole number from %(minimum)s to %(maximum)s, such as %(default)s, without a decimal point; "
                "got %(value)s."
            )
            raise ValidationError(message, "invalid", params)
        if value in {option.value for option in self.also}:
            return int(value)
        too_small = self.minimum is not None and value < self.minimum
        if too_small or (self.maximum is not None and value > self.maximum):
            message = _("Choose from %(minimum)s to %(maximum)s; %(value)s is outside.")
            raise ValidationError(message, "min_value" if too_small else "max_value", params)
        return int(value)

    def parse(self, text: str) -> Scalar:
        """Return the value that a form field or a command line means by ``text``; ValidationError when it means none."""
        word = text.strip()
        meant: object = text if self.kind == "text" else word
        if self.kind == "boolean":
            meant = _BOOLEANS.get(word.casefold(), word)
        elif self.kind == "choice":
            meant = next((option.value for option in self.options if str(option.value) == word), word)
        elif self.kind == "integer" and len(word) <= _LONGEST_NUMBER and word.removeprefix("-").isdecimal():
            meant = int(word)
        return self.clean(meant)

    def _clean_text(self, value: object) -> str:
        if not isinstance(value, str):
            raise wrong_kind(_("Write text; got %(value)s."), value)
        text = normalised(value)
        if "\x00" in text or SURROGATE.search(text):
            message = _("The text contains characters that cannot be sent. Type it again instead of pasting it.")
            raise ValidationError(message, "invalid_characters")
        if self.max_length is not None and len(text) > self.max_length:
            message = _("These are %(length)s characters; this model takes %(limit)s. Shorten it by %(excess)s.")
            params = {"length": len(text), "limit": self.max_length, "excess": len(text) - self.max_length}
            raise ValidationError(message, "max_length", params)
        return text

    def _limits(self) -> dict[str, Any]:
        maximum = f"{self.maximum}\N{NO-BREAK SPACE}{self.unit}" if self.unit else str(self.maximum)
        for option in self.also:
            maximum = gettext("%(limit)s, or %(other)s") % {"limit": maximum, "other": option.value}
        such_as = self.default if self.default not in {None, *(option.value for option in self.also)} else self.minimum
        return {"minimum": self.minimum, "maximum": maximum, "default": such_as}


def _same_type(known: object, value: object) -> bool:
    """Tell whether ``value`` is of the plain type of ``known``; subclasses count, but a boolean is no number."""
    return isinstance(value, type(known)) and isinstance(value, bool) is isinstance(known, bool)
