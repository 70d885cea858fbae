"""An id that the database did not take in is kept outside of it, and bound by the next sweep."""

from __future__ import annotations

import json
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.db import OperationalError
from redis.exceptions import ResponseError

from django_wanvideo import queue
from django_wanvideo.choices import TaskStatus
from django_wanvideo.health import site as site_checks
from django_wanvideo.models import VideoTask, lifecycle
from django_wanvideo.services.attempts import binding, spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.integration

ask = queue.ask


class Away(Exception):  # noqa: N818 - as foreign ones are called
    """An error that no storage shares with another."""


class Broken(InMemoryStorage):
    """A storage that is away altogether."""

    def _fail(self, *_args: Any, **_named: Any) -> Any:
        raise Away

    exists = delete = listdir = open = save = _fail


@pytest.fixture(autouse=True)
def storage(monkeypatch: pytest.MonkeyPatch) -> InMemoryStorage:
    """The task storage, empty; and a process that has listed it long ago."""
    kept = InMemoryStorage()
    monkeypatch.setattr(spool, "task_storage", lambda: kept)
    monkeypatch.setattr(binding, "_listed", {})
    monkeypatch.setattr(binding, "DATABASE_RETRY_DELAYS", (0.01,))
    return kept


@pytest.fixture
def redis(redis_queue: Any, site_with_threads: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The queue's Redis, which may be asked."""
    for room in (queue, queue.connection):
        monkeypatch.setattr(room, "ask", ask)
    yield redis_queue.connection
    redis_queue.connection.delete(spool.KEY)


def lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> VideoTask:
    """A task that EvoLink has accepted while the database was away for longer than a worker waits."""
    advance = lifecycle.advance

    def gone(task: Any, to: Any, **options: Any) -> Any:
        if to == TaskStatus.PENDING:
            raise OperationalError("gone")
        return advance(task, to, **options)

    task = site.queued()
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "advance", gone)
        with pytest.raises(OperationalError):
            site.send(task)
    task.refresh_from_db()
    assert task.status == TaskStatus.SUBMITTING
    return task


def is_bound(task: VideoTask, evolink: Simulator) -> bool:
    task.refresh_from_db()
    return (task.status, task.attempts.get().provider_task_id) == (TaskStatus.PENDING, evolink.tasks.latest.id)


@pytest.mark.fault("K5.id-through-a-long-outage")
def test_a_sweep_binds_it_from_redis_at_once(site_with_threads: Site, evolink: Simulator, monkeypatch, redis, storage):
    task = lost(site_with_threads, monkeypatch)
    attempt = task.attempts.get()
    monkeypatch.setattr(spool, "task_storage", Broken)
    assert spool.in_redis() == {attempt.pk}
    site_with_threads.sweep()
    assert is_bound(task, evolink)
    assert (task.credits_reserved, attempt.request_count) == (evolink.tasks.latest.reserved, 1)
    assert task.attempts.get().http_status == 200
    assert not redis.exists(spool.KEY)


@pytest.mark.fault("K5.id-through-a-long-outage")
@pytest.mark.parametrize("listed", [False, True], ids=["by a sweep that lists", "when the claim runs out"])
def test_a_sweep_binds_it_from_the_storage_where_redis_is_away(
    site_with_threads: Site, evolink: Simulator, monkeypatch, storage, listed: bool
):
    task = lost(site_with_threads, monkeypatch)
    if listed:
        binding._may_list()
        site_with_threads.make_due()
    site_with_threads.sweep()
    assert is_bound(task, evolink)
    assert storage.listdir(spool.FOLDER) == ([], [])


