"""The soak's own tools: a database that is killed and restored, what it counts, and what it takes for a true reason."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from django.utils import timezone

from benchmarks.soak import trouble
from benchmarks.soak.coverage import FAULTS, Coverage
from benchmarks.soak.database import Postgres
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models.lifecycle import ALLOWED_FROM


@pytest.fixture
def short_folder():
    """A folder whose name leaves room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="wv-") as name:
        yield Path(name)


@pytest.mark.slow
def test_killed_postgresql_keeps_what_was_committed(short_folder):
    """A killed PostgreSQL keeps what was committed and a backup brings back what was."""
    with Postgres(short_folder / "pg") as server:
        server._psql("-c", "CREATE TABLE wanvideo_row (n int); CREATE TABLE other_row (n int)")
        server._psql("-c", "INSERT INTO wanvideo_row SELECT generate_series(1, 1000)")
        server.kill()
        server.start()
        assert server._psql("-At", "-c", "SELECT count(*) FROM wanvideo_row") == "1000"

        server.back_up(short_folder / "backup.sql")
        server._psql("-c", "DELETE FROM wanvideo_row WHERE n > 10; INSERT INTO other_row VALUES (1)")
        server.restore(short_folder / "backup.sql")
        assert server._psql("-At", "-c", "SELECT count(*) FROM wanvideo_row") == "1000"
        assert server._psql("-At", "-c", "SELECT count(*) FROM other_row") == "1"


def test_trouble_is_met_by_the_sites_processes_alone(tmp_path, monkeypatch):
    monkeypatch.setenv(trouble.FOLDER, str(tmp_path))
    monkeypatch.setattr(trouble, "_read", [(0.0, {})])
    trouble.say({"clock": {"all": 90000}, "disk": True})
    monkeypatch.delenv(trouble.PROCESS, raising=False)
    assert trouble.now() == {}
    monkeypatch.setenv(trouble.PROCESS, "web")
    assert trouble.now()["disk"] is True


@pytest.mark.django_db
def test_a_run_that_has_hit_nothing_lacks_every_move_and_every_pair():
    coverage = Coverage()
    assert len(coverage.missing_moves) == sum(len(sources) for sources in ALLOWED_FROM.values())
    assert len(coverage.missing_pairs) == len(FAULTS) * 6
    coverage.moves = Counter((str(at), str(to)) for to, sources in ALLOWED_FROM.items() for at in sources)
    coverage.pairs = Counter((fault, str(status)) for fault in FAULTS for status in TaskStatus)
    assert (coverage.missing_moves, coverage.missing_pairs) == ([], [])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "columns", "is_stuck"),
    [
        (TaskStatus.COMPLETED, {}, False),
        (TaskStatus.DRAFT, {}, False),
        (TaskStatus.UNCONFIRMED, {"next_action_at": None}, False),
        (TaskStatus.UNCONFIRMED, {"next_action_at": 60}, True),
        (TaskStatus.QUEUED, {"next_action_at": 60}, True),
        (TaskStatus.QUEUED, {"next_action_at": 60, "delayed_until": 60, "delay_reason": "evolink_busy"}, False),
        (TaskStatus.QUEUED, {"next_action_at": 60, "delayed_until": -1, "delay_reason": "evolink_busy"}, True),
        # Nothing of the kind stands.
        (TaskStatus.QUEUED, {"next_action_at": 60, "delayed_until": 60, "delay_reason": "credits_used_up"}, True),
        (TaskStatus.SUBMITTING, {"next_action_at": 60}, True),
        (TaskStatus.PENDING, {"next_action_at": 60}, True),
        (TaskStatus.PENDING, {"next_action_at": 60, "failed_looks": 2}, False),
        (TaskStatus.STORING, {"next_action_at": -1, "retry_count": 3}, True),
    ],
)
def test_what_stands_without_a_true_reason_is_stuck(status, columns, is_stuck):
    import datetime as dt

    from benchmarks.soak import liveness
    from tests.factories import make_task

    now = timezone.now()
    times = {
        name: now + dt.timedelta(seconds=value)
        for name, value in columns.items()
        if name.endswith(("_at", "until")) and value
    }
    make_task(status, **columns | times)
    assert bool(liveness.stuck()) is is_stuck
