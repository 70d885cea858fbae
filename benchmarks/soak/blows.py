"""Doing to the site what the plan says: to single processes, and to all of it at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.soak import plan, trouble
from benchmarks.soak.coverage import standing
from benchmarks.soak.remote import EVERYBODY
from benchmarks.soak.restoring import Restoring

if TYPE_CHECKING:
    from benchmarks.soak.coverage import Coverage
    from benchmarks.soak.plan import Blow
    from benchmarks.soak.site import Site

#: Seconds that a blow is held back for a status at which it has met no task yet, where that is there only for moments.
AIM = 2.5


class Striker:
    """Strikes when a blow is due, and ends what lasts; counts what it does."""

    def __init__(self, site: Site, coverage: Coverage, seed: int, seconds: float) -> None:
        self.restoring = Restoring(site)
        self.counts: Counter[str] = Counter()
        self._site = site
        self._coverage = coverage
        self._blows = plan.blows(seed, seconds)
        self._troubles = plan.troubles(seed, seconds)
        self._aimed: dict[str, float] = {}
        #: What stands, and when it ends, in seconds of the run.
        self._standing: dict[str, float] = {}
        self._asleep: dict[str, float] = {}

    def pass_(self, now: float) -> None:
        """Do what is due; ``now`` is the second of the run."""
        for name, until in list(self._asleep.items()):
            if now >= until:
                self._site.services[name].thaw()
                del self._asleep[name]
        for name, until in list(self._standing.items()):
            if now >= until:
                self._end(name)
        if self._blows and self._blows[0].at <= now and self._is_time(_name_of(self._blows[0]), now):
            self._strike(self._blows.pop(0), now)
        due = self._troubles and self._troubles[0].at <= now and not self._standing
        if due and self._is_time(self._troubles[0].victim, now):
            self._trouble(self._troubles.pop(0), now)
        lasting = [*self._standing, *(["worker asleep"] if self._asleep else [])]
        if lasting:
            self._coverage.note(lasting)

    def end(self) -> None:
        """End whatever stands: the last fault."""
        for name in list(self._standing):
            self._end(name)
        for name in self._asleep:
            self._site.services[name].thaw()
        self._asleep.clear()

    @property
    def is_calm(self) -> bool:
        """Whether a person may act as usual: nobody restores the database just now."""
        return "restore" not in self._standing

    def _is_time(self, fault: str, now: float) -> bool:
        """Wait for a moment at which the blow meets a task at a status that it has not met one at yet."""
        lacking = self._coverage.lacks(fault)
        since = self._aimed.setdefault(fault, now)
        if lacking and not lacking & standing() and now - since < AIM:
            return False
        del self._aimed[fault]
        return True

    def _strike(self, blow: Blow, now: float) -> None:
        name = _name_of(blow)
        self._coverage.note([name])
        self.counts[name] += 1
        service = self._site.services[blow.victim]
        if blow.how == "asleep":
            service.freeze()
            self._asleep[blow.victim] = now + plan.ASLEEP
        else:
            service.strike(blow.how)
            self._asleep.pop(blow.victim, None)

    def _trouble(self, blow: Blow, now: float) -> None:
        name = blow.victim
        self._coverage.note([name])
        self.counts[name] += 1
        match name:
            case "valkey":
                self._site.restart_valkey()
            case "postgres":
                self._site.restart_database()
            case "restore":
                self._coverage.read_moves()
                self.restoring.back_up(hold=blow.how == "hold")
            case "clock":
                whose, offset = blow.how.split()
                self._say(clock={whose: int(offset)})
            case "disk":
                self._say(disk=True)
            case "commit":
                self._say(commit=0.15)
            case _:
                self._site.remote.answer_everybody(name)
        if plan.TROUBLES[name]:
            self._standing[name] = now + plan.TROUBLES[name]

    def _end(self, name: str) -> None:
        del self._standing[name]
        if name == "restore":
            self._coverage.read_moves()
            self.restoring.restore()
            self._say()
            self._coverage.rewind()
            self.restoring.adopt()
        elif name in EVERYBODY:
            self._site.remote.answer_as_usual()
        else:
            self._say()

    def _say(self, **what: object) -> None:
        trouble.say({"age": self.restoring.age, **what})


def _name_of(blow: Blow) -> str:
    return "worker asleep" if blow.how == "asleep" else f"killed {blow.victim.partition('-')[0]}"
