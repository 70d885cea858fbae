"""Work is handed to RQ after commit, and nobody ever waits for Redis."""

from __future__ import annotations

import threading
import time
import uuid

import django_rq
import pytest
from django.db import transaction
from redis import Connection, Redis
from redis.exceptions import ResponseError
from rq.job import Job

from django_wanvideo import queue
from django_wanvideo.conf import conf
from tests.ports import closed_port, silent_port, slow_port
from tests.waiting import wait_until

pytestmark = [pytest.mark.commit_only, pytest.mark.integration]


@pytest.fixture(autouse=True)
def fresh_queue():
    queue.reset()
    yield
    queue.reset()


@pytest.fixture
def taken(monkeypatch):
    """What would be enqueued."""
    jobs = []

    def take(job, *ids):
        jobs.append((job, *ids))
        return True

    monkeypatch.setattr(queue.jobs, "enqueue", take)
    return jobs


@pytest.mark.django_db(transaction=True)
def test_nothing_is_enqueued_before_the_commit_and_all_of_it_after(taken):
    first, second = uuid.uuid4(), uuid.uuid4()
    with transaction.atomic():
        queue.enqueue_on_commit("submit", first)
        with transaction.atomic():
            queue.enqueue_on_commit("store", second)
        assert taken == []
    assert taken == [("submit", str(first)), ("store", str(second))]


@pytest.mark.django_db(transaction=True)
def test_a_rollback_enqueues_nothing(taken):
    with transaction.atomic():
        queue.enqueue_on_commit("submit", uuid.uuid4())
        transaction.set_rollback(True)
    assert taken == []


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_part_of_a_transaction_enqueues_nothing(taken):
    kept = uuid.uuid4()
    with transaction.atomic():
        queue.enqueue_on_commit("submit", kept)
        with transaction.atomic():
            queue.enqueue_on_commit("submit", uuid.uuid4())
            transaction.set_rollback(True)
    assert taken == [("submit", str(kept))]


@pytest.mark.django_db(transaction=True)
def test_each_of_many_wake_ups_is_for_its_own_task(taken):
    ids = [uuid.uuid4() for _number in range(5)]
    with transaction.atomic():
        for task_id in ids:
            queue.enqueue_on_commit("submit", task_id)
    assert taken == [("submit", str(task_id)) for task_id in ids]


@pytest.mark.django_db(transaction=True)
def test_wake_up_that_fails_breaks_neither_commit_nor(monkeypatch):
    """A wake up that fails breaks neither the commit nor what comes behind it."""
    ran = []

    def fail(job, *ids):
        raise RuntimeError("broken")

    monkeypatch.setattr(queue.jobs, "enqueue", fail)
    with transaction.atomic():
        queue.enqueue_on_commit("submit", uuid.uuid4())
        transaction.on_commit(lambda: ran.append(1))
    assert ran == [1]


@pytest.mark.parametrize(("job", "timeout"), queue.JOB_TIMEOUTS.items())
def test_a_job_is_its_dotted_path_and_texts_with_its_times_set(redis_queue, job, timeout):
    ids = [str(uuid.uuid4()) for _number in range(4)]
    assert queue.enqueue(job, *ids) is True
    (stored,) = redis_queue.jobs
    assert stored.func_name == f"django_wanvideo.jobs.{job}"
    assert callable(stored.func)
    assert list(stored.args) == ids
    assert all(type(value) is str for value in stored.args)
    assert stored.kwargs == {}
    assert (stored.timeout, stored.result_ttl, stored.failure_ttl) == (timeout, 60, 7 * 24 * 3600)
    assert stored.retries_left is None
    assert ids[0] in stored.description


@pytest.mark.django_db(transaction=True)
def test_ids_become_texts_on_their_way(redis_queue):
    task_id = uuid.uuid4()
    queue.enqueue_on_commit("submit", task_id)
    assert list(redis_queue.jobs[0].args) == [str(task_id)]


def test_every_job_that_can_be_named_exists():
    from django_wanvideo import jobs

    assert all(callable(getattr(jobs, name)) for name in queue.JOB_TIMEOUTS)


