"""A job asks about several tasks at a time, and keeps EvoLink's limits exactly all the same."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.utils import timezone
from rq.timeouts import JobTimeoutException

from django_wanvideo import jobs
from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.evolink.exceptions import ReadError
from django_wanvideo.evolink.types import ProviderStatus, TaskSnapshot
from django_wanvideo.models import CallbackReceipt, SiteState, VideoTask
from django_wanvideo.services.provider import parallel, provider
from django_wanvideo.services.tracking import callbacks, snapshots
from tests.factories import make_attempt, make_task
from tests.stub_client import StubClient
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_wanvideo.models import Attempt
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = [pytest.mark.django_db, pytest.mark.fault("K13.looks-one-after-another")]
#: Seconds; for what must come, however busy the machine is.
PATIENCE = 20.0


class Asked(StubClient):
    """Notes how it is asked; ``answer`` gets the number of a question and what has been asked."""

    def __init__(self, answer: Callable[[int, Asked], Any] = lambda number, asked: None) -> None:
        super().__init__()
        self.answer = answer
        self.begun: list[tuple[float, str]] = []
        self.threads: set[threading.Thread] = set()
        self.at_once = self.most_at_once = 0
        self.release = threading.Event()
        self._line = threading.Lock()

    def get_task(self, provider_task_id: str) -> TaskSnapshot:
        with self._line:
            self.begun.append((time.monotonic(), provider_task_id))
            number = len(self.begun)
            self.threads.add(threading.current_thread())
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            assert not connections.all(initialized_only=True) or threading.current_thread() is threading.main_thread()
            self.answer(number, self)
            return TaskSnapshot(provider_task_id, ProviderStatus.PROCESSING, progress=40)
        finally:
            with self._line:
                self.at_once -= 1

    def wait_for(self, number: int) -> None:
        wait_until(lambda: len(self.begun) >= number, f"{number} questions", PATIENCE)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, settings: Any, wanvideo_wakeups: Any) -> Callable[..., Asked]:
    def use(*arguments: Any) -> Asked:
        asked = Asked(*arguments)
        monkeypatch.setattr(provider, "client", lambda **options: asked)
        settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": None}
        return asked

    return use


def pending(number: int) -> list[Attempt]:
    now = timezone.now()
    return [
        make_attempt(make_task(TaskStatus.PENDING, accepted_at=now, next_action_at=now), AttemptState.ACCEPTED)
        for _number in range(number)
    ]


def sync(attempts: list[Attempt]) -> None:
    jobs.sync(*(str(attempt.task_id) for attempt in attempts))


def test_eight_questions_are_under_way_at_once_and_never_more(ask: Callable[..., Asked]):
    together = threading.Barrier(8, timeout=PATIENCE)
    asked = ask(lambda number, asked: together.wait())
    sync(pending(40))
    assert asked.most_at_once == 8
    assert len({provider_task_id for _at, provider_task_id in asked.begun}) == len(asked.begun) == 40
    assert VideoTask.objects.filter(status=TaskStatus.PROCESSING, progress=40).count() == 40


def test_a_handful_needs_no_further_connections(ask: Callable[..., Asked]):
    asked = ask()
    sync(pending(4))
    assert asked.threads == {threading.current_thread()}


def test_threads_ask_and_do_nothing_else(ask: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch):
    applied: list[threading.Thread] = []
    apply = snapshots.apply_snapshot

    def noting(*args: Any, **options: Any) -> None:
        applied.append(threading.current_thread())
        apply(*args, **options)

    monkeypatch.setattr(snapshots, "apply_snapshot", noting)
    # The stand-in for the client asserts that its thread has no connection to the database.
    asked = ask(lambda number, asked: time.sleep(0.01))
    sync(pending(20))
    assert len(asked.threads) > 1
    assert threading.current_thread() not in asked.threads
    assert applied == [threading.current_thread()] * 20


def busy() -> ReadError:
    return ReadError("slow down", http_status=429, code="rate_limit_exceeded", retry_after=90.0)


def test_after_429_nothing_is_begun_what_is_under_way(ask: Callable[..., Asked]):
    """After a 429 nothing is begun what is under way is applied and the rest waits."""

    def answer(number: int, asked: Asked) -> None:
        if number == 3:
            asked.wait_for(8)
            raise busy()
        if number <= 8:
            asked.release.wait(PATIENCE)

    asked = ask(answer)
    attempts = pending(30)
    worker = threading.Timer(0.5, asked.release.set)
    worker.start()
    sync(attempts)
    worker.join()
    assert len(asked.begun) == 8
    begun = [provider_task_id for _at, provider_task_id in asked.begun]
    heard = VideoTask.objects.filter(attempts__provider_task_id__in=begun, progress=40)
    assert heard.count() == 7
    paused_until = provider.backoff_until()
    waiting = VideoTask.objects.exclude(attempts__provider_task_id__in=begun)
    assert waiting.count() == 22
    assert {task.next_action_at for task in waiting} == {paused_until}
    assert not waiting.exclude(retry_count=0, failed_looks=0).exists()


def test_several_429_at_once_are_one_trouble_and_the_longest_wait(ask: Callable[..., Asked]):
    together = threading.Barrier(8, timeout=PATIENCE)

    def answer(number: int, asked: Asked) -> None:
        together.wait()
        error = busy()
        error.retry_after = 60.0 + number
        raise error

    asked = ask(answer)
    sync(pending(30))
    assert len(asked.begun) == 8
    assert VideoTask.objects.filter(failed_looks__gt=0).count() == 1
    assert provider.backoff_until() > timezone.now() + dt.timedelta(seconds=66)


def pause_of_another_process() -> None:
    until = (timezone.now() + dt.timedelta(seconds=60)).isoformat()
    SiteState.objects.update_or_create(name=provider.PAUSE, defaults={"value": {"until": until}})


@pytest.mark.parametrize("busy_for", [0.0, 1.5], ids=["caller waits", "caller is busy with an answer"])
def test_another_processes_pause_is_seen_within_half_a_second(
    ask: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch, busy_for: float
):
    noted: list[float] = []
    apply = snapshots.apply_snapshot

    def pausing(*args: Any, **options: Any) -> None:
        apply(*args, **options)
        if not noted:
            pause_of_another_process()
            noted.append(time.monotonic())
            time.sleep(busy_for)

    monkeypatch.setattr(snapshots, "apply_snapshot", pausing)
    asked = ask(lambda number, asked: time.sleep(0.05))
    sync(pending(200))
    assert 0 < len(asked.begun) < 200
    assert max(at for at, _id in asked.begun) - noted[0] <= 0.5
    waiting = VideoTask.objects.filter(progress=0)
    assert {task.next_action_at for task in waiting} == {provider.backoff_until()}
    assert len(asked.begun) + waiting.count() == 200


def test_a_few_asked_one_by_one_heed_another_processes_pause_too(ask: Callable[..., Asked]):
    def answer(number: int, asked: Asked) -> None:
        if number == 2:
            pause_of_another_process()
            time.sleep(parallel.LOOK_EVERY)

    asked = ask(answer)
    sync(pending(4))
    assert len(asked.begun) == 2


def test_the_jobs_time_limit_waits_for_no_answer_and_loses_nothing(
    ask: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch
):
    asked = ask(lambda number, asked: asked.release.wait(PATIENCE) and None)
    attempts = pending(30)
    before = set(VideoTask.objects.values_list("pk", "next_action_at", "retry_count"))
    limit: list[float] = []
    backoff_until = provider.backoff_until

    def strike() -> Any:
        if asked.begun:
            asked.wait_for(8)
            limit.append(time.monotonic())
            raise JobTimeoutException("Task exceeded maximum timeout value (900 seconds)")
        return backoff_until()

    monkeypatch.setattr(provider, "backoff_until", strike)
    with pytest.raises(JobTimeoutException):
        sync(attempts)
    assert time.monotonic() - limit[0] < 2
    assert all(thread.daemon for thread in asked.threads), "the end of the process waits for none"
    asked.release.set()
    for thread in asked.threads:
        thread.join(PATIENCE)
    assert len(asked.begun) == 8, "nothing was begun after the job had left"
    assert set(VideoTask.objects.values_list("pk", "next_action_at", "retry_count")) == before


def test_an_error_of_the_work_itself_is_the_jobs_and_ends_the_asking(
    ask: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch
):
    asked = ask(lambda number, asked: time.sleep(0.02))

    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("of the site")

    monkeypatch.setattr(snapshots, "apply_snapshot", fail)
    with pytest.raises(RuntimeError, match="of the site"):
        sync(pending(60))
    for thread in asked.threads:
        thread.join(PATIENCE)
    assert len(asked.begun) < 60


def test_an_odd_error_in_a_thread_is_the_jobs(ask: Callable[..., Asked]):
    def answer(number: int, asked: Asked) -> None:
        if number == 5:
            raise RuntimeError("of a thread")

    ask(answer)
    with pytest.raises(RuntimeError, match="of a thread"):
        sync(pending(20))


def test_callbacks_are_read_several_at_a_time(ask: Callable[..., Asked]):
    together = threading.Barrier(8, timeout=PATIENCE)
    asked = ask(lambda number, asked: together.wait())
    for attempt in pending(32):
        CallbackReceipt.objects.create(attempt=attempt, provider_task_id=attempt.provider_task_id, payload={})
    assert callbacks.process_pending() == 32
    assert asked.most_at_once == 8
    assert VideoTask.objects.filter(progress=40, attempts__callback_received_at__isnull=False).count() == 32
    assert not CallbackReceipt.objects.filter(process_at__isnull=False).exists()


def test_callbacks_that_were_not_asked_about_are_read_after_the_pause(ask: Callable[..., Asked]):
    def answer(number: int, asked: Asked) -> None:
        if number == 1:
            raise busy()
        asked.release.wait(0.3)

    asked = ask(answer)
    for attempt in pending(60):
        CallbackReceipt.objects.create(attempt=attempt, provider_task_id=attempt.provider_task_id, payload={})
    callbacks.process_pending()
    assert len(asked.begun) <= 8
    due = CallbackReceipt.objects.filter(process_at__isnull=False)
    assert due.count() == 60 - len(asked.begun) + 1
    assert due.filter(process_at=provider.backoff_until()).count() == 60 - len(asked.begun)


# -- over real sockets


def test_under_a_real_limit_nothing_comes_that_was_told_to_wait(site: Site, evolink: Simulator):
    tasks = [site.queued(f"Cat {number}") for number in range(24)]
    for task in tasks:
        site.send(task)
    evolink.options.answer_seconds = 0.03
    evolink.options.read_limit_per_second, evolink.options.read_limit_wait = 12, 1.0
    VideoTask.objects.update(retry_count=0)
    while left := list(VideoTask.objects.filter(retry_count=0).values_list("pk", flat=True)):
        wait_until(lambda: provider.backoff_until() is None, "the end of the pause")
        jobs.sync(*map(str, left))
    assert [entry.status for entry in evolink.journal.find("get")].count(429) > 0
    assert evolink.ledger.violations == []
