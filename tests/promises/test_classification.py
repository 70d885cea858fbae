"""Every fault of the create call: what becomes of the task, how often EvoLink was asked, and what it cost."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_wanvideo.admin.presentation.status_text import held_words
from django_wanvideo.choices import OPEN_ATTEMPT_STATES, AttemptState, Charge, EventKind, TaskStatus
from django_wanvideo.failures import advice_for, charge_words
from django_wanvideo.services.holds import account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.simulator import Simulator
    from tests.promises.fixtures import Road

pytestmark = pytest.mark.integration

ENDED_BADLY = advice_for("no such code at all")


@dataclass
class Row:
    """One fault and what must come of it.

    ``advice`` is what people are told: the heading and the next step of a failure, else why it waits or what is known of
    the money. ``held`` is the least and most seconds until the next try.
    """

    name: str
    status: TaskStatus
    code: str
    advice: tuple[str, str] | str
    posts: int = 1
    accepted: int = 0
    http_status: int | None = None
    held: tuple[float, float] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> AttemptState:
        return AttemptState.UNCONFIRMED if self.status == TaskStatus.UNCONFIRMED else AttemptState.NOT_ACCEPTED

    @property
    def kind(self) -> EventKind:
        return {
            TaskStatus.UNCONFIRMED: EventKind.UNCONFIRMED,
            TaskStatus.FAILED: EventKind.FAILED,
            TaskStatus.QUEUED: EventKind.WAITING,
        }[self.status]


def unknown(name: str, code: str, http_status: int | None = None, *, accepted: int = 1, **options: Any) -> Row:
    return Row(
        name,
        TaskStatus.UNCONFIRMED,
        code,
        "May have been charged.",
        accepted=accepted,
        http_status=http_status,
        options=options,
    )


def rejected(status: int, code: str, *advice: str) -> Row:
    return Row(str(status), TaskStatus.FAILED, code, (advice[0], advice[1]), http_status=status)


ACCEPTED_BUT_LOST = [
    unknown("accept_then_close", "connection_lost"),
    unknown("accept_then_reset", "connection_lost"),
    unknown("accept_then_500", "internal_error", 500),
    unknown("accept_then_502", "", 502),
    unknown("accept_then_503", "service_unavailable", 503),
    unknown("accept_then_504", "", 504),
    unknown("accept_then_hang", "no_answer", seconds=3),
    unknown("accept_then_garbage", "unreadable_answer", 200),
    unknown("accept_then_truncated", "unreadable_answer", 200),
    unknown("accept_without_id", "unreadable_answer", 200),
]
#: EvoLink did not accept these, but nothing in what we saw proves it.
NOT_ACCEPTED_BUT_WHO_KNOWS = [
    unknown("500", "internal_error", 500, accepted=0),
    unknown("502", "", 502, accepted=0),
    unknown("503", "service_unavailable", 503, accepted=0),
    unknown("504", "", 504, accepted=0),
    unknown("409", "idempotency_conflict", 409, accepted=0),
    unknown("garbage", "unreadable_answer", 200, accepted=0),
    unknown("refuse", "connection_lost", accepted=0),
    unknown("reset", "connection_lost", accepted=0),
    unknown("redirect", "redirected", 302, accepted=0),
]
REJECTED = [
    rejected(400, "invalid_request", "Settings refused", "edit_copy"),
    rejected(403, "model_access_denied", "This site’s key may not use this model", "edit_copy"),
    rejected(404, "model_not_found", "EvoLink does not know this model", "edit_copy"),
    rejected(413, "request_too_large", "Settings refused", "edit_copy"),
    rejected(415, "unsupported_media_type", "Settings refused", "edit_copy"),
    rejected(422, "unsupported_parameters", "Settings refused", "edit_copy"),
]
#: It is the account that is refused here, not the task.
ACCOUNT = [
    Row("401", TaskStatus.QUEUED, "unauthorized", "EvoLink rejects this site’s key", http_status=401, held=(12, 20)),
    Row("402", TaskStatus.QUEUED, "insufficient_quota", "Waiting for credits", http_status=402, held=(12, 20)),
    *(
        Row("403", TaskStatus.QUEUED, code, "EvoLink rejects this site’s key", 1, 0, 403, (12, 20), {"code": code})
        for code in ("key_disabled", "key_expired", "user_disabled", "ip_restricted", "invalid_token")
    ),
    Row(
        "403",
        TaskStatus.QUEUED,
        "insufficient_user_quota",
        "Waiting for credits",
        http_status=403,
        held=(12, 20),
        options={"code": "insufficient_user_quota"},
    ),
]
BUSY = "EvoLink asked us to wait"
WAIT = [
    Row(
        "429",
        TaskStatus.QUEUED,
        "rate_limit_exceeded",
        BUSY,
        http_status=429,
        held=(6, 7.1),
        options={"retry_after": 7},
    ),
    Row(
        "429",
        TaskStatus.QUEUED,
        "rate_limit_exceeded",
        BUSY,
        http_status=429,
        held=(57, 60.1),
        options={"retry_after": "date:60"},
    ),
    Row("429", TaskStatus.QUEUED, "rate_limit_exceeded", BUSY, http_status=429, held=(29, 30.1)),
    Row("no_available_channel", TaskStatus.QUEUED, "no_available_channel", BUSY, http_status=400, held=(12, 40)),
]


def name_of(row: Row) -> str:
    return "-".join([row.name, *(str(value) for value in row.options.values())])


def send_one(road: Road, row: Row) -> Any:
    road.configure(READ_TIMEOUT=0.5, **row.changes)
    return road.send(road.queued())


def check(road: Road, task: Any, row: Row) -> None:
    attempt = task.attempts.get()
    event = task.events.get(kind=row.kind)
    assert task.status == row.status
    assert road.posts() == row.posts
    assert len(road.sim.ledger) == row.accepted
    assert len(road.sim.ledger.billed) == row.accepted
    assert attempt.state == row.state
    assert attempt.http_status == row.http_status
    assert attempt.error_code == row.code or not row.code
    assert event.attempt == attempt
    assert event.detail.get("http_status") == row.http_status
    assert (attempt.settled_at is None) == (row.status == TaskStatus.UNCONFIRMED)
    assert "sk-simulator" not in f"{event.detail} {attempt.error_message} {task.error_message}"
    if row.status == TaskStatus.FAILED:
        # A code that nobody has words for gives way to the status; the attempt keeps it.
        assert task.error_code in {row.code, f"http_{row.http_status}"}
        advice = advice_for(task.error_code)
        assert (str(advice.heading), advice.next_action) == row.advice
        assert task.charge == Charge.NONE
        assert task.next_action_at is None
    elif row.status == TaskStatus.UNCONFIRMED:
        assert task.charge == Charge.MAYBE
        assert charge_words(task).verdict == row.advice
        assert task.next_action_at > timezone.now() + dt.timedelta(minutes=20), "somebody is asked, in time"
    else:
        least, most = row.held
        wait = (task.delayed_until - timezone.now()).total_seconds()
        assert least - 2 <= wait <= most
        assert task.next_action_at == task.delayed_until
        if row not in ACCOUNT:
            assert task.delay_reason == ("evolink_busy" if row.http_status else "evolink_unreachable")
        assert held_words(task.delay_reason) == row.advice


def nothing_is_sent_again_by_itself(road: Road, task: Any) -> None:
    """Days pass, sweeps run: the number of POSTs stays."""
    before = road.posts()
    for _pass in range(3):
        road.make_due()
        road.sweep()
    assert road.posts() == before
    task.refresh_from_db()


@pytest.mark.parametrize("row", ACCEPTED_BUT_LOST, ids=name_of)
def test_an_accepted_request_whose_answer_is_lost_is_never_repeated_and_the_callback_completes_it(
    open_road: Road, evo: Simulator, row: Row
):
    evo.faults.add("create", row.name, **row.options)
    task = send_one(open_road, row)
    check(open_road, task, row)
    nothing_is_sent_again_by_itself(open_road, task)
    assert task.status == TaskStatus.UNCONFIRMED

    evo.complete(evo.tasks.latest.id)
    open_road.wait_for_receipt()
    open_road.finish(task)

    assert task.status == TaskStatus.COMPLETED
    assert open_road.posts() == 1
    assert task.attempts.get().provider_task_id == evo.tasks.latest.id
    assert "resolved" not in open_road.history(task), "no person was needed"
    evo.ledger.assert_charged_once()
    open_road.assert_accounted_for()


@pytest.mark.parametrize("row", NOT_ACCEPTED_BUT_WHO_KNOWS, ids=name_of)
def test_an_answer_that_proves_nothing_leaves_the_outcome_to_a_person_and_is_never_repeated(
    road: Road, evo: Simulator, row: Row
):
    evo.faults.add("create", row.name, times=None, **row.options)
    task = send_one(road, row)
    check(road, task, row)
    nothing_is_sent_again_by_itself(road, task)
    assert task.status == TaskStatus.UNCONFIRMED
    assert task.next_action_at is None
    assert road.history(task).count("needs_decision") == 1


@pytest.mark.parametrize("row", REJECTED, ids=name_of)
def test_a_refusal_fails_the_task_with_advice_and_is_not_repeated(road: Road, evo: Simulator, row: Row):
    evo.faults.add("create", row.name, times=None)
    task = send_one(road, row)
    check(road, task, row)
    nothing_is_sent_again_by_itself(road, task)
    assert task.status == TaskStatus.FAILED


@pytest.mark.fault("K4.account-refusal-fails-nothing")
@pytest.mark.parametrize("row", ACCOUNT, ids=name_of)
def test_a_refusal_of_the_account_fails_nothing_and_the_task_is_sent_when_it_is_over(
    road: Road, evo: Simulator, row: Row
):
    evo.faults.add("create", row.name, **row.options)
    task = send_one(road, row)
    check(road, task, row)
    assert task.events.filter(kind=EventKind.FAILED).count() == 0
    assert not task.attempts.filter(state__in=OPEN_ATTEMPT_STATES).exists()

    for name in ("key_rejected", "credits_out"):
        account.end(name)
    road.sweep()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    assert road.posts() == 2
    evo.ledger.assert_charged_once()


@pytest.mark.parametrize("row", WAIT, ids=name_of)
def test_a_refusal_for_now_waits_as_long_as_it_says_and_is_sent_later_as_a_new_attempt(
    road: Road, evo: Simulator, row: Row
):
    evo.faults.add("create", row.name, **row.options)
    task = send_one(road, row)
    check(road, task, row)
    road.send(task)
    assert road.posts() == 1, "not before its time"

    road.make_due()
    road.sweep()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    assert road.posts() == 2
    first, second = task.attempts.order_by("number")
    assert first.idempotency_key != second.idempotency_key
    assert (first.state, second.state) == (AttemptState.NOT_ACCEPTED, AttemptState.ACCEPTED)
    evo.ledger.assert_charged_once()


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """A port that takes no connection and refuses none: the queue behind it is full."""
    with socket.socket() as server, contextlib.ExitStack() as stack:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _visitor in range(8):
            visitor = stack.enter_context(socket.socket())
            visitor.setblocking(False)
            visitor.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@contextlib.contextmanager
def addresses(kind: str, evo: Simulator) -> Iterator[dict[str, Any]]:
    if kind == "closed port":
        with evo.offline():
            yield {}
    elif kind == "no such host":
        yield {"BASE_URL": "https://no-such-host.invalid"}
    elif kind == "no TLS there":
        yield {"BASE_URL": evo.api_url.replace("http:", "https:")}
    else:
        with full_backlog() as port:
            yield {"BASE_URL": f"http://127.0.0.1:{port}", "CONNECT_TIMEOUT": 0.3}


@pytest.mark.parametrize("kind", ["closed port", "no such host", "no TLS there", "slow connect"])
def test_an_evolink_that_cannot_be_reached_is_tried_again_later_as_a_new_attempt(road: Road, evo: Simulator, kind: str):
    unreachable = "EvoLink cannot be reached"
    row = Row(kind, TaskStatus.QUEUED, "connection_failed", unreachable, posts=0, held=(12, 40))
    good = dict(road.settings.WANVIDEO)
    with addresses(kind, evo) as changes:
        row.changes = changes
        task = send_one(road, row)
        check(road, task, row)
    assert task.attempts.get().sent_at is None, "not a byte of the request left"

    road.settings.WANVIDEO = good
    road.make_due()
    road.sweep()
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    assert road.posts() == 1
    evo.ledger.assert_charged_once()


def test_waiting_for_evolink_ends_after_a_day(road: Road, evo: Simulator):
    evo.faults.add("create", "no_available_channel", times=None)
    task = road.queued()
    type(task).objects.update(queued_at=timezone.now() - dt.timedelta(hours=25))
    road.send(task)
    assert (task.status, task.error_code) == (TaskStatus.FAILED, "put_off_too_long")
    assert advice_for(task.error_code) != ENDED_BADLY
    evo.ledger.assert_nothing_charged()


def test_each_wait_is_longer_than_the_one_before(road: Road, evo: Simulator):
    evo.faults.add("create", "no_available_channel", times=None)
    task = road.queued()
    waits = []
    for _try in range(4):
        road.make_due()
        road.send(task)
        waits.append((task.delayed_until - timezone.now()).total_seconds())
    assert waits == sorted(waits)
    assert waits[3] > 2 * waits[0]


def test_an_answer_that_comes_late_but_in_time_is_taken(road: Road, evo: Simulator):
    evo.faults.add("create", "accept_then_slow", seconds=0.3)
    road.configure(READ_TIMEOUT=10)
    task = road.send(road.queued())
    assert task.status == TaskStatus.PENDING
    evo.ledger.assert_charged_once()


def test_a_rejected_key_is_remembered_until_it_works_again(road: Road, evo: Simulator):
    from django_wanvideo.models import SiteState

    evo.faults.add("create", "401")
    road.send(road.queued())
    assert SiteState.objects.filter(name="key_rejected").exists()
    task = road.send(road.queued("Another cat"))
    assert task.status == TaskStatus.PENDING
    assert not SiteState.objects.filter(name="key_rejected").exists()


def test_the_key_and_the_callback_token_are_kept_nowhere(open_road: Road, evo: Simulator):
    from django_wanvideo.models import Attempt, TaskEvent

    task = open_road.send(open_road.queued())
    url = evo.ledger[task.attempt.provider_task_id].callback_url
    token = url.rstrip("/").rpartition("/")[2]
    kept = [list(Attempt.objects.values()), list(TaskEvent.objects.values()), list(type(task).objects.values())]
    assert len(token) > 30
    assert token not in str(kept)
    assert "sk-simulator" not in str(kept)
