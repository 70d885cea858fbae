"""A worker in a process of its own, which may die at a chosen point: ``python -m tests.promises.child POINT TASK_ID...``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from tests.promises.processes import wait_at_the_gate

if TYPE_CHECKING:
    from collections.abc import Callable

#: The exit status of a worker that died as asked.
DIED = 86


def die(*_args: Any, **_options: Any) -> Any:
    """End this process as a power cut would."""
    os._exit(DIED)


def dying_after(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` with an end after it that nobody sees coming."""

    def run(*args: Any, **options: Any) -> Any:
        function(*args, **options)
        die()

    return run


def arrange(point: str) -> None:
    """Make this process die at ``point``."""
    import http.client

    from django_wanvideo.choices import EventKind
    from django_wanvideo.models import lifecycle
    from django_wanvideo.services.attempts import binding
    from django_wanvideo.services.provider import provider
    from django_wanvideo.services.sending import submission

    if point == "in the look":
        submission.lookup._forget = die
    elif point == "after the look":
        submission.lookup.may_send = dying_after(submission.lookup.may_send)
    elif point == "before the claim":
        submission._claim = die
    elif point == "after the claim":
        submission.post = die
    elif point == "after sent_at":
        create = provider.create

        def create_and_die(client: Any, attempt: Any, *, before_send: Any) -> Any:
            return create(client, attempt, before_send=dying_after(before_send))

        provider.create = create_and_die
    elif point == "after the request left":
        http.client.HTTPConnection.getresponse = die
    elif point == "after the answer arrived":
        binding.record_acceptance = die
    elif point == "before the commit":
        record = lifecycle.record

        def record_and_die(task: Any, kind: Any, *args: Any, **options: Any) -> Any:
            event = record(task, kind, *args, **options)
            return die() if kind == EventKind.ACCEPTED else event

        lifecycle.record = record_and_die
    elif point == "after the commit":
        binding._attach_at_once = dying_after(binding._attach_at_once)
    elif point != "never":
        raise SystemExit(f"no such point: {point}")


def main(point: str, *task_ids: str) -> None:
    """Send tasks, once the gate is open."""
    import django

    django.setup()
    from django_wanvideo import jobs, queue

    queue.jobs.enqueue = lambda job, *ids: True
    arrange(point)
    wait_at_the_gate()
    jobs.submit(*task_ids)


if __name__ == "__main__":
    main(*sys.argv[1:])
