"""One wake-up for a burst of callbacks: whoever answers EvoLink waits for nothing but a connection that stands.

Looking up a name and trying one address after the other knows no time limit; using a connection does.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from django_wanvideo.queue import connection, jobs

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

#: Seconds that a callback waits in all: names are looked up and several addresses tried without regard to time-outs.
CALLBACK_BUDGET = connection.CALLBACK_TIMEOUT + 0.01
#: Seconds that a connection is trusted to be still there: less than any server or proxy on the way keeps an idle one.
CONNECTED = 20.0
#: Seconds that one wake-up stands for all those that follow it.
WAKE_SECONDS = 5
#: Seconds in which a process that has woken the job asks Redis no more; what came meanwhile gets one wake-up at their end.
WOKEN_SECONDS = 1.0
WAKE_KEY = "wanvideo:wake:sync"

_threads: dict[int, _WakeupThread] = {}


def request_callback_read() -> bool:
    """Enqueue one reading of callback receipts, unless one is under way already.

    Returns whether Redis took it within ``CALLBACK_BUDGET`` seconds; nobody waits longer, whatever hangs.
    """
    if connection.is_circuit_open(connection.CALLBACK_TIMEOUT):
        return False
    process = os.getpid()
    if process not in _threads:
        _threads[process] = _WakeupThread()
        _threads[process].start()
    return _threads[process].wake()


def clear_pending_read() -> None:
    """Let the next callback wake a job again; called by the job before it reads."""
    connection.ask(lambda redis: redis.delete(WAKE_KEY))


def reset() -> None:
    """Trust no connection and no wake-up of before; for tests and after settings changed."""
    connection.reset()
    for thread in _threads.values():
        thread.forget()


class _WakeupThread(threading.Thread):
    """Asks Redis in place of the callbacks of this process, unless a connection has just been of use."""

    def __init__(self) -> None:
        super().__init__(name="wanvideo-waker", daemon=True)
        self._wakes: SimpleQueue[Future[bool] | None] = SimpleQueue()
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
        taken: Future[bool] = Future()
        self._wakes.put(taken)
        try:
            return taken.result(CALLBACK_BUDGET)
        except TimeoutError:
            connection.open_circuit(connection.CALLBACK_TIMEOUT, "no answer in time")
            return False

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
                wake.set_result(self._serve())

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
        taken = connection.ask(_enqueue_once, timeout=connection.CALLBACK_TIMEOUT)
        now = time.monotonic()
        self._connected_until = now + CONNECTED if taken else 0.0
        self._woken_until = now + WOKEN_SECONDS if taken else 0.0
        return taken


def _enqueue_once(redis: Redis) -> None:
    if redis.set(WAKE_KEY, "1", nx=True, ex=WAKE_SECONDS):
        jobs.put(redis, "sync")
