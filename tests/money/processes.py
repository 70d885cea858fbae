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

ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """The environment of a child that is the same site on the same rows."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.money.child_settings",
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
