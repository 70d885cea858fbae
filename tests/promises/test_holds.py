"""The account's trouble, an outage, a person's pause: sending is held back as a whole, and no task pays for it."""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_wanvideo import jobs, signals
from django_wanvideo.choices import OPEN_ATTEMPT_STATES, AttemptState, TaskStatus
from django_wanvideo.models import Attempt, SiteState, VideoTask
from django_wanvideo.services import sweep
from django_wanvideo.services.attempts import settlement
from django_wanvideo.services.holds import account, account_marks, circuit_breaker, holds, lock, pause
from django_wanvideo.services.holds.lock import CREDITS_OUT, KEY_REJECTED
from django_wanvideo.services.limits import throttling
from django_wanvideo.services.provider import account_checks
from django_wanvideo.simulator import Simulator
from tests.promises import processes
from tests.threads import at_once
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fixtures import Site

pytestmark = pytest.mark.integration

#: What a video of two seconds costs, the least that one can.
PRICE = Decimal(6)


@pytest.fixture
def failures() -> Iterator[list[Any]]:
    """What receivers of ``video_failed`` were told."""
    heard: list[Any] = []

    def hear(task: VideoTask, **_more: Any) -> None:
        heard.append(task)

    signals.video_failed.connect(hear)
    yield heard
    signals.video_failed.disconnect(hear)


def many(site: Site, number: int, **options: Any) -> list[VideoTask]:
    return [site.queued(f"Wish {index}", **options) for index in range(number)]


def work_on(tasks: list[VideoTask]) -> None:
    """Let a worker do the job of each task."""
    for task in tasks:
        jobs.submit(str(task.pk))


def statuses() -> dict[str, int]:
    found = list(VideoTask.objects.values_list("status", flat=True))
    return {status: found.count(status) for status in sorted(set(found))}


def kinds() -> list[str]:
    return [hold.kind for hold in holds.standing()]


def pass_time(**passed: float) -> None:
    """Make every mark of a hold as much older as that."""
    delta = dt.timedelta(**passed)
    for state in SiteState.objects.exclude(name="sweep"):
        state.value = _older(state.value, delta)
        state.save()
    for task in VideoTask.objects.filter(delayed_until__isnull=False):
        VideoTask.objects.filter(pk=task.pk).update(
            delayed_until=task.delayed_until - delta, next_action_at=task.next_action_at - delta
        )


def _older(value: Any, delta: dt.timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _older(item, delta) for key, item in value.items()}
    try:
        return (dt.datetime.fromisoformat(value) - delta).isoformat()
    except (TypeError, ValueError):
        return value


# The account ------------------------------------------------------------------------------------------------------


@pytest.mark.fault("K4.credits-used-up")
@pytest.mark.parametrize("fault", ["402", "401"])
def test_twenty_tasks_and_account_in_trouble_make(site: Site, evolink: Simulator, fault: str, failures: list[Any]):
    """Twenty tasks and an account in trouble make one post and no failure."""
    tasks = many(site, 20)
    for point in ("create", "credits"):
        evolink.faults.add(point, fault, times=None)
    work_on(tasks)
    for _pass in range(3):
        site.make_due()
        site.sweep()
    site.tell()
    assert site.posts() == 1
    assert statuses() == {"queued": 20}
    assert failures == []
    assert not Attempt.objects.filter(state__in=OPEN_ATTEMPT_STATES).exists()
    assert kinds() == ["account"]
    assert set(VideoTask.objects.values_list("delay_reason", flat=True)) == {
        {"402": "credits_used_up", "401": "key_rejected"}[fault]
    }
    evolink.ledger.assert_nothing_charged()


@pytest.mark.fault("K4.credits-used-up-workers")
def test_workers_that_meet_empty_account_together_make(site_with_threads: Site, evolink: Simulator):
    """Workers that meet an empty account together make no more posts than may be under way."""
    tasks = many(site_with_threads, 20)
    evolink.faults.add("create", "402", times=None)
    at_once(*(lambda part=tasks[index::5]: work_on(part) for index in range(5)))
    assert site_with_threads.posts() <= circuit_breaker.AT_ONCE
    assert statuses() == {"queued": 20}


