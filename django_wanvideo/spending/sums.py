"""What is summed: of some days, models, batches and people."""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Iterable

#: Seconds; what took longer is counted as this.
LONGEST_TIME = 2**16 - 1
_NOTHING = Decimal(0)


@dataclass(slots=True)
class Sums:
    """What some attempts came to. Credits count as for limits: used, else reserved, else estimated."""

    videos: int = 0
    #: Of the videos.
    seconds: int = 0
    failed: int = 0
    credits: Decimal = _NOTHING
    #: Of ``credits``, what failures cost.
    failed_credits: Decimal = _NOTHING
    #: Of ``credits``, what EvoLink has not reported yet.
    open_credits: Decimal = _NOTHING
    #: The seconds to each video, packed.
    times: list[bytes] = field(default_factory=list)
    _counts: Counter[int] | None = None

    def add(self, other: Sums) -> None:
        """Count what another one has as well."""
        self.videos += other.videos
        self.seconds += other.seconds
        self.failed += other.failed
        self.credits += other.credits
        self.failed_credits += other.failed_credits
        self.open_credits += other.open_credits
        self.times += other.times

    @property
    def success(self) -> Decimal | None:
        """The share of what has ended that became a video, from 0 to 1; ``None`` where nothing has ended."""
        ended = self.videos + self.failed
        return Decimal(self.videos) / ended if ended else None

    @property
    def counts(self) -> Counter[int]:
        """How many videos took how many seconds."""
        if self._counts is None:
            self._counts = Counter(unpacked(b"".join(self.times)))
        return self._counts

    @property
    def median(self) -> int | None:
        """The median of the seconds from sending to the stored video; the lower one of two."""
        middle = (self.counts.total() - 1) // 2
        for seconds, count in sorted(self.counts.items()):
            if middle < count:
                return seconds
            middle -= count
        return None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.videos or self.failed or self.credits)


def total_of(parts: Iterable[Sums]) -> Sums:
    """Add sums up, without counting each video's seconds once more."""
    total = Sums(_counts=Counter())
    for part in parts:
        total.add(part)
        total.counts.update(part.counts)
    return total


def packed(seconds: int, count: int = 1) -> bytes:
    """Pack the seconds to some videos that took equally long: two bytes each, as a million are read at once."""
    return min(seconds, LONGEST_TIME).to_bytes(2, "little") * count


def unpacked(times: bytes) -> array[int]:
    """Return the seconds that were packed."""
    found = array("H", times)
    if sys.byteorder == "big":
        found.byteswap()
    return found


class Row(NamedTuple):
    """The sums of one day, model, person and batch."""

    day: dt.date
    model: str
    #: ``None`` for nobody, and for who was deleted.
    owner_id: Any
    owner_label: str
    batch_id: uuid.UUID | None
    batch_label: str
    sums: Sums
