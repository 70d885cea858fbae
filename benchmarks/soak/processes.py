"""The site's processes: started, killed, started again, and all gone at the end; each by its own process id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.soak.trouble import PROCESS

if TYPE_CHECKING:
    from collections.abc import Sequence


def started_at(pid: int) -> str | None:
    """What tells a process from a later one with the same id; ``None`` when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def children_of(pid: int) -> list[tuple[int, str]]:
    """The processes that ``pid`` has started, each with its start."""
    try:
        pids = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [(child, start) for child in pids if (start := started_at(child)) is not None]


def send(pid: int, start: str, what: signal.Signals) -> bool:
    """Send a signal to that very process; return whether it still lived."""
    if started_at(pid) != start:
        return False
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        return False
    return True


def kill(pid: int, start: str) -> None:
    """End that very process, if it still lives."""
    send(pid, start, signal.SIGKILL)


class Service:
    """One process that is always started again. ``forks``: its children work for it, and may outlive it."""

    def __init__(self, name: str, command: Sequence[str], log: Path, *, forks: bool = False) -> None:
        self.name = name
        self.deaths = 0
        self._command = [sys.executable, *command]
        self._log = log
        self._forks = forks
        self._process: subprocess.Popen[bytes] | None = None
        self._orphans: list[tuple[int, str]] = []
        self._ended = 0.0
        self._stopped: list[tuple[int, str]] = []
        #: Ids of processes that were ended or stopped in the middle of whatever they did.
        self.struck: set[int] = set()

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {PROCESS: self.name}
            )

    def strike(self, how: str) -> None:
        """SIGKILL the ``worker``, what it ``works`` on, or ``both``; where nothing forks, that is all the same."""
        if self._process is None:
            return
        works = children_of(self._process.pid) if self._forks else []
        self.struck |= {pid for pid, _start in works}
        if how == "works" and works:
            for pid, start in works:
                kill(pid, start)
            return
        self.struck.add(self._process.pid)
        self._process.kill()
        self._process.wait(10)
        if how == "worker":
            # Its work goes on without it, as it does when only the parent dies.
            self._orphans += works
        else:
            for pid, start in works:
                kill(pid, start)

    def freeze(self) -> None:
        """SIGSTOP it and what it works on, as a machine that sleeps does; ``thaw`` ends that."""
        if self._process is None:
            return
        works = children_of(self._process.pid) if self._forks else []
        for pid, start in [*works, (self._process.pid, started_at(self._process.pid) or "")]:
            if send(pid, start, signal.SIGSTOP):
                self._stopped.append((pid, start))
                self.struck.add(pid)

    def thaw(self) -> None:
        """Let it go on with what it was at."""
        for pid, start in self._stopped:
            send(pid, start, signal.SIGCONT)
        self._stopped = []

    def keep_alive(self, pause: float) -> None:
        """Start it again ``pause`` seconds after it was found dead."""
        if self._process is not None and self._process.poll() is not None:
            self._process, self._ended = None, time.monotonic()
            self.deaths += 1
        if self._process is None and time.monotonic() - self._ended >= pause:
            self.start()

    def stop(self) -> None:
        """Ask it to end, make it end, and end what its dead predecessors left running."""
        self.thaw()
        if self._process is not None:
            works = children_of(self._process.pid) if self._forks else []
            self._process.terminate()
            try:
                self._process.wait(8)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._orphans += works
            self._process = None
        for pid, start in self._orphans:
            kill(pid, start)
