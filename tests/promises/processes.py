"""Starting child processes that share the test's database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
#: The environment variable with the file that all children wait for.
GATE = "WANVIDEO_CHILD_GATE"


def environment(**more: str) -> dict[str, str]:
    """The environment of a child that is the same site on the same rows."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.promises.child_settings",
        "WANVIDEO_CHILD_DATABASE": str(connection.settings_dict["NAME"]),
        "WANVIDEO_CHILD_SITE": json.dumps(settings.WANVIDEO),
        "PYTHONPATH": str(ROOT),
        **more,
    }


def start(*command: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
    """Start ``python`` with ``command``; both outputs are piped."""
    return subprocess.Popen(
        [sys.executable, *command],
        env=env or environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def run(*command: str, env: dict[str, str] | None = None, seconds: float = 60) -> tuple[int, str]:
    """Run ``python`` with ``command`` to its end; return status and output."""
    process = start(*command, env=env)
    try:
        output, _none = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, output


def wait_at_the_gate(seconds: float = 60) -> None:
    """In a child: say that it is there, and wait for the others. AssertionError when the gate stays shut."""
    gate = os.environ.get(GATE)
    if not gate:
        return
    Path(f"{gate}.{os.getpid()}").touch()
    wait_until(Path(gate).exists, "the gate to open", seconds)


def race(folder: Path, *commands: tuple[str, ...], seconds: float = 60, **environ: str) -> None:
    """Run ``python`` with each command, all let go at the same moment; AssertionError with what a failed one said."""
    gate = folder / "gate"
    env = environment(**{GATE: str(gate)}, **environ)
    children = [start(*command, env=env) for command in commands]
    try:

        def all_are_there() -> bool:
            ended = [child.communicate()[0] for child in children if child.poll() is not None]
            assert not ended, ended[0]
            return len(list(folder.glob("gate.*"))) == len(children)

        wait_until(all_are_there, "all children at the gate", seconds)
        gate.touch()
        for child in children:
            output, _none = child.communicate(timeout=seconds)
            assert child.returncode == 0, output
    finally:
        for child in children:
            child.kill()
