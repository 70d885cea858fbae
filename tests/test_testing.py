"""What host projects use in their own tests does what it says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from django_wanvideo import signals, testing
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator


def test_a_host_projects_test_goes_the_whole_road_without_redis(evolink_simulator: Simulator, wanvideo_picture: Any):
    heard: list[tuple[str, dict[str, Any]]] = []

    def receiver(sender: Any, task: VideoTask, event: Any, **more: Any) -> None:
        heard.append((task.status, task.metadata))

    signals.video_completed.connect(receiver)
    try:
        task = VideoTask.objects.create_task("A cat", wanvideo_picture(), duration=2, metadata={"sku": "X1"})
        task.submit()
        testing.run_until_finished(task)
    finally:
        signals.video_completed.disconnect(receiver)
    assert heard == [("completed", {"sku": "X1"})]
    assert task.video.size > 1000
    evolink_simulator.ledger.assert_charged_once()


@pytest.mark.parametrize(
    ("prompt", "status", "code"),
    [
        ("A cat [fail:content_policy_violation]", "failed", "content_policy_violation"),
        ("A cat [cancel]", "cancelled", "request_cancelled"),
    ],
)
def test_a_failure_can_be_asked_for_in_the_prompt(
    evolink_simulator: Simulator, wanvideo_picture: Any, prompt: str, status: str, code: str
):
    task = VideoTask.objects.create_task(prompt, wanvideo_picture(), duration=2)
    task.submit()
    testing.run_until_finished(task)
    assert (task.status, task.error_code) == (status, code)
    evolink_simulator.ledger.assert_nothing_charged()


@pytest.mark.parametrize("fault", ["429", "no_available_channel"])
def test_no_test_waits_for_what_evolink_asks_to_wait_for(
    evolink_simulator: Simulator, wanvideo_picture: Any, fault: str
):
    evolink_simulator.faults.add("create", fault, times=2)
    evolink_simulator.faults.add("get", "429", retry_after=3000)
    task = VideoTask.objects.create_task("A cat", wanvideo_picture(), duration=2)
    task.submit()
    started = time.monotonic()
    testing.run_until_finished(task)
    assert task.status == "completed"
    assert time.monotonic() - started < 15


def test_a_task_that_does_not_end_tells_its_history(evolink_simulator: Simulator, wanvideo_picture: Any):
    task = VideoTask.objects.create_task("A cat [manual]", wanvideo_picture(), duration=2)
    task.submit()
    with pytest.raises(AssertionError, match=r"(?s)still pending.*accepted by EvoLink"):
        testing.run_until_finished(task, seconds=0.3)


def test_an_unconfirmed_task_is_left_to_the_test(evolink_simulator: Simulator, wanvideo_picture: Any):
    evolink_simulator.faults.add("create", "accept_then_close")
    task = VideoTask.objects.create_task("A cat", wanvideo_picture(), duration=2)
    task.submit()
    with pytest.raises(AssertionError, match="still unconfirmed"):
        testing.run_until_finished(task, seconds=0.3)
    assert evolink_simulator.journal.count("create") == 1


def test_wake_ups_are_kept_and_nothing_is_queued(wanvideo_wakeups: list[tuple[str, ...]], db: None):
    from django_wanvideo import queue

    assert queue.enqueue("submit", "1")
    assert queue.request_callback_read()
    assert queue.depth() == 0
    assert wanvideo_wakeups == [("submit", "1"), ("sync",)]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_pictures_are_what_they_say(wanvideo_picture: Any, kind: str):
    content = wanvideo_picture(500, 400, color="red", kind=kind)
    with Image.open(content) as image:
        assert (image.format, image.size) == (kind, (500, 400))
    assert content.name.endswith(kind.lower())
