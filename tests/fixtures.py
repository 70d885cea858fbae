"""A site and an EvoLink that talk over real sockets, with all work done in the test's own process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.models import CallbackReceipt, TaskEvent, VideoTask
from django_wanvideo.services import sweep as sweeping
from django_wanvideo.simulator import Simulator
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE = "https://pictures.example/cat.jpg"


class Site:
    """What a test does with a site: make tasks, pass time, let workers work, and look."""

    def __init__(self, settings: Any, sim: Simulator) -> None:
        self.settings = settings
        self.sim = sim

    def configure(self, **values: Any) -> None:
        """Change keys of ``WANVIDEO``."""
        self.settings.WANVIDEO = {**self.settings.WANVIDEO, **values}

    def draft(self, prompt: str = "A cat plays the piano", **options: Any) -> VideoTask:
        """A draft with a link as its picture."""
        return VideoTask.objects.create_task(prompt, **{"first_frame": PICTURE, "duration": 2} | options)

    def queued(self, prompt: str = "A cat plays the piano", **options: Any) -> VideoTask:
        """A task that waits to be sent."""
        task = self.draft(prompt, **options)
        task.submit()
        return task

    def send(self, task: VideoTask) -> VideoTask:
        """Let a worker do the job that sends ``task``."""
        jobs.submit(str(task.pk))
        task.refresh_from_db()
        return task

    def accepted(self, prompt: str = "A cat plays the piano", **options: Any) -> VideoTask:
        """A task that EvoLink has just accepted."""
        task = self.send(self.queued(prompt, **options))
        assert task.status == TaskStatus.PENDING
        return task

    def make_due(self) -> None:
        """Let all waiting times, leases and pauses end."""
        now = timezone.now()
        sweeping.SiteState.objects.filter(name="evolink_pause").delete()
        rows = VideoTask.objects.filter(status__in=ACTIVE_STATUSES)
        rows.filter(next_action_at__isnull=False).update(next_action_at=now)
        rows.update(delayed_until=None, lease_expires_at=None)
        CallbackReceipt.objects.filter(process_at__isnull=False).update(process_at=now)

    def sweep(self) -> sweeping.SweepResult:
        """One pass whose jobs are done here."""
        return sweeping.sweep(jobs.run_here)

    def tell(self) -> None:
        """Deliver the signals that are due."""
        due = TaskEvent.objects.filter(notify_at__lte=timezone.now())
        for task_id in due.values_list("task_id", flat=True).distinct():
            jobs.notify(str(task_id))

    def finish(self, task: VideoTask, *, passes: int = 8) -> VideoTask:
        """Let time pass and the sweep run until ``task`` has ended; a person decides nothing."""
        for _pass in range(passes):
            self.make_due()
            self.sweep()
            self.tell()
            task.refresh_from_db()
            if task.is_finished:
                return task
        raise AssertionError(f"still {task.status} after {passes} passes: {self.history(task)}")

    def history(self, task: VideoTask) -> list[str]:
        """The kinds of a task's events, in order."""
        return list(task.events.order_by("id").values_list("kind", flat=True))

    def posts(self) -> int:
        """How many creation requests EvoLink has seen."""
        return self.sim.journal.count("create")

    def gets(self) -> int:
        """How many reads of one task EvoLink has seen."""
        return self.sim.journal.count("get")

    def wait_for_receipt(self, count: int = 1) -> None:
        """Wait until EvoLink's callbacks have been taken in."""
        wait_until(lambda: CallbackReceipt.objects.count() >= count, f"{count} callback receipt(s)")

    def assert_accounted_for(self) -> None:
        """Every generation that EvoLink accepted is bound to exactly one attempt."""
        from django_wanvideo.models import Attempt

        for entry in self.sim.ledger:
            assert Attempt.objects.filter(provider_task_id=entry.task_id).count() == 1, entry.task_id


@pytest.fixture
def evolink() -> Iterator[Simulator]:
    """A running EvoLink whose tasks end when they are told to."""
    with Simulator(
        api_key="sk-simulator", progression="manual", small_videos=True, captions=False, callback_time_scale=0.05
    ) as simulator:
        yield simulator


def site_on(settings: Any, evolink: Simulator, callback_base: str | None) -> Site:
    settings.WANVIDEO = {
        **settings.WANVIDEO,
        "API_KEY": "sk-simulator",
        "BASE_URL": evolink.api_url,
        "FILES_URL": evolink.files_url,
        "CALLBACK_BASE_URL": callback_base,
        "ALLOW_PRIVATE_HOSTS": True,
    }
    return Site(settings, evolink)


@pytest.fixture
def site(settings: Any, evolink: Simulator, wanvideo_wakeups: list[tuple[str, ...]], db: None) -> Site:
    """A site without callbacks: it learns everything by looking."""
    return site_on(settings, evolink, None)


@pytest.fixture
def site_with_callbacks(
    settings: Any, evolink: Simulator, wanvideo_wakeups: list[tuple[str, ...]], transactional_db: None, live_server: Any
) -> Site:
    """A site that EvoLink calls back over a socket."""
    return site_on(settings, evolink, live_server.url)


@pytest.fixture
def site_with_threads(
    settings: Any, evolink: Simulator, wanvideo_wakeups: list[tuple[str, ...]], transactional_db: None
) -> Site:
    """A site whose rows several connections see; EvoLink cannot call it back."""
    return site_on(settings, evolink, None)
