"""Queues with a serializer of their own, and workers that are listed but do nothing."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import django_rq
import pytest
from rq import SimpleWorker
from rq.timeouts import TimerDeathPenalty
from rq.worker import WorkerStatus

from django_wanvideo import queue
from django_wanvideo.health import queue as queue_checks

JSON = "rq.serializers.JSONSerializer"


class Worker(SimpleWorker):
    """RQ's worker, in a thread."""

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self):
        """The test's process keeps its own."""


@contextmanager
def listed(jobs, state=WorkerStatus.IDLE):
    """A worker that is said to listen."""
    worker = Worker([jobs], connection=jobs.connection)
    worker.register_birth()
    worker.set_state(state)
    try:
        yield
    finally:
        worker.register_death()


@contextmanager
def serving(jobs, serializer=None):
    """A worker that does what comes."""
    done = threading.Event()

    def work():
        while not done.wait(0.02):
            if jobs.count:
                worker = Worker(["wanvideo"], connection=jobs.connection, serializer=serializer)
                worker.work(burst=True, logging_level="CRITICAL")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with listed(jobs):
            yield
    finally:
        done.set()
        thread.join()


@pytest.fixture
def json_queue(redis_queue, settings, monkeypatch):
    """The app's queue, with jobs as JSON."""
    settings.RQ_QUEUES = {**settings.RQ_QUEUES, "wanvideo": {**settings.RQ_QUEUES["wanvideo"], "SERIALIZER": JSON}}
    monkeypatch.setitem(django_rq.settings.QUEUES, "wanvideo", settings.RQ_QUEUES["wanvideo"])
    queue.reset()
    return redis_queue


def look():
    (finding,) = queue_checks.check_queue()
    return finding


@pytest.mark.fault("K11.queue-probe-comes-back")
def test_a_job_comes_back_from_a_worker_that_works(redis_queue):
    with serving(redis_queue):
        finding = look()
    assert (finding.level, finding.hint) == ("ok", "")
    assert "came back" in finding.message
    assert redis_queue.count == 0


@pytest.mark.fault("K11.serializer-doctor")
def test_workers_that_cannot_read_queues_jobs(json_queue):
    """Workers that cannot read the queues jobs are found out and the right command is named."""
    with serving(json_queue):
        finding = look()
    assert finding.level == "fail"
    assert finding.hint.endswith(f"python manage.py rqworker --serializer {JSON} wanvideo")
    with serving(json_queue, JSON):
        assert look().level == "ok"


@pytest.mark.fault("K11.serializer-command")
def test_without_workers_command_that_is_advised(json_queue, settings):
    """Without workers the command that is advised can read the queues jobs."""
    assert f"rqworker --serializer {JSON} wanvideo" in look().hint
    from rq.serializers import JSONSerializer

    settings.RQ_QUEUES["wanvideo"]["SERIALIZER"] = JSONSerializer
    assert queue_checks.worker_command("wanvideo") == f"python manage.py rqworker --serializer {JSON} wanvideo"


@pytest.mark.fault("K11.queue-probe-dead-worker")
def test_worker_that_is_listed_but_takes(redis_queue, monkeypatch):
    """A worker that is listed but takes nothing is a failure and leaves no job behind."""
    monkeypatch.setattr(queue_checks, "PATIENCE", 0.2)
    with listed(redis_queue):
        finding = look()
    assert finding.level == "fail"
    assert "did not take a job" in finding.message
    assert redis_queue.count == 0


@pytest.mark.fault("K11.queue-probe-busy-workers")
def test_workers_that_are_all_busy_are_believed(redis_queue):
    with listed(redis_queue, WorkerStatus.BUSY):
        finding = look()
    assert finding.level == "ok"
    assert "busy" in finding.message
    assert redis_queue.count == 0
