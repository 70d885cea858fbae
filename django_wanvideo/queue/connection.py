"""Bounded connections to the queue's Redis, and the circuit breaker before them: whoever asks never waits for long."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, TypeVar

import django_rq
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from django_wanvideo.conf import conf

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

logger = logging.getLogger(__name__)

#: Seconds that connecting to Redis or one answer of it may take.
REDIS_TIMEOUT = 0.5
#: The same while EvoLink waits for the answer to its callback.
CALLBACK_TIMEOUT = 0.05
#: Seconds without a further try after Redis did not answer.
REDIS_PAUSE = 3.0

_connections: dict[tuple[int, str, float], Redis] = {}
#: When Redis may be asked again, by the seconds that it was given: too slow for a callback is no trouble for a worker.
_circuit_open_until: dict[float, float] = {}


def ask(question: Callable[[Redis], object], *, timeout: float | None = None) -> bool:
    """Put a question to the queue's Redis; return whether it answered.

    After it did not, it is left alone for ``REDIS_PAUSE`` seconds by all who would wait as long.

    Args:
        timeout: seconds; ``REDIS_TIMEOUT`` otherwise.
    """
    timeout = REDIS_TIMEOUT if timeout is None else timeout
    if is_circuit_open(timeout):
        return False
    try:
        question(get_redis(timeout))
    except (RedisError, OSError) as error:
        open_circuit(timeout, type(error).__name__)
        return False
    return True


def answer(question: Callable[[Redis], T]) -> T | None:
    """Return what the queue's Redis answers; ``None`` when it does not."""
    found: list[T] = []
    ask(lambda redis: found.append(question(redis)))
    return found[0] if found else None


def is_circuit_open(timeout: float) -> bool:
    """Tell whether Redis is not to be asked just now by those who give it so many seconds."""
    return time.monotonic() < _circuit_open_until.get(timeout, 0)


def open_circuit(timeout: float, reason: str) -> None:
    """Leave Redis alone for a while."""
    if not is_circuit_open(timeout):
        logger.warning("Redis did not take a wake-up (%s); the sweep will do the work.", reason)
    _circuit_open_until[timeout] = time.monotonic() + REDIS_PAUSE


def get_redis(timeout: float) -> Redis:
    """Return this process's own bounded connection to the Redis that the queue uses."""
    key = (os.getpid(), conf.QUEUE, timeout)
    if key not in _connections:
        pool = django_rq.get_connection(conf.QUEUE).connection_pool
        options = dict(pool.connection_kwargs)
        if "connection_pool" not in options:  # a Sentinel pool is bound to itself and keeps its own limits
            options |= {"socket_connect_timeout": timeout, "socket_timeout": timeout, "retry": Retry(NoBackoff(), 0)}
            options.pop("retry_on_error", None)
            pool = type(pool)(connection_class=pool.connection_class, **options)
        _connections[key] = Redis(connection_pool=pool)
    return _connections[key]


def reset() -> None:
    """Forget connections and the pause; for tests and after settings changed."""
    _circuit_open_until.clear()
    _connections.clear()
