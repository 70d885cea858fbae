"""Asking EvoLink about many tasks: each by itself, or 50 in a call where the site turned that on and EvoLink offers it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from django_wanvideo.conf import conf
from django_wanvideo.evolink.exceptions import EvoLinkError, InvalidResponse, ReadError
from django_wanvideo.services.provider import parallel

if TYPE_CHECKING:
    from collections.abc import Generator

    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.evolink.types import TaskSnapshot
    from django_wanvideo.models import Attempt

BATCH = 50


def read(client: EvoLinkClient, attempts: list[Attempt]) -> Generator[tuple[Attempt, TaskSnapshot | EvoLinkError]]:
    """Yield answers and errors as they come; 50 ids a call where ``BATCH_READ`` is on and EvoLink offers it.

    Once EvoLink has asked the site to wait nothing further is sent, and what was not asked is not yielded.
    """
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
                if error.http_status == 429:
                    yield chunk[0], error
                    return
                for attempt in chunk:
                    yield attempt, error
                continue
            for attempt in chunk:
                snapshot = found.get(attempt.provider_task_id or "")
                if snapshot is None:
                    rest.append(attempt)  # absent there may mean many things; ask by itself
                else:
                    yield attempt, snapshot
    if rest:
        with closing(parallel.answers(client, [(one, one.provider_task_id or "") for one in rest])) as answers:
            yield from answers


def _not_offered(error: EvoLinkError) -> bool:
    """Tell whether EvoLink refuses the batch call as such: gone, or asked for in another way now."""
    # Whoever says that there is no such address: single looks find out whether EvoLink is there at all.
    if isinstance(error, InvalidResponse) or error.http_status in {404, 410}:
        return True
    return isinstance(error, ReadError) and not error.transient and error.http_status not in {None, 401, 403}
