"""Check of the queue: Redis answers, workers listen, and a job comes back."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import django_rq
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from redis.exceptions import RedisError
from rq import Worker
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import JobStatus
from rq.worker import WorkerStatus

from django_wanvideo import queue
from django_wanvideo.conf import conf
from django_wanvideo.health.results import CheckResult, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rq import Queue
    from rq.job import Job
    from rq.worker import BaseWorker

#: Seconds that an idle worker has for a job that does nothing; it starts a process for it.
PATIENCE = 10.0
#: Seconds that such a job, and what became of it, is kept.
KEPT = 60


def check_queue() -> Iterator[CheckResult]:
    """Whether Redis answers, workers listen on the app's queue, and one of them does a job."""
    name = conf.QUEUE
    try:
        # Whatever transaction this runs in: the job is to be taken now.
        ours = django_rq.get_queue(name, commit_mode="auto")
        start = time.perf_counter()
        ours.connection.ping()
        seconds = time.perf_counter() - start
        waiting, workers = ours.count, Worker.all(queue=ours)
        jobs = ngettext("%(n)d job waits", "%(n)d jobs wait", waiting) % {"n": waiting}
        if workers:
            yield from _served(ours, workers, jobs)
        else:
            words = _("Redis answers, but no worker listens on the queue %(name)s; %(jobs)s.")
            command = _("Run: %(command)s") % {"command": worker_command(name)}
            yield error(words % {"name": name, "jobs": jobs}, command)
    except KeyError:
        yield error(_("There is no queue %(name)s.") % {"name": name}, _("Add it to RQ_QUEUES."))
        return
    except (RedisError, OSError) as raised:
        yield error(
            _("Redis does not answer (%(error)s).") % {"error": type(raised).__name__},
            _("Start it, or correct RQ_QUEUES. Nothing is lost meanwhile: the sweep hands out what is due."),
        )
        return
    if seconds > queue.connection.CALLBACK_TIMEOUT:
        yield warning(
            _("Redis took %(n).2f s to answer; a callback waits at most %(most).2f s for it.")
            % {"n": seconds, "most": queue.connection.CALLBACK_TIMEOUT},
            _("Use a Redis that is near. Until then what a callback brings waits for the next sweep."),
        )


def worker_command(name: str) -> str:
    """Return the command line of a worker that can read the queue's jobs."""
    serializer = (getattr(settings, "RQ_QUEUES", None) or {}).get(name, {}).get("SERIALIZER")
    if not serializer:
        return f"python manage.py rqworker {name}"
    if not isinstance(serializer, str):
        made = serializer if isinstance(serializer, type) else type(serializer)
        serializer = f"{made.__module__}.{made.__qualname__}"
    return f"python manage.py rqworker --serializer {serializer} {name}"


def _served(ours: Queue, workers: Sequence[BaseWorker], jobs: str) -> Iterator[CheckResult]:
    listening = ngettext("%(n)d worker listens", "%(n)d workers listen", len(workers)) % {"n": len(workers)}
    words = {"workers": listening, "name": ours.name, "jobs": jobs}
    job = ours.enqueue_call(
        "django_wanvideo.jobs.answer", timeout=KEPT, ttl=KEPT, result_ttl=KEPT, failure_ttl=KEPT, at_front=True
    )
    status = _wait(job, workers)
    if status == JobStatus.FINISHED:
        yield ok(_("%(workers)s on %(name)s and a job came back; %(jobs)s.") % words)
    elif status in {JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED}:
        yield error(
            _("%(workers)s on %(name)s, but cannot do this site’s jobs: one that does nothing failed.") % words,
            _("Start workers anew, with this site’s code and settings: %(command)s")
            % {"command": worker_command(ours.name)},
        )
    elif all(worker.get_state() == WorkerStatus.BUSY for worker in workers):
        yield ok(_("%(workers)s on %(name)s, all busy just now; %(jobs)s.") % words)
    else:
        yield error(
            _("%(workers)s on %(name)s, but did not take a job within %(n)d s; %(jobs)s.") % {**words, "n": PATIENCE},
            _("Look at the workers’ log, and start them anew: %(command)s") % {"command": worker_command(ours.name)},
        )


def _wait(job: Job, workers: Sequence[BaseWorker]) -> JobStatus | None:
    """Return what became of the job while it was waited for; one that nobody took is taken back."""
    until = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < until:
            status = job.get_status(refresh=True)
            if status not in {JobStatus.QUEUED, JobStatus.STARTED}:
                return status
            if status == JobStatus.QUEUED and all(worker.get_state() == WorkerStatus.BUSY for worker in workers):
                break
            time.sleep(0.05)
        status = job.get_status(refresh=True)
    except InvalidJobOperation:
        return None
    with contextlib.suppress(NoSuchJobError, InvalidJobOperation):
        job.delete()
    return status
