"""Handing work to RQ, after commit, without ever making anybody wait for Redis.

Jobs are named by their dotted path, so this room knows nothing of what they do. A wake-up that gets lost costs
time only: the sweep finds every due row again.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import django_rq
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry
from rq import Worker

from django_wanvideo.conf import conf
from django_wanvideo.db import database

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Sequence

    from rq import Queue

logger = logging.getLogger(__name__)

#: Seconds that connecting to Redis or one answer of it may take.
REDIS_TIMEOUT = 0.5
#: The same while EvoLink waits for the answer to its callback.
CALLBACK_TIMEOUT = 0.05
#: Seconds that a callback waits in all: names are looked up and several addresses tried without regard to time-outs.
CALLBACK_PATIENCE = CALLBACK_TIMEOUT + 0.01
#: Seconds that a connection is trusted to be still there: less than any server or proxy on the way keeps an idle one.
CONNECTED = 20.0
#: Seconds without a further try after Redis did not answer.
REDIS_PAUSE = 3.0
#: Seconds that one wake-up stands for all those that follow it.
WAKE_SECONDS = 5
#: Seconds in which a process that has woken the job asks Redis no more; what came meanwhile gets one wake-up at their end.
WOKEN_SECONDS = 1.0
WAKE_KEY = "wanvideo:wake:sync"

#: Seconds that each job may take.
JOB_TIMEOUTS = {"submit": 900, "sync": 900, "store": 3600, "notify": 900}
RESULT_TTL = 60
FAILURE_TTL = 7 * 24 * 3600

#: One command, so that of several workers the highest number stays; what is no number is replaced.
_RAISE = """
local kept = redis.pcall('GET', KEYS[1])
if type(kept) == 'string' and #kept < 19 and string.find(kept, '^%d+$') and tonumber(kept) >= tonumber(ARGV[1]) then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""

_connections: dict[tuple[int, str, float], Redis] = {}
_wakers: dict[int, _Waker] = {}
#: When Redis may be asked again, by the seconds that it was given: too slow for a callback is no trouble for a worker.
_quiet_until: dict[float, float] = {}


def after_commit(job: str, *ids: uuid.UUID | str) -> None:
    """Enqueue ``jobs.<job>(*ids)`` when the present transaction has committed; never raises."""
    names = [str(value) for value in ids]

    def wake() -> None:
        enqueue(job, *names)

    database.on_commit(wake)


def enqueue(job: str, *ids: str) -> bool:
    """Enqueue ``jobs.<job>(*ids)`` now; return whether Redis took it.

    Redis is asked for at most ``REDIS_TIMEOUT`` seconds at a time, and not at all for ``REDIS_PAUSE`` seconds after
    it did not answer.
    """
    return _ask(lambda: _put(job, ids, REDIS_TIMEOUT), REDIS_TIMEOUT)


def wake_sync() -> bool:
    """Enqueue one reading of callback receipts, unless one is under way already.

    Returns whether Redis took it within ``CALLBACK_PATIENCE`` seconds; nobody waits longer, whatever hangs.
    """
    if _is_quiet(CALLBACK_TIMEOUT):
        return False
    process = os.getpid()
    if process not in _wakers:
        _wakers[process] = _Waker(name="wanvideo-waker", daemon=True)
        _wakers[process].start()
    return _wakers[process].wake()


@dataclass
class _Wake:
    """One callback's wish that somebody reads it."""

    done: threading.Event = field(default_factory=threading.Event)
    taken: bool = False


