"""One readable stream out of many processes, and the report of a headless run."""

from __future__ import annotations

import os
import threading
import time
from typing import TextIO

RESET = "\x1b[0m"
COLOURS = {"green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36", "red": "31", "bold": "1"}


def wants_colour(stream: TextIO) -> bool:
    """Tell whether to colour: on a terminal that can, and never with ``NO_COLOR`` set (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


class Printer:
    """Writes whole lines from any thread, each with a coloured prefix that says where it comes from."""

    def __init__(self, stream: TextIO, *, width: int = 9) -> None:
        self.stream = stream
        self.colour = wants_colour(stream)
        self.width = width
        self._lock = threading.Lock()
        self._unheard = False

    def paint(self, text: str, colour: str) -> str:
        """Colour a piece of text, if this stream is coloured at all."""
        return f"\x1b[{COLOURS[colour]}m{text}{RESET}" if self.colour else text

    def line(self, source: str, text: str, colour: str = "bold") -> None:
        """Write one line of ``source``. A reader that has gone away ends nothing but the writing."""
        prefix = self.paint(f"{source:<{self.width}}│", colour)
        with self._lock:
            if self._unheard:
                return
            try:
                self.stream.write(f"{prefix} {text}\n")
                self.stream.flush()
            except BrokenPipeError:
                self._unheard = True


class Stages:
    """The report of a headless run: one line per stage with the seconds that it took."""

    def __init__(self, printer: Printer) -> None:
        self.printer = printer
        self.started = self._last = time.monotonic()

    def done(self, stage: str, detail: str = "") -> None:
        """Report that a stage is behind us."""
        now = time.monotonic()
        self._write("✓", "green", now - self._last, stage, detail)
        self._last = now

    def failed(self, reason: str) -> None:
        """Report what stopped the run."""
        self._write("✗", "red", time.monotonic() - self._last, "failed", reason)

    def finished(self) -> None:
        """Report the whole run's time."""
        self._write("✓", "green", time.monotonic() - self.started, "all done", "")

    def _write(self, mark: str, colour: str, seconds: float, stage: str, detail: str) -> None:
        text = f"{self.printer.paint(mark, colour)} {seconds:6.2f} s  {stage:<18} {detail}"
        self.printer.stream.write(text.rstrip() + "\n")
        self.printer.stream.flush()
