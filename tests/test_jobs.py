"""Jobs take ids and nothing else, and run in any kind of RQ worker."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

import pytest
from django.db import connection, connections, transaction
from rq import SimpleWorker

from django_wanvideo import jobs, queue
from django_wanvideo.mail.collecting import collect
from django_wanvideo.services import notifications
from django_wanvideo.services.sending import submission
from django_wanvideo.services.storing import download
from django_wanvideo.services.tracking import callbacks, polling
from tests.waiting import wait_until

pytestmark = [pytest.mark.commit_only, pytest.mark.integration]

FIRST, SECOND = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def asked(monkeypatch):
    """What the services were asked to do."""
    calls = []
    for module, name in (
        (submission, "send"),
        (polling, "sync"),
        (download, "store"),
        (notifications, "deliver"),
        (callbacks, "process_pending"),
    ):

        def record(*args, name=name):
            calls.append((name, *args))

        monkeypatch.setattr(module, name, record)
    return calls


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("submit", [("send", FIRST), ("send", SECOND)]),
        ("store", [("store", FIRST), ("store", SECOND)]),
        ("notify", [("deliver", FIRST, collect), ("deliver", SECOND, collect)]),
        ("sync", [("sync", (FIRST, SECOND))]),
    ],
)
def test_a_job_gives_its_service_the_ids(asked, job, expected):
    jobs.run_here(job, str(FIRST), str(SECOND))
    assert asked == expected


@pytest.mark.django_db
def test_sync_without_ids_reads_callbacks(asked, monkeypatch):
    """A sync without ids reads the callbacks after it lets the next one wake another."""
    monkeypatch.setattr(queue, "clear_pending_read", lambda: asked.append("forgotten"))
    jobs.run_here("sync")
    assert asked == ["forgotten", ("process_pending",)]


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["", "1", "../x", "not-an-id"])
def test_what_is_no_id_never_reaches_a_service(asked, value):
    with pytest.raises(ValueError, match="UUID"):
        jobs.run_here("submit", value)
    assert asked == []


@pytest.mark.django_db
@pytest.mark.parametrize("job", ["submit", "store", "notify", "sync"])
def test_an_id_that_is_gone_is_no_error(job, wanvideo_wakeups):
    jobs.run_here(job, str(uuid.uuid4()))


@pytest.mark.django_db(transaction=True)
def test_an_enqueued_job_is_run_by_a_worker(redis_queue, asked):
    queue.enqueue_on_commit("submit", FIRST)
    queue.enqueue_on_commit("notify", SECOND)
    worker = SimpleWorker([redis_queue], connection=redis_queue.connection)
    assert worker.work(burst=True, logging_level="WARNING") is True
    assert asked == [("send", FIRST), ("deliver", SECOND, collect)]
    assert redis_queue.count == 0
    assert redis_queue.failed_job_registry.count == 0


@pytest.mark.django_db(transaction=True)
def test_a_burst_of_callbacks_is_one_job_for_the_worker(redis_queue, asked):
    for _number in range(10):
        queue.request_callback_read()
    SimpleWorker([redis_queue], connection=redis_queue.connection).work(burst=True, logging_level="WARNING")
    assert asked == [("process_pending",)]
    queue.request_callback_read()
    wait_until(lambda: redis_queue.count == 1, "the wake-up for what came while the job was under way", seconds=5)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_has_gone_stale_is_not_used_again(asked, monkeypatch):
    connection.ensure_connection()
    monkeypatch.setattr(connection, "close_at", 0)
    used = []
    monkeypatch.setattr(submission, "send", lambda task_id: used.append(connection.connection))
    jobs.run_here("submit", str(FIRST))
    assert used == [None], "it was closed before the job began, and opens again when it is needed"


@pytest.mark.django_db(transaction=True)
def test_a_failing_job_leaves_no_broken_connection_behind(monkeypatch):
    def fail(task_id):
        connection.ensure_connection()
        monkeypatch.setattr(connection, "close_at", 0)
        raise RuntimeError("broken")

    monkeypatch.setattr(submission, "send", fail)
    with pytest.raises(RuntimeError):
        jobs.run_here("submit", str(FIRST))
    assert connection.connection is None


@pytest.mark.django_db(transaction=True)
def test_a_job_inside_a_transaction_keeps_its_connection(asked):
    with transaction.atomic():
        ours = connection.connection
        jobs.run_here("submit", str(FIRST))
        assert connection.connection is ours
    assert [alias for alias in connections if connections[alias].in_atomic_block] == []


FRESH = """
import sys
from django.conf import settings
settings.configure(
    SECRET_KEY="x", USE_TZ=True, DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_rq", "django_wanvideo"],
    RQ_QUEUES={"default": {"URL": "redis://127.0.0.1:1/0"}}, WANVIDEO={"API_KEY": "sk-x"},
)
from django_wanvideo import jobs
from django.apps import apps
assert not apps.ready
"""


def test_a_worker_that_spawns_can_load_and_run_a_job_in_a_fresh_process():
    """RQ's SpawnWorker never sets Django up; the job does."""
    code = f"""{FRESH}
try:
    jobs.notify("{FIRST}")
except Exception as error:
    print(type(error).__name__, error)
print(apps.ready)
"""
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    # The database of that process is empty: that its table is missed shows that models were loaded and asked.
    assert done.stdout.splitlines() == ["OperationalError no such table: wanvideo_taskevent", "True"]
