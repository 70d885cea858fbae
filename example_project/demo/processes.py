"""The child processes of a demo run: started in groups of their own, listened to, and always ended."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from django.core.management.base import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .output import Printer

LAST_LINES = 15


class Child:
    """One process in a session of its own, so that the terminal's Ctrl-C reaches only the demo itself."""

    def __init__(self, name: str, command: Sequence[str], *, colour: str, stop_signal: int = signal.SIGTERM) -> None:
        self.name = name
        self.command = list(command)
        self.colour = colour
        self.stop_signal = stop_signal
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """The process id, which is its group's id as well."""
        assert self._process is not None
        return self._process.pid

    def start(self, say: Callable[[Child, str], None]) -> None:
        """Start the process and pass each line that it writes to ``say``."""
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, args=(say,), name=f"read {self.name}", daemon=True)
        self._reader.start()

    def _read(self, say: Callable[[Child, str], None]) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            text = raw.rstrip()
            if text:
                self.last_lines.append(text)
                say(self, text)

    def exit_code(self) -> int | None:
        """Tell how the process ended; None while it runs or before it was started."""
        return self._process.poll() if self._process else None

    def signal(self, number: int) -> None:
        """Send a signal to the whole group, if there is still anybody in it."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process; False when it still runs after ``seconds``."""
        assert self._process is not None
        try:
            self._process.wait(timeout=max(seconds, 0.01))
        except subprocess.TimeoutExpired:
            return False
        return True

    def finish_reading(self) -> None:
        """Give the last lines a moment to come through the pipe."""
        if self._reader and self._process and self._process.stdout:
            self._reader.join(timeout=1.0)
            if not self._reader.is_alive():
                self._process.stdout.close()


class ProcessGroup:
    """All child processes of a run, in the order in which they were started."""

    def __init__(self, printer: Printer, *, quiet: bool = False) -> None:
        self.printer = printer
        self.quiet = quiet
        self.children: list[Child] = []

    def start(self, child: Child) -> None:
        """Start one more process."""
        self.children.append(child)
        child.start(self._say)

    def _say(self, child: Child, text: str) -> None:
        if not self.quiet:
            self.printer.line(child.name, text, child.colour)

    def check(self) -> None:
        """Raise CommandError with its last lines when a process has ended by itself."""
        for child in self.children:
            code = child.exit_code()
            if code is not None:
                child.finish_reading()
                raise CommandError(f"The {child.name} process ended with {code}.{self.tail(child)}")

    def wait_until(self, ready: Callable[[], bool], what: str, *, seconds: float) -> None:
        """Wait for a condition while watching the processes; CommandError when it does not come true in time."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                tails = "".join(self.tail(child) for child in self.children)
                raise CommandError(f"Waited {seconds:g} s in vain for {what}.{tails}")
            time.sleep(0.05)

    def tail(self, child: Child) -> str:
        """The last lines of a process, as they go into an error message."""
        if not child.last_lines:
            return f"\n\n{child.name} has written nothing."
        return f"\n\nLast lines of {child.name}:\n  " + "\n  ".join(child.last_lines)

    def stop(self, *, patience: float = 8.0) -> None:
        """End all processes: those started last first, politely, then firmly, then by force.

        Takes at most ``patience`` seconds for the polite part and about two for the firm one.
        """
        running = [child for child in self.children if child.exit_code() is None]
        deadline = time.monotonic() + patience
        for child in reversed(running):
            child.signal(child.stop_signal)
            child.wait(min(deadline - time.monotonic(), patience))
        stubborn = [child for child in running if child.exit_code() is None]
        # A worker takes a second signal as the order to kill its job's process, which is in a group of its own.
        for child in stubborn:
            child.signal(child.stop_signal)
        deadline = time.monotonic() + 2
        for child in stubborn:
            child.wait(deadline - time.monotonic())
        for child in self.children:
            # Who still does not listen, and whoever of a group has outlived its leader.
            child.signal(signal.SIGKILL)
            child.wait(2)
            child.finish_reading()
        self.children.clear()
