"""Progress in a terminal: one line that is redrawn, or plain lines where the output goes elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.core.management.base import OutputWrapper

WIDTH = 24
#: Per cent between two plain lines.
STEP = 10


class ProgressLine:
    """Shows where a task is; ``close`` ends the line that is being redrawn."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._live = out.isatty()
        self._start = time.monotonic()
        self._shown: tuple[str, int] | None = None
        self._length = 0

    def show(self, percent: int, words: str) -> None:
        """Show ``percent`` (0 to 100) and what is going on now."""
        if self._live:
            text = f"{bar(percent)} {percent:3d} %  {self._clock()}  {words}"
            # Spaces wipe what a longer line before has left behind.
            self._out.write("\r" + text.ljust(self._length), ending="")
            self._length = len(text)
            self._out.flush()
            return
        here = (words, percent // STEP)
        if here != self._shown:
            self._shown = here
            self._out.write(f"{self._clock()}  {percent:3d} %  {words}")
            self._out.flush()

    def close(self) -> None:
        """Let what follows begin on a line of its own."""
        if self._live and self._length:
            self._out.write("")
            self._length = 0

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        return f"{minutes:d}:{seconds:02d}"


def bar(percent: int) -> str:
    """Return ``percent`` as a bar of ``WIDTH`` characters between brackets."""
    done = min(max(percent, 0), 100) * WIDTH // 100
    return f"[{'#' * done}{'.' * (WIDTH - done)}]"