@pytest.mark.fault("K4.any-call-sets-the-hold")
@pytest.mark.parametrize("point", ["get", "upload", "credits"])
def test_any_call_that_the_account_refuses_holds_sending_back(site: Site, evolink: Simulator, point: str):
    from tests.pictures import picture

    running = site.send(site.queued())
    evolink.faults.add(point, "401", times=None)
    if point == "get":
        jobs.sync(str(running.pk))
    elif point == "upload":
        task = VideoTask.objects.create_task("A cat", picture(), duration=2)
        task.submit()
        site.send(task)
        assert (task.status, task.delay_reason) == (TaskStatus.QUEUED, "key_rejected")
    else:
        evolink.faults.add("create", "402")
        site.send(site.queued())
        account_checks.check()
    before = site.posts()
    evolink.faults.add("credits", "401", times=None)
    waiting = site.send(site.queued("Another"))
    assert (waiting.status, waiting.delay_reason) == (TaskStatus.QUEUED, "key_rejected")
    assert site.posts() == before
    assert running.events.filter(kind="failed").count() == 0


@pytest.mark.fault("K4.credits-while-polling")
def test_used_up_credits_that_look_tells_of_hold(site: Site, evolink: Simulator):
    """Used up credits that a look tells of hold nothing back that the credits pay for."""
    running = site.send(site.queued())
    evolink.faults.add("get", "402")
    jobs.sync(str(running.pk))
    assert kinds() == ["account"]
    assert site.send(site.queued("Another")).status == TaskStatus.PENDING
    assert kinds() == []


@pytest.mark.fault("K4.key-rotation")
def test_a_new_key_goes_on_at_once_whatever_the_old_one_still_meets(site: Site, evolink: Simulator):
    site.configure(API_KEY="sk-revoked-long-ago")
    tasks = many(site, 20)
    work_on(tasks)
    assert site.posts() == 1
    assert "sk-revoked" not in str(list(SiteState.objects.values()))

    site.configure(API_KEY="sk-simulator")
    assert kinds() == []
    site.sweep()
    assert statuses() == {"pending": 20}
    evolink.ledger.assert_charged_once()

    site.configure(API_KEY="sk-revoked-long-ago")
    late = site.send(site.queued("In a process with the old key"))
    assert (late.status, site.posts()) == (TaskStatus.QUEUED, 21), "what is known about a key stays known"
    site.configure(API_KEY="sk-simulator")
    site.sweep()
    late.refresh_from_db()
    assert late.status == TaskStatus.PENDING, "what the old key's process put off is sent at once"


@pytest.mark.fault("K4.key-rotation-seen-by-others")
@pytest.mark.parametrize("key", ["", "sk-revoked-long-ago"], ids=["no key", "the old key"])
def test_sweep_with_another_key_than_workers_hands(site: Site, evolink: Simulator, key: str):
    """A sweep with another key than the workers hands out what they can send."""
    site.configure(API_KEY="sk-revoked-long-ago")
    tasks = many(site, 5)
    work_on(tasks)

    def do_with_the_new_key(job: str, *ids: str) -> bool:
        site.configure(API_KEY="sk-simulator")
        jobs.run_here(job, *ids)
        site.configure(API_KEY=key)
        return True

    site.configure(API_KEY=key)
    assert kinds() == ["account"], "the worker has not tried its key yet"
    pass_time(minutes=12)
    for _pass in range(3):
        sweep.sweep(do_with_the_new_key)
    assert statuses() == {"pending": 5}
    assert kinds() == []


