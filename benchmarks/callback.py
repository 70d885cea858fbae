"""Our callback view beside a bare one and dj-stripe's: ``python -m benchmarks.callback``.

Django's test client drives each through the whole middleware, in this process, on one database, round by round in turn.
A ratio is the bare view's best round by the other's best, so that a busy machine disturbs it little.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.site import running_site
from benchmarks.tables import Verdict, table

if TYPE_CHECKING:
    from collections.abc import Callable

GOAL = 0.92
#: Redis commands a callback in a burst.
REDIS_GOAL = 0.05


@dataclass
class Receiver:
    """One view. ``calls(n)`` makes n requests ready; running them is what is timed."""

    name: str
    calls: Callable[[int], list[Callable[[], Any]]]
    seconds: list[float] = field(default_factory=list)
    sql: int = 0
    commits: int = 0
    redis: float = 0.0

    def run(self, count: int) -> float:
        """Make ``count`` calls; returns their seconds. AssertionError when one is not answered with 200."""
        calls = self.calls(count)
        started = time.perf_counter()
        answers = [call() for call in calls]
        seconds = time.perf_counter() - started
        wrong = [answer for answer in answers if answer.status_code != 200]
        assert not wrong, f"{self.name} answered {wrong[0].status_code}: {wrong[0].content[:200]!r}"
        return seconds


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.callback", description=__doc__)
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--calls", type=int, default=100, help="calls of each view in one round")
    parser.add_argument("--no-goal", action="store_true", help="print only; always leave with 0")
    options = parser.parse_args(argv)
    with running_site(options.database):
        receivers = _receivers()
        for receiver in receivers:
            receiver.run(max(5, options.calls // 5))
            _count_statements(receiver)
        _measure(receivers, options.rounds, options.calls)
        return _report(receivers, options)


def _receivers() -> list[Receiver]:
    from django.conf import settings

    found = [Receiver("bare DRF view, 1 INSERT", _bare), Receiver("django-wanvideo", _ours)]
    if settings.HAS_DJSTRIPE:
        from benchmarks.floor import stripe

        path = stripe.make_endpoint()
        found.append(Receiver("dj-stripe webhook, store only", lambda count: _stripe(path, count)))
    else:
        print("dj-stripe is not installed here; to measure it too: pip install --group bench\n")
    return found


def message() -> dict[str, Any]:
    """The body that EvoLink documents for a finished task."""
    task_id = f"task-unified-{uuid.uuid4().int % 10**10}-{uuid.uuid4().hex[:8]}"
    return {
        "id": task_id,
        "object": "video.generation.task",
        "created": 1_793_000_000,
        "model": "wan2.6-image-to-video-flash",
        "status": "completed",
        "progress": 100,
        "type": "video",
        "results": [f"https://files.example/{task_id}/video.mp4"],
        "result_data": [{"type": "video", "url": f"https://files.example/{task_id}/video.mp4"}],
        "task_info": {"can_cancel": False, "video_duration": 5},
        "usage": {
            "billing_rule": "per_second",
            "credits_reserved": 25.0,
            "credits_used": 25.0,
            "user_group": "default",
        },
    }


def _posts(paths: list[str], bodies: list[bytes], headers: list[dict[str, str]]) -> list[Callable[[], Any]]:
    from django.test import Client

    client = Client(headers={"host": "site.example"})

    def call(path: str, body: bytes, extra: dict[str, str]) -> Callable[[], Any]:
        return lambda: client.post(path, body, content_type="application/json", headers=extra)

    return [call(*parts) for parts in zip(paths, bodies, headers, strict=True)]


def _bare(count: int) -> list[Callable[[], Any]]:
    from django.urls import reverse

    paths = [reverse("bare", args=[uuid.uuid4()]) for _ in range(count)]
    return _posts(paths, [json.dumps(message()).encode() for _ in paths], [{}] * count)


def _ours(count: int) -> list[Callable[[], Any]]:
    from urllib.parse import urlsplit

    from django_wanvideo import callback_tokens

    paths = [urlsplit(callback_tokens.url_for(uuid.uuid4())).path for _ in range(count)]
    return _posts(paths, [json.dumps(message()).encode() for _ in paths], [{}] * count)


def _stripe(path: str, count: int) -> list[Callable[[], Any]]:
    from benchmarks.floor import stripe

    bodies = [stripe.event(message()) for _ in range(count)]
    return _posts([path] * count, bodies, [stripe.signed(body) for body in bodies])


def _count_statements(receiver: Receiver) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        receiver.run(1)
    statements = [query["sql"].lstrip().split(" ", 1)[0].upper().rstrip(";") for query in captured.captured_queries]
    receiver.commits = statements.count("COMMIT")
    receiver.sql = sum(word in {"SELECT", "INSERT", "UPDATE", "DELETE"} for word in statements)


def _measure(receivers: list[Receiver], rounds: int, calls: int) -> None:
    import django_rq

    valkey = django_rq.get_connection("wanvideo")

    def commands() -> int:
        return int(valkey.info("stats")["total_commands_processed"])

    commands()
    for turn in range(rounds):
        # Each goes first as often as any other.
        first = turn % len(receivers)
        for receiver in (*receivers[first:], *receivers[:first]):
            before = commands()
            receiver.seconds.append(receiver.run(calls))
            # The second reading counts itself.
            receiver.redis += (commands() - before - 1) / (rounds * calls)


def _report(receivers: list[Receiver], options: argparse.Namespace) -> int:
    bare = receivers[0]
    ratios = {receiver.name: min(bare.seconds) / min(receiver.seconds) for receiver in receivers}
    rows = [
        (
            receiver.name,
            f"{options.calls / min(receiver.seconds):.0f}",
            f"{options.calls / statistics.median(receiver.seconds):.0f}",
            f"{ratios[receiver.name]:.2f}",
            receiver.sql,
            receiver.commits,
            f"{receiver.redis:.2f}",
        )
        for receiver in receivers
    ]
    print(f"{options.database}, {options.rounds} rounds of {options.calls} calls each\n")
    print(table(["receiver", "best calls/s", "median", "of bare", "SQL", "COMMIT", "Redis"], rows))
    print("\nSQL: SELECT, INSERT, UPDATE, DELETE of one call; Redis: commands per call.\n")
    verdict = Verdict(binding=not options.no_goal)
    verdict.no_more_than("Redis commands a callback", receivers[1].redis, REDIS_GOAL)
    if options.database == "postgres":
        verdict.at_least("django-wanvideo by the bare view", ratios["django-wanvideo"], GOAL)
    else:
        print("The goal is one for PostgreSQL: an INSERT that costs next to nothing makes all else look dear.")
    return verdict.exit_code()


if __name__ == "__main__":
    sys.exit(main())
