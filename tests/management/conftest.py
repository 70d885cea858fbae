"""Running a command as a person would: its words and its exit code."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run() -> Callable[..., Ran]:
    """A function that runs a command with its arguments as on the command line."""

    def run(name: str, *args: Any, tty: bool = False) -> Ran:
        out, err = Terminal() if tty else io.StringIO(), io.StringIO()
        code = 0
        try:
            call_command(name, *(str(arg) for arg in args), stdout=out, stderr=err, no_color=True)
        except CommandError as error:
            code = error.returncode
            err.write(str(error))
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0
        return Ran(code, out.getvalue(), err.getvalue())

    return run
