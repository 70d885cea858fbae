"""For the tests of host projects: EvoLink on this machine, and all work done in the test's own process.

The fixtures are found by pytest by themselves once django-wanvideo is installed::

    def test_my_receiver(evolink, wanvideo_picture):
        task = VideoTask.objects.create_task(prompt="A cat", first_frame=wanvideo_picture(), metadata={"sku": "X1"})
        task.submit()
        finish(task)
        assert Product.objects.get(sku="X1").video == task
        evolink.ledger.assert_charged_once()
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_wanvideo.models import VideoTask
    from django_wanvideo.simulator import Simulator


def picture(width: int = 640, height: int = 480, *, color: str = "teal", kind: str = "JPEG") -> io.BytesIO:
    """Return a picture file that every model accepts; sides in pixels, ``kind`` as Pillow names it."""
    from PIL import Image

    content = io.BytesIO()
    Image.new("RGB", (width, height), color).save(content, kind)
    content.seek(0)
    content.name = f"picture.{kind.lower()}"
    return content


def work() -> None:
    """Do everything that is due or waiting, once, in this process: send, look, store, tell.

    Waiting times are skipped, so no test has to sleep.
    """
    from django.utils import timezone

    from django_wanvideo import jobs
    from django_wanvideo.choices import ACTIVE_STATUSES
    from django_wanvideo.models import CallbackReceipt, SiteState, TaskEvent, VideoTask
    from django_wanvideo.services.holds.holds import make_due
    from django_wanvideo.services.provider.provider import PAUSE
    from django_wanvideo.services.sweep import sweep

    now = timezone.now()
    SiteState.objects.filter(name=PAUSE).delete()
    make_due()
    VideoTask.objects.filter(status__in=ACTIVE_STATUSES - {"submitting", "unconfirmed"}).update(
        next_action_at=now, delayed_until=None
    )
    CallbackReceipt.objects.filter(process_at__isnull=False).update(process_at=now)
    sweep(jobs.run_here)
    for task_id in TaskEvent.objects.filter(notify_at__lte=timezone.now()).values_list("task_id", flat=True).distinct():
        jobs.run_here("notify", str(task_id))


def finish(task: VideoTask, *, seconds: float = 20.0) -> VideoTask:
    """Work until ``task`` has completed, failed or been cancelled, and its signals have been sent.

    Raises:
        AssertionError: it has not within ``seconds``; the message tells its history.
    """
    deadline = time.monotonic() + seconds
    while True:
        work()
        task.refresh_from_db()
        if task.is_finished and not task.events.filter(notify_at__isnull=False).exists():
            return task
        if time.monotonic() > deadline:
            history = "\n".join(f"  {event}: {event.detail}" for event in task.events.order_by("id"))
            raise AssertionError(f"Task {task.pk} is still {task.status} after {seconds} seconds:\n{history}")
        time.sleep(0.02)


@pytest.fixture
def wanvideo_picture() -> Callable[..., io.BytesIO]:
    """A function that makes picture files; see :func:`picture`."""
    return picture


@pytest.fixture
def wanvideo_wakeups(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What would have been handed to RQ; nothing is, so that no test needs Redis."""
    from django_wanvideo import queue

    taken: list[tuple[str, ...]] = []

    def take(job: str, *ids: str) -> bool:
        taken.append((job, *ids))
        return True

    def take_sync() -> bool:
        return take("sync")

    for room in (queue, queue.jobs):
        monkeypatch.setattr(room, "enqueue", take)
    monkeypatch.setattr(queue, "request_callback_read", take_sync)
    for room in (queue, queue.connection):
        monkeypatch.setattr(room, "ask", lambda _question, **_options: False)
    return taken


@pytest.fixture
def evolink(
    settings: Any, wanvideo_wakeups: list[tuple[str, ...]], db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Simulator]:
    """A running EvoLink simulator that the site is set to talk to, without callbacks; videos are small."""
    from django_wanvideo.services.installation import claim_counter
    from django_wanvideo.simulator import Simulator

    # A test's storage has what the test made, and nothing beside.
    monkeypatch.setattr(claim_counter, "store", lambda *args: None)

    with Simulator(api_key="sk-simulator", small_videos=True) as simulator:
        settings.WANVIDEO = {
            **getattr(settings, "WANVIDEO", {}),
            "API_KEY": "sk-simulator",
            "BASE_URL": simulator.api_url,
            "FILES_URL": simulator.files_url,
            "CALLBACK_BASE_URL": None,
            "ALLOW_PRIVATE_HOSTS": True,
        }
        yield simulator
