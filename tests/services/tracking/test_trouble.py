"""Trouble in asking fails nothing while a file could live, neither an answer that never comes nor a 404."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_wanvideo.choices import Charge, TaskStatus
from django_wanvideo.models import SiteState, VideoTask
from django_wanvideo.services.tracking import callbacks, receipts, rescheduling
from tests.services.tracking.helpers import PAGE, gateway_page, look, says, seconds_until_next

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site
    from tests.services.tracking.helpers import Clock

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
def test_trouble_in_asking_fails_nothing(site: Site, evolink: Simulator, fault: str):
    task = site.accepted()
    evolink.faults.add("get", fault, times=3)
    for _look in range(3):
        assert look(task).status == S.PENDING
        assert task.next_action_at > timezone.now()
        VideoTask.objects.update(next_action_at=timezone.now())
    evolink.complete(task.attempt.provider_task_id)
    assert look(task).status == S.STORING


def test_an_evolink_that_hangs_or_is_gone_fails_nothing(site: Site, evolink: Simulator):
    task = site.accepted()
    site.configure(READ_TIMEOUT=0.2)
    evolink.faults.add("get", "hang", seconds=1)
    assert look(task).status == S.PENDING
    with evolink.offline():
        assert look(task).status == S.PENDING
    assert task.not_found_since is None


def test_while_there_is_trouble_looks_become_rarer_all_the_same(site: Site, evolink: Simulator):
    task = site.accepted()
    evolink.faults.add("get", "503", times=None)
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
    site: Site, evolink: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch, status: int, body: Any
):
    task = site.accepted()
    evolink.complete(task.attempt.provider_task_id)
    with monkeypatch.context() as between:
        gateway_page(between, status, body)
        for _look in range(4):
            assert look(task).status == S.PENDING
            clock.forward(minutes=6)
    assert look(task).status == S.STORING


@pytest.mark.fault("K3.404-for-eleven-minutes")
@pytest.mark.parametrize(("status", "body"), EVOLINKS.values(), ids=EVOLINKS)
def test_evolinks_own_word_that_it_does_not_know_task(
    site: Site, evolink: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch, status: int, body: Any
):
    """EvoLink’s own word that it does not know a task is not final for a day."""
    task = site.accepted()
    evolink.complete(task.attempt.provider_task_id)
    with monkeypatch.context() as between:
        gateway_page(between, status, body)
        for hours in (0.2, 0.2, 1, 5, 10, 9):
            assert look(task).status == S.PENDING
            clock.forward(hours=hours)
        assert site.history(task).count("overdue") == 1
    assert look(task).status == S.STORING


@pytest.mark.fault("K3.404-for-eleven-minutes")
@pytest.mark.parametrize(("status", "body"), EVOLINKS.values(), ids=EVOLINKS)
def test_said_for_26_hours_it_fails_the_task(
    site: Site, evolink: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch, status: int, body: Any
):
    task = site.accepted()
    gateway_page(monkeypatch, status, body)
    for _look in range(2):
        assert look(task).status == S.PENDING
        clock.forward(hours=13, minutes=1)
    assert (look(task).status, task.error_code) == (S.FAILED, "resource_not_found")


def test_an_id_that_cannot_be_asked_for_is_not_evolinks_word_either(site: Site, evolink: Simulator, clock: Clock):
    task = site.accepted()
    task.attempts.update(provider_task_id="task unified")
    for _look in range(4):
        assert look(task).status == S.PENDING
        clock.forward(minutes=6)
    assert site.gets() == 0


@pytest.mark.fault("K3.404-for-eleven-minutes")
def test_an_unknown_id_fails_the_task_only_26_hours_after_it_was_accepted(site: Site, evolink: Simulator, clock: Clock):
    task = site.accepted()
    clock.forward(hours=1)
    evolink.faults.add("get", "404", times=None)
    assert look(task, 3).status == S.PENDING
    assert task.not_found_since is not None
    clock.forward(hours=24, minutes=59)
    assert look(task).status == S.PENDING
    clock.forward(minutes=2)
    assert (look(task).status, task.error_code) == (S.FAILED, "resource_not_found")
    assert task.events.get(kind="failed").detail["times"] == 5


@pytest.mark.fault("K3.404-for-eleven-minutes")
def test_an_unknown_id_fails_the_task_only_when_it_was_said_three_times(site: Site, evolink: Simulator, clock: Clock):
    task = site.accepted()
    clock.forward(hours=27)
    evolink.faults.add("get", "404", times=None)
    assert look(task).status == S.PENDING
    assert look(task).status == S.PENDING, "twice, and who knows what was in between"
    assert (look(task).status, task.error_code) == (S.FAILED, "resource_not_found")


@pytest.mark.fault("K3.404-for-eleven-minutes")
def test_looks_at_an_unknown_task_become_rarer(site: Site, evolink: Simulator, clock: Clock):
    task = site.accepted()
    evolink.faults.add("get", "404", times=None)
    waits = [seconds_until_next(look(task)) for _look in range(9)]
    assert waits[0] < 20 < 100 < waits[4] < waits[8]
    assert 1500 < waits[8] < 2000


def test_a_task_with_many_looks_behind_it_is_given_no_fewer_chances(site: Site, evolink: Simulator, clock: Clock):
    task = site.accepted()
    look(task, 5)
    evolink.faults.add("get", "404", times=None)
    look(task)
    assert seconds_until_next(task) < 20, "a lag of EvoLink's is over soon"


@pytest.mark.parametrize("fault", ["500", "close", "garbage", "html", "403"])
def test_other_trouble_in_between_is_no_evidence(site: Site, evolink: Simulator, clock: Clock, fault: str):
    task = site.accepted()
    evolink.faults.add("get", "404")
    look(task)
    evolink.faults.add("get", fault, times=4)
    look(task, 4)
    clock.forward(minutes=11)
    evolink.faults.add("get", "404")
    assert look(task).status == S.PENDING
    evolink.complete(task.attempt.provider_task_id)
    assert look(task).status == S.STORING


def test_a_good_answer_in_between_begins_anew(site: Site, evolink: Simulator, clock: Clock):
    task = site.accepted()
    evolink.faults.add("get", "404", times=3)
    look(task, 3)
    assert task.failed_looks == 3
    assert (look(task).not_found_since, task.failed_looks) == (None, 0)


def test_a_good_answer_that_a_callback_asked_for_begins_anew_too(site: Site, evolink: Simulator, clock: Clock):
    site.configure(CALLBACK_BASE_URL="https://site.example")
    task = site.accepted()
    own = task.attempt.provider_task_id
    evolink.faults.add("get", "404", times=3)
    look(task, 3)
    receipts.receive(task.attempt.pk, own, {"id": own})
    callbacks.process_pending()
    task.refresh_from_db()
    assert (task.status, task.not_found_since, task.failed_looks) == (S.PENDING, None, 0)


def test_a_task_that_is_done_without_a_file_is_known(site: Site, evolink: Simulator):
    task = site.accepted()
    evolink.faults.add("get", "404", times=3)
    look(task, 3)
    evolink.complete(task.attempt.provider_task_id)
    evolink.faults.add("get", "completed_without_results")
    assert look(task).not_found_since is None


def test_the_first_trouble_is_written_down_as_that(site: Site, evolink: Simulator):
    task = site.accepted()
    evolink.faults.add("get", "404", times=2)
    first = look(task).not_found_since
    assert dt.timedelta(0) <= timezone.now() - first < dt.timedelta(seconds=20)
    assert look(task).not_found_since == first


WITHOUT_A_WORD = ["402", "401", "403", "429", "500", "503", "close", "garbage", "html", "other_task"]


@pytest.mark.fault("K3.passing-errors")
@pytest.mark.parametrize("fault", WITHOUT_A_WORD)
def test_trouble_of_any_kind_for_a_day_fails_nothing_and_is_told_once(
    site: Site, evolink: Simulator, clock: Clock, fault: str
):
    task = site.accepted()
    evolink.complete(task.attempt.provider_task_id)
    evolink.faults.add("get", fault, times=None)
    for _look in range(12):
        assert look(task).status == S.PENDING
        clock.forward(hours=2, minutes=9)
    assert site.history(task).count("overdue") == 1
    evolink.faults.clear()
    assert look(task).status == S.STORING


@pytest.mark.fault("K3.passing-errors")
@pytest.mark.parametrize(("fault", "code"), [("503", "never_answered"), ("close", "never_answered")])
def test_gives_no_answer_for_26_hours_is_given(site: Site, evolink: Simulator, clock: Clock, fault: str, code: str):
    """What gives no answer for 26 hours is given up and may have been charged."""
    task = site.accepted()
    evolink.faults.add("get", fault, times=None)
    look(task)
    clock.forward(hours=26, minutes=1)
    assert look(task, 5).status == S.PENDING, "workers may have been away just as long"
    clock.forward(hours=1, minutes=1)
    assert (look(task).status, task.error_code) == (S.FAILED, code)
    assert task.charge == Charge.MAYBE


@pytest.mark.fault("K3.passing-errors")
def test_what_evolink_works_on_for_26_hours_is_given_up(site: Site, evolink: Simulator, clock: Clock):
    task = site.accepted()
    clock.forward(hours=25, minutes=59)
    assert look(task).status == S.PENDING
    clock.forward(minutes=2)
    assert look(task, 2).status == S.PENDING, "a clock may be wrong for the length of a look"
    assert (look(task).status, task.error_code) == (S.FAILED, "never_finished")


@pytest.mark.fault("K3.many-at-once")
@pytest.mark.parametrize("fault", ["404", "503", "402", "close"])
def test_many_tasks_meet_at_once_is_told_once_for_site(
    site: Site, evolink: Simulator, clock: Clock, fault: str, caplog: pytest.LogCaptureFixture
):
    """What many tasks meet at once is told once for the site and fails none."""
    tasks = [site.accepted(f"A cat {number}") for number in range(5)]
    for task in tasks:
        evolink.complete(task.attempt.provider_task_id)
    evolink.faults.add("get", fault, times=None)
    for hours in (0.1, 0.5, 1, 2, 4, 8, 13, 5):
        for task in tasks:
            assert look(task).status == S.PENDING
        clock.forward(hours=hours)
    assert not any(kind in site.history(task) for task in tasks for kind in ("overdue", "needs_decision", "failed"))
    said = [record for record in caplog.records if record.name == "django_wanvideo.services.tracking.rescheduling"]
    assert [record.levelname for record in said] == ["ERROR"]
    evolink.faults.clear()
    for task in tasks:
        assert look(task).status == S.STORING
    assert not SiteState.objects.filter(name=rescheduling.TOGETHER).exists()


@pytest.mark.fault("K3.many-at-once")
def test_another_accounts_key_for_old_tasks_tells(site: Site, evolink: Simulator, clock: Clock):
    """Another accounts key for the old tasks tells nobody while new ones go well."""
    old = [site.accepted(f"An old cat {number}") for number in range(3)]
    for task in old:
        evolink.forget(task.attempt.provider_task_id)
    new = site.accepted("A new cat")
    for _look in range(6):
        for task in [*old, new]:
            look(task)
        clock.forward(minutes=50)
    assert not any("overdue" in site.history(task) for task in old)
    assert site.history(new).count("overdue") == 1


@pytest.mark.fault("K3.many-at-once")
def test_what_many_tasks_meet_is_not_waited_for_for_ever(site: Site, evolink: Simulator, clock: Clock):
    tasks = [site.accepted(f"A cat {number}") for number in range(3)]
    evolink.faults.add("get", "404", times=None)
    for _day in range(4):
        for task in tasks:
            look(task)
        clock.forward(hours=25)
    assert {look(task).error_code for task in tasks} == {"resource_not_found"}


@pytest.mark.fault("K6.clean-words")
def test_words_of_evolink_reach_the_row_and_the_history_on_one_line(
    site: Site, evolink: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    dirt = "No\r\nERROR forged \x9b31m\u202egnp\x00"
    task = site.accepted()
    evolink.complete(task.attempt.provider_task_id)
    says(monkeypatch, status="failed", error={"code": dirt, "message": dirt})
    assert look(task).status == S.FAILED
    shown = [task.error_code, task.error_message, *task.events.get(kind="failed").detail.values()]
    assert all(words.isprintable() for words in shown)
    assert all(record.getMessage().isprintable() for record in caplog.records)
