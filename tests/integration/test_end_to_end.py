"""From wish to stored video, through every engine."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import av
import pytest
from django.core.management import call_command
from django.utils import timezone
from PIL import Image

from django_wanvideo import jobs, queue
from django_wanvideo.choices import TaskStatus
from django_wanvideo.failures import ADVICE
from django_wanvideo.models import MediaInput, SiteState, VideoTask
from django_wanvideo.services import sweep
from django_wanvideo.services.sending import actions, submission
from django_wanvideo.testing import picture
from tests.fixtures import PICTURE
from tests.ports import closed_port
from tests.promises import processes
from tests.waiting import wait_until

if TYPE_CHECKING:
    from rq import Queue

    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.integration


def decode(task: VideoTask) -> tuple[str, float, int]:
    """Decode the stored file: codec, seconds, frames."""
    with task.video.open("rb") as stored, av.open(io.BytesIO(stored.read())) as film:
        stream = film.streams.video[0]
        frames = sum(1 for _frame in film.decode(stream))
        return stream.codec_context.name, float(film.duration / av.time_base), frames


def assert_stored(task: VideoTask, seconds: int) -> None:
    codec, duration, frames = decode(task)
    assert codec == "h264"
    assert abs(duration - seconds) < 0.2
    assert frames >= seconds * 10
    content = task.video.open("rb").read()
    assert (task.video_size, task.video_sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert task.progress == 100


def after_callback(site: Site, evolink: Simulator, task: VideoTask) -> None:
    task.refresh_from_db()
    evolink.complete(task.attempt.provider_task_id)
    site.wait_for_receipt()
    wait_until(lambda: queue.depth() >= 1, "the wake-up of the callback")


def test_a_picture_and_a_prompt_become_a_stored_video(site: Site, evolink: Simulator, work: Any, told: list):
    task = VideoTask.objects.create_task("A cat plays the piano", picture(), duration=3, metadata={"sku": "X1"})
    task.submit()
    work()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    after_callback(site, evolink, task)
    work()
    task.refresh_from_db()
    assert task.status == TaskStatus.COMPLETED
    assert_stored(task, 3)
    assert [name for name, _task, _event in told] == ["video_submitted", "video_completed", "video_finished"]
    assert {heard.pk for _name, heard, _event in told} == {task.pk}
    assert site.history(task) == ["created", "queued", "claimed", "accepted", "callback", "generated", "stored"]
    assert (site.posts(), evolink.journal.count("upload"), evolink.journal.count("result")) == (1, 1, 1)
    assert task.credits_used == evolink.ledger.total
    evolink.ledger.assert_charged_once()
    work()
    sweep.sweep()
    work()
    assert len(told) == 3, "told once"


def test_without_callbacks_the_sweep_looks_until_it_is_done(site: Site, evolink: Simulator, work: Any, told: list):
    site.configure(CALLBACK_BASE_URL=None)
    task = site.queued()
    work()
    task.refresh_from_db()
    evolink.set_progress(task.attempt.provider_task_id, 40)
    for expected, progress in [(TaskStatus.PROCESSING, 40), (TaskStatus.COMPLETED, 100)]:
        VideoTask.objects.update(next_action_at=timezone.now())
        sweep.sweep()
        work()
        task.refresh_from_db()
        assert (task.status, task.progress) == (expected, progress)
        if not task.is_finished:
            evolink.complete(task.attempt.provider_task_id)
    assert evolink.ledger[task.attempt.provider_task_id].callback_url is None
    assert site.gets() == 2
    assert_stored(task, 2)
    assert [name for name, _task, _event in told] == ["video_submitted", "video_completed", "video_finished"]
    evolink.ledger.assert_charged_once()


def test_pressed_while_redis_is_down_it_answers_at_once_and_is_sent_later(
    site: Site, evolink: Simulator, work: Any, settings: Any
):
    good = settings.RQ_QUEUES
    task = site.draft()
    settings.RQ_QUEUES = {name: {"URL": "redis://127.0.0.1:1/0"} for name in good}
    queue.reset()
    started = time.monotonic()
    task.submit()
    assert time.monotonic() - started < 1.0
    task.refresh_from_db()
    assert task.status == TaskStatus.QUEUED
    assert not sweeping_with_redis_down(task).queue_reachable
    assert VideoTask.objects.due().filter(pk=task.pk).exists(), "due again at once"

    settings.RQ_QUEUES = good
    queue.reset()
    sweep.sweep()
    work()
    task.refresh_from_db()
    assert (task.status, site.posts()) == (TaskStatus.PENDING, 1)


def sweeping_with_redis_down(task: VideoTask) -> sweep.SweepResult:
    VideoTask.objects.update(next_action_at=timezone.now())
    queue.reset()
    return sweep.sweep()


def test_a_worker_without_the_key_fails_nothing_and_says_why(site: Site, evolink: Simulator, work: Any):
    site.configure(API_KEY="")
    task = site.queued()
    work()
    task.refresh_from_db()
    assert (task.status, task.delay_reason, site.posts()) == (TaskStatus.QUEUED, "no_api_key", 0)
    assert task.events.get(kind="waiting").detail["reason"] == "no_api_key"
    assert task.next_action_at > timezone.now()

    site.configure(API_KEY="sk-simulator")
    site.make_due()
    sweep.sweep()
    work()
    task.refresh_from_db()
    assert (task.status, task.delay_reason) == (TaskStatus.PENDING, "")


def test_a_worker_process_of_rq_does_the_whole_road(site: Site, evolink: Simulator, redis_queue: Queue, settings: Any):
    """The forking worker, as sites run it; receivers hear in its process, so the history is asked."""
    settings.MEDIA_ROOT = settings.TEST_DIR / "media"
    task = VideoTask.objects.create_task("A cat plays the piano", picture(), duration=2)
    worker = processes.start("manage.py", "rqworker", "wanvideo", "--verbosity", "1")
    try:
        task.submit()
        wait_until(lambda: len(evolink.tasks) == 1, "the request", 60)
        evolink.complete(evolink.tasks.latest.id)

        def ended() -> bool:
            task.refresh_from_db()
            return task.is_finished and not task.events.filter(notify_at__isnull=False).exists()

        wait_until(ended, "the end of the road", 60)
    finally:
        worker.terminate()
        output, _none = worker.communicate(timeout=30)
    assert task.status == TaskStatus.COMPLETED, output
    assert_stored(task, 2)
    assert task.events.filter(notified_at__isnull=False).count() == 2
    assert "sk-simulator" not in output
    evolink.ledger.assert_charged_once()


def test_a_bmp_is_uploaded_as_png(site: Site, evolink: Simulator, work: Any):
    task = VideoTask.objects.create_task("A cat", picture(kind="BMP"), duration=2)
    task.submit()
    work()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    stored = evolink.stored_file(task.first_frame.uploaded_url)
    assert stored.mime_type == "image/png"
    with Image.open(evolink.blobs.path(stored.digest)) as image:
        assert (image.format, image.size) == ("PNG", (640, 480))


def test_an_upload_is_used_again_while_it_is_fresh(site: Site, evolink: Simulator, work: Any):
    evolink.faults.add("create", "no_available_channel", times=2)
    task = VideoTask.objects.create_task("A cat", picture(), duration=2)
    task.submit()
    for _try in range(2):
        work()
        site.make_due()
        sweep.sweep()
    assert evolink.journal.count("upload") == 1
    MediaInput.objects.update(uploaded_expires_at=timezone.now() + dt.timedelta(hours=5))
    work()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    assert evolink.journal.count("upload") == 2, "one that would end while EvoLink works is made anew"
    evolink.ledger.assert_charged_once()


def test_a_link_is_passed_on_and_nothing_is_uploaded(site: Site, evolink: Simulator, work: Any):
    site.queued()
    work()
    assert evolink.tasks.latest.body["image_urls"] == [PICTURE]
    assert evolink.journal.count("upload") == 0


@pytest.mark.parametrize(
    ("fault", "status", "code", "held"),
    [
        ("500", TaskStatus.QUEUED, "", "upload_failed"),
        ("close", TaskStatus.QUEUED, "", "upload_failed"),
        ("quota", TaskStatus.QUEUED, "", "files_full"),
        ("413", TaskStatus.FAILED, "http_413", ""),
        ("401", TaskStatus.QUEUED, "", "key_rejected"),
    ],
)
def test_upload_that_fails_costs_nothing_and_is_tried(
    site: Site, evolink: Simulator, work: Any, fault: str, status: TaskStatus, code: str, held: str
):
    """An upload that fails costs nothing and is tried again only if that helps."""
    evolink.faults.add("upload", fault)
    task = VideoTask.objects.create_task("A cat", picture(), duration=2)
    task.submit()
    work()
    task.refresh_from_db()
    assert (task.status, task.error_code, task.delay_reason) == (status, code, held)
    assert not code or code in ADVICE
    assert (site.posts(), task.attempts.count()) == (0, 0)
    if status == TaskStatus.QUEUED:
        site.make_due()
        sweep.sweep()
        work()
        task.refresh_from_db()
        assert task.status == TaskStatus.PENDING
        evolink.ledger.assert_charged_once()


def test_a_picture_that_is_gone_fails_the_task_before_it_is_sent(site: Site, evolink: Simulator, work: Any):
    task = VideoTask.objects.create_task("A cat", picture(), duration=2)
    task.first_frame.file.storage.delete(task.first_frame.file.name)
    task.submit()
    work()
    task.refresh_from_db()
    assert (task.status, task.error_code, site.posts()) == (TaskStatus.FAILED, "input_missing", 0)


def test_the_same_road_without_rq_by_one_command(site: Site, evolink: Simulator, capsys: pytest.CaptureFixture[str]):
    task = site.queued()
    site.make_due()
    call_command("wanvideo_sweep", "--inline")
    task.refresh_from_db()
    evolink.complete(task.attempt.provider_task_id)
    for _pass in range(3):
        site.make_due()
        call_command("wanvideo_sweep", "--inline")
    task.refresh_from_db()
    assert task.status == TaskStatus.COMPLETED
    assert "queued" in capsys.readouterr().out


def test_a_job_that_fails_in_the_sweep_keeps_no_other_from_being_done(
    site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    bad, good = site.queued("One"), site.queued("Two")
    send = submission.send

    def fail_for_one(task_id: Any) -> None:
        if task_id == bad.pk:
            raise RuntimeError("the storage is upset")
        send(task_id)

    monkeypatch.setattr(submission, "send", fail_for_one)
    site.make_due()
    call_command("wanvideo_sweep", "--inline")
    good.refresh_from_db()
    assert good.status == TaskStatus.PENDING
    assert "the storage is upset" in caplog.text


def test_what_was_called_back_without_redis_is_done_when_it_is_there_again(
    site: Site, evolink: Simulator, redis_queue: Queue, work: Any, settings: Any, told: list[tuple[str, VideoTask, int]]
):
    tasks = [site.queued(f"Wish {number}") for number in range(5)]
    work()
    there = settings.RQ_QUEUES
    with closed_port() as port:
        settings.RQ_QUEUES = {"wanvideo": {"URL": f"redis://127.0.0.1:{port}/0"}}
        queue.reset()
        for accepted in list(evolink.tasks):
            evolink.complete(accepted)
        site.wait_for_receipt(5)
        evolink.callbacks.wait_idle()
    assert [entry.status for entry in evolink.journal.find("callback")] == [200] * 5
    settings.RQ_QUEUES = there
    queue.reset()
    assert redis_queue.count == 0
    # Nothing but time passes and the sweep runs, as on a site.
    for _pass in range(4):
        site.make_due()
        sweep.sweep()
        work()
    for task in tasks:
        task.refresh_from_db()
        assert task.status == TaskStatus.COMPLETED
    assert Counter(name for name, _task, _event in told) == {
        "video_submitted": 5,
        "video_completed": 5,
        "video_finished": 5,
    }


def test_jobs_are_found_by_their_names_and_take_ids_only(site: Site, redis_queue: Queue):
    task = site.draft()
    actions.enqueue(task)
    (job,) = redis_queue.jobs
    assert job.func is jobs.submit
    assert job.args == (str(task.pk),)
    assert job.retries_left is None, "RQ repeats nothing that may cost"
    assert not SiteState.objects.filter(name="evolink_pause").exists()
