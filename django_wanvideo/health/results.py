"""What a check of the site's health finds: one line, how bad it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warn"
    ERROR = "fail"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One result. ``message`` says what is, ``hint`` what to do; neither holds a secret.

    ``name`` is the check's, which ``run_checks`` fills in.
    """

    level: Level
    message: str
    hint: str = ""
    name: str = ""


def ok(message: str) -> CheckResult:
    return CheckResult(Level.OK, message)


def warning(message: str, hint: str) -> CheckResult:
    """It works, but not as well as it could, or not for long."""
    return CheckResult(Level.WARNING, message, hint)


def error(message: str, hint: str) -> CheckResult:
    return CheckResult(Level.ERROR, message, hint)