@pytest.mark.fault("K4.resume-without-a-key")
def test_a_web_process_without_a_key_may_resume_and_marks_no_other_key(site: Site, evolink: Simulator):
    evolink.faults.add("create", "402")
    evolink.faults.add("credits", "500")
    tasks = many(site, 3)
    work_on(tasks)
    site.configure(API_KEY="")
    assert kinds() == ["account"]
    pause.resume()
    assert not account_checks.check(now=True)
    site.configure(API_KEY="sk-simulator")
    work_on(tasks[:1])
    assert statuses() == {"pending": 1, "queued": 2}
    site.sweep()
    site.sweep()
    assert statuses() == {"pending": 3}


@pytest.mark.fault("K4.key-works-again")
def test_a_key_that_works_again_ends_the_hold_by_a_call_that_costs_nothing(site: Site, evolink: Simulator):
    for point in ("create", "credits"):
        evolink.faults.add(point, "401", times=None)
    tasks = many(site, 3)
    work_on(tasks)
    assert (site.posts(), evolink.journal.count("credits")) == (1, 1)
    site.sweep()
    work_on(tasks)
    assert evolink.journal.count("credits") == 1, "not before its time"

    evolink.faults.clear()
    pass_time(minutes=1)
    site.sweep()
    assert statuses() == {"pending": 3}
    assert not SiteState.objects.filter(name=KEY_REJECTED).exists()


@pytest.mark.fault("K4.key-refused-only-for-requests")
def test_key_that_only_requests_are_refused(site: Site, evolink: Simulator):
    """A key that only requests are refused with is tried one request at a time."""
    evolink.faults.add("create", "401", times=None)
    tasks = many(site, 10)
    for _pass in range(5):
        work_on(tasks)
        site.make_due()
        site.sweep()
    assert site.posts() == 2, "the free call works, so one more is tried; then only after a while"
    pass_time(minutes=12)
    work_on(tasks)
    assert site.posts() == 3
    evolink.faults.clear()
    pass_time(minutes=12)
    work_on(tasks)
    assert statuses() == {"pending": 10}
    assert kinds() == []


@pytest.fixture
def poor(settings: Any, wanvideo_wakeups: Any, db: None) -> Iterator[Site]:
    """An EvoLink with credits for two short videos and a bit."""
    from tests.fixtures import site_on

    with Simulator(
        api_key="sk-simulator", progression="manual", small_videos=True, captions=False, credits=Decimal(15)
    ) as simulator:
        yield site_on(settings, simulator, None)


@pytest.mark.fault("K4.smaller-tasks-go-on")
def test_does_not_fit_into_credits_waits_while_smaller(poor: Site):
    """What does not fit into the credits waits while smaller tasks go on."""
    large = many(poor, 4, duration=10)
    small = many(poor, 4, duration=2)
    assert large[0].credits_estimated > 15 > 2 * PRICE
    work_on([*large, *small])
    assert poor.posts() == 1 + 2, "the one that was refused, and two that fit"
    assert statuses() == {"pending": 2, "queued": 6}
    hold = holds.standing()[0]
    assert Decimal(hold.detail["credits_left"]) == 15 - 2 * PRICE

    for _pass in range(3):
        pass_time(minutes=11)
        poor.sweep()
    assert poor.posts() == 3, "asking for the credits is enough"

    poor.sim.accounts.first.total += 1000
    pass_time(minutes=11)
    poor.sweep()
    poor.sweep()
    assert statuses() == {"pending": 8}
    assert kinds() == []
    poor.sim.ledger.assert_charged_once()


@pytest.mark.fault("K4.smaller-of-token-and-user")
def test_the_keys_own_limit_counts_where_it_is_the_smaller_one(settings: Any, wanvideo_wakeups: Any, db: None):
    from tests.fixtures import site_on

    with Simulator(api_key="sk-simulator", progression="manual", credits=1000, token_credits=8) as simulator:
        site = site_on(settings, simulator, None)
        work_on([*many(site, 3, duration=10), *many(site, 3)])
        assert statuses() == {"pending": 1, "queued": 5}
        assert site.posts() == 2


