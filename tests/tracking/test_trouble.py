"""Trouble in asking fails nothing; only EvoLink's own word, said again and again, that it does not know an id does."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import VideoTask
from django_wanvideo.services import receipts, tracking
from tests.tracking.looks import PAGE, accepted, gateway_page, look, seconds_until_next

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.money.fixtures import Road
    from tests.tracking.looks import Clock

S = TaskStatus


@pytest.mark.parametrize(
    "fault",
    [
        "400",
        "401",
        "402",
        "403",
        "500",
        "502",
        "503",
        "504",
        "close",
        "reset",
        "garbage",
        "html",
        "redirect",
        "other_task",
    ],
)
def test_trouble_in_asking_fails_nothing(road: Road, evo: Simulator, fault: str):
    task = accepted(road)
    evo.faults.add("get", fault, times=3)
    for _look in range(3):
        assert look(task).status == S.PENDING
        assert task.next_action_at > timezone.now()
        VideoTask.objects.update(next_action_at=timezone.now())
    evo.complete(task.attempt.provider_task_id)
    assert look(task).status == S.STORING


def test_an_evolink_that_hangs_or_is_gone_fails_nothing(road: Road, evo: Simulator):
    task = accepted(road)
    road.configure(READ_TIMEOUT=0.2)
    evo.faults.add("get", "hang", seconds=1)
    assert look(task).status == S.PENDING
    with evo.down():
        assert look(task).status == S.PENDING
    assert task.trouble_since is None


def test_while_there_is_trouble_looks_become_rarer_all_the_same(road: Road, evo: Simulator):
    task = accepted(road)
    evo.faults.add("get", "503", times=None)
    first = seconds_until_next(look(task))
    assert seconds_until_next(look(task, 10)) > 3 * first


#: A 404 or 410 that is not EvoLink's word about a task.
NOT_EVOLINKS = {
    "page": (404, PAGE),
    "410 page": (410, b"<html>Gone</html>"),
    "nothing": (404, b""),
    "a proxy's JSON": (404, {"message": "no Route matched with those values"}),
    "a framework's JSON": (404, {"timestamp": 1, "status": 404, "error": "Not Found", "path": "/v1/tasks/x"}),
    "its word, not its form": (404, {"code": "task_not_found", "message": "The requested task could not be found"}),
    "an address, not a task": (404, {"error": {"message": "Invalid URL (GET /v1/tasks/x)", "code": ""}}),
}
#: EvoLink's word in each of the forms that it gives errors.
EVOLINKS = {
    "error object": (404, {"error": {"code": "task_not_found", "message": "No.", "type": "invalid_request_error"}}),
    "number for a code": (404, {"error": {"code": 404, "message": "No."}}),
    "410": (410, {"error": {"code": "resource_not_found", "message": "Expired."}}),
    "error and description": (404, {"error": "task_not_found", "error_description": "No."}),
    "no success": (404, {"success": False, "code": 404, "msg": "No."}),
    "400 with the code": (400, {"error": {"code": "invalid_task_id", "message": "No."}}),
}


@pytest.mark.parametrize(("status", "body"), NOT_EVOLINKS.values(), ids=NOT_EVOLINKS)
def test_what_stands_in_for_evolink_fails_no_task_however_long(
    road: Road, evo: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch, status: int, body: Any
):
    task = accepted(road)
    evo.complete(task.attempt.provider_task_id)
    with monkeypatch.context() as between:
        gateway_page(between, status, body)
        for _look in range(4):
            assert look(task).status == S.PENDING
            clock.forward(minutes=6)
    assert look(task).status == S.STORING


@pytest.mark.parametrize(("status", "body"), EVOLINKS.values(), ids=EVOLINKS)
def test_evolinks_own_word_in_any_of_its_forms_fails_the_task_after_ten_minutes_of_it(
    road: Road, evo: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch, status: int, body: Any
):
    task = accepted(road)
    gateway_page(monkeypatch, status, body)
    for _look in range(2):
        assert look(task).status == S.PENDING
        clock.forward(minutes=6)
    assert (look(task).status, task.error_code) == (S.FAILED, "resource_not_found")


def test_an_id_that_cannot_be_asked_for_is_not_evolinks_word_either(road: Road, evo: Simulator, clock: Clock):
    task = accepted(road)
    task.attempts.update(provider_task_id="task unified")
    for _look in range(4):
        assert look(task).status == S.PENDING
        clock.forward(minutes=6)
    assert road.gets() == 0


def test_an_unknown_id_fails_the_task_only_after_ten_minutes_of_it(road: Road, evo: Simulator, clock: Clock):
    task = accepted(road)
    evo.faults.add("get", "404", times=None)
    assert look(task, 3).status == S.PENDING
    assert task.trouble_since is not None
    clock.forward(minutes=9, seconds=50)
    assert look(task).status == S.PENDING
    clock.forward(seconds=11)
    assert (look(task).status, task.error_code) == (S.FAILED, "resource_not_found")
    assert task.events.get(kind="failed").detail["times"] == 5


def test_an_unknown_id_fails_the_task_only_when_it_was_said_three_times(road: Road, evo: Simulator, clock: Clock):
    task = accepted(road)
    evo.faults.add("get", "404", times=None)
    look(task)
    clock.forward(minutes=11)
    assert look(task).status == S.PENDING, "twice, and who knows what was in between"
    assert (look(task).status, task.error_code) == (S.FAILED, "resource_not_found")


def test_a_task_with_many_looks_behind_it_is_given_no_fewer_chances(road: Road, evo: Simulator, clock: Clock):
    task = accepted(road)
    look(task, 5)
    evo.faults.add("get", "404", times=None)
    look(task)
    assert seconds_until_next(task) < 20, "a lag of EvoLink's is over soon"
    clock.forward(minutes=11)
    assert look(task).status == S.PENDING


@pytest.mark.parametrize("fault", ["500", "close", "garbage", "html", "403"])
def test_other_trouble_in_between_is_no_evidence(road: Road, evo: Simulator, clock: Clock, fault: str):
    task = accepted(road)
    evo.faults.add("get", "404")
    look(task)
    evo.faults.add("get", fault, times=4)
    look(task, 4)
    clock.forward(minutes=11)
    evo.faults.add("get", "404")
    assert look(task).status == S.PENDING
    evo.complete(task.attempt.provider_task_id)
    assert look(task).status == S.STORING


def test_other_trouble_in_between_does_not_begin_the_count_anew_either(road: Road, evo: Simulator, clock: Clock):
    task = accepted(road)
    evo.faults.add("get", "404", times=2)
    evo.faults.add("get", "500")
    evo.faults.add("get", "404")
    look(task, 3)
    clock.forward(minutes=11)
    assert (look(task).status, task.error_code) == (S.FAILED, "resource_not_found")


def test_a_good_answer_in_between_starts_the_ten_minutes_anew(road: Road, evo: Simulator, clock: Clock):
    task = accepted(road)
    evo.faults.add("get", "404", times=3)
    look(task, 3)
    assert look(task).trouble_since is None
    clock.forward(minutes=11)
    evo.faults.add("get", "404")
    assert look(task).status == S.PENDING


def test_a_good_answer_that_a_callback_asked_for_starts_them_anew_too(road: Road, evo: Simulator, clock: Clock):
    road.configure(CALLBACK_BASE_URL="https://site.example")
    task = accepted(road)
    own = task.attempt.provider_task_id
    evo.faults.add("get", "404", times=3)
    look(task, 3)
    tracking.receive_callback(task.attempt.pk, own, {"id": own})
    receipts.read_due()
    task.refresh_from_db()
    assert (task.status, task.trouble_since) == (S.PENDING, None)
    clock.forward(minutes=11)
    evo.faults.add("get", "404")
    assert look(task).status == S.PENDING


def test_a_task_that_is_done_without_a_file_is_known(road: Road, evo: Simulator):
    task = accepted(road)
    evo.faults.add("get", "404", times=3)
    look(task, 3)
    evo.complete(task.attempt.provider_task_id)
    evo.faults.add("get", "completed_without_results")
    assert look(task).trouble_since is None


def test_the_first_trouble_is_written_down_as_that(road: Road, evo: Simulator):
    task = accepted(road)
    evo.faults.add("get", "404", times=2)
    first = look(task).trouble_since
    assert dt.timedelta(0) <= timezone.now() - first < dt.timedelta(seconds=20)
    assert look(task).trouble_since == first
