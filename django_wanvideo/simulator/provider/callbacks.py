"""Tells a `callback_url` that its task has ended: 10 s per try, up to 3 more after 1, 2 and 4 s, no redirects."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django_wanvideo.simulator import urls
from django_wanvideo.simulator.journal import redact_url

if TYPE_CHECKING:
    from .faults import Fault
    from .state import State
    from .tasks import Task


class Callbacks:
    """Sends callbacks in threads of their own; each try is one entry of the journal, with the endpoint `callback`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._running = 0
        self._idle = threading.Condition()

    def send(self, task: Task, *, wait: bool = False) -> None:
        """Tell a task's end to its callback URL, if it has one; `wait`: the first try is over on return."""
        if task.callback_url is None or not self._state.options.callbacks:
            return
        fault = self._state.faults.take("callback", task.body)
        count = 1
        if fault is not None and fault.name == "lost":
            self._write(task, fault, note="lost on purpose")
            return
        if fault is not None and fault.name == "duplicate":
            count = int(fault.options.get("count", 2))
        body = _body(task, fault)
        for _ in range(count):
            first_try = threading.Event()
            with self._idle:
                self._running += 1
            threading.Thread(
                target=self._deliver, args=(task, body, fault, first_try), name=f"callback-{task.id}", daemon=True
            ).start()
            if wait:
                first_try.wait(self._state.options.callback_timeout + 1)

    def wait_idle(self, timeout: float = 30.0) -> None:
        """Wait until no callback is being sent or tried again; AssertionError after `timeout` seconds."""
        with self._idle:
            if not self._idle.wait_for(lambda: not self._running, timeout):
                raise AssertionError(f"{self._running} callback(s) still not delivered after {timeout} s.")

    def _deliver(self, task: Task, body: bytes, fault: Fault | None, first_try: threading.Event) -> None:
        options, stopping = self._state.options, self._state.stopping
        try:
            if fault is not None and fault.name == "delay":
                stopping.wait(float(fault.options.get("seconds", 1.0)))
            for delay in (0.0, *options.callback_retry_delays):
                if stopping.wait(delay * options.callback_time_scale):
                    return
                status = self._try(task, body, fault)
                first_try.set()
                if 200 <= status < 300:
                    return
        finally:
            first_try.set()
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def _try(self, task: Task, body: bytes, fault: Fault | None) -> int:
        url = str(task.callback_url)
        if not urls.is_loopback(urlsplit(url).hostname or "") and not self._state.options.allow_remote:
            self._write(task, fault, note="not sent: this simulator only calls this machine (allow_remote is off)")
            return 200
        started, note, status, answer = time.perf_counter(), None, 0, None
        connection, target = urls.connect(url, self._state.options.callback_timeout)
        try:
            headers = {"Content-Type": "application/json", "User-Agent": "evolink-simulator"}
            connection.request("POST", target, body, headers)
            reply = connection.getresponse()
            status, answer = reply.status, reply.read(1024).decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            note = f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        ms = (time.perf_counter() - started) * 1000
        text = body.decode("utf-8", "replace")
        self._write(task, fault, note=note, status=status, ms=ms, body=text, answer=answer)
        return status

    def _write(
        self, task: Task, fault: Fault | None, *, note: str | None, status: int = 0, ms: float = 0.0, **values: Any
    ) -> None:
        self._state.journal.add(
            kind="callback",
            at=self._state.now(),
            method="POST",
            path=redact_url(str(task.callback_url)),
            endpoint="callback",
            status=status,
            ms=round(ms, 1),
            fault=str(fault) if fault is not None else None,
            note=f"{task.id}: {note}" if note else f"{task.id} {task.status}",
            **values,
        )


def _body(task: Task, fault: Fault | None) -> bytes:
    if fault is not None and fault.name == "garbage":
        return b'{"id": "task-unified-\xff'
    body = task.as_body()
    if fault is not None and fault.name == "other_task":
        body["id"] = str(fault.options.get("id", f"task-unified-{int(task.created)}-00000000"))
    return json.dumps(body).encode()
