"""How many tasks one job looks at in a second, and whether it keeps EvoLink's limits: ``python -m benchmarks.looks``.

EvoLink is the simulator in a process of its own; each of its answers takes 150 ms, and there is one GET per task. What is
timed is the job: reading its rows, asking, applying each answer. One after another there would be 6.7 a second.
Then EvoLink limits reads, and jobs go on until every task was looked at: each 429 must hold all further ones back.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.provider import KEY, provider
from benchmarks.site import running_site
from benchmarks.tables import Verdict, table

if TYPE_CHECKING:
    from benchmarks.provider import Provider

#: Seconds that an answer takes.
ANSWER = 0.15
GOAL = 48.0
#: Reads a second that the limit gives, and the seconds of its pause.
LIMIT, PAUSE = 30, 1.0


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.looks", description=__doc__)
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--tasks", type=int, default=200, help="tasks of one job")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-goal", action="store_true", help="print only; always leave with 0")
    options = parser.parse_args(argv)
    with running_site(options.database), provider(options.tasks) as evolink:
        return _measure(evolink, options)


def _measure(evolink: Provider, options: argparse.Namespace) -> int:
    from django.test.utils import override_settings

    from django_wanvideo.services import sweep
    from django_wanvideo.services.provider import parallel

    with override_settings(WANVIDEO=wanvideo_settings(evolink)):
        task_ids = make_rows(evolink.task_ids)
        evolink.set(answer_seconds=ANSWER)
        speeds = [_speed(task_ids) for _round in range(options.rounds)]
        job = task_ids[: sweep.SYNC_BATCH]
        usual = [_speed(job) for _round in range(options.rounds)]
        seen = evolink.set()["gets"] - options.rounds * (len(task_ids) + len(job))
        books, jobs_done, unseen = _under_a_limit(evolink, task_ids)
    most = parallel.CONNECTIONS / ANSWER
    rows = [
        (f"a job of {len(task_ids)}", f"{max(speeds):.1f}", f"{sorted(speeds)[len(speeds) // 2]:.1f}"),
        (f"a job of {len(job)}", f"{max(usual):.1f}", f"{sorted(usual)[len(usual) // 2]:.1f}"),
        (f"{parallel.CONNECTIONS} connections that never rest", f"{most:.1f}", ""),
    ]
    print(f"{options.database}, answers after {1000 * ANSWER:.0f} ms, {options.rounds} rounds\n")
    print(table(["looks a second", "best", "median"], rows))
    print(
        f"\nwith {LIMIT} reads a second allowed: {jobs_done} jobs, {books['limited']} answers were 429,"
        f" {books['violations']} requests came although EvoLink had said to wait\n"
    )
    verdict = Verdict(binding=not options.no_goal)
    verdict.at_least("looks a second", max(speeds), GOAL)
    verdict.exactly("reads beside one GET per look", seen, 0)
    verdict.exactly("violations of the limit", books["violations"], 0)
    verdict.exactly("tasks that nobody looked at", unseen, 0)
    if not books["limited"]:
        verdict.at_least("answers with 429, or nothing was proven", 0, 1)
    return verdict.exit_code()


def wanvideo_settings(evolink: Provider) -> dict[str, object]:
    """Return the settings of a site that talks to it."""
    from django.conf import settings

    return {
        **settings.WANVIDEO,
        "API_KEY": KEY,
        "BASE_URL": evolink.url,
        "FILES_URL": evolink.url,
        "CALLBACK_BASE_URL": None,
    }


def make_rows(provider_task_ids: list[str]) -> list[str]:
    """Make a task with EvoLink for each of its ids; return their own."""
    from django.utils import timezone

    from django_wanvideo.choices import AttemptState, TaskStatus
    from django_wanvideo.models import Attempt, VideoTask

    now = timezone.now()
    tasks = VideoTask.objects.bulk_create(
        VideoTask(status=TaskStatus.PENDING, model="wan2.6-image-to-video-flash", prompt="p", accepted_at=now)
        for _id in provider_task_ids
    )
    Attempt.objects.bulk_create(
        Attempt(
            task=task,
            number=1,
            state=AttemptState.ACCEPTED,
            provider_task_id=provider_task_id,
            idempotency_key=f"wanvideo-{provider_task_id}",
            request={},
        )
        for task, provider_task_id in zip(tasks, provider_task_ids, strict=True)
    )
    return [str(task.pk) for task in tasks]


def _speed(task_ids: list[str]) -> float:
    from django_wanvideo import jobs

    started = time.perf_counter()
    jobs.sync(*task_ids)
    return len(task_ids) / (time.perf_counter() - started)


def _under_a_limit(evolink: Provider, task_ids: list[str]) -> tuple[dict[str, int], int, int]:
    """Let jobs look at all tasks as sweeps would make them; return the books, the number of jobs, and what is left."""
    from django.utils import timezone

    from django_wanvideo import jobs
    from django_wanvideo.models import VideoTask

    VideoTask.objects.update(retry_count=0, next_action_at=timezone.now() - dt.timedelta(seconds=1))
    evolink.set(read_limit_per_second=LIMIT, read_limit_wait=PAUSE)
    done, deadline = 0, time.monotonic() + 120
    while time.monotonic() < deadline:
        waiting = VideoTask.objects.filter(retry_count=0)
        due = list(waiting.filter(next_action_at__lte=timezone.now()).values_list("pk", flat=True))
        if due:
            jobs.sync(*map(str, due))
            done += 1
        elif not waiting.exists():
            break
        else:
            time.sleep(0.05)
    left = VideoTask.objects.filter(retry_count=0, pk__in=task_ids).count()
    return evolink.set(read_limit_per_second=None), done, left


if __name__ == "__main__":
    sys.exit(main())
