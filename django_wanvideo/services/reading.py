"""Asking EvoLink about many tasks: one by one, or 50 at a time where the site turned that on and EvoLink offers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_wanvideo.conf import conf
from django_wanvideo.evolink.errors import EvoLinkError, ReadError, UnreadableAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.evolink.answers import TaskSnapshot
    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.models import Attempt

BATCH = 50


def read(client: EvoLinkClient, attempts: list[Attempt]) -> Iterator[tuple[Attempt, TaskSnapshot | EvoLinkError]]:
    """Yield an answer or an error for each attempt; 50 ids a call where ``BATCH_READ`` is on and EvoLink offers it."""
    rest = attempts
    if conf.BATCH_READ and len(attempts) > 1:
        rest = []
        for start in range(0, len(attempts), BATCH):
            chunk = attempts[start : start + BATCH]
            try:
                found = client.get_tasks([attempt.provider_task_id or "" for attempt in chunk])
            except EvoLinkError as error:
                if _not_offered(error):
                    rest.extend(attempts[start:])
                    break
                for attempt in chunk:
                    yield attempt, error
                continue
            for attempt in chunk:
                snapshot = found.get(attempt.provider_task_id or "")
                if snapshot is None:
                    rest.append(attempt)  # absent there may mean many things; ask by itself
                else:
                    yield attempt, snapshot
    for attempt in rest:
        try:
            yield attempt, client.get_task(attempt.provider_task_id or "")
        except EvoLinkError as error:
            yield attempt, error


def _not_offered(error: EvoLinkError) -> bool:
    """Tell whether EvoLink refuses the batch call as such: gone, or asked for in another way now."""
    # Whoever says that there is no such address: single looks find out whether EvoLink is there at all.
    if isinstance(error, UnreadableAnswer) or error.http_status in {404, 410}:
        return True
    return isinstance(error, ReadError) and not error.transient and error.http_status not in {None, 401, 403}
