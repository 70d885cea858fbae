"""Ids that were kept outside while the database was away are bound to their attempts; doing it twice changes nothing."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from django.db import DatabaseError

from django_wanvideo.models import Attempt
from django_wanvideo.services.attempts import binding, spool

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

logger = logging.getLogger(__name__)

#: Seconds between two listings of the storage by one process: Redis has the same, and is asked in each pass.
LISTING = 600.0
_listed: dict[int, float] = {}


def bind_kept(attempt: Attempt) -> bool:
    """Bind what is kept of an attempt; return whether something was."""
    created = spool.find(attempt.pk)
    if created is None:
        return False
    logger.warning("EvoLink's task %s is bound to attempt %s after all.", created.snapshot.id, attempt.pk)
    binding.record_acceptance(attempt, created)
    if Attempt.objects.filter(provider_task_id=created.snapshot.id).exists():
        spool.forget(attempt.pk)
    return True


def bind_all() -> int:
    """Bind whatever is kept; return how many attempts were found. What belongs to no attempt stays for a person to see."""
    return _bind(spool.in_redis() | (spool.in_storage() if _may_list() else set()))


def _bind(ids: Iterable[uuid.UUID]) -> int:
    wanted = list(ids)
    bound = 0
    for attempt in Attempt.objects.filter(pk__in=wanted).select_related("task") if wanted else ():
        try:
            bound += bind_kept(attempt)
        except DatabaseError:
            # It stays where it is kept, and the rest of the pass is not held up by it.
            logger.exception("The id that is kept for attempt %s could not be bound.", attempt.pk)
    return bound


def _may_list() -> bool:
    process, now = os.getpid(), time.monotonic()
    if now < _listed.get(process, 0.0):
        return False
    _listed[process] = now + LISTING
    return True
