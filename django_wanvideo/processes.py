"""Scripts of our own that look into files, each run by a process that may hang, break or be taken over by what it reads.

It stands beside this one, with limits, and knows nothing of the site.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import IO

#: What such a script needs of this process's environment; no keys are in it.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class ScriptFailed(Exception):  # noqa: N818 - not an error: a file may be anything
    """The script gave nothing; the text says why, in a few words."""

    def __init__(self, reason: str, *, is_late: bool = False) -> None:
        super().__init__(reason)
        #: Whether its time was up.
        self.is_late = is_late


def run(script: str, *arguments: str, content: IO[bytes] | None = None, timeout: float) -> bytes:
    """Return what a script writes that runs by itself, ``content`` being its input.

    Args:
        content: a file of the system's.
        timeout: seconds.

    Raises:
        ScriptFailed: it gave nothing.
        OSError: no process can be started.
    """
    known = {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - only our own scripts, with numbers, short words and names of temporary files
            [sys.executable, "-P", script, *arguments],
            stdin=subprocess.DEVNULL if content is None else content,
            capture_output=True,
            timeout=timeout,
            check=False,
            env={**known, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired as error:
        raise ScriptFailed("it takes too long", is_late=True) from error
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ScriptFailed(said or f"the process ended with {done.returncode}")
    return done.stdout


def limit(cpu_seconds: int, memory: int) -> None:
    """Limit the process that calls this, where the system can: seconds of the processor, and bytes of memory.

    Whoever waits for it keeps the time limit.
    """
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        for kind, most in ((resource.RLIMIT_CPU, cpu_seconds), (resource.RLIMIT_AS, memory)):
            resource.setrlimit(kind, (most, most))
