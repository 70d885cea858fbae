"""A link that is dead or wrong: EvoLink is asked for another one, until it has answered, and is not asked in vain."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_wanvideo.choices import AttemptState, Charge, EventKind, TaskStatus
from django_wanvideo.evolink import client as evolink_client
from django_wanvideo.evolink.transport import Answer
from django_wanvideo.models import SiteState, VideoTask
from django_wanvideo.services import provider, storing
from django_wanvideo.services.sweeping import sweep
from tests.storing.looks import kinds

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_wanvideo.simulator import Simulator

    Made = Callable[[], VideoTask]
    Store = Callable[[VideoTask], VideoTask]

pytestmark = pytest.mark.integration


def change(task: VideoTask, **columns: Any) -> None:
    VideoTask.objects.filter(pk=task.pk).update(**columns)
    task.refresh_from_db()


def ago(**time: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(**time)


def gone(task: VideoTask) -> str:
    """A link at the same place that leads nowhere."""
    return task.result_url.rsplit("/", 1)[0] + "/gone.mp4"


def asked(evolink: Simulator) -> int:
    """How often EvoLink was asked about a task since it was followed to its end."""
    return evolink.journal.count("get") - 1


def end_pause() -> None:
    SiteState.objects.filter(name=provider.PAUSE).delete()


def test_a_fresh_link_is_used_and_brings_a_day_and_a_warning_of_its_own(
    made: Made, store: Store, evolink: Simulator
) -> None:
    task = made()
    good = task.result_url
    change(task, result_url=gone(task), result_expires_at=ago(hours=-1))
    sweep(lambda *_job: True)
    assert kinds(task).count(EventKind.LINK_EXPIRING) == 1
    with CaptureQueriesContext(connection) as queries:
        assert store(task).status == TaskStatus.STORING
    assert task.result_url == good
    assert task.result_expires_at > ago(hours=-23)
    writes = [query["sql"] for query in queries if query["sql"].startswith("UPDATE") and "reread_at" in query["sql"]]
    assert len(writes) == 1, "a worker that dies in between must not have used the question up without the answer"
    assert "result_url" in writes[0]

    change(task, result_expires_at=ago(hours=-1))
    sweep(lambda *_job: True)
    assert kinds(task).count(EventKind.LINK_EXPIRING) == 2
    assert store(task).status == TaskStatus.COMPLETED


def test_evolink_is_asked_for_a_fresh_link_once(made: Made, store: Store, evolink: Simulator) -> None:
    task = made()
    evolink.faults.add("result", "404", times=None)
    for _try in range(storing.GONE_TRIES):
        assert store(task).status == TaskStatus.STORING
    assert asked(evolink) == 1
    assert store(task).status == TaskStatus.FAILED
    assert asked(evolink) == 1


def test_a_link_that_has_ended_fails_with_what_happened_and_stays_charged(
    made: Made, store: Store, evolink: Simulator
) -> None:
    task = made()
    evolink.faults.add("result", "404", times=None)
    change(task, result_expires_at=ago(seconds=1))
    store(task)
    assert (task.status, task.error_code) == (TaskStatus.FAILED, "result_expired")
    assert task.charge == Charge.CHARGED
    assert asked(evolink) == 1


def test_a_link_that_answers_404_early_is_kept_trying(made: Made, store: Store, evolink: Simulator) -> None:
    task = made()
    evolink.faults.add("result", "404", times=2)
    assert store(task).status == TaskStatus.STORING
    assert store(task).status == TaskStatus.STORING
    assert store(task).status == TaskStatus.COMPLETED


def test_a_link_that_stays_dead_is_given_up_but_can_be_fetched_while_it_should_live(
    made: Made, store: Store, evolink: Simulator
) -> None:
    task = made()
    evolink.faults.add("result", "403", times=None)
    for _try in range(storing.GONE_TRIES + 1):
        store(task)
    assert (task.status, task.error_code) == (TaskStatus.FAILED, "result_expired")
    evolink.faults.clear()
    task.retry()
    assert store(task).status == TaskStatus.COMPLETED
    assert len(evolink.ledger.accepted) == 1


def test_a_failed_task_that_is_fetched_again_is_asked_about_again(made: Made, store: Store, evolink: Simulator) -> None:
    task = made()
    good = task.result_url
    evolink.faults.add("result", "403", times=None)
    for _try in range(storing.GONE_TRIES + 1):
        store(task)
    assert task.attempts.get().state == AttemptState.ENDED
    evolink.faults.clear()
    change(task, result_url=gone(task))
    task.retry()
    assert store(task).result_url == good
    assert store(task).status == TaskStatus.COMPLETED
    evolink.ledger.assert_charged_once()


def test_the_latest_attempt_that_evolink_has_is_asked_about(made: Made, store: Store, evolink: Simulator) -> None:
    task, other = made(), made()
    # A person has decided to send again; the video is the second attempt's.
    task.attempts.update(state=AttemptState.SUPERSEDED)
    other.attempts.update(task=task, number=2)
    change(task, result_url=gone(task))
    store(task)
    assert task.result_url == other.result_url


def test_a_wrong_link_is_not_the_last_word(made: Made, store: Store, evolink: Simulator) -> None:
    task = made()
    good = task.result_url
    change(task, result_url="https://169.254.169.254/latest/meta-data")
    assert store(task).status == TaskStatus.STORING
    assert task.result_url == good
    assert store(task).status == TaskStatus.COMPLETED


def no_key(evolink: Simulator, settings: Any, _patch: Any) -> None:
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": ""}


def answers_by(name: str) -> Callable[[Simulator, Any, Any], None]:
    def arrange(evolink: Simulator, _settings: Any, _patch: Any) -> None:
        evolink.faults.add("get", name)

    return arrange


def page_of_a_gateway(evolink: Simulator, _settings: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(evolink_client, "perform", lambda *_call: Answer(404, {}, b"<html>default backend - 404</html>"))


SILENCE = {
    "no key": no_key,
    "gateway": page_of_a_gateway,
    **{name: answers_by(name) for name in ("429", "503", "401", "close", "garbage", "other_task")},
}


@pytest.mark.parametrize("link", ["ended", "dead", "refused"])
@pytest.mark.parametrize("silence", SILENCE)
def test_while_evolink_cannot_be_asked_a_paid_video_is_not_given_up(
    made: Made, store: Store, evolink: Simulator, settings, silence: str, link: str
) -> None:
    task = made()
    good, right = task.result_url, settings.WANVIDEO
    if link == "refused":
        change(task, result_url="https://169.254.169.254/latest")
    else:
        change(task, result_url=gone(task), tries=storing.GONE_TRIES)
    if link == "ended":
        change(task, result_expires_at=ago(seconds=1))
    with pytest.MonkeyPatch.context() as patch:
        SILENCE[silence](evolink, settings, patch)
        assert store(task).status == TaskStatus.STORING
    assert (task.reread_at, task.leased_until) == (None, None)
    assert task.next_action_at > timezone.now()

    settings.WANVIDEO = right
    end_pause()
    assert store(task).result_url == good
    assert store(task).status == TaskStatus.COMPLETED
    evolink.ledger.assert_charged_once()


def test_a_day_after_its_end_a_link_is_given_up_though_evolink_could_never_be_asked(
    made: Made, store: Store, evolink: Simulator
) -> None:
    task = made()
    evolink.faults.add("get", "503", times=None)
    change(task, result_url=gone(task), result_expires_at=ago(hours=23, minutes=59))
    assert store(task).status == TaskStatus.STORING
    change(task, result_expires_at=ago(hours=24, minutes=1))
    assert (store(task).status, task.error_code) == (TaskStatus.FAILED, "result_expired")
    assert task.charge == Charge.CHARGED


def test_that_evolink_does_not_know_the_task_any_more_is_an_answer(
    made: Made, store: Store, evolink: Simulator
) -> None:
    task = made()
    change(task, result_url=gone(task), result_expires_at=ago(seconds=1))
    evolink.faults.add("get", "404")
    assert (store(task).status, task.error_code) == (TaskStatus.FAILED, "result_expired")


def test_a_429_while_a_fresh_link_is_asked_for_holds_the_whole_site_back(
    made: Made, store: Store, evolink: Simulator
) -> None:
    task = made()
    change(task, result_url=gone(task), result_expires_at=ago(seconds=1))
    evolink.faults.add("get", "429", retry_after=50)
    store(task)
    until = provider.paused_until()
    assert until is not None
    assert dt.timedelta(seconds=45) < until - timezone.now() < dt.timedelta(seconds=51)
    assert task.next_action_at >= until


def test_while_the_site_is_to_wait_evolink_is_not_asked_for_a_fresh_link(
    made: Made, store: Store, evolink: Simulator
) -> None:
    task = made()
    good = task.result_url
    change(task, result_url=gone(task), result_expires_at=ago(seconds=1))
    until = provider.pause(1800)
    assert store(task).status == TaskStatus.STORING
    assert asked(evolink) == 0
    assert task.next_action_at >= until
    end_pause()
    assert store(task).result_url == good


def test_a_link_that_would_end_before_the_site_may_ask_is_tried_while_it_lives(
    made: Made, store: Store, evolink: Simulator
) -> None:
    task = made()
    ends = ago(minutes=-20)
    change(task, result_expires_at=ends)
    evolink.faults.add("result", "403")
    provider.pause(1800)
    store(task)
    assert task.next_action_at < ends
    assert store(task).status == TaskStatus.COMPLETED
    assert asked(evolink) == 0


def test_what_evolink_says_of_the_key_is_remembered(made: Made, store: Store, evolink: Simulator) -> None:
    task = made()
    change(task, result_url=gone(task))
    evolink.faults.add("get", "401")
    store(task)
    assert SiteState.objects.filter(name=provider.KEY_REJECTED).exists()
    store(task)
    assert not SiteState.objects.filter(name=provider.KEY_REJECTED).exists()


def test_people_are_warned_six_hours_before_a_link_ends(made: Made, evolink: Simulator, caplog) -> None:
    task = made()
    change(task, result_expires_at=ago(hours=-5, minutes=-59), next_action_at=ago(hours=-1))
    sweep(lambda *_job: True)
    sweep(lambda *_job: True)
    assert kinds(task).count(EventKind.LINK_EXPIRING) == 1
    assert str(task.pk) in caplog.text


def test_links_that_end_first_are_copied_first(made: Made) -> None:
    late, soon = made(), made()
    change(late, result_expires_at=ago(hours=-20), next_action_at=timezone.now())
    change(soon, result_expires_at=ago(hours=-2), next_action_at=timezone.now())
    handed: list[tuple[str, ...]] = []

    def take(*job: str) -> bool:
        handed.append(job)
        return True

    sweep(take)
    assert [job for job in handed if job[0] == "store"] == [("store", str(soon.pk)), ("store", str(late.pk))]
