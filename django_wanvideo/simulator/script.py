"""When a simulated task ends, and how: by the simulator's setting, or by a word in its prompt."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from random import Random

Kind = Literal["immediate", "polls", "seconds", "manual"]

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(?:\.\.(\d+(?:\.\d+)?))?")
_DIRECTIVE = re.compile(r"\[([a-z_]+)(?::([^\[\]]*))?\]", re.IGNORECASE)


@dataclass(frozen=True)
class Progression:
    """When a task ends.

    `immediate`: as soon as the creation request is answered. `polls:n`: the n-th read of the task finds it ended.
    `seconds:x`: that long after it was accepted; `seconds:x..y`: somewhere between. `manual`: when told.
    """

    kind: Kind
    amount: float = 0.0
    upper: float = 0.0

    @classmethod
    def parse(cls, text: Progression | str) -> Progression:
        """Read `immediate`, `polls:3`, `seconds:8`, `seconds:3..8` or `manual`; ValueError says what is wrong."""
        if isinstance(text, Progression):
            return text
        kind, _, amount = text.strip().partition(":")
        if kind in ("immediate", "manual") and not amount:
            return cls("immediate" if kind == "immediate" else "manual")
        match = _AMOUNT.fullmatch(amount)
        if match and kind == "seconds":
            low = float(match[1])
            high = float(match[2]) if match[2] else low
            if high >= low:
                return cls("seconds", low, high)
        if match and kind == "polls" and amount.isdigit() and int(amount) >= 1:
            return cls("polls", int(amount), int(amount))
        raise ValueError(f"Unknown progression {text!r}. Use immediate, polls:3, seconds:8, seconds:3..8 or manual.")

    def settle(self, chance: Random) -> Progression:
        """A range of seconds as one of them."""
        if self.kind != "seconds" or self.upper <= self.amount:
            return self
        amount = chance.uniform(self.amount, self.upper)
        return replace(self, amount=amount, upper=amount)

    def __str__(self) -> str:
        if self.kind in ("immediate", "manual"):
            return self.kind
        upper = f"..{self.upper:g}" if self.upper > self.amount else ""
        return f"{self.kind}:{self.amount:g}{upper}"


@dataclass(frozen=True)
class Script:
    """What a prompt asks of the simulator, by words in square brackets.

    `[fail:content_policy_violation]` or `[fail:code: message]` ends with that error, `[cancel]` ends as cancelled,
    `[seconds:3]`, `[polls:2]`, `[immediate]`, `[manual]` replace the progression, and `[fault:accept_then_close]`
    makes that fault on the first creation request with this prompt. Other brackets mean nothing.
    """

    failure: tuple[str, str | None] | None = None
    cancelled: bool = False
    progression: Progression | None = None
    fault: str | None = None

    @classmethod
    def read(cls, prompt: object) -> Script:
        """The script in a prompt; empty when there is none."""
        failure: tuple[str, str | None] | None = None
        progression: Progression | None = None
        fault: str | None = None
        cancelled = False
        for name, argument in _DIRECTIVE.findall(prompt if isinstance(prompt, str) else ""):
            match name.lower():
                case "fail":
                    code, _, message = argument.partition(":")
                    failure = (code.strip() or "unknown_error", message.strip() or None)
                case "cancel" | "cancelled":
                    cancelled = True
                case "fault":
                    fault = argument.strip() or None
                case "immediate" | "manual" | "seconds" | "polls":
                    try:
                        progression = Progression.parse(f"{name.lower()}:{argument}" if argument else name.lower())
                    except ValueError:
                        continue
                case _:
                    continue
        return cls(failure, cancelled, progression, fault)


def without_script(prompt: str) -> str:
    """A prompt without the words in square brackets that have the form of a script's."""
    return _DIRECTIVE.sub(" ", prompt)
