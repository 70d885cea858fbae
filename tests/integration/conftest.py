"""The whole road: a site with its callbacks, a real queue with real workers, and an EvoLink, all over sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_wanvideo import queue, signals
from tests.fixtures import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rq import Queue

    from django_wanvideo.models import VideoTask
    from django_wanvideo.simulator import Simulator


@pytest.fixture
def site(
    settings: Any, evolink: Simulator, redis_queue: Queue, transactional_db: None, live_server: Any, tmp_path: Path
) -> Iterator[Site]:
    """A site on a real queue that EvoLink calls back."""
    settings.MEDIA_ROOT = tmp_path
    settings.WANVIDEO = {
        **settings.WANVIDEO,
        "API_KEY": "sk-simulator",
        "BASE_URL": evolink.api_url,
        "FILES_URL": evolink.files_url,
        "CALLBACK_BASE_URL": live_server.url,
        "ALLOW_PRIVATE_HOSTS": True,
    }
    queue.reset()
    yield Site(settings, evolink)
    queue.reset()


@pytest.fixture
def told() -> Iterator[list[tuple[str, VideoTask, int]]]:
    """What receivers in this process were told: signal, task, event."""
    heard: list[tuple[str, VideoTask, int]] = []
    names = [name for name in vars(signals) if name.startswith("video_")]
    receivers = []
    for name in names:

        def hear(sender: Any, task: VideoTask, event: Any, signal: Any, name: str = name, **_more: Any) -> None:
            heard.append((name, task, event.pk))

        getattr(signals, name).connect(hear)
        receivers.append((name, hear))
    yield heard
    for name, receiver in receivers:
        getattr(signals, name).disconnect(receiver)


@pytest.fixture
def work(redis_queue: Queue) -> Any:
    """Do all jobs that wait in the queue, in this process, as RQ's own worker does."""
    from rq import SimpleWorker
    from rq.timeouts import TimerDeathPenalty

    class Worker(SimpleWorker):
        death_penalty_class = TimerDeathPenalty

        def _install_signal_handlers(self) -> None:
            """The test's process keeps its own."""

    def run() -> None:
        Worker([redis_queue], connection=redis_queue.connection).work(burst=True, logging_level="WARNING")
        failed = redis_queue.failed_job_registry.get_job_ids()
        assert not failed, [redis_queue.fetch_job(job).latest_result().exc_string for job in failed]

    return run
