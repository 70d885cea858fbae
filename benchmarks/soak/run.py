"""The run itself: tasks asked for while everything is struck, then the last fault, then quiet, then a person's decisions."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.soak import liveness, plan
from benchmarks.soak.blows import Striker
from benchmarks.soak.coverage import Coverage
from benchmarks.soak.hands import Hands

if TYPE_CHECKING:
    from benchmarks.soak.site import Site

TICK = 0.1
#: No more is asked for while this many tasks are on their way: a slow machine gets fewer tasks, not an endless queue.
MOST_UNDER_WAY = 60
#: A small picture that EvoLink accepts, pixels.
PICTURE = (400, 400)


@dataclass
class Soak:
    """One run, and what is remembered of it."""

    seed: int
    seconds: float
    tasks: int
    settle: float
    intents: int = 0
    coverage: Coverage = field(default_factory=Coverage)
    blows: Counter[str] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)
    agreed: Counter[str] = field(default_factory=Counter)
    decided: dict[str, int] = field(default_factory=dict)
    settled_after: list[float] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    restored: int = 0
    unnoticed: int = 0
    #: What EvoLink accepted while the rows that knew of it were to be lost.
    between: set[str] = field(default_factory=set)
    #: What a person sent again although EvoLink's books had it.
    sent_again: set[str] = field(default_factory=set)

    def run(self, site: Site) -> bool:
        """Storm, quiet, decisions, quiet; returns whether everything came to rest in time."""
        from benchmarks.soak import person

        striker, hands = Striker(site, self.coverage, self.seed, self.seconds), Hands(site, self.seed)
        self._storm(site, striker, hands)
        striker.end()
        site.remote.no_more_faults()
        hands.end()
        self.blows, self.did, self.agreed = striker.counts, hands.did, hands.agreed
        self.restored, self.unnoticed = striker.restoring.age, striker.restoring.unnoticed
        self.between, self.sent_again = striker.restoring.between, hands.sent_again
        self._rest(site, liveness.seconds())
        self.stuck = liveness.stuck()
        rested = not self.stuck or self._rest(site, self.settle)
        self.decided = person.decide(site.remote)
        rested = self._rest(site, self.settle) and rested
        self.coverage.read_moves()
        return rested

    def _storm(self, site: Site, striker: Striker, hands: Hands) -> None:
        wishes = plan.wishes(self.seed, self.seconds, self.tasks)
        started = shown = time.monotonic()
        while (now := time.monotonic() - started) < self.seconds:
            while wishes and wishes[0].at <= now and liveness.moving().count() < MOST_UNDER_WAY:
                self._ask_for(wishes.pop(0))
            striker.pass_(now)
            if striker.is_calm:
                hands.pass_(now)
            site.keep_alive()
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"{now:6.0f} s  {_standing()}", flush=True)
            time.sleep(TICK)

    def _ask_for(self, wish: plan.Wish) -> None:
        from django_wanvideo.models import VideoTask

        frame = _picture() if wish.upload else "https://pictures.example/cat.png"
        task = VideoTask.objects.create_task(prompt=wish.prompt, first_frame=frame, duration=2, quality="720p")
        if not wish.draft:
            task.submit()
        self.intents += 1

    def _rest(self, site: Site, seconds: float) -> bool:
        """Wait until nothing is under way any more; returns whether that was within ``seconds``."""
        started = shown = time.monotonic()
        quiet = 0
        while quiet < 5 and time.monotonic() - started < seconds:
            site.keep_alive()
            left = liveness.under_way()
            quiet = 0 if left else quiet + 1
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f" quiet    {', '.join(f'{number} {name}' for name, number in left.items())}", flush=True)
            time.sleep(0.4)
        self.settled_after.append(time.monotonic() - started)
        return quiet >= 5


def _picture() -> Any:
    import io
    import os

    from django.core.files.base import ContentFile
    from PIL import Image

    target = io.BytesIO()
    # One colour for each: the same picture would be uploaded once.
    red, green, blue = os.urandom(3)
    Image.new("RGB", PICTURE, (red, green, blue)).save(target, "JPEG")
    return ContentFile(target.getvalue(), name="picture.jpg")


def _standing() -> str:
    from django.db.models import Count

    from django_wanvideo.models import VideoTask

    rows = VideoTask.objects.order_by().values_list("status").annotate(n=Count("pk")).order_by("status")
    return ", ".join(f"{number} {status}" for status, number in rows)