@pytest.mark.fault("K4.refused-though-enough")
def test_refusal_that_credits_do_not_explain_is_tried(site: Site, evolink: Simulator):
    """A refusal that the credits do not explain is tried one task at a time."""
    evolink.faults.add("create", "402", times=None)
    tasks = many(site, 12)
    work_on(tasks)
    site.sweep()
    assert site.posts() == 1
    waits, before = [], 1
    for _probe in range(8):
        hold = holds.standing()[0]
        waits.append((dt.datetime.fromisoformat(hold.detail["next_try_at"]) - timezone.now()).total_seconds())
        pass_time(seconds=waits[-1] + 1)
        work_on(tasks)
        site.sweep()
        assert site.posts() == before + 1, "one probe"
        before += 1
    assert waits[0] < 40
    assert 500 < waits[-1] < 700
    evolink.faults.clear()
    pass_time(minutes=12)
    work_on(tasks)
    assert statuses() == {"pending": 12}


@pytest.mark.fault("K4.daily-limit")
def test_a_keys_limit_for_the_day_waits_for_its_reset(site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch):
    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.evolink.exceptions import RejectedError

    posts = []

    def refuse(*_args: Any, before_send: Any, **_options: Any) -> Any:
        before_send()
        posts.append(1)
        code = "token_daily_quota_exceeded"
        raise RejectedError("enough", http_status=402, code=code, reset_timezone="Asia/Shanghai")

    monkeypatch.setattr(EvoLinkClient, "create", refuse)
    tasks = many(site, 5)
    work_on(tasks)
    work_on(tasks)
    hold = holds.standing()[0]
    resets_at = dt.datetime.fromisoformat(hold.detail["resets_at"])
    assert resets_at.astimezone(dt.timezone(dt.timedelta(hours=8))).strftime("%H:%M") == "00:00"
    assert dt.timedelta(0) < resets_at - timezone.now() <= dt.timedelta(days=1)
    assert len(posts) == 1
    monkeypatch.undo()
    pass_time(seconds=(resets_at - timezone.now()).total_seconds() + 1)
    site.sweep()
    site.sweep()
    assert statuses() == {"pending": 5}


@pytest.mark.fault("K4.one-notice-an-hour")
def test_people_are_told_once_and_not_again_when_credits_come_and_go(
    site: Site, evolink: Simulator, caplog: pytest.LogCaptureFixture
):
    def notices() -> int:
        return sum(entry.levelno == logging.ERROR for entry in caplog.records)

    evolink.faults.add("create", "402", times=None)
    tasks = many(site, 6)
    work_on(tasks)
    assert notices() == 1
    for _round in range(3):
        account.end(CREDITS_OUT)
        pass_time(minutes=15)
        work_on(tasks)
    assert (notices(), kinds()) == (1, ["account"])
    account.end(CREDITS_OUT)
    pass_time(minutes=70)
    work_on(tasks)
    assert notices() == 2


@pytest.mark.fault("K4.limits-unharmed")
def test_what_the_account_refused_counts_against_no_limit(site: Site, evolink: Simulator):
    site.configure(MAX_IN_FLIGHT=1, DAILY_CREDIT_LIMIT=6)
    evolink.faults.add("create", "402")
    task = site.send(site.queued())
    assert task.attempts.get().state == AttemptState.NOT_ACCEPTED
    assert throttling.available_slots() == 1
    account.end(CREDITS_OUT)
    assert site.send(task).status == TaskStatus.PENDING


# Lost answers -----------------------------------------------------------------------------------------------------

OUTAGES = ["500", "502", "503", "504", "garbage", "reset"]


