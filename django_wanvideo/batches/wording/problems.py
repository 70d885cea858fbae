"""What is wrong with a row, as it is found out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from django_wanvideo.batches.wording import sentences
from django_wanvideo.batches.wording.place import Place
from django_wanvideo.catalog.text import SHOWN_CHARACTERS

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
        return f"{self.problem} → {self.repair}" if self.repair else self.problem


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
        """Add one error, or several that stand for one cell."""
        value = self.row.get(column)
        cell = "" if value is None else str(getattr(value, "name", "") or value)
        place = Place(column, cell.strip(), self.row, self.spec)
        shown = cell if len(cell) <= SHOWN_CHARACTERS else f"{cell[: SHOWN_CHARACTERS - 1]}…"
        for one in error.error_list:
            self.problems.append(Problem(column, shown, *sentences.of(one, place)))

    def add_all(self, errors: Mapping[str, Iterable[Any]]) -> None:
        """Add errors by field; those of columns that something was found wrong with already are the same once more."""
        known = self.columns
        for column, found in errors.items():
            if column not in known:
                for error in found:
                    self.add(column, error if isinstance(error, ValidationError) else ValidationError(error))
