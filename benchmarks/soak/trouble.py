"""What goes wrong inside the site's own processes: said in one file, which each of them reads."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

FOLDER = "WANVIDEO_SOAK_FOLDER"
#: Name of the process; the one that drives the run has none and meets no trouble.
PROCESS = "WANVIDEO_SOAK_PROCESS"
#: Seconds that what was read is believed.
_FRESH = 0.02

_read: list[tuple[float, dict[str, Any]]] = [(0.0, {})]


def folder() -> Path:
    """Return the folder of the run, which outlives every process and every restored database."""
    return Path(os.environ[FOLDER])


def now() -> dict[str, Any]:
    """Return what goes wrong at this moment; nothing in a process that is no part of the site."""
    if PROCESS not in os.environ:
        return {}
    at, value = _read[0]
    if time.monotonic() - at > _FRESH:
        try:
            value = json.loads((folder() / "trouble.json").read_text())
        except (OSError, ValueError):
            value = {}
        _read[0] = (time.monotonic(), value)
    return value


def say(value: dict[str, Any]) -> None:
    """Write down what goes wrong from now on; readers see the old text or the new one, never half of it."""
    target = folder() / "trouble.json"
    fresh = target.with_suffix(".new")
    fresh.write_text(json.dumps(value))
    fresh.replace(target)
