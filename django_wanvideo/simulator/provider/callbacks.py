"""Tells a `callback_url` that its task has ended: 10 s per try, up to 3 more after 1, 2 and 4 s, no redirects."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import addresses, redaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from .faults import Fault, FaultRegistry
    from .journal import Journal
    from .options import Options
    from .tasks import Task


class Callbacks:
    """Sends callbacks in threads of their own; each try is one entry of the journal, with the endpoint `callback`."""

    def __init__(
        self,
        options: Options,
        journal: Journal,
        faults: FaultRegistry,
        stopping: threading.Event,
        now: Callable[[], float],
    ) -> None:
        self._options = options
        self._journal = journal
        self._faults = faults
        self._stopping = stopping
        self._now = now
        self._running = 0
        self._idle = threading.Condition()

    def send(self, task: Task, *, wait: bool = False) -> None:
        """Tell a task's end to its callback URL, if it has one; `wait`: the first try is over on return."""
        if task.callback_url is None or not self._options.callbacks:
            return
        fault = self._faults.take("callback", task.body)
        count = 1
        if fault is not None and fault.name == "lost":
            self._note(task, "lost on purpose", fault)
            return
        if fault is not None and fault.name == "duplicate":
            count = int(fault.options.get("count", 2))
        body = self._body(task, fault)
        for _ in range(count):
            first_try = threading.Event()
            with self._idle:
                self._running += 1
            threading.Thread(
                target=self._deliver, args=(task, body, fault, first_try), name=f"callback-{task.id}", daemon=True
            ).start()
            if wait:
                first_try.wait(self._options.callback_timeout + 1)

    def wait_idle(self, timeout: float = 30.0) -> None:
        """Wait until no callback is being sent or tried again; AssertionError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._idle:
            while self._running:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{self._running} callback(s) still not delivered after {timeout} s.")
                self._idle.wait(left)

    def _body(self, task: Task, fault: Fault | None) -> bytes:
        if fault is not None and fault.name == "garbage":
            return b'{"id": "task-unified-\xff'
        body = task.as_body()
        if fault is not None and fault.name == "other_task":
            body["id"] = str(fault.options.get("id", f"task-unified-{int(task.created)}-00000000"))
        return json.dumps(body).encode()

    def _deliver(self, task: Task, body: bytes, fault: Fault | None, first_try: threading.Event) -> None:
        try:
            if fault is not None and fault.name == "delay":
                self._stopping.wait(float(fault.options.get("seconds", 1.0)))
            for delay in (0.0, *self._options.callback_retry_delays):
                if delay and self._stopping.wait(delay * self._options.callback_time_scale):
                    return
                status = 0 if self._stopping.is_set() else self._try(task, body, fault)
                first_try.set()
                if 200 <= status < 300 or self._stopping.is_set():
                    return
        finally:
            first_try.set()
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def _try(self, task: Task, body: bytes, fault: Fault | None) -> int:
        url = str(task.callback_url)
        parts = urlsplit(url)
        host = parts.hostname or ""
        if not addresses.is_loopback(host) and not self._options.allow_remote:
            self._note(task, "not sent: this simulator only calls this machine (allow_remote is off)", fault)
            return 200
        started, note, status, answer = time.perf_counter(), None, 0, None
        secure = parts.scheme == "https"
        connect: Any = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connect(host, parts.port, timeout=self._options.callback_timeout)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Content-Type": "application/json", "User-Agent": "evolink-simulator"}
            connection.request("POST", target, body, headers)
            reply = connection.getresponse()
            status, answer = reply.status, reply.read(1024).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            note = f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        self._write(task, status, (time.perf_counter() - started) * 1000, note, fault, answer, body)
        return status

    def _note(self, task: Task, note: str, fault: Fault | None) -> None:
        self._write(task, 0, 0.0, note, fault, None, None)

    def _write(
        self,
        task: Task,
        status: int,
        ms: float,
        note: str | None,
        fault: Fault | None,
        answer: str | None,
        body: bytes | None,
    ) -> None:
        self._journal.add(
            kind="callback",
            at=self._now(),
            method="POST",
            path=redaction.callback_url(str(task.callback_url)),
            endpoint="callback",
            status=status,
            ms=round(ms, 1),
            body=body.decode("utf-8", "replace") if body is not None else None,
            answer=answer,
            fault=str(fault) if fault is not None else None,
            note=f"{task.id}: {note}" if note else f"{task.id} {task.status}",
        )
