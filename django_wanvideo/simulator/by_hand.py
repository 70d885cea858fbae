"""What a test or a person does to tasks and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .clock import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

    from .clock import Clock
    from .engine import Engine
    from .results import Results
    from .tasks import Task, TaskStore


class ByHand:
    """The part of `Simulator` that moves tasks and time; a KeyError means that there is no such task."""

    tasks: TaskStore
    engine: Engine
    results: Results
    clock: Clock

    def complete(self, task_id: str, results: list[str] | None = None) -> Task:
        """End a task with its video, or with the given result URLs; KeyError for an unknown id."""
        task = self.tasks[task_id]
        self.engine.complete(task, results)
        return task

    def fail(self, task_id: str, code: str = "unknown_error", message: str | None = None) -> Task:
        """End a task with an error; its credits are given back."""
        task = self.tasks[task_id]
        self.engine.fail(task, code, message)
        return task

    def cancel(self, task_id: str) -> Task:
        """End a task as cancelled; its credits are given back."""
        task = self.tasks[task_id]
        self.engine.cancel(task)
        return task

    def set_progress(self, task_id: str, progress: int, status: str = "processing") -> Task:
        """Say how far an unfinished task is (0..100), without ending it."""
        if not 0 <= progress <= 100:
            raise ValueError(f"Progress is between 0 and 100, not {progress}.")
        task = self.tasks[task_id]
        with task.lock:
            if not task.final:
                task.status, task.progress = status, progress
        return task

    def set_video(self, task_id: str, path: str | Path) -> None:
        """Serve a file of your own as a task's result."""
        self.results.replace(self.tasks[task_id], path)

    def forget(self, task_id: str) -> None:
        """Let a task expire: reading it is a 404 from now on. The ledger remembers it."""
        self.tasks.forget(task_id)

    def advance(self, seconds: float) -> None:
        """Move virtual time; TypeError on real time."""
        if not isinstance(self.clock, VirtualClock):
            raise TypeError("Time can only be moved with Simulator(clock=VirtualClock()).")
        self.clock.advance(seconds)
