"""Handing work to RQ, after commit.

Jobs are named by their dotted path, so this room knows nothing of what they do. A wake-up that gets lost costs
time only: the sweep finds every due row again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import django_rq
from rq import Worker

from django_wanvideo.conf import conf
from django_wanvideo.db import database
from django_wanvideo.queue import connection

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from redis import Redis
    from rq import Queue

#: Seconds that each job may take.
JOB_TIMEOUTS = {"submit": 900, "sync": 900, "store": 3600, "notify": 900, "batch": 900, "mail": 60}
JOB_TIMEOUTS |= {"poster": 300, "join": 960, "sums": 900}
RESULT_TTL = 60
FAILURE_TTL = 7 * 24 * 3600


def enqueue_on_commit(job: str, *ids: uuid.UUID | str) -> None:
    """Enqueue ``jobs.<job>(*ids)`` when the present transaction has committed; never raises."""
    names = [str(value) for value in ids]
    database.on_commit(lambda: enqueue(job, *names))


def enqueue(job: str, *ids: str) -> bool:
    """Enqueue ``jobs.<job>(*ids)`` now; return whether Redis took it."""
    return connection.ask(lambda redis: put(redis, job, ids))


def put(redis: Redis, job: str, ids: Sequence[str] = ()) -> None:
    """Enqueue a job over a connection."""
    queue = _queue(redis)
    with queue.connection.pipeline() as pipeline:
        queue.enqueue_call(
            f"django_wanvideo.jobs.{job}",
            args=tuple(ids),
            timeout=JOB_TIMEOUTS[job],
            result_ttl=RESULT_TTL,
            failure_ttl=FAILURE_TTL,
            description=f"wanvideo {job} {' '.join(ids[:3])}{' …' if len(ids) > 3 else ''}".strip(),
            # By itself RQ asks twice, once for the queue's name; a queue that is not async runs the job in there.
            pipeline=pipeline if queue.is_async else None,
        )
        pipeline.execute()


def depth() -> int:
    """Return how many jobs wait in the queue; 0 when Redis does not answer."""
    return connection.answer(lambda redis: int(_queue(redis).count)) or 0


def workers() -> int | None:
    """Return how many workers listen to the queue; ``None`` when Redis does not answer."""
    return connection.answer(lambda redis: int(Worker.count(queue=_queue(redis))))


def _queue(redis: Redis) -> Queue:
    return django_rq.get_queue(conf.QUEUE, connection=redis, commit_mode="auto")
