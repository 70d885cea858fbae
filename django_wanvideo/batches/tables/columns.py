"""The columns of a table: which are known, and which was meant by one that is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.batches import inputs, rows
from django_wanvideo.batches.wording import nearest
from django_wanvideo.catalog.text import normalised, printable
from django_wanvideo.catalog.validation import FAMILY_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

MOST = 200
#: What is written behind the columns of a table that is given back.
OF_PROBLEMS = ("row", "problem")
OF_TASKS = (*OF_PROBLEMS, "status", "task", "credits_estimated", "credits_used", "error", "video")
#: In these a date or any other text is what it is.
FREE = frozenset({"prompt", "notes", "name"})
_METADATA = "metadata."


def known() -> frozenset[str]:
    """Return all names of columns that mean something to some model."""
    parameters = {item.name for spec in catalog.known() for item in spec.parameters}
    return frozenset({*rows.COLUMNS, *inputs.ROLES, *FAMILY_PARAMETERS, *parameters})


def score(cells: Sequence[str]) -> int:
    """Return how many of some cells are names of columns that are known."""
    names = known()
    return sum(name in names or name.startswith(_METADATA) for name in map(_name, cells))


def is_free(name: str) -> bool:
    """Tell whether a column may have any text: words for people, and columns of the site's own."""
    return name in FREE or name.startswith(_METADATA) or name not in known()


def names_of(cells: Sequence[str]) -> list[str]:
    """Return the names of a table's columns; of one that was given back, without those that were added.

    Raises:
        ValidationError: they are too many, or one is there twice.
    """
    names = [_name(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > MOST:
        message = _("The table has more than %(limit)s columns.")
        raise ValidationError(message, code="too_many_columns", params={"limit": MOST})
    for added in (OF_TASKS, OF_PROBLEMS):
        if tuple(names[-len(added) :]) == added:
            names = names[: -len(added)]
            break
    given = [name for name in names if name]
    if twice := next((name for name in given if given.count(name) > 1), ""):
        message = _("The table has the column `%(name)s` twice. Give one of them another name.")
        raise ValidationError(message, code="column_twice", params={"name": printable(twice)})
    return names


def unused(names: Sequence[str]) -> frozenset[str]:
    """Return those columns that no model knows; prompts may name them."""
    return frozenset(name for name in names if name not in known() and not name.startswith(_METADATA))


def warnings(names: Sequence[str], asked: Collection[str]) -> list[str]:
    """Return a sentence for each column that nothing uses and that is nearly one that is known.

    Args:
        asked: names that the prompt for all uses.
    """
    found = []
    for name in names:
        if name in unused(names) and name not in asked and (meant := nearest(name, known())):
            message = _("The column `%(name)s` is not used. Did you mean `%(meant)s`?")
            found.append(message % {"name": printable(name), "meant": meant})
    for number, name in enumerate(names, 1):
        if not name:
            found.append(_("Column %(number)s has no name and is not used.") % {"number": number})
    return found


def _name(cell: str) -> str:
    """Return the name of a column as it is known, however it is written: ``First frame`` is ``first_frame``."""
    text = normalised(cell)
    plain = re.sub(r"[\s-]+", "_", text.casefold())
    if plain.startswith(_METADATA):
        return _METADATA + text[len(_METADATA) :]
    return plain if plain in known() else text
