"""Small tables for a terminal, and the verdict under them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out a table: the first column to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


class Verdict:
    """Goals, each printed as it is judged."""

    def __init__(self, *, binding: bool) -> None:
        self.binding = binding
        self.missed: list[str] = []

    def at_least(self, what: str, value: float, goal: float) -> None:
        """Judge a value that must not be smaller than the goal."""
        self._judge(f"{what}: {value:.2f}, goal >= {goal:.2f}", met=value >= goal)

    def below(self, what: str, value: float, goal: float, unit: str) -> None:
        """Judge a value that must stay under the goal."""
        self._judge(f"{what}: {value:.1f} {unit}, goal < {goal:g} {unit}", met=value < goal)

    def at_most(self, what: str, value: float, goal: float) -> None:
        """Judge a count that must not be larger than the goal."""
        self._judge(f"{what}: {value}, goal <= {goal}", met=value <= goal)

    def no_more_than(self, what: str, value: float, goal: float) -> None:
        """Judge a measured value that must not be larger than the goal."""
        self._judge(f"{what}: {value:.3f}, goal <= {goal:g}", met=value <= goal)

    def exactly(self, what: str, value: int, goal: int) -> None:
        """Judge a count."""
        self._judge(f"{what}: {value}, must be {goal}", met=value == goal)

    def _judge(self, text: str, *, met: bool) -> None:
        print(f"{'met   ' if met else 'MISSED'}  {text}")
        if not met:
            self.missed.append(text)

    def exit_code(self) -> int:
        """1 when a goal was missed, unless goals are only printed."""
        return 1 if self.missed and self.binding else 0