def test_a_job_time_out_is_longer_than_the_calls_it_makes():
    """A job that is stopped in the middle of sending leaves an outcome unknown; its own time-outs must come first."""
    assert queue.JOB_TIMEOUTS["submit"] > conf.CONNECT_TIMEOUT + conf.READ_TIMEOUT
    assert queue.JOB_TIMEOUTS["store"] > conf.DOWNLOAD_DEADLINE


def test_site_whose_enqueueing_waits_for_commits(redis_queue, settings):
    """A site whose enqueueing waits for commits of its own loses nothing.

    django-rq's COMMIT_MODE would hold a job back once more; here it has waited already.
    """
    settings.RQ = {"COMMIT_MODE": "request_finished"}
    queue.reset()
    assert queue.enqueue("sync") is True
    assert redis_queue.count == 1


def test_a_job_for_a_serializer_of_the_site_can_be_read_back(redis_queue, settings):
    settings.RQ_QUEUES = {"wanvideo": {**settings.RQ_QUEUES["wanvideo"], "SERIALIZER": "rq.serializers.JSONSerializer"}}
    queue.reset()
    task_id = str(uuid.uuid4())
    queue.enqueue("submit", task_id)
    (job_id,) = redis_queue.get_job_ids()
    stored = Job.fetch(job_id, connection=redis_queue.connection, serializer="rq.serializers.JSONSerializer")
    assert list(stored.args) == [task_id]


@pytest.mark.parametrize("port", [closed_port, silent_port])
@pytest.mark.django_db(transaction=True)
def test_without_redis_nothing_is_raised_and_nobody_waits(settings, port):
    with port() as number:
        settings.RQ_QUEUES = {"wanvideo": {"URL": f"redis://127.0.0.1:{number}/0"}}
        queue.reset()
        start = time.monotonic()
        with transaction.atomic():
            for _number in range(50):
                queue.enqueue_on_commit("submit", uuid.uuid4())
        assert queue.enqueue("submit", "x") is False
        assert queue.request_callback_read() is False
        assert queue.depth() == 0
        queue.clear_pending_read()
        assert time.monotonic() - start < 2 * queue.connection.REDIS_TIMEOUT + 1


def test_a_redis_that_is_far_is_too_slow_for_callbacks_only(redis_queue, settings, monkeypatch):
    """It takes longer than a callback may wait, which must keep nobody else from handing work out."""
    monkeypatch.setattr(queue.connection, "CALLBACK_TIMEOUT", 0.06)
    near = redis_queue.connection.connection_pool.connection_kwargs["port"]
    with slow_port(near, 0.15) as number:
        settings.RQ_QUEUES = {"wanvideo": {"URL": f"redis://127.0.0.1:{number}/0"}}
        queue.reset()
        assert queue.request_callback_read() is False
        assert queue.enqueue("submit", "x") is True
        assert queue.depth() == 1
        queue.reset()
    assert [job.func_name for job in redis_queue.jobs] == ["django_wanvideo.jobs.submit"]


def test_redis_is_asked_again_when_the_pause_is_over(redis_queue, settings, monkeypatch):
    good = settings.RQ_QUEUES
    with closed_port() as number:
        settings.RQ_QUEUES = {"wanvideo": {"URL": f"redis://127.0.0.1:{number}/0"}}
        assert queue.enqueue("sync") is False
    settings.RQ_QUEUES = good
    queue.connection._connections.clear()
    assert queue.enqueue("sync") is False, "it is left alone for a while"
    assert (
        queue.connection._circuit_open_until[queue.connection.REDIS_TIMEOUT] - time.monotonic()
        <= queue.connection.REDIS_PAUSE
    )
    monkeypatch.setitem(queue.connection._circuit_open_until, queue.connection.REDIS_TIMEOUT, time.monotonic())
    assert queue.enqueue("sync") is True


def test_an_engine_that_refuses_writes_is_trouble_too(redis_queue, monkeypatch):
    def refuse(*args, **kwargs):
        raise ResponseError("OOM command not allowed when used memory > 'maxmemory'.")

    monkeypatch.setattr(Redis, "set", refuse)
    assert queue.request_callback_read() is False