@pytest.mark.fault("K4.outage")
@pytest.mark.parametrize("fault", OUTAGES)
def test_outage_leaves_three_of_twelve_tasks(site: Site, evolink: Simulator, fault: str):
    """An outage leaves three of twelve tasks unconfirmed and probes one by one."""
    tasks = many(site, 12)
    evolink.faults.add("create", fault, times=None)
    work_on(tasks)
    for _pass in range(3):
        site.make_due()
        site.sweep()
    assert statuses() == {"queued": 9, "unconfirmed": 3}
    assert kinds() == ["breaker"]
    assert set(VideoTask.objects.filter(status="queued").values_list("delay_reason", flat=True)) == {"answers_lost"}

    for probe in range(1, 4):
        pass_time(minutes=11)
        work_on(tasks)
        site.sweep()
        assert statuses() == {"queued": 9 - probe, "unconfirmed": 3 + probe}

    evolink.faults.clear()
    pass_time(minutes=11)
    site.sweep()
    site.sweep()
    assert statuses() == {"pending": 6, "unconfirmed": 6}
    assert kinds() == []


@pytest.mark.fault("K4.outage-workers")
def test_twelve_workers_that_meet_outage_together(site_with_threads: Site, evolink: Simulator):
    """Twelve workers that meet an outage together leave three unconfirmed."""
    tasks = many(site_with_threads, 12)
    evolink.faults.add("create", "503", times=None)
    at_once(*(lambda task=task: work_on([task]) for task in tasks))
    assert statuses() == {"queued": 9, "unconfirmed": 3}


@pytest.mark.fault("K4.outage-slow-answers")
def test_workers_do_not_add_to_answers_that_do_not_come(site_with_threads: Site, evolink: Simulator):
    site_with_threads.configure(READ_TIMEOUT=1.0)
    tasks = many(site_with_threads, 8)
    evolink.faults.add("create", "hang", times=None, seconds=3)
    at_once(*(lambda task=task: work_on([task]) for task in tasks))
    assert statuses() == {"queued": 5, "unconfirmed": 3}


@pytest.mark.fault("K4.outage-processes")
def test_worker_processes_that_meet_outage_together(site_with_threads: Site, evolink: Simulator, tmp_path: Path):
    """Worker processes that meet an outage together leave three unconfirmed."""
    tasks = many(site_with_threads, 12)
    evolink.faults.add("create", "502", times=None)
    shares = [[str(task.pk) for task in tasks[index::4]] for index in range(4)]
    processes.race(tmp_path, *[("-m", "tests.promises.child", "never", *share) for share in shares])
    assert statuses() == {"queued": 9, "unconfirmed": 3}


@pytest.mark.fault("K4.one-in-flight-after-a-lost-answer")
def test_while_the_last_answer_is_lost_one_request_is_under_way_at_a_time(site_with_threads: Site, evolink: Simulator):
    evolink.faults.add("create", "503")
    site_with_threads.send(site_with_threads.queued())
    evolink.faults.add("create", "accept_then_slow", seconds=0.5, times=None)
    most = []

    def watch() -> None:
        wait_until(
            lambda: most.append(circuit_breaker.under_way().count()) or evolink.journal.count("create") >= 2,
            "a request",
        )

    tasks = many(site_with_threads, 4)
    at_once(watch, *(lambda task=task: work_on([task]) for task in tasks))
    assert max(most) == 1


@pytest.mark.fault("K4.a-clean-answer-resets")
@pytest.mark.parametrize(("answer", "resets"), [("", True), ("400", True), ("402", True), ("429", False)])
def test_an_answer_that_accepts_or_refuses_ends_the_row_of_lost_ones(
    site: Site, evolink: Simulator, answer: str, resets: bool
):
    evolink.faults.add("create", "500", times=2)
    work_on(many(site, 2))
    if answer:
        evolink.faults.add("create", answer)
    work_on(many(site, 1))
    site.make_due()
    account.end(CREDITS_OUT)
    evolink.faults.add("create", "500", times=2)
    work_on(many(site, 2))
    assert ("breaker" in kinds()) is not resets


@pytest.mark.fault("K4.lost-answers-count-whatever-the-time-between")
def test_lost_answers_are_counted_whatever_the_time_between(site: Site, evolink: Simulator):
    evolink.faults.add("create", "500", times=None)
    for task in many(site, 3):
        work_on([task])
        pass_time(days=2)
    assert kinds() == ["breaker"]


