"""Rows as they are given, by Python or by a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.core.exceptions import ValidationError

    from django_wanvideo.batches.rows import CheckedRow

#: The ways in, as ``Batch.settings["way"]`` names them.
PICTURES, TABLE, TAKES = "pictures", "table", "takes"
#: Rows that are named; of more only the number is said.
MOST_SAID = 5
#: What no database keeps in JSON.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class GivenRow(dict[str, Any]):
    """A row of a table, with the number that people find it by and what its reader found wrong, by column.

    ``unused`` are columns that no model knows; prompts may name them.
    """

    __slots__ = ("number", "problems", "unused")

    def __init__(self, values: Mapping[str, Any], *, number: int, unused: frozenset[str] = frozenset()) -> None:
        super().__init__(values)
        self.number, self.unused = number, unused
        self.problems: list[tuple[str, ValidationError]] = []


def numbered(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield rows with their numbers: those that they have, or else counted from 1."""
    for position, row in enumerate(rows, 1):
        yield row.number if isinstance(row, GivenRow) else position, row


def describe(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as JSON, as it was given; files by their names."""
    return {_text(str(name)): _described(value) for name, value in row.items()}


def _described(value: Any) -> Any:
    if value is None or isinstance(value, (int, float, bool)):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(str(name)): _described(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_described(item) for item in value]
    return _text(str(getattr(value, "name", "") or value))


def _text(text: str) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class Repeats:
    """Which rows ask for the very same, to be said before they are made."""

    def __init__(self) -> None:
        self._numbers: dict[str, list[int]] = {}

    def add(self, checked: CheckedRow) -> None:
        """Take note of a row. One with a key of its own is made once by that."""
        if checked.sha256 and not checked.content.get("key"):
            self._numbers.setdefault(checked.sha256, []).append(checked.number)

    def warnings(self) -> list[str]:
        """Return a sentence for each of the first few, and one for the others."""
        same = [numbers for numbers in self._numbers.values() if len(numbers) > 1]
        said = []
        for *others, last in same[:MOST_SAID]:
            words = {
                "others": ", ".join([*map(str, others[:MOST_SAID]), *(["…"] if len(others) > MOST_SAID else [])]),
                "last": last,
            }
            if len(others) == 1:
                said.append(_("Rows %(others)s and %(last)s are the same. Both are made.") % words)
            else:
                said.append(_("Rows %(others)s and %(last)s are the same. All are made.") % words)
        if left := max(len(same) - MOST_SAID, 0):
            more = ngettext("%(left)s more row is there twice.", "%(left)s more rows are there twice.", left)
            said.append(more % {"left": left})
        return said