def test_a_burst_of_callbacks_is_one_wake_up(redis_queue):
    assert [queue.request_callback_read() for _number in range(20)] == [True] * 20
    assert [job.func_name for job in redis_queue.jobs] == ["django_wanvideo.jobs.sync"]
    assert redis_queue.jobs[0].args in ((), [])


def test_a_burst_from_many_threads_is_one_wake_up(redis_queue):
    start = threading.Barrier(8)

    def wake():
        start.wait(timeout=10)
        queue.request_callback_read()

    threads = [threading.Thread(target=wake) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert redis_queue.count == 1


def test_a_wake_up_stands_for_a_few_seconds_only(redis_queue):
    queue.request_callback_read()
    assert 0 < redis_queue.connection.ttl(queue.callback_wakeup.WAKE_KEY) <= queue.callback_wakeup.WAKE_SECONDS


def test_a_callback_after_the_job_began_wakes_another_one_soon(redis_queue, monkeypatch):
    monkeypatch.setattr(queue.callback_wakeup, "WOKEN_SECONDS", 0.3)
    assert queue.request_callback_read() is True
    queue.clear_pending_read()
    woken = time.monotonic()
    assert [queue.request_callback_read() for _number in range(50)] == [True] * 50
    assert redis_queue.count == 1, "nothing was asked of Redis yet"
    wait_until(lambda: redis_queue.count == 2, "the wake-up that is owed", seconds=5)
    assert time.monotonic() - woken < 2
    queue.clear_pending_read()
    time.sleep(0.4)
    assert redis_queue.count == 2, "what is owed is given once"


def test_a_callback_after_that_second_asks_redis_itself(redis_queue, monkeypatch):
    monkeypatch.setattr(queue.callback_wakeup, "WOKEN_SECONDS", 0.05)
    queue.request_callback_read()
    queue.clear_pending_read()
    time.sleep(0.06)
    queue.request_callback_read()
    assert redis_queue.count == 2


def test_a_burst_asks_redis_hardly_ever(redis_queue, monkeypatch):
    queue.request_callback_read()
    sent = []
    send = Connection.send_packed_command

    def count(self, command, check_health=True):
        sent.append(command)
        return send(self, command, check_health)

    monkeypatch.setattr(Connection, "send_packed_command", count)
    for _number in range(1000):
        queue.request_callback_read()
    assert len(sent) <= 50 * 0.05


def test_the_length_is_that_of_the_queue(redis_queue):
    assert queue.depth() == 0
    for _number in range(3):
        queue.enqueue("sync")
    assert queue.depth() == 3


def test_one_enqueue_is_one_round_trip(redis_queue, monkeypatch):
    queue.enqueue("sync")
    sent = []
    send = Connection.send_packed_command

    def count(self, command, check_health=True):
        sent.append(command)
        return send(self, command, check_health)

    monkeypatch.setattr(Connection, "send_packed_command", count)
    queue.enqueue("sync")
    assert len(sent) == 1
    monkeypatch.undo()
    assert redis_queue.count == 2


def test_a_queue_that_is_not_async_runs_the_job_at_once(redis_queue, settings, monkeypatch):
    settings.RQ_QUEUES = {"wanvideo": {**settings.RQ_QUEUES["wanvideo"], "ASYNC": False}}
    queue.reset()
    ran = []
    monkeypatch.setattr("django_wanvideo.services.storing.download.store", ran.append)
    task_id = uuid.uuid4()
    assert queue.enqueue("store", str(task_id)) is True
    assert ran == [task_id]
    assert redis_queue.count == 0


def test_a_process_keeps_one_connection(redis_queue):
    queue.enqueue("sync")
    connection = queue.connection.get_redis(queue.connection.REDIS_TIMEOUT)
    queue.enqueue("sync")
    assert queue.connection.get_redis(queue.connection.REDIS_TIMEOUT) is connection
    assert django_rq.get_connection("wanvideo") is not connection


def test_a_fork_makes_a_connection_of_its_own(redis_queue, monkeypatch):
    ours = queue.connection.get_redis(queue.connection.REDIS_TIMEOUT)
    monkeypatch.setattr(queue.connection.os, "getpid", lambda: -1)
    assert queue.connection.get_redis(queue.connection.REDIS_TIMEOUT) is not ours
