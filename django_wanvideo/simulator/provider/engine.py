"""The life of tasks: accepted and billed, on their way, ended, told."""

from __future__ import annotations

import heapq
import random
import threading
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import pricing
from .errors import TASK_FAILURES, create_error
from .frames import FirstFrames
from .progression import Progression, Script
from .tasks import Task

if TYPE_CHECKING:
    from .accounts import Account
    from .core import Simulator
    from .validation import Wish

#: What EvoLink's pages give as `estimated_time` of Wan 2.x, seconds.
DOCUMENTED_ESTIMATE = 120


class Engine:
    """The only writer of tasks, balances and the ledger."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._random = random.Random(sim.options.seed)  # noqa: S311  (durations, not secrets)
        self._money = threading.RLock()
        self._due: list[tuple[float, str]] = []
        self._frames = FirstFrames(sim)
        self.wake = threading.Condition()

    def accept(
        self, account: Account, api_key: str, wish: Wish, body: dict[str, Any], base_url: str, key: str | None
    ) -> Task:
        """Reserve the credits and make the task; ApiError 402 or 429 when the account has no room for it."""
        sim, now = self._sim, self._sim.clock.now()
        reserved = pricing.price(wish, body)
        script = Script.read(body.get("prompt"))
        task = Task(
            id=sim.tasks.new_id(now),
            account=account,
            api_key=api_key,
            model=wish.model.id,
            body=body,
            created=now,
            base_url=base_url,
            reserved=reserved,
            billing_rule=wish.model.price.rule,
            estimated_time=0,
            seconds=wish.seconds,
            quality=wish.quality,
            audio=wish.audio,
            progression=self._settled(script.progression or Progression.parse(sim.options.progression)),
            script=script,
            callback_url=wish.callback_url,
        )
        task.estimated_time = self._estimate(task.progression)
        with self._money:
            self._check_funds(account, api_key, reserved)
            account.spend(api_key, reserved)
            account.recent.append(now)
            sim.ledger.accept(
                task_id=task.id,
                account=account.id,
                model=task.model,
                accepted_at=now,
                reserved=reserved,
                content=self._frames.content(body),
                body=body,
                idempotency_key=key,
                callback_url=wish.callback_url,
            )
            sim.tasks.add(task)
        if task.progression.kind == "seconds":
            task.due_at = now + task.progression.amount
            with self.wake:
                heapq.heappush(self._due, (task.due_at, task.id))
                self.wake.notify()
        return task

    def check_rate(self, account: Account) -> None:
        """ApiError 429 when the account has asked too often within a minute, or has too many tasks on their way."""
        options, now = self._sim.options, self._sim.clock.now()
        with self._money:
            while account.recent and account.recent[0] <= now - 60:
                account.recent.popleft()
            limit = options.rate_limit_per_minute
            if limit is not None and len(account.recent) >= limit:
                wait = max(1, int(account.recent[0] + 60 - now + 0.999))
                raise self._sim.rate_limited(wait)
        if options.max_concurrent is not None:
            running = sum(1 for task in self._sim.tasks.of(account) if not task.final)
            if running >= options.max_concurrent:
                raise create_error(429, "Too many concurrent tasks, please try again later")

    def look(self, task: Task, *, polled: bool = False) -> None:
        """Bring a task to where it should be now; `polled` when a client reads it."""
        with task.lock:
            if task.final:
                self._refresh_link(task)
                return
            task.polls += polled
            way, now = task.progression, self._sim.clock.now()
            match way.kind:
                case "immediate":
                    done, share = True, 1.0
                case "polls":
                    done, share = task.polls >= way.amount, task.polls / way.amount
                case "seconds":
                    elapsed = now - task.created
                    done, share = elapsed >= way.amount, elapsed / way.amount if way.amount else 1.0
                case _:
                    return
            if done:
                self._end(task)
                self._sim.callbacks.send(task)
            elif share >= 0.1:
                task.status, task.progress = "processing", max(task.progress, min(95, int(share * 100)))

    def tick(self) -> float | None:
        """End the tasks that are due; returns the seconds until the next one is, or None."""
        while True:
            with self.wake:
                if not self._due:
                    return None
                left = self._due[0][0] - self._sim.clock.now()
                if left > 0:
                    return left
                _, task_id = heapq.heappop(self._due)
            task = self._sim.tasks.get(task_id)
            if task is not None and self._frames.is_quick(task):
                self.look(task)
            elif task is not None:
                threading.Thread(target=self.look, args=(task,), daemon=True).start()

    def may_sleep(self, left: float | None) -> bool:
        """Whether nothing has become due since `tick` returned `left`. `wake` is held."""
        return left is not None or not self._due

    def run(self, task: Task) -> None:
        """What follows the answer to a creation request: tasks that end immediately do so now."""
        if task.progression.kind == "immediate":
            self.look(task)

    def end_now(self, task: Task) -> None:
        """End a task at once, whatever its progression, and wait until its callback was tried."""
        with task.lock:
            if task.final:
                return
            self._end(task)
        self._sim.callbacks.send(task, wait=True)

    def complete(self, task: Task, results: list[str] | None = None) -> bool:
        """End a task with its video, or with the given result URLs; False when it had already ended."""
        with task.lock:
            if task.final:
                return False
            task.results = results
            self._succeed(task)
        self._sim.callbacks.send(task)
        return True

    def fail(self, task: Task, code: str, message: str | None = None) -> bool:
        """End a task with an error and give its credits back; False when it had already ended."""
        return self._stop(task, "failed", code, message)

    def cancel(self, task: Task) -> bool:
        """End a task as cancelled and give its credits back; False when it had already ended."""
        return self._stop(task, "cancelled", "request_cancelled", None)

    def _stop(self, task: Task, status: str, code: str, message: str | None) -> bool:
        with task.lock:
            if task.final:
                return False
            self._close(task, status, code, message)
        self._sim.callbacks.send(task)
        return True

    def _end(self, task: Task) -> None:
        """End a task as its script and its picture say, without telling. The task's lock is held."""
        if task.script.failure is not None:
            self._close(task, "failed", *task.script.failure)
        elif task.script.cancelled:
            self._close(task, "cancelled", "request_cancelled", None)
        elif (problem := self._frames.take(task)) is not None:
            self._close(task, "failed", problem.code, problem.message)
        else:
            self._succeed(task)

    def _succeed(self, task: Task) -> None:
        now = self._sim.clock.now()
        task.status, task.progress, task.finished_at = "completed", 100, now
        if task.results is None:
            task.links.append(self._sim.results.link(task, now))
        with self._money:
            task.used = task.reserved
            self._sim.ledger.charge(task.id, task.used)

    def _close(self, task: Task, status: str, code: str, message: str | None) -> None:
        now = self._sim.clock.now()
        message = message or TASK_FAILURES.get(code, TASK_FAILURES["unknown_error"])
        task.status, task.progress, task.finished_at = status, 0, now
        task.error = {"code": code, "message": message, "type": "task_error"}
        with self._money:
            task.used = Decimal(0)
            task.account.spend(task.api_key, -task.reserved)
            self._sim.ledger.refund(task.id, now)

    def _refresh_link(self, task: Task) -> None:
        now = self._sim.clock.now()
        if self._sim.options.fresh_links and task.links and now >= task.links[-1].expires_at:
            task.links.append(self._sim.results.link(task, now))

    def _check_funds(self, account: Account, api_key: str, amount: Decimal) -> None:
        token = account.keys[api_key]
        if account.remaining < amount:
            raise create_error(402)
        if token.limit is not None and token.remaining < amount:
            raise create_error(402, "Insufficient quota of this API key.", code="insufficient_token_quota")

    def _settled(self, way: Progression) -> Progression:
        """A progression with a range, as one amount of it."""
        if way.kind != "seconds" or way.upper <= way.amount:
            return way
        amount = self._random.uniform(way.amount, way.upper)
        return replace(way, amount=amount, upper=amount)

    def _estimate(self, way: Progression) -> int:
        if self._sim.options.estimated_time is not None:
            return self._sim.options.estimated_time
        return (
            DOCUMENTED_ESTIMATE if way.kind == "manual" else max(1, round(way.amount if way.kind == "seconds" else 1))
        )
