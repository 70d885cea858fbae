"""Names in a prompt, such as ``{name}``, and what is filled in for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A doubled brace, a name between braces, or a brace that is neither.
_PART = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")


def names(template: str) -> list[str]:
    """Return the names that a prompt asks for, each once, in their order."""
    found = (match[1].strip() for match in _PART.finditer(template) if match[1] is not None)
    return list(dict.fromkeys(found))


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Return the prompt with each ``{name}`` replaced by its value, and doubled braces by single ones.

    What is filled in is plain text: a brace in it stays one.

    Raises:
        ValidationError: a name is not known or has no value here, or a brace is not closed; all of them at once.
    """
    problems: list[ValidationError] = []

    def replaced(match: re.Match[str]) -> str:
        if match[0] in {"{{", "}}"}:
            return match[0][0]
        if match[1] is None:
            if match[0] == "{":
                message = _("A brace is opened and not closed; a brace itself is written {{.")
                problems.append(ValidationError(message, code="open_brace"))
            else:
                message = _("A brace is closed and was not opened; a brace itself is written }}.")
                problems.append(ValidationError(message, code="closed_brace"))
            return match[0]
        name = match[1].strip()
        value = values.get(name)
        if name not in values:
            message = _("There is no column “%(name)s” for {%(name)s}.")
            problems.append(ValidationError(message, code="unknown_placeholder", params={"name": name}))
        elif value is None or not str(value).strip():
            message = _("The prompt uses {%(name)s}, which is empty in this row.")
            problems.append(ValidationError(message, code="empty_placeholder", params={"name": name}))
        return str(value)

    filled = _PART.sub(replaced, template)
    if problems:
        raise ValidationError(problems)
    return filled
