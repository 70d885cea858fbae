"""What is wrong with a cell of a table, and what would be right, in two short sentences."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from django_wanvideo.catalog.messages import SHOWN_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_wanvideo.catalog import ModelSpec


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one row. ``cell`` is what is in it, cut."""

    column: str
    cell: str
    problem: str
    repair: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.problem} {self.repair}".strip()


@dataclass
class Problems:
    """What is wrong with one row, as it is found out."""

    number: int
    row: Mapping[str, Any]
    spec: ModelSpec | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def columns(self) -> set[str]:
        """The columns that something is wrong with."""
        return {problem.column for problem in self.problems}

    def add(self, column: str, error: ValidationError) -> None:
        """Add one error."""
        for message in error.messages:
            self.problems.append(Problem(column, self._cell(column), message))

    def add_all(self, errors: Mapping[str, Iterable[Any]]) -> None:
        """Add errors by field; those of columns that something was found wrong with already are the same once more."""
        known = self.columns
        for column, found in errors.items():
            if column not in known:
                for error in found:
                    self.add(column, error if isinstance(error, ValidationError) else ValidationError(error))

    def _cell(self, column: str) -> str:
        text = str(self.row.get(column, "") or "")
        return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