class _Waker(threading.Thread):
    """Asks Redis in place of the callbacks of this process, unless a connection has just been of use.

    Looking up a name and trying one address after the other knows no time limit; using a connection does.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._wakes: SimpleQueue[_Wake | None] = SimpleQueue()
        #: Held while Redis is asked, so that there is one connection.
        self._line = threading.Lock()
        self._connected_until = 0.0
        self._woken_until = 0.0
        #: Whether a callback came that the last wake-up may not have stood for.
        self._is_owed = False

    def wake(self) -> bool:
        """Return whether Redis took the wake-up in time, or will be given one within ``WOKEN_SECONDS``."""
        if time.monotonic() < self._woken_until:
            if not self._is_owed:
                self._is_owed = True
                self._wakes.put(None)
            return True
        if time.monotonic() < self._connected_until and self._line.acquire(blocking=False):
            try:
                return self._ask()
            finally:
                self._line.release()
        wake = _Wake()
        self._wakes.put(wake)
        if not wake.done.wait(CALLBACK_PATIENCE):
            _be_quiet(CALLBACK_TIMEOUT, "no answer in time")
        return wake.taken

    def run(self) -> None:
        """Serve wakes until the process ends."""
        while True:
            try:
                wait = max(self._woken_until - time.monotonic(), 0.0) if self._is_owed else None
                wake = self._wakes.get(timeout=wait)
            except Empty:
                if self._is_owed:
                    # Before Redis is asked: whatever comes from here on asks, or is owed another one.
                    self._is_owed = False
                    self._serve()
                continue
            if wake is not None:
                wake.taken = self._serve()
                wake.done.set()

    def forget(self) -> None:
        """Trust no connection and no wake-up of before."""
        self._connected_until = self._woken_until = 0.0
        self._is_owed = False

    def _serve(self) -> bool:
        try:
            with self._line:
                return self._ask()
        except Exception:
            # A queue that is not set up, say; the callback itself is kept, and the sweep will find it.
            logger.exception("A callback could not wake a worker; the sweep will do the work.")
            return False

    def _ask(self) -> bool:
        taken = _ask(_put_sync_once, CALLBACK_TIMEOUT)
        now = time.monotonic()
        self._connected_until = now + CONNECTED if taken else 0.0
        self._woken_until = now + WOKEN_SECONDS if taken else 0.0
        return taken


def _put_sync_once() -> None:
    if _connection(CALLBACK_TIMEOUT).set(WAKE_KEY, "1", nx=True, ex=WAKE_SECONDS):
        _put("sync", (), CALLBACK_TIMEOUT)


def length() -> int:
    """Return how many jobs wait in the queue; 0 when Redis does not answer."""
    found: list[int] = []
    _ask(lambda: found.append(int(_queue(REDIS_TIMEOUT).count)), REDIS_TIMEOUT)
    return found[0] if found else 0


def workers() -> int | None:
    """Return how many workers listen to the queue; ``None`` when Redis does not answer."""
    found: list[int] = []
    _ask(lambda: found.append(int(Worker.count(queue=_queue(REDIS_TIMEOUT)))), REDIS_TIMEOUT)
    return found[0] if found else None


def read_texts(*keys: str) -> list[str] | None:
    """Return the texts under ``keys``, empty where there is none; ``None`` when Redis does not answer."""
    found: list[str] = []

    def read() -> None:
        # What is no text under that key counts as none.
        values = _connection(REDIS_TIMEOUT).mget(keys)
        found.extend(
            value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "") for value in values
        )

    return found if _ask(read, REDIS_TIMEOUT) else None


def write_text(key: str, value: str, *, seconds: int) -> None:
    """Keep a text for ``seconds``, if Redis answers."""
    _ask(lambda: _connection(REDIS_TIMEOUT).set(key, value, ex=seconds), REDIS_TIMEOUT)


def raise_number(key: str, number: int) -> bool:
    """Keep a whole number for ever unless a higher one is kept already; return whether Redis answered."""

    def keep() -> None:
        redis = _connection(REDIS_TIMEOUT)
        try:
            redis.eval(_RAISE, 1, key, number)
        except ResponseError:
            # Some sites forbid scripts; without one the highest number may be written a moment late.
            redis.set(key, number)

    return _ask(keep, REDIS_TIMEOUT)


def forget_wake() -> None:
    """Let the next callback wake a job again; called by the job before it reads."""
    _ask(lambda: _connection(REDIS_TIMEOUT).delete(WAKE_KEY), REDIS_TIMEOUT)


def ask(question: Callable[[Redis], object]) -> bool:
    """Put a question to the queue's Redis, within ``REDIS_TIMEOUT`` seconds; return whether it answered."""
    return _ask(lambda: question(_connection(REDIS_TIMEOUT)), REDIS_TIMEOUT)


def _ask(question: Callable[[], object], timeout: float) -> bool:
    """Return whether Redis answered; after it did not, it is left alone for a while by all with the same patience."""
    if _is_quiet(timeout):
        return False
    try:
        question()
    except (RedisError, OSError) as error:
        _be_quiet(timeout, type(error).__name__)
        return False
    return True


def _is_quiet(timeout: float) -> bool:
    return time.monotonic() < _quiet_until.get(timeout, 0)


def _be_quiet(timeout: float, reason: str) -> None:
    if not _is_quiet(timeout):
        logger.warning("Redis did not take a wake-up (%s); the sweep will do the work.", reason)
    _quiet_until[timeout] = time.monotonic() + REDIS_PAUSE


def _put(job: str, ids: Sequence[str], timeout: float) -> None:
    queue = _queue(timeout)
    with queue.connection.pipeline() as pipeline:
        queue.enqueue_call(
            f"django_wanvideo.jobs.{job}",
            args=tuple(ids),
            timeout=JOB_TIMEOUTS[job],
            result_ttl=RESULT_TTL,
            failure_ttl=FAILURE_TTL,
            description=f"wanvideo {job} {' '.join(ids[:3])}{' …' if len(ids) > 3 else ''}".strip(),
            # By itself RQ asks twice, once for the queue's name; a queue that is not async runs the job in there.
            pipeline=pipeline if queue.is_async else None,
        )
        pipeline.execute()


def _queue(timeout: float) -> Queue:
    return django_rq.get_queue(conf.QUEUE, connection=_connection(timeout), commit_mode="auto")


def _connection(timeout: float) -> Redis:
    """Return this process's own bounded connection to the Redis that the queue uses."""
    key = (os.getpid(), conf.QUEUE, timeout)
    if key not in _connections:
        pool = django_rq.get_connection(conf.QUEUE).connection_pool
        options = dict(pool.connection_kwargs)
        if "connection_pool" not in options:  # a Sentinel pool is bound to itself and keeps its own limits
            options |= {
                "socket_connect_timeout": timeout,
                "socket_timeout": timeout,
                "retry": Retry(NoBackoff(), 0),
            }
            options.pop("retry_on_error", None)
            pool = type(pool)(connection_class=pool.connection_class, **options)
        _connections[key] = Redis(connection_pool=pool)
    return _connections[key]


def reset() -> None:
    """Forget connections and the pause; for tests and after settings changed."""
    _quiet_until.clear()
    _connections.clear()
    for waker in _wakers.values():
        waker.forget()
