"""Handing work to RQ, after commit, without ever making anybody wait for Redis.

Jobs are named by their dotted path, so this room knows nothing of what they do. A wake-up that gets lost costs
time only: the sweep finds every due row again.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

import django_rq
from django.db import transaction
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Worker

from django_wanvideo.conf import conf

if TYPE_CHECKING:
    import uuid

    from rq import Queue

logger = logging.getLogger(__name__)

#: Seconds that connecting to Redis or one answer of it may take.
REDIS_TIMEOUT = 0.06
#: Seconds without a further try after Redis did not answer.
REDIS_PAUSE = 3.0
#: Seconds that one wake-up stands for all those that follow it.
WAKE_SECONDS = 5
WAKE_KEY = "wanvideo:wake:sync"

#: Seconds that each job may take.
JOB_TIMEOUTS = {"submit": 900, "sync": 900, "store": 3600, "notify": 900}
RESULT_TTL = 60
FAILURE_TTL = 7 * 24 * 3600

_connections: dict[tuple[int, str], Redis] = {}
_quiet_until = 0.0


def after_commit(job: str, *ids: uuid.UUID | str) -> None:
    """Enqueue ``jobs.<job>(*ids)`` when the present transaction has committed; never raises."""
    names = [str(value) for value in ids]

    def wake() -> None:
        enqueue(job, *names)

    transaction.on_commit(wake, robust=True)


def enqueue(job: str, *ids: str) -> bool:
    """Enqueue ``jobs.<job>(*ids)`` now; return whether Redis took it.

    Redis is asked for at most ``REDIS_TIMEOUT`` seconds at a time, and not at all for ``REDIS_PAUSE`` seconds after
    it did not answer.
    """
    if not _may_ask():
        return False
    try:
        queue = _queue()
        with queue.connection.pipeline() as pipeline:
            queue.enqueue_call(
                f"django_wanvideo.jobs.{job}",
                args=ids,
                timeout=JOB_TIMEOUTS[job],
                result_ttl=RESULT_TTL,
                failure_ttl=FAILURE_TTL,
                description=f"wanvideo {job} {' '.join(ids[:3])}{' …' if len(ids) > 3 else ''}".strip(),
                # By itself RQ asks twice, once for the queue's name; a queue that is not async runs the job in there.
                pipeline=pipeline if queue.is_async else None,
            )
            pipeline.execute()
    except (RedisError, OSError) as error:
        _be_quiet(error)
        return False
    return True


def wake_sync() -> bool:
    """Enqueue one reading of callback receipts, unless one is under way already."""
    if not _may_ask():
        return False
    try:
        if not _connection().set(WAKE_KEY, "1", nx=True, ex=WAKE_SECONDS):
            return True
    except (RedisError, OSError) as error:
        _be_quiet(error)
        return False
    return enqueue("sync")


def length() -> int:
    """Return how many jobs wait in the queue; 0 when Redis does not answer."""
    if not _may_ask():
        return 0
    try:
        return int(_queue().count)
    except (RedisError, OSError) as error:
        _be_quiet(error)
        return 0


def workers() -> int | None:
    """Return how many workers listen to the queue; ``None`` when Redis does not answer."""
    if not _may_ask():
        return None
    try:
        return int(Worker.count(queue=_queue()))
    except (RedisError, OSError) as error:
        _be_quiet(error)
        return None


def forget_wake() -> None:
    """Let the next callback wake a job again; called by the job before it reads."""
    try:
        _connection().delete(WAKE_KEY)
    except (RedisError, OSError) as error:
        _be_quiet(error)


def _queue() -> Queue:
    return django_rq.get_queue(conf.QUEUE, connection=_connection(), commit_mode="auto")


def _connection() -> Redis:
    """Return this process's own bounded connection to the Redis that the queue uses."""
    key = (os.getpid(), conf.QUEUE)
    if key not in _connections:
        pool = django_rq.get_connection(conf.QUEUE).connection_pool
        options = dict(pool.connection_kwargs)
        if "connection_pool" not in options:  # a Sentinel pool is bound to itself and keeps its own limits
            options |= {
                "socket_connect_timeout": REDIS_TIMEOUT,
                "socket_timeout": REDIS_TIMEOUT,
                "retry": Retry(NoBackoff(), 0),
            }
            options.pop("retry_on_error", None)
            pool = type(pool)(connection_class=pool.connection_class, **options)
        _connections[key] = Redis(connection_pool=pool)
    return _connections[key]


def _may_ask() -> bool:
    return time.monotonic() >= _quiet_until


def _be_quiet(error: Exception) -> None:
    global _quiet_until  # noqa: PLW0603 - one breaker for the process is the point
    _quiet_until = time.monotonic() + REDIS_PAUSE
    logger.warning("Redis did not take a wake-up (%s); the sweep will do the work.", type(error).__name__)


def reset() -> None:
    """Forget connections and the pause; for tests and after settings changed."""
    global _quiet_until  # noqa: PLW0603
    _quiet_until = 0.0
    _connections.clear()