@pytest.mark.fault("K5.id-through-a-long-outage")
def test_what_was_unconfirmed_by_then_is_bound_before_a_person_is_asked(
    site_with_threads: Site, evolink: Simulator, monkeypatch, storage
):
    task = lost(site_with_threads, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(spool, "task_storage", Broken)
        site_with_threads.make_due()
        site_with_threads.sweep()
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED
    site_with_threads.make_due()
    site_with_threads.sweep()
    assert is_bound(task, evolink)
    assert "needs_decision" not in site_with_threads.history(task)


@pytest.mark.fault("K5.id-through-a-long-outage")
def test_two_sweeps_and_a_callback_bind_it_once(site_with_threads: Site, evolink: Simulator, monkeypatch, storage):
    task = lost(site_with_threads, monkeypatch)
    attempt = task.attempts.get()
    created = spool.find(attempt.pk)
    assert created is not None
    binding.record_acceptance(attempt, created)
    for _sweep in range(2):
        monkeypatch.setattr(binding, "_listed", {})
        site_with_threads.sweep()
    assert is_bound(task, evolink)
    assert site_with_threads.history(task).count("accepted") == 1
    assert VideoTask.objects.count() == 1
    assert spool.in_storage() == set()


@pytest.mark.fault("K5.id-through-a-long-outage")
@pytest.mark.parametrize("error", [ResponseError("OOM"), ConnectionError(), KeyError("default"), Away()])
def test_no_error_of_either_place_harms_the_rest(
    site_with_threads: Site, evolink: Simulator, monkeypatch, caplog, error
):
    def away(_question: Any) -> bool:
        raise error

    monkeypatch.setattr(spool, "queue", SimpleNamespace(ask=away, answer=away))
    monkeypatch.setattr(spool, "task_storage", Broken)
    task = lost(site_with_threads, monkeypatch)
    assert evolink.tasks.latest.id in caplog.text, "the log line is there as well"
    site_with_threads.make_due()
    site_with_threads.sweep()
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED
    assert [finding.level for finding in site_checks.check_kept_ids()] == ["ok"]


@pytest.mark.fault("K5.id-through-a-long-outage")
@pytest.mark.parametrize("content", [b"", b"nonsense", b"[]", b'{"task": {}}', b'{"task": {"id": 3}}', b"\xff" * 9])
def test_a_file_that_is_no_such_note_is_left_alone(
    site_with_threads: Site, evolink: Simulator, monkeypatch, storage, content
):
    task = lost(site_with_threads, monkeypatch)
    name = f"{spool.FOLDER}/{task.attempts.get().pk}.json"
    storage.delete(name)
    storage.save(name, ContentFile(content))
    storage.save(f"{spool.FOLDER}/readme.txt", ContentFile(b"x"))
    site_with_threads.make_due()
    site_with_threads.sweep()
    task.refresh_from_db()
    assert task.status == TaskStatus.UNCONFIRMED


@pytest.mark.fault("K5.id-through-a-long-outage")
def test_what_is_kept_holds_no_secret_and_doctor_shows_what_is_left(
    site_with_threads: Site, evolink: Simulator, monkeypatch, storage
):
    task = lost(site_with_threads, monkeypatch)
    attempt = task.attempts.get()
    with storage.open(f"{spool.FOLDER}/{attempt.pk}.json") as kept:
        facts = json.loads(kept.read())
    assert set(facts) == {"task", "http_status", "request_id"}
    assert set(facts["task"]) == {"id", "status", "usage", "task_info"}
    stranger = uuid.uuid4()
    storage.save(f"{spool.FOLDER}/{stranger}.json", ContentFile(json.dumps(facts).encode()))
    site_with_threads.sweep()
    assert is_bound(task, evolink)
    (finding,) = site_checks.check_kept_ids()
    assert (finding.level, str(stranger) in finding.message) == ("warn", True)
    assert str(attempt.pk) not in finding.message


@pytest.mark.fault("K5.id-through-a-long-outage")
def test_a_database_that_is_away_for_a_moment_leaves_nothing_behind(
    site_with_threads: Site, evolink: Simulator, monkeypatch, storage
):
    advance, troubles = lifecycle.advance, []

    def restarting(task: Any, to: Any, **options: Any) -> Any:
        if to == TaskStatus.PENDING and not troubles:
            troubles.append(to)
            raise OperationalError("the database system is starting up")
        return advance(task, to, **options)

    monkeypatch.setattr(lifecycle, "advance", restarting)
    task = site_with_threads.send(site_with_threads.queued())
    assert (is_bound(task, evolink), len(troubles)) == (True, 1)
    assert spool.in_storage() == set()