@pytest.mark.fault("K4.killed-during-a-probe")
def test_worker_that_is_killed_during_probe_lets(site_with_threads: Site, evolink: Simulator):
    """A worker that is killed during a probe lets no other request out until its fate is settled."""
    evolink.faults.add("create", "503", times=3)
    tasks = many(site_with_threads, 8)
    work_on(tasks[:3])
    pass_time(minutes=11)
    status, output = processes.run("-m", "tests.promises.child", "after the request left", str(tasks[3].pk))
    assert status == 86, output
    wait_until(lambda: site_with_threads.posts() == 4, "the probe")
    pass_time(minutes=11)
    work_on(tasks[4:])
    assert site_with_threads.posts() == 4
    assert kinds() == ["breaker"]

    settlement.recover_stale_claim(tasks[3].pk)
    work_on(tasks[4:])
    assert site_with_threads.posts() == 4, "a lost answer makes the next probe wait"
    pass_time(minutes=11)
    work_on(tasks[4:])
    assert statuses() == {"pending": 4, "unconfirmed": 4}
    assert kinds() == []


@pytest.mark.fault("K4.probe-that-reaches-nobody")
def test_a_probe_that_reaches_nobody_makes_the_next_one_wait(site: Site, evolink: Simulator):
    evolink.faults.add("create", "503", times=3)
    tasks = many(site, 8)
    work_on(tasks)
    pass_time(minutes=11)
    with evolink.offline():
        work_on(tasks[3:])
    assert Attempt.objects.filter(error_code="connection_failed").count() == 1
    assert kinds() == ["breaker"]
    pass_time(minutes=11)
    work_on(tasks[3:])
    assert kinds() == []


@pytest.mark.fault("K4.repeats-are-held")
def test_a_repeat_with_the_same_key_waits_while_sending_is_paused(site: Site, evolink: Simulator):
    site.configure(TRUST_IDEMPOTENCY_KEY=True)
    evolink.faults.add("create", "accept_then_close")
    task = site.send(site.queued())
    pause.pause()
    site.make_due()
    site.send(task)
    assert (task.status, site.posts()) == (TaskStatus.UNCONFIRMED, 1)
    pause.resume()
    site.make_due()
    assert site.send(task).status == TaskStatus.PENDING


# A person, and several at once ------------------------------------------------------------------------------------


@pytest.mark.fault("K4.paused-by-a-person")
def test_a_pause_ends_only_by_a_person_and_what_was_accepted_goes_on(site: Site, evolink: Simulator):
    running = site.send(site.queued())
    assert pause.pause(reason="Budget review")
    assert not pause.pause(reason="again"), "it stands already"
    tasks = many(site, 4)
    work_on(tasks)
    evolink.complete(running.attempt.provider_task_id)
    pass_time(days=3)
    for _pass in range(3):
        site.make_due()
        site.sweep()
    running.refresh_from_db()
    assert running.status == TaskStatus.COMPLETED
    assert site.posts() == 1
    assert [hold.detail["reason"] for hold in holds.standing()] == ["Budget review"]

    assert pause.resume() == []
    site.sweep()
    assert site.posts() == 5


@pytest.mark.fault("K4.held-time-is-not-evolinks-delay")
@pytest.mark.parametrize("point", ["create", "upload"])
def test_held_for_days_is_not_given_up_when_evolink(site: Site, evolink: Simulator, point: str):
    """What was held for days is not given up when EvoLink then asks to wait."""
    from tests.pictures import picture

    pause.pause()
    task = VideoTask.objects.create_task("A cat", picture(), duration=2)
    task.submit()
    site.send(task)
    VideoTask.objects.filter(pk=task.pk).update(queued_at=timezone.now() - dt.timedelta(days=3))
    pause.resume()
    evolink.faults.add(point, "no_available_channel" if point == "create" else "500")
    site.send(task)
    assert task.status == TaskStatus.QUEUED


