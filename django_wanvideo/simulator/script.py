"""When a simulated task ends, and how: by the simulator's setting, or by a word in its prompt."""

from __future__ import annotations

import re
from contextlib import suppress
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
        match = _AMOUNT.fullmatch(amount)
        low = float(match[1]) if match else 0.0
        high = float(match[2]) if match and match[2] else low
        match kind:
            case "immediate" | "manual" if not amount:
                return cls(kind)
            case "seconds" if match and high >= low:
                return cls(kind, low, high)
            case "polls" if amount.isdigit() and low >= 1:
                return cls(kind, low, low)
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
        script = cls()
        for name, argument in _DIRECTIVE.findall(prompt if isinstance(prompt, str) else ""):
            match name.lower():
                case "fail":
                    code, _, message = argument.partition(":")
                    script = replace(script, failure=(code.strip() or "unknown_error", message.strip() or None))
                case "cancel" | "cancelled":
                    script = replace(script, cancelled=True)
                case "fault":
                    script = replace(script, fault=argument.strip() or None)
                case "immediate" | "manual" | "seconds" | "polls" as kind:
                    with suppress(ValueError):
                        way = Progression.parse(f"{kind}:{argument}" if argument else kind)
                        script = replace(script, progression=way)
        return script


def without_script(prompt: str) -> str:
    """A prompt without the words in square brackets that have the form of a script's."""
    return _DIRECTIVE.sub(" ", prompt)
