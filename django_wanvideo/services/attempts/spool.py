"""Ids of EvoLink's that the database did not take in, kept in Redis and in the task storage until it does.

An id is no secret: without the site's key nothing can be read with it. Neither place may harm the work: whatever one of
them raises is logged, and the other one is there.
"""

from __future__ import annotations

import json
import logging
import posixpath
import uuid
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from rq.timeouts import BaseTimeoutException

from django_wanvideo import queue
from django_wanvideo.evolink.types import CreateResult, TaskSnapshot
from django_wanvideo.models.storage import task_storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import Redis

    from django_wanvideo.models import Attempt

logger = logging.getLogger(__name__)

#: A hash: EvoLink's answers by attempt.
KEY = "wanvideo:accepted"
#: Seconds that Redis keeps it after the latest of them: long after any video is gone.
KEPT = 30 * 24 * 3600
#: In the task storage, a file for each attempt.
FOLDER = "wanvideo/accepted"
#: Bytes of one file, and number of entries read at once.
LONGEST, MOST = 16 * 1024, 1000


def keep(attempt: Attempt, created: CreateResult) -> None:
    """Write down which of EvoLink's tasks an attempt has paid for; never raises for what a place does."""
    content = _encoded(created)

    def in_redis(redis: Redis) -> None:
        redis.hset(KEY, str(attempt.pk), content)
        redis.expire(KEY, KEPT)

    def in_storage() -> None:
        storage, name = task_storage(), _name(attempt.pk)
        if not storage.exists(name):
            storage.save(name, ContentFile(content))

    _try("kept in Redis", lambda: queue.ask(in_redis))
    _try("kept in the storage", in_storage)


def find(attempt_id: uuid.UUID) -> CreateResult | None:
    """Return what is kept of an attempt, from whichever place has it."""
    content = _try("read from Redis", lambda: queue.answer(lambda redis: redis.hget(KEY, str(attempt_id))))
    return _decoded(content) or _decoded(_try("read from the storage", lambda: _file(attempt_id)))


def forget(attempt_id: uuid.UUID) -> None:
    """Take an attempt out of both places."""
    _try("taken out of Redis", lambda: queue.ask(lambda redis: redis.hdel(KEY, str(attempt_id))))
    _try("taken out of the storage", lambda: task_storage().delete(_name(attempt_id)))


def in_redis() -> set[uuid.UUID]:
    """Return the attempts that Redis keeps something of."""
    names = _try("read from Redis", lambda: queue.answer(lambda redis: redis.hkeys(KEY))) or []
    return set(filter(None, map(_as_id, names[:MOST])))


def in_storage() -> set[uuid.UUID]:
    """Return the attempts that the storage keeps something of, as far as it can be listed."""
    names = _try("listed in the storage", lambda: task_storage().listdir(FOLDER)[1]) or []
    return set(filter(None, (_as_id(name.removesuffix(".json")) for name in names[:MOST])))


def _name(attempt_id: uuid.UUID) -> str:
    return posixpath.join(FOLDER, f"{attempt_id}.json")


def _file(attempt_id: uuid.UUID) -> Any:
    with task_storage().open(_name(attempt_id)) as kept:
        return kept.read(LONGEST)


def _encoded(created: CreateResult) -> bytes:
    snapshot = created.snapshot
    reserved = snapshot.credits_reserved
    task = {
        "id": snapshot.id,
        "status": snapshot.raw_status,
        "usage": {"credits_reserved": str(reserved) if reserved is not None else None},
        "task_info": {"estimated_time": snapshot.estimated_seconds},
    }
    facts = {"task": task, "http_status": created.http_status, "request_id": created.request_id}
    return json.dumps(facts).encode()


def _decoded(content: Any) -> CreateResult | None:
    try:
        facts = json.loads(content or b"null")
        snapshot = TaskSnapshot.parse(facts["task"])
        return CreateResult(snapshot, int(facts["http_status"]), str(facts["request_id"])) if snapshot.id else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _as_id(name: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(name.decode() if isinstance(name, bytes) else str(name))
    except ValueError:
        return None


def _try(what: str, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except BaseTimeoutException:
        raise
    except FileNotFoundError:
        return None
    except Exception as error:
        # Storages and clients have errors of their own; the class only, as the text may hold an address with a password.
        logger.warning("An id that was paid for could not be %s (%s).", what, type(error).__name__)
        return None
