"""Work in a process of its own on this test's database, so that it can die in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from subprocess import CompletedProcess

SET_UP = """
import os, sys
import django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = os.environ["TEST_DATABASE_NAME"]
"""


def in_a_process(code: str, *, seconds: float = 60.0) -> CompletedProcess[str]:
    """Run some code with Django set up on the database of this test, which must be committed."""
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
    }
    return subprocess.run(
        [sys.executable, "-c", SET_UP + code], capture_output=True, text=True, timeout=seconds, check=False, env=env
    )
