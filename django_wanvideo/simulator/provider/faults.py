"""What can go wrong on purpose, where, how often, and for which requests."""

from __future__ import annotations

import difflib
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

Predicate = Callable[[Mapping[str, Any]], object]

_STATUS = ("400", "401", "402", "403", "404", "429", "500", "502", "503", "504")
_BROKEN = ("close", "reset", "hang", "slow", "garbage", "html")

#: The faults of each point. A number is that HTTP status with the documented body (502 and 504: a proxy's HTML page).
FAULTS: Mapping[str, tuple[str, ...]] = {
    # accept_then_*: the task exists and is billed, whatever the client is told.
    "create": (
        *(f"accept_then_{end}" for end in ("close", "reset", "500", "502", "503", "504", "hang", "slow")),
        *("accept_then_garbage", "accept_then_truncated", "accept_without_id", "callback_before_answer"),
        *("refuse", "reset", "hang", "garbage", "redirect", "no_available_channel"),
        *_STATUS,
        *("409", "413", "415", "422"),
    ),
    "get": (
        *_STATUS,
        *_BROKEN,
        *("redirect", "unknown_status", "bad_byte", "completed_without_results", "odd_link", "several_links"),
        *("without_status", "foreign_result", "outdated", "other_task"),
    ),
    "batch": (*_STATUS, *_BROKEN),
    "list": (*_STATUS, *_BROKEN),
    "credits": (*_STATUS, *_BROKEN),
    "models": (*_STATUS, *_BROKEN),
    "upload": (*_STATUS, "413", *_BROKEN, "quota", "without_url"),
    "result": (
        *("403", "404", "410", "429", "500", "502", "503"),
        *_BROKEN,
        *("truncated", "short", "wrong_length", "drip", "redirect", "endless", "gzip", "gzip_bomb", "partial"),
    ),
    "callback": ("lost", "duplicate", "delay", "garbage", "other_task"),
}

#: Decided before the request's body is read, when the fault has no `when`.
EARLY = frozenset({"refuse", "reset"})


@dataclass
class Fault:
    """One fault: where, which, how many times yet (None: always), for which creation requests, and with what.

    ValueError, with the nearest known word, for an unknown point or name.

    options, by fault: `seconds` (hang, slow, delay, drip), `retry_after` (429, 503: seconds, or `date:30` for the HTTP
    date in 30 s; None: no header), `status` and `location` (redirect), `status` (unknown_status), `url`
    (foreign_result; several_links: the one before the right one), `message`, `code` (numbers), `chunk` in bytes (drip),
    `count` (duplicate).
    """

    point: str
    name: str
    times: int | None = 1
    when: Predicate | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.point, self.name)

    def __str__(self) -> str:
        return f"{self.point}:{self.name}"

    @classmethod
    def parse(cls, spec: str) -> Fault:
        """Read `create:accept_then_close`, `create:429:3`, `result:drip:1:seconds=2,chunk=64`, `get:500:always`."""
        point, name, times, options = (*spec.split(":", 3), "", "", "", "")[:4]
        if times and times != "always" and not times.isdigit():
            raise ValueError(f"{spec!r}: the third part is a number of times or 'always', not {times!r}.")
        values: dict[str, Any] = {}
        for pair in filter(None, options.split(",")):
            key, equals, value = pair.partition("=")
            if not equals:
                raise ValueError(f"{spec!r}: options are written name=value, not {pair!r}.")
            values[key.strip()] = _number(value.strip())
        return cls(point, name, None if times == "always" else int(times or 1), None, values)


def _number(text: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def check_name(point: str, name: str) -> None:
    """ValueError, with the nearest known word, unless a point has this fault."""
    if point not in FAULTS:
        raise ValueError(f"No point {point!r} to make faults at. {_nearest(point, tuple(FAULTS))}")
    if name not in FAULTS[point]:
        raise ValueError(f"No fault {name!r} at {point!r}. {_nearest(name, FAULTS[point])}")


def _nearest(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]!r}? Known: {', '.join(known)}." if near else f"Known: {', '.join(known)}."


class FaultRegistry:
    """The faults to come. Those that were added go first, in their order; then the random ones."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._seed: int | str = 0
        self._chances: dict[str, list[tuple[str, float]]] = {}
        self._calls: Counter[str] = Counter()
        self._fired: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, point: str, name: str, times: int | None = 1, when: Predicate | None = None, **options: Any) -> Fault:
        """Make `name` happen at `point` the next `times` times (None: always) that `when` is true.

        `when` gets the body of the creation request that the call is about (for uploads: `file_name`, `mime_type`; for
        the rest an empty mapping). `options` are those of `Fault`. ValueError for an unknown point or name.
        """
        return self.put(Fault(point, name, times, when, options))

    def put(self, fault: Fault) -> Fault:
        """Add a ready fault."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def random(self, seed: int | str, chances: Mapping[str, float]) -> None:
        """Make faults at random: `{"accept_then_close": 0.05, "get:429": 0.1}`; an empty mapping stops it.

        A name without a point is one of the creation call. The n-th call at a point meets the same fault for the same
        seed, whatever happens at the other points. ValueError for an unknown name or for more than 1 in all at a point.
        """
        table: dict[str, list[tuple[str, float]]] = {}
        for key, chance in chances.items():
            point, _, name = key.rpartition(":")
            check_name(point or "create", name)
            table.setdefault(point or "create", []).append((name, float(chance)))
        for point, row in table.items():
            if any(chance < 0 for _, chance in row) or sum(chance for _, chance in row) > 1:
                raise ValueError(f"The chances at {point!r} must not be negative nor be more than 1 together.")
        with self._lock:
            self._seed, self._chances = seed, table
            self._calls.clear()

    def take_early(self, point: str) -> Fault | None:
        """The next fault of a point if it needs no body to be decided."""
        with self._lock:
            fault = next((fault for fault in self._faults if fault.point == point), None)
            if fault is None or fault.name not in EARLY or fault.when is not None:
                return None
            return self._use(fault)

    def take(
        self, point: str, context: Mapping[str, Any], possible: Callable[[str], bool] = lambda name: True
    ) -> Fault | None:
        """The fault that this call at a point meets, if any; `possible` skips names that make no sense now."""
        with self._lock:
            for fault in self._faults:
                if fault.point == point and possible(fault.name) and (fault.when is None or fault.when(context)):
                    return self._use(fault)
            return self._draw(point, possible)

    def clear(self) -> None:
        """No more faults, neither added nor random; what has happened stays counted."""
        with self._lock:
            self._faults.clear()
            self._chances = {}

    @property
    def waiting(self) -> list[Fault]:
        """The faults that are still to come."""
        with self._lock:
            return list(self._faults)

    @property
    def fired(self) -> Counter[str]:
        """How often each `point:name` has happened."""
        return Counter(self._fired)

    def _use(self, fault: Fault) -> Fault:
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)
        self._fired[str(fault)] += 1
        return fault

    def _draw(self, point: str, possible: Callable[[str], bool]) -> Fault | None:
        if not (row := self._chances.get(point)):
            return None
        self._calls[point] += 1
        # Not for secrecy: the sequence must be the same for the same seed.
        value = random.Random(f"{self._seed}:{point}:{self._calls[point]}").random()  # noqa: S311
        for name, chance in row:
            value -= chance
            if value < 0:
                return self._use(Fault(point, name, times=None)) if possible(name) else None
        return None
