"""A link that is dead or wrong: it is tried again, and EvoLink asked for another, as long as a file could be there."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_wanvideo.choices import AttemptState, Charge, EventKind, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.evolink import client as evolink_client
from django_wanvideo.evolink.transport import HttpResult
from django_wanvideo.models import SiteState, VideoTask
from django_wanvideo.services.holds import lock
from django_wanvideo.services.provider import provider
from django_wanvideo.services.storing import download, result_urls
from django_wanvideo.services.sweep import sweep
from tests.services.storing.helpers import kinds
from tests.services.tracking.helpers import says

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


def asked(evolink_simulator: Simulator) -> int:
    """How often EvoLink was asked about a task since it was followed to its end."""
    return evolink_simulator.journal.count("get") - 1


def end_pause() -> None:
    SiteState.objects.filter(name=provider.PAUSE).delete()


def test_a_fresh_link_is_used_and_brings_a_day_and_a_warning_of_its_own(
    made: Made, store: Store, evolink_simulator: Simulator
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
    writes = [
        query["sql"] for query in queries if query["sql"].startswith("UPDATE") and "result_refreshed_at" in query["sql"]
    ]
    assert len(writes) == 1, "a worker that dies in between must not have used the question up without the answer"
    assert "result_url" in writes[0]

    change(task, result_expires_at=ago(hours=-1))
    sweep(lambda *_job: True)
    assert kinds(task).count(EventKind.LINK_EXPIRING) == 2
    assert store(task).status == TaskStatus.COMPLETED


#: What one answer of a file host may be without being the last word about a paid video.
PASSING = {
    "403": ("403", {}),
    "404": ("404", {}),
    "410": ("410", {}),
    "503": ("503", {}),
    "a redirect loop": ("redirect", {}),
    "a part": ("partial", {}),
    "gzip": ("gzip", {}),
    "a page": ("html", {}),
    "cut off": ("truncated", {}),
}


@pytest.mark.fault("K3.link-trouble-is-not-final")
@pytest.mark.parametrize("past_end", [False, True], ids=["alive", "past its computed end"])
@pytest.mark.parametrize(("fault", "options"), PASSING.values(), ids=PASSING)
def test_no_answer_of_the_file_host_is_final_before_26_hours(
    made: Made, store: Store, evolink_simulator: Simulator, fault: str, options: dict[str, Any], past_end: bool
) -> None:
    task = made()
    evolink_simulator.faults.add("result", fault, times=None, **options)
    waits = []
    if past_end:
        change(task, accepted_at=ago(hours=25, minutes=50), result_expires_at=ago(hours=1, minutes=50))
    for _try in range(12):
        assert store(task).status == TaskStatus.STORING
        waits.append((task.next_action_at - timezone.now()).total_seconds())
    assert waits[0] < 10 < 500 < waits[-1] < 1000
    evolink_simulator.faults.clear()
    assert store(task).status == TaskStatus.COMPLETED
    evolink_simulator.ledger.assert_charged_once()
    assert len(evolink_simulator.ledger.accepted) == 1


@pytest.mark.fault("K3.link-trouble-is-not-final")
@pytest.mark.parametrize(
    ("fault", "code"), [("404", "result_expired"), ("503", "result_expired"), ("redirect", "result_bad_redirect")]
)
def test_after_26_hours_dead_link_fails(
    made: Made, store: Store, evolink_simulator: Simulator, fault: str, code: str
) -> None:
    """After 26 hours a dead link fails with what happened and stays charged."""
    task = made()
    evolink_simulator.faults.add("result", fault, times=None)
    change(task, accepted_at=ago(hours=26, minutes=1), result_expires_at=ago(hours=2), retry_count=50)
    assert (store(task).status, task.error_code) == (TaskStatus.FAILED, code)
    assert task.charge == Charge.CHARGED
    assert not download.is_fetchable(task)
    assert asked(evolink_simulator) == 1


@pytest.mark.fault("K3.link-trouble-is-not-final")
def test_a_video_that_was_made_late_is_tried_as_long_as_its_own_link_lives(
    made: Made, store: Store, evolink_simulator: Simulator
) -> None:
    task = made()
    evolink_simulator.faults.add("result", "404", times=None)
    change(task, accepted_at=ago(hours=40), result_expires_at=ago(hours=-3), retry_count=50)
    assert store(task).status == TaskStatus.STORING


@pytest.mark.fault("K3.link-trouble-is-not-final")
def test_a_link_that_is_another_one_each_time_is_not_run_after_for_ever(
    made: Made, store: Store, evolink_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = made()
    evolink_simulator.faults.add("result", "404", times=None)
    number = iter(range(1000))
    monkeypatch.setattr(
        result_urls, "next_link", lambda *_args: f"{task.result_url.partition('?')[0]}?signed={next(number)}"
    )
    waits = []
    for _try in range(12):
        store(task)
        waits.append((task.next_action_at - timezone.now()).total_seconds())
    assert waits[0] < 10 < 500 < waits[-1] < 1000
    change(task, accepted_at=ago(hours=27))
    task.events.filter(kind=EventKind.GENERATED).update(created_at=ago(hours=27))
    assert (store(task).status, task.error_code) == (TaskStatus.FAILED, "result_expired")
    assert not download.is_fetchable(task), "or the page would say that its link lives beside that it has ended"


@pytest.mark.fault("K3.evolinks-word-is-final")
@pytest.mark.parametrize(("status", "code"), [("failed", "service_error"), ("cancelled", "request_cancelled")])
def test_if_evolink_takes_a_made_video_back_that_is_its_word(
    made: Made, store: Store, evolink_simulator: Simulator, monkeypatch: pytest.MonkeyPatch, status: str, code: str
) -> None:
    task = made()
    evolink_simulator.faults.add("result", "404", times=None)
    says(monkeypatch, status=status, results=None, result_data=None, error={"code": code, "message": "Oh."})
    assert (store(task).status, task.error_code, task.error_message) == (TaskStatus.FAILED, code, "Oh.")
    assert not download.is_fetchable(task)


@pytest.mark.fault("K6.several-links")
def test_several_links_are_tried_in_turn(
    made: Made, store: Store, evolink_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = made()
    good = task.result_url
    all_links = [gone(task), "ftp://files.example/v.mp4", "https://files.example/", gone(task) + "?2", good]
    says(monkeypatch, results=all_links, result_data=None)
    settings_hosts = {"RESULT_HOSTS": ["127.0.0.1"]}
    monkeypatch.setattr(type(conf), "RESULT_HOSTS", settings_hosts["RESULT_HOSTS"])
    change(task, result_url=all_links[0])
    tried = []
    while task.status == TaskStatus.STORING and len(tried) < 6:
        store(task)
        tried.append(task.result_url)
    assert tried == [gone(task) + "?2", good, good]
    assert task.status == TaskStatus.COMPLETED


@pytest.mark.fault("K6.several-links")
@pytest.mark.parametrize(("tried", "expected"), [("a", "b"), ("b", "c"), ("c", "a"), ("gone", "a"), ("", "a")])
def test_after_the_last_link_comes_the_first(tried: str, expected: str) -> None:
    urls = {name: f"https://files.example/{name}.mp4" for name in "abc"}
    assert result_urls.next_link(urls.get(tried, tried), list(urls.values())) == urls[expected]
    assert result_urls.next_link(urls["a"], [urls["a"]]) == ""
    assert result_urls.next_link(urls["a"], []) == ""


def test_a_link_that_answers_404_early_is_kept_trying(made: Made, store: Store, evolink_simulator: Simulator) -> None:
    task = made()
    evolink_simulator.faults.add("result", "404", times=2)
    assert store(task).status == TaskStatus.STORING
    assert store(task).status == TaskStatus.STORING
    assert store(task).status == TaskStatus.COMPLETED


def test_the_latest_attempt_that_evolink_has_is_asked_about(
    made: Made, store: Store, evolink_simulator: Simulator
) -> None:
    task, other = made(), made()
    # A person has decided to send again; the video is the second attempt's.
    task.attempts.update(state=AttemptState.SUPERSEDED)
    other.attempts.update(task=task, number=2)
    change(task, result_url=gone(task))
    store(task)
    assert task.result_url == other.result_url


def test_a_wrong_link_is_not_the_last_word(made: Made, store: Store, evolink_simulator: Simulator) -> None:
    task = made()
    good = task.result_url
    change(task, result_url="https://169.254.169.254/latest/meta-data")
    assert store(task).status == TaskStatus.STORING
    assert task.result_url == good
    assert store(task).status == TaskStatus.COMPLETED


def no_key(evolink_simulator: Simulator, settings: Any, _patch: Any) -> None:
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": ""}


def answers_by(name: str) -> Callable[[Simulator, Any, Any], None]:
    def arrange(evolink_simulator: Simulator, _settings: Any, _patch: Any) -> None:
        evolink_simulator.faults.add("get", name)

    return arrange


def page_of_a_gateway(evolink_simulator: Simulator, _settings: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(evolink_client, "perform", lambda *_call: HttpResult(404, {}, b"<html>default backend - 404</html>"))


SILENCE = {
    "no key": no_key,
    "gateway": page_of_a_gateway,
    **{name: answers_by(name) for name in ("429", "503", "401", "close", "garbage", "other_task")},
}


@pytest.mark.parametrize("link", ["ended", "dead", "refused"])
@pytest.mark.parametrize("silence", SILENCE)
def test_while_evolink_cannot_be_asked_a_paid_video_is_not_given_up(
    made: Made, store: Store, evolink_simulator: Simulator, settings, silence: str, link: str
) -> None:
    task = made()
    good, right = task.result_url, settings.WANVIDEO
    if link == "refused":
        change(task, result_url="https://169.254.169.254/latest")
    else:
        change(task, result_url=gone(task), retry_count=download.GONE_TRIES)
    if link == "ended":
        change(task, result_expires_at=ago(seconds=1))
    with pytest.MonkeyPatch.context() as patch:
        SILENCE[silence](evolink_simulator, settings, patch)
        assert store(task).status == TaskStatus.STORING
    assert (task.result_refreshed_at, task.lease_expires_at) == (None, None)
    assert task.next_action_at > timezone.now()

    settings.WANVIDEO = right
    end_pause()
    assert store(task).result_url == good
    assert store(task).status == TaskStatus.COMPLETED
    evolink_simulator.ledger.assert_charged_once()


def test_day_after_its_end_link_is_given_up_though(made: Made, store: Store, evolink_simulator: Simulator) -> None:
    """A day after its end a link is given up though EvoLink could never be asked."""
    task = made()
    evolink_simulator.faults.add("get", "503", times=None)
    change(task, result_url=gone(task), result_expires_at=ago(hours=23, minutes=59))
    assert store(task).status == TaskStatus.STORING
    change(task, result_expires_at=ago(hours=24, minutes=1))
    assert (store(task).status, task.error_code) == (TaskStatus.FAILED, "result_expired")
    assert task.charge == Charge.CHARGED


@pytest.mark.fault("K3.link-trouble-is-not-final")
def test_that_evolink_does_not_know_the_task_now_is_no_end_either(
    made: Made, store: Store, evolink_simulator: Simulator
) -> None:
    task = made()
    good = task.result_url
    change(task, result_url=gone(task), result_expires_at=ago(seconds=1))
    evolink_simulator.faults.add("get", "404")
    assert store(task).status == TaskStatus.STORING
    assert store(task).result_url == good


def test_a_429_while_a_fresh_link_is_asked_for_holds_the_whole_site_back(
    made: Made, store: Store, evolink_simulator: Simulator
) -> None:
    task = made()
    change(task, result_url=gone(task), result_expires_at=ago(seconds=1))
    evolink_simulator.faults.add("get", "429", retry_after=50)
    store(task)
    until = provider.backoff_until()
    assert until is not None
    assert dt.timedelta(seconds=45) < until - timezone.now() < dt.timedelta(seconds=51)
    assert task.next_action_at >= until


def test_while_the_site_is_to_wait_evolink_is_not_asked_for_a_fresh_link(
    made: Made, store: Store, evolink_simulator: Simulator
) -> None:
    task = made()
    good = task.result_url
    change(task, result_url=gone(task), result_expires_at=ago(seconds=1))
    until = provider.back_off(1800)
    assert store(task).status == TaskStatus.STORING
    assert asked(evolink_simulator) == 0
    assert task.next_action_at >= until
    end_pause()
    assert store(task).result_url == good


def test_link_that_would_end_before_site_may_ask(made: Made, store: Store, evolink_simulator: Simulator) -> None:
    """A link that would end before the site may ask is tried while it lives."""
    task = made()
    ends = ago(minutes=-20)
    change(task, result_expires_at=ends)
    evolink_simulator.faults.add("result", "403")
    provider.back_off(1800)
    store(task)
    assert task.next_action_at < ends
    assert store(task).status == TaskStatus.COMPLETED
    assert asked(evolink_simulator) == 0


def test_what_evolink_says_of_the_key_is_remembered(made: Made, store: Store, evolink_simulator: Simulator) -> None:
    task = made()
    change(task, result_url=gone(task))
    evolink_simulator.faults.add("get", "401")
    store(task)
    assert SiteState.objects.filter(name=lock.KEY_REJECTED).exists()
    store(task)
    assert not SiteState.objects.filter(name=lock.KEY_REJECTED).exists()


def test_people_are_warned_six_hours_before_a_link_ends(made: Made, evolink_simulator: Simulator, caplog) -> None:
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
