"""EvoLink's list of its tasks."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django_wanvideo.models import Attempt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.evolink.types import TaskSnapshot

#: EvoLink gives at most so many tasks at a time.
PAGE_SIZE = 50
_CHUNK = 500
_ALWAYS, _NEVER = dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC)


def read_list(
    client: EvoLinkClient, model: str, since: dt.datetime, *, most_pages: int
) -> tuple[list[TaskSnapshot], dt.datetime]:
    """Read the list of a model's tasks, newest first, back to ``since``; return it and how far back it was read.

    Raises:
        EvoLinkError: EvoLink cannot be asked.
    """
    found: list[TaskSnapshot] = []
    back_to = _NEVER
    for page in range(1, most_pages + 1):
        rows = client.list_tasks(model=model, page=page, page_size=PAGE_SIZE)
        found += rows
        if len(rows) < PAGE_SIZE:
            return found, _ALWAYS
        back_to = min((row.created for row in rows if row.created is not None), default=back_to)
        if back_to < since:
            break
    return found, back_to


def unknown_here(items: Iterable[TaskSnapshot]) -> list[TaskSnapshot]:
    """Leave out what an attempt of this site has, and what came twice while the list was moving."""
    unique = {item.id: item for item in items}
    ids, known = list(unique), set[str | None]()
    for start in range(0, len(ids), _CHUNK):
        rows = Attempt.objects.filter(provider_task_id__in=ids[start : start + _CHUNK])
        known.update(rows.values_list("provider_task_id", flat=True))
    return [item for pk, item in unique.items() if pk not in known]
