"""What a look at the site's health finds: one line, how bad it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result. ``message`` says what is, ``advice`` what to do; neither holds a secret."""

    name: str
    level: Level
    message: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the finding for JSON."""
        return {"name": self.name, "level": self.level.value, "message": self.message, "advice": self.advice}


def ok(name: str, message: str) -> Finding:
    """Nothing to do."""
    return Finding(name, Level.OK, message)


def warn(name: str, message: str, advice: str) -> Finding:
    """It works, but not as well as it could, or not for long."""
    return Finding(name, Level.WARN, message, advice)


def fail(name: str, message: str, advice: str) -> Finding:
    """Something does not work."""
    return Finding(name, Level.FAIL, message, advice)