@pytest.mark.fault("K4.two-holds-at-once")
def test_sending_goes_on_only_when_no_hold_stands(site: Site, evolink: Simulator):
    evolink.faults.add("create", "503", times=3)
    tasks = many(site, 9)
    work_on(tasks[:3])
    pause.pause()
    account.note(_used_up())
    assert sorted(kinds()) == ["account", "breaker", "person"]
    pass_time(minutes=11)
    work_on(tasks)
    site.sweep()
    assert site.posts() == 3
    account.end(CREDITS_OUT)
    work_on(tasks)
    assert site.posts() == 3

    still = pause.resume()
    assert [hold.kind for hold in still] == ["breaker"]
    evolink.faults.add("create", "503")
    work_on(tasks)
    site.sweep()
    assert site.posts() == 4, "one probe, and the breaker stands"
    assert kinds() == ["breaker"]


@pytest.mark.fault("K4.holds-of-other-parts")
def test_hold_of_another_part_of_app_stands_beside(site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch):
    """A hold of another part of the app stands beside the others and no person resumes it."""
    copy = holds.Hold("installation", timezone.now(), {"name": "staging"})
    monkeypatch.setattr(holds, "SOURCES", [lambda: [copy]])
    pause.pause()
    tasks = many(site, 2)
    work_on(tasks)
    assert sorted(kinds()) == ["installation", "person"]
    assert pause.resume() == [copy]
    site.make_due()
    site.sweep()
    work_on(tasks)
    assert site.posts() == 0
    assert set(VideoTask.objects.values_list("delay_reason", flat=True)) == {"installation"}


@pytest.mark.fault("K4.resume-sends-one-probe")
def test_resuming_by_hand_sends_one_probe_and_lifts_nothing_else(site: Site, evolink: Simulator):
    evolink.faults.add("create", "402", times=None)
    evolink.faults.add("credits", "402", times=None)
    tasks = many(site, 6)
    work_on(tasks)
    for press in range(2, 5):
        assert [hold.kind for hold in pause.resume()] == ["account"]
        site.sweep()
        work_on(tasks)
        assert site.posts() == press
    evolink.faults.clear()
    pause.resume()
    site.sweep()
    site.sweep()
    assert statuses() == {"pending": 6}


@pytest.mark.fault("K4.clock-jump")
def test_a_clock_that_was_a_day_ahead_silences_nobody(site: Site, evolink: Simulator):
    evolink.faults.add("create", "503", times=3)
    evolink.faults.add("create", "402")
    tasks = many(site, 8)
    work_on(tasks[:3])
    pass_time(minutes=11)
    work_on(tasks[3:4])
    evolink.faults.add("create", "503", times=3)
    assert kinds() == ["account"]
    pass_time(hours=-25)
    work_on(tasks)
    pass_time(hours=-25)
    work_on(tasks)
    assert site.posts() > 4
    evolink.faults.clear()
    for _probe in range(4):
        pass_time(hours=-25)
        work_on(tasks)
    assert statuses().get("queued") is None


def test_a_hold_that_cannot_be_read_is_due_and_harms_nothing(site: Site, evolink: Simulator):
    SiteState.objects.create(name=CREDITS_OUT, value={"keys": {account_marks.fingerprint(): {"spendable": "many"}}})
    SiteState.objects.filter(name=lock.LOCK_NAME).update(value={"lost": 3, "probe_at": "soon"})
    assert sorted(kinds()) == ["account", "breaker"]
    assert site.send(site.queued()).status == TaskStatus.PENDING


def test_holds_are_read_with_one_query_beside_the_installations(site: Site, django_assert_num_queries: Any):
    pause.pause()
    account.note(_used_up())
    with django_assert_num_queries(2):
        assert len(holds.standing()) == 2


def test_the_gate_is_made_where_it_is_missing(site: Site):
    from django_wanvideo.db import database

    SiteState.objects.all().delete()
    with database.atomic():
        assert lock.lock().name == lock.LOCK_NAME


def _used_up() -> Any:
    from django_wanvideo.evolink.exceptions import RejectedError

    return RejectedError("Insufficient quota.", http_status=402, code="insufficient_quota")
