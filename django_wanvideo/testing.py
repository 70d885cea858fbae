"""For the tests of host projects, under any test runner: EvoLink on this machine, and all work done in the test's process.

With Django's own runner::

    class ShopTests(WanVideoTestMixin, TestCase):
        def test_a_finished_video_is_shown(self):
            task = VideoTask.objects.create_task(prompt="A cat", first_frame=picture(), metadata={"sku": "X1"})
            task.submit()
            run_until_finished(task)
            self.assertEqual(Product.objects.get(sku="X1").video, task)
            self.evolink.ledger.assert_charged_once()

pytest finds the fixtures of ``django_wanvideo.pytest_plugin`` by itself.
"""

from __future__ import annotations

import io
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

from django.conf import settings
from django.test import override_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from unittest import TestCase

    from django_wanvideo.models import VideoTask
    from django_wanvideo.simulator import Simulator

    _Base = TestCase
else:
    _Base = object

API_KEY = "sk-simulator"


def picture(width: int = 640, height: int = 480, *, color: str = "teal", kind: str = "JPEG") -> io.BytesIO:
    """Return a picture file that every model accepts; sides in pixels, ``kind`` as Pillow names it."""
    from PIL import Image

    content = io.BytesIO()
    Image.new("RGB", (width, height), color).save(content, kind)
    content.seek(0)
    content.name = f"picture.{kind.lower()}"
    return content


def run_pending() -> None:
    """Do everything that is due or waiting, once, in this process: send, look, store, tell.

    Waiting times are skipped, so no test has to sleep.
    """
    from django.utils import timezone

    from django_wanvideo import jobs
    from django_wanvideo.choices import ACTIVE_STATUSES
    from django_wanvideo.models import Batch, CallbackReceipt, Film, Notification, SiteState, TaskEvent, VideoTask
    from django_wanvideo.services.holds.holds import make_due
    from django_wanvideo.services.provider.provider import PAUSE
    from django_wanvideo.services.sweep import sweep

    now = timezone.now()
    SiteState.objects.filter(name=PAUSE).delete()
    make_due()
    VideoTask.objects.filter(status__in=ACTIVE_STATUSES - {"submitting", "unconfirmed"}).update(
        next_action_at=now, delayed_until=None
    )
    VideoTask.objects.filter(status="completed", next_action_at__isnull=False).update(next_action_at=now)
    CallbackReceipt.objects.filter(process_at__isnull=False).update(process_at=now)
    Batch.objects.exclude(state__in=["uploading", "checked"]).filter(next_action_at__isnull=False).update(
        next_action_at=now
    )
    Film.objects.filter(next_action_at__isnull=False).update(next_action_at=now)
    Notification.objects.filter(due_at__isnull=False).update(due_at=now)
    sweep(jobs.run_here)
    for task_id in TaskEvent.objects.filter(notify_at__lte=timezone.now()).values_list("task_id", flat=True).distinct():
        jobs.run_here("notify", str(task_id))


def run_until_finished(task: VideoTask, *, seconds: float = 20.0) -> VideoTask:
    """Run what is pending until ``task`` has completed, failed or been cancelled, and its signals have been sent.

    Raises:
        AssertionError: it has not within ``seconds``; the message tells its history.
    """
    deadline = time.monotonic() + seconds
    while True:
        run_pending()
        task.refresh_from_db()
        if task.is_finished and not task.events.filter(notify_at__isnull=False).exists():
            return task
        if time.monotonic() > deadline:
            history = "\n".join(f"  {event}: {event.detail}" for event in task.events.order_by("id"))
            raise AssertionError(f"Task {task.pk} is still {task.status} after {seconds} seconds:\n{history}")
        time.sleep(0.02)


def wakeup_catchers(taken: list[tuple[str, ...]]) -> list[tuple[Any, str, Any]]:
    """Return what has to be replaced, by what, so that wake-ups go into ``taken`` and Redis is asked for nothing."""
    from django_wanvideo import queue

    def take(job: str, *ids: str) -> bool:
        taken.append((job, *ids))
        return True

    def no_answer(_question: object, **_options: object) -> bool:
        return False

    return [
        (queue, "enqueue", take),
        (queue.jobs, "enqueue", take),
        (queue, "request_callback_read", lambda: take("sync")),
        (queue, "ask", no_answer),
        (queue.connection, "ask", no_answer),
    ]


@contextmanager
def captured_wakeups() -> Iterator[list[tuple[str, ...]]]:
    """Hand nothing to RQ, so that no test needs Redis; yields what would have been handed to it."""
    taken: list[tuple[str, ...]] = []
    with ExitStack() as stack:
        for target, name, catcher in wakeup_catchers(taken):
            stack.enter_context(mock.patch.object(target, name, catcher))
        yield taken


@contextmanager
def running_simulator(**options: Any) -> Iterator[Simulator]:
    """Run an EvoLink simulator, whose videos are small; ``settings_for`` points a site at it."""
    from django_wanvideo.simulator import Simulator

    with Simulator(**{"api_key": API_KEY, "small_videos": True, **options}) as simulator:
        yield simulator


def no_store(*_arguments: object) -> None:
    """Keep no number of claims in the storage: a test's storage has what the test made, and nothing beside."""


def settings_for(simulator: Simulator) -> dict[str, Any]:
    """Return the site's ``WANVIDEO`` with EvoLink's addresses replaced by the simulator's, without callbacks."""
    return {
        **getattr(settings, "WANVIDEO", {}),
        "API_KEY": simulator.api_key,
        "BASE_URL": simulator.api_url,
        "FILES_URL": simulator.files_url,
        "CALLBACK_BASE_URL": None,
        "ALLOW_PRIVATE_HOSTS": True,
    }


@contextmanager
def evolink_simulator(**options: Any) -> Iterator[Simulator]:
    """Run an EvoLink simulator that the site talks to meanwhile; nothing is handed to RQ.

    ``options`` are those of ``Simulator``, such as ``credits`` or ``small_videos``.
    """
    from django_wanvideo.services.installation import claim_counter

    with ExitStack() as stack:
        stack.enter_context(captured_wakeups())
        stack.enter_context(mock.patch.object(claim_counter, "store", no_store))
        simulator = stack.enter_context(running_simulator(**options))
        stack.enter_context(override_settings(WANVIDEO=settings_for(simulator)))
        yield simulator


class WanVideoTestMixin(_Base):
    """For Django's test cases: ``self.evolink`` is a running simulator that the site talks to."""

    #: Options of the simulator.
    evolink_options: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> None:
        super().setUp()
        self.evolink = self.enterContext(evolink_simulator(**self.evolink_options))
