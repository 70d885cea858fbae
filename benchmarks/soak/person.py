"""The person who settles, with EvoLink's books at hand, what the site rightly leaves to one."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.soak.plan import SLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.soak.remote import Remote


def decide(remote: Remote) -> dict[str, int]:
    """Attach what EvoLink has accepted, say of the rest that it was not, and fetch videos whose copy had failed.

    Before that it counts what stood unconfirmed, and how much of it EvoLink has accepted.
    """
    from django.contrib.auth import get_user_model

    from django_wanvideo.choices import TaskStatus
    from django_wanvideo.models import Attempt, VideoTask
    from django_wanvideo.services.resolution import decisions
    from django_wanvideo.services.tracking import lookup

    # What EvoLink is still working on is asked for once that is done.
    deadline = time.monotonic() + SLOW
    while any(task["status"] in {"pending", "processing"} for task in remote.tasks().values()):
        if time.monotonic() > deadline:
            break
        time.sleep(1)
    person = get_user_model().objects.create_superuser("person", "person@site.example", "person")
    ledger = remote.ledger()
    done = {task_id: task["status"] == "completed" for task_id, task in remote.tasks().items()}
    bound = set(Attempt.objects.exclude(provider_task_id=None).values_list("provider_task_id", flat=True))
    free = {entry["prompt"]: entry["task_id"] for entry in ledger if entry["task_id"] not in bound}
    counts = {"unconfirmed": 0, "attached": 0, "not accepted": 0, "fetched again": 0, "looked again": 0}
    for task in VideoTask.objects.filter(status=TaskStatus.UNCONFIRMED):
        counts["unconfirmed"] += 1
        if task.prompt in free:
            _patiently(partial(decisions.attach, task, free.pop(task.prompt), by=person, allow_earlier=True))
            counts["attached"] += 1
        else:
            _patiently(partial(decisions.mark_not_accepted, task, by=person))
            counts["not accepted"] += 1
    for task in VideoTask.objects.filter(status__in=[TaskStatus.FAILED, TaskStatus.CANCELLED]):
        if task.can_fetch_result:
            _patiently(partial(task.retry, by=person))
            counts["fetched again"] += 1
        elif lookup.can_look(task) and any(done.get(attempt.provider_task_id or "") for attempt in task.attempts.all()):
            # It has ended here without EvoLink's word: a look is free.
            _patiently(partial(task.refresh, by=person))
            counts["looked again"] += 1
    return counts


def _patiently(step: Callable[[], object]) -> None:
    """Do something as soon as it is possible: EvoLink may have asked the site to wait."""
    from django_wanvideo.exceptions import TransitionNotAllowed

    for _try in range(30):
        try:
            step()
        except TransitionNotAllowed:
            time.sleep(1)
        else:
            return
    step()
