"""Which name was meant by one that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Letters that may be wrong, missing or too many; with more, another name is as likely.
MOST = 2


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that differs from ``name`` in at most two letters, the nearest; empty where none does."""
    wanted = name.casefold()
    best, found = min(MOST, len(wanted) - 1) + 1, ""
    for candidate in known:
        if abs(len(candidate) - len(wanted)) < best and (
            (distance := _distance(wanted, candidate.casefold(), best)) < best
        ):
            best, found = distance, candidate
            if not distance:
                break
    return found


def _distance(one: str, other: str, too_far: int) -> int:
    """Return how many letters differ between two words, or ``too_far`` as soon as it is at least that."""
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        before, row[0] = row[0], place
        for column, letter_of_other in enumerate(other, 1):
            before, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, before + (letter != letter_of_other)),
            )
        if min(row) >= too_far:
            return too_far
    return row[-1]
