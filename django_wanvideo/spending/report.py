"""What a page of a period tells: sums of all, by day or month, by model, by batch and by person."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django_wanvideo.models import Batch
from django_wanvideo.models.base import people
from django_wanvideo.spending import ledger_rows
from django_wanvideo.spending.sums import Sums, total_of

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Iterable, Iterator

    from django_wanvideo.spending.periods import Period
    from django_wanvideo.spending.sums import Row


@dataclass(frozen=True)
class Person:
    """Whose videos they were. ``key`` is ``None`` for nobody, and for who was deleted; ``is_gone`` tells which."""

    key: Any
    name: str
    is_gone: bool = False


@dataclass(frozen=True)
class Report:
    """Sums of one period, each list with the dearest first; days or months in their order, empty ones among them."""

    period: Period
    total: Sums
    #: By the first day of each day or month.
    times: dict[dt.date, Sums]
    models: list[tuple[str, Sums]]
    #: Key and name; ``None`` for videos that were made one by one.
    batches: list[tuple[uuid.UUID | None, str, Sums]]
    people: list[tuple[Person, Sums]]


def report(period: Period, **only: Any) -> Report:
    """Sum a period; ``only`` are columns that entries and sums have in common, such as ``model`` or ``owner_id``."""
    firsts = list(period.days()) if period.is_by_day else [month.first for month in period.months()]
    times = {first: Sums() for first in firsts}
    models: dict[str, Sums] = defaultdict(Sums)
    batches: dict[uuid.UUID | None, Sums] = defaultdict(Sums)
    persons: dict[tuple[Any, str], Sums] = defaultdict(Sums)
    labels: dict[uuid.UUID | None, str] = {}
    for row in ledger_rows.rows(period, **only):
        day = row.day if period.is_by_day else max(row.day.replace(day=1), period.first)
        # Whoever has a name now is known by it, under whatever name that was spent.
        person = (row.owner_id, "" if row.owner_id is not None else row.owner_label)
        for group in (times[day], models[row.model], batches[row.batch_id], persons[person]):
            group.add(row.sums)
        labels[row.batch_id] = row.batch_label or labels.get(row.batch_id, "")
    labels |= Batch.objects.filter(pk__in=[key for key in batches if key is not None]).values_list("pk", "name")
    known = names_of(owner_id for owner_id, _label in persons)
    return Report(
        period,
        total_of(models.values()),
        times,
        _dearest_first(models.items()),
        [(key, labels[key], sums) for key, sums in _dearest_first(batches.items())],
        [(person_of(owner_id, label, known), sums) for (owner_id, label), sums in _dearest_first(persons.items())],
    )


def lines(period: Period, **only: Any) -> Iterator[tuple[Row, Person, str]]:
    """Yield the sums of each day, model, batch and person in order, with the names that person and batch have now.

    A month at a time: a table of years needs no more memory.
    """
    for month in period.months():
        rows = list(ledger_rows.rows(month, **only))
        known = names_of(row.owner_id for row in rows)
        batches = dict(Batch.objects.filter(pk__in={row.batch_id for row in rows}).values_list("pk", "name"))
        named = [
            (
                row,
                person_of(row.owner_id, row.owner_label, known),
                (row.batch_id and batches.get(row.batch_id)) or row.batch_label,
            )
            for row in rows
            if not row.sums.is_empty
        ]
        yield from sorted(named, key=lambda line: (line[0].day, line[0].model, line[2], line[1].name))


def names_of(owner_ids: Iterable[Any]) -> dict[Any, str]:
    """Return how staff know the people who are still there, by key."""
    wanted = {owner_id for owner_id in owner_ids if owner_id is not None}
    return {user.pk: people.name_of(user) for user in people.rows().filter(pk__in=wanted)}


def person_of(owner_id: Any, label: str, known: dict[Any, str]) -> Person:
    """Return somebody by the name that they have now, or had."""
    if owner_id in known:
        return Person(owner_id, known[owner_id])
    return Person(None, label, is_gone=bool(label))


def _dearest_first(items: Iterable[tuple[Any, Sums]]) -> list[tuple[Any, Sums]]:
    found = [(key, sums) for key, sums in items if not sums.is_empty]
    return sorted(found, key=lambda item: (-item[1].credits, -item[1].videos, str(item[0])))
