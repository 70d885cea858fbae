"""What a run has hit: every move of the state machine, and every fault while a task stood at every status."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.soak.plan import TROUBLES

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What is done to single processes.
KILLS = ("killed worker", "killed web", "killed sweep", "worker asleep")
FAULTS = (*KILLS, *TROUBLES)


@dataclass
class Coverage:
    """Counts of moves and of pairs of fault and status."""

    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Up to which event moves were counted.
    _last: int = 0

    def note(self, faults: Iterable[str]) -> None:
        """Count the faults that stand now with every status at which tasks stand."""
        statuses = standing()
        self.pairs.update((fault, status) for fault in faults for status in statuses)

    def lacks(self, fault: str) -> set[str]:
        """Return the statuses at which this fault has not met a task yet."""
        return {status for status in on_the_way() if not self.pairs[fault, status]}

    def read_moves(self) -> None:
        """Count the moves that were written since the last time. Before a database is restored, and at the end."""
        from django_wanvideo.models import TaskEvent

        events = TaskEvent.objects.filter(pk__gt=self._last).exclude(from_status="").exclude(to_status="")
        rows = list(events.order_by("pk").values_list("pk", "from_status", "to_status"))
        self.moves.update((at, to) for _pk, at, to in rows)
        self._last = max((row[0] for row in rows), default=self._last)

    def rewind(self) -> None:
        """Say that the database was restored: its numbers are given again."""
        from django_wanvideo.models import TaskEvent

        self._last = TaskEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    @property
    def missing_moves(self) -> list[str]:
        """Moves of the state machine that no task made."""
        from django_wanvideo.models.lifecycle import ALLOWED_FROM

        known = {(str(at), str(to)) for to, sources in ALLOWED_FROM.items() for at in sources}
        return sorted(f"{at} → {to}" for at, to in known if not self.moves[at, to])

    @property
    def missing_pairs(self) -> list[str]:
        """Faults that met no task at a status on its way."""
        return [f"{fault} × {status}" for fault in FAULTS for status in sorted(self.lacks(fault))]


def on_the_way() -> set[str]:
    """Return the statuses from which a task goes on by itself."""
    from django_wanvideo.choices import ACTIVE_STATUSES

    return {str(status) for status in ACTIVE_STATUSES}


def standing() -> set[str]:
    """Return the statuses at which tasks stand now."""
    from django_wanvideo.models import VideoTask

    return set(VideoTask.objects.order_by().values_list("status", flat=True).distinct())
