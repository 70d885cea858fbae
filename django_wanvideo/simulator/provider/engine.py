"""The life of tasks: accepted and billed, on their way, ended, told."""

from __future__ import annotations

import heapq
import random
import secrets
import string
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django_wanvideo.simulator.media.images import ImageError
from django_wanvideo.simulator.script import Progression, Script

from .callbacks import Callbacks
from .errors import TASK_FAILURES, create_error
from .first_frame import FirstFrames
from .tasks import Link, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from .accounts import Account
    from .state import State
    from .validation import ValidRequest

#: What EvoLink's pages give as `estimated_time` of Wan 2.x, seconds.
DOCUMENTED_ESTIMATE = 120


class Engine:
    """The only writer of tasks, balances and the ledger."""

    def __init__(self, state: State) -> None:
        self.callbacks = Callbacks(state)
        self._state = state
        self._random = random.Random(state.options.seed)  # noqa: S311  (durations, not secrets)
        self._first_frames = FirstFrames(state)
        self._due: list[tuple[float, str]] = []
        self._due_changed = threading.Condition()

    # Accepting

    def check_rate(self, account: Account) -> None:
        """ApiError 429 when the account has asked too often within a minute, or has too many tasks on their way."""
        options = self._state.options
        account.check_creations(options, self._state.now())
        limit = options.max_concurrent
        if limit is not None and sum(not task.final for task in self._state.tasks.of(account)) >= limit:
            raise create_error(429, "Too many concurrent tasks, please try again later")

    def accept(
        self,
        account: Account,
        api_key: str,
        request: ValidRequest,
        body: dict[str, Any],
        base_url: str,
        key: str | None,
    ) -> Task:
        """Reserve the credits and make the task; ApiError 402 when the account has not enough.

        base_url: where its result links begin. key: the request's `Idempotency-Key`.
        """
        state, now = self._state, self._state.now()
        script = Script.read(body.get("prompt"))
        progression = (script.progression or Progression.parse(state.options.progression)).settle(self._random)
        letters = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
        task = Task(
            id=f"task-unified-{int(now)}-{letters}",
            account=account,
            api_key=api_key,
            model=request.model.id,
            body=body,
            created=now,
            base_url=base_url,
            reserved=request.price,
            final_price=request.final_price,
            billing_rule=request.model.price.rule,
            estimated_time=self._estimate(progression),
            seconds=request.seconds,
            reserved_seconds=request.reserved_seconds,
            quality=request.quality,
            audio=request.audio,
            progression=progression,
            script=script,
            callback_url=request.callback_url,
        )
        with account.lock:
            account.check_funds(api_key, task.reserved)
            account.charge(api_key, task.reserved)
            account.creations.append(now)
            state.ledger.accept(
                task_id=task.id,
                account=account.id,
                model=task.model,
                accepted_at=now,
                reserved=task.reserved,
                content=self._first_frames.content(body),
                body=body,
                idempotency_key=key,
                callback_url=task.callback_url,
            )
            state.tasks.add(task)
        if progression.kind == "seconds":
            with self._due_changed:
                heapq.heappush(self._due, (now + progression.amount, task.id))
                self._due_changed.notify()
        return task

    # On their way

    def after_answer(self, task: Task) -> None:
        """What follows the answer to a creation request: tasks that end immediately do so now."""
        if task.progression.kind == "immediate":
            self.advance(task)

    def advance(self, task: Task, *, polled: bool = False) -> None:
        """Bring a task to where it should be now; `polled` when a client reads it."""
        with task.lock:
            if task.final:
                if self._state.options.fresh_links and task.links and self._state.now() >= task.links[-1].expires_at:
                    self._add_link(task)
                return
            task.polls += polled
            way = task.progression
            match way.kind:
                case "immediate":
                    share = 1.0
                case "polls":
                    share = task.polls / way.amount
                case "seconds":
                    share = (self._state.now() - task.created) / way.amount if way.amount else 1.0
                case _:
                    return
            if share >= 1:
                self._end(task)
                self.callbacks.send(task)
            elif share >= 0.1:
                task.status, task.progress = "processing", max(task.progress, min(95, int(share * 100)))

    def set_progress(self, task: Task, progress: int, status: str = "processing") -> bool:
        """Say how far a task is (0..100), without ending it; False when it has ended. ValueError for another number."""
        if not 0 <= progress <= 100:
            raise ValueError(f"Progress is between 0 and 100, not {progress}.")
        with task.lock:
            if task.final:
                return False
            task.status, task.progress = status, progress
            return True

    def tick(self) -> float | None:
        """End the tasks that are due; returns the seconds until the next one is, or None."""
        while True:
            with self._due_changed:
                if not self._due:
                    return None
                left = self._due[0][0] - self._state.now()
                if left > 0:
                    return left
                _, task_id = heapq.heappop(self._due)
            if task := self._state.tasks.get(task_id):
                if self._first_frames.is_quick(task):
                    self.advance(task)
                else:
                    threading.Thread(target=self.advance, args=(task,), daemon=True).start()

    def keep_time(self, longest: float | None) -> None:
        """Call `tick` whenever it is time, until the simulator stops; look at the clock after `longest` seconds."""
        while not self._state.stopping.is_set():
            left = self.tick()
            with self._due_changed:
                # None: nothing was due, which may have changed since.
                if not self._state.stopping.is_set() and (left is not None or not self._due):
                    self._due_changed.wait(left if longest is None else longest)

    def wake(self) -> None:
        """Let `keep_time` look at what has changed."""
        with self._due_changed:
            self._due_changed.notify_all()

    # Ending

    def end_now(self, task: Task) -> None:
        """End a task at once, whatever its progression, and wait until its callback was tried."""
        self._finish(task, lambda: self._end(task), wait=True)

    def complete(self, task: Task, results: list[str] | None = None) -> bool:
        """End a task with its video, or with the given result URLs; False when it had already ended."""
        return self._finish(task, lambda: self._succeed(task, results))

    def fail(self, task: Task, code: str, message: str | None = None, status: str = "failed") -> bool:
        """End a task with an error and give its credits back; False when it had already ended."""
        return self._finish(task, lambda: self._fail(task, code, message, status))

    def cancel(self, task: Task) -> bool:
        return self.fail(task, "request_cancelled", status="cancelled")

    def _finish(self, task: Task, end: Callable[[], None], *, wait: bool = False) -> bool:
        with task.lock:
            if task.final:
                return False
            end()
        self.callbacks.send(task, wait=wait)
        return True

    def _end(self, task: Task) -> None:
        """End a task as its script and its picture say, without telling. The task's lock is held."""
        if task.script.failure is not None:
            self._fail(task, *task.script.failure)
        elif task.script.cancelled:
            self._fail(task, "request_cancelled", status="cancelled")
        else:
            try:
                self._first_frames.take(task)
            except ImageError as error:
                self._fail(task, error.code, error.message)
            else:
                self._succeed(task)

    def _succeed(self, task: Task, results: list[str] | None = None) -> None:
        task.status, task.progress, task.finished_at = "completed", 100, self._state.now()
        task.results = results
        if results is None:
            self._add_link(task)
        task.used = task.final_price
        # What was reserved for a longer one comes back.
        task.account.charge(task.api_key, task.used - task.reserved)
        self._state.ledger.charge(task.id, task.used)

    def _fail(self, task: Task, code: str, message: str | None = None, status: str = "failed") -> None:
        message = message or TASK_FAILURES.get(code, TASK_FAILURES["unknown_error"])
        task.status, task.progress, task.finished_at = status, 0, self._state.now()
        task.error = {"code": code, "message": message, "type": "task_error"}
        task.used = Decimal(0)
        task.account.charge(task.api_key, -task.reserved)
        self._state.ledger.refund(task.id, task.finished_at)

    def _add_link(self, task: Task) -> None:
        expires_at = self._state.now() + self._state.options.link_seconds
        link = Link(f"/results/{task.account.id}/videos/file_{secrets.token_hex(16)}.mp4", expires_at)
        self._state.tasks.links[link.path] = task, link
        task.links.append(link)

    def _estimate(self, way: Progression) -> int:
        told = self._state.options.estimated_time
        seconds = {"manual": DOCUMENTED_ESTIMATE, "seconds": round(way.amount)}
        return max(1, seconds.get(way.kind, 1)) if told is None else told
