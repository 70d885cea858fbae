"""Waiting for what must come true, however busy the machine is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(
    condition: Callable[[], object],
    what: str = "what was to come",
    seconds: float = 30.0,
    detail: Callable[[], str] = str,
) -> None:
    """Wait for a condition; AssertionError with ``what`` and ``detail`` when it does not come true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"Waited {seconds} s in vain for {what}.\n{detail()}"
        time.sleep(0.01)
