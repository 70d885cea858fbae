"""What goes wrong, and when: all of it follows from the seed and the length of the run."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: Seconds that Valkey is away when it is restarted. It keeps nothing: every job that waited in it is gone.
VALKEY_AWAY = 1.0


def _chances(point: str, text: str) -> dict[str, float]:
    pairs = (word.split("=") for word in text.split())
    return {f"{point}:{name}": float(chance) / 100 for name, chance in pairs}


#: Chance in percent that a call meets a fault, by point.
FAULTS = {
    **_chances(
        "create",
        "accept_then_close=3 accept_then_reset=1.5 accept_then_500=1 accept_then_502=1.5 accept_then_503=0.5 "
        "accept_then_504=0.5 accept_then_hang=1 accept_then_slow=2 accept_then_garbage=1 accept_then_truncated=1 "
        "accept_without_id=1 callback_before_answer=2 refuse=1.5 reset=1 hang=0.3 garbage=0.5 redirect=0.5 "
        "no_available_channel=2 400=0.5 401=0.1 402=0.1 403=0.3 404=0.3 409=0.3 413=0.3 415=0.3 422=0.5 429=1 500=1 "
        "502=1 503=0.5 504=0.5",
    ),
    **_chances(
        "get",
        "400=0.3 401=0.1 402=0.1 403=0.3 404=1 429=0.7 500=2 502=2 503=1 504=1 close=1 reset=1 hang=0.2 slow=0.5 "
        "garbage=1 html=1 redirect=0.5 unknown_status=1 completed_without_results=1 foreign_result=0.3 outdated=1 "
        "other_task=0.5",
    ),
    **_chances(
        "upload",
        "400=2 401=0.3 402=0.5 403=0.5 404=0.5 413=2 429=1 500=2 502=2 503=1 504=1 close=2 reset=2 hang=0.3 slow=0.5 "
        "garbage=2 html=1 quota=1 without_url=1",
    ),
    **_chances(
        "result",
        "403=1 404=1 410=1 429=1 500=2 502=2 503=2 close=2 reset=2 hang=0.3 slow=0.5 garbage=1 html=1 truncated=3 short=2 "
        "wrong_length=1 drip=0.5 redirect=1 endless=0.3 gzip_bomb=0.3",
    ),
    **_chances("callback", "lost=10 duplicate=10 delay=5 garbage=2 other_task=2"),
}


#: What happens to the whole site, in turn: seconds that it lasts.
TROUBLES = {
    "postgres": 0.0,
    "401": 2.5,
    "disk": 2.5,
    "restore": 1.5,
    "valkey": 0.0,
    "clock": 2.0,
    "402": 2.5,
    "commit": 3.0,
    "maintenance": 2.5,
    "404": 2.5,
}
#: Seconds between one of them and the next, in a short run and in a long one.
BETWEEN, BETWEEN_LONG = (1.0, 3.0), (2.0, 6.0)
#: A backup is restored in every so many rounds of the others.
RARELY = 3
#: Seconds that a process is stopped: longer than any lease.
ASLEEP = 10.0
DAY_AND_MORE = 25 * 3600
#: From so many seconds on a run is a long one: some videos take longer than the site waits for one.
LONG = 300
#: Seconds that such a video takes, and how many wishes there are for one of them.
SLOW, SLOW_EVERY = 100, 16


@dataclass(frozen=True)
class Blow:
    """One thing done to the site: from a second of the run on, to whom, and what."""

    at: float
    victim: str
    how: str = ""


@dataclass(frozen=True)
class Wish:
    """One task to be asked for. ``draft``: it is submitted by somebody later."""

    at: float
    prompt: str
    upload: bool
    draft: bool = False


def blows(seed: int, seconds: float) -> list[Blow]:
    """When processes are killed (``how``: ``worker`` alone, what it ``works`` on alone, ``both``) or fall ``asleep``."""
    chance = random.Random(f"{seed}:blows")
    found = []
    at = chance.uniform(2, 6)
    while at < seconds:
        victim = chance.choices(["worker-1", "worker-2", "web", "sweep"], [5, 5, 2, 2])[0]
        how = "both"
        if victim.startswith("worker"):
            how = chance.choices(["worker", "works", "both", "asleep"], [1, 1, 1, 0.8])[0]
        found.append(Blow(at, victim, how))
        at += chance.uniform(4, 10)
    return found


def troubles(seed: int, seconds: float) -> list[Blow]:
    """What happens to the whole site, one thing after the other: each of them in turn, starting at another one by seed."""
    chance = random.Random(f"{seed}:troubles")
    order = list(TROUBLES)
    start = seed * 4 % len(order)
    order = order[start:] + order[:start]
    found: list[Blow] = []
    count, at = 0, chance.uniform(2, 3)
    while at < seconds - 1:
        turn, place = divmod(count, len(order))
        name, how = order[place], ""
        count += 1
        if name == "restore" and turn % RARELY:
            continue
        if name == "clock":
            how = f"{chance.choice(['all', 'worker-1', 'worker-2', 'web', 'sweep'])} {chance.choice([1, -1]) * DAY_AND_MORE}"
        elif name == "restore":
            how = ("send", "hold")[turn // RARELY % 2]
        found.append(Blow(at, name, how))
        at += TROUBLES[name] + chance.uniform(*(BETWEEN_LONG if seconds >= LONG else BETWEEN))
    return found


def wishes(seed: int, seconds: float, tasks: int) -> list[Wish]:
    """What is asked for: most succeed at EvoLink, some are refused or cancelled there; some bring a file."""
    chance = random.Random(f"{seed}:wishes")
    found = []
    for number in range(tasks):
        ending = chance.choices(
            ["", " [fail:content_policy_violation]", " [fail:generation_failed]", " [cancel]"], [92, 3, 2, 3]
        )[0]
        at = seconds * number / tasks
        if seconds >= LONG and number % SLOW_EVERY == 12 and at < seconds - SLOW - 20:
            ending = f" [seconds:{SLOW}]"
        found.append(Wish(at, f"Soak {number:05d}{ending}", chance.random() < 0.12, chance.random() < 0.04))
    return found
