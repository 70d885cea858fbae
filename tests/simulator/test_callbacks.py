"""What a callback URL is told, and how often."""

from __future__ import annotations

import itertools
import time
from dataclasses import asdict

from django_wanvideo.simulator import VirtualClock

TOKEN = "c2VjcmV0LXRva2VuLW9mLXRoZS1hdHRlbXB0"


def test_a_completed_task_is_told_once_with_the_body_of_the_get(client, receiver):
    task_id = client.create(callback_url=receiver.url())
    client.sim.journal.wait_for("callback")
    client.sim.callbacks.wait_idle()
    assert receiver.bodies == [client.get(task_id)]
    assert receiver.headers[0]["Content-Type"] == "application/json"


def test_failed_and_cancelled_tasks_are_told_too(start, receiver):
    client = start(progression="manual")
    failed, cancelled = (client.create(callback_url=receiver.url()) for _ in range(2))
    client.sim.fail(failed, "service_error")
    client.sim.callbacks.wait_idle()
    client.sim.cancel(cancelled)
    client.sim.callbacks.wait_idle()
    assert [(body["id"], body["status"]) for body in receiver.bodies] == [(failed, "failed"), (cancelled, "cancelled")]


def test_an_unfinished_task_is_not_told(start, receiver):
    client = start(progression="polls:2")
    task_id = client.create(callback_url=receiver.url())
    client.get(task_id)
    client.sim.callbacks.wait_idle()
    assert receiver.bodies == []
    client.get(task_id)
    client.sim.journal.wait_for("callback")
    assert receiver.bodies


def test_a_refusal_is_tried_three_more_times_and_then_given_up(client, receiver):
    receiver.statuses.extend([500, 404, 302, 503, 200])
    client.create(callback_url=receiver.url())
    entries = client.sim.journal.wait_for("callback", 4)
    client.sim.callbacks.wait_idle()
    assert [entry.status for entry in entries] == [500, 404, 302, 503]
    assert len(receiver.bodies) == 4


def test_a_2xx_ends_the_tries(client, receiver):
    receiver.statuses.extend([503, 202])
    client.create(callback_url=receiver.url())
    client.sim.journal.wait_for("callback", 2)
    client.sim.callbacks.wait_idle()
    assert len(receiver.bodies) == 2


def test_the_documented_pauses_are_one_two_and_four_seconds(start, receiver):
    client = start(callback_time_scale=0.1)
    assert client.sim.options.callback_retry_delays == (1.0, 2.0, 4.0)
    assert client.sim.options.callback_timeout == 10.0
    receiver.statuses.extend([500] * 4)
    moments: list[float] = []
    receiver.before_answer = lambda: moments.append(time.monotonic())
    client.create(callback_url=receiver.url())
    client.sim.journal.wait_for("callback", 4)
    pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert pauses[0] >= 0.1
    assert pauses[1] >= 0.2
    assert pauses[2] >= 0.4


def test_redirects_are_not_followed(client, receiver):
    receiver.statuses.extend([302] * 4)
    receiver.location = receiver.url("/elsewhere")
    client.create(callback_url=receiver.url())
    client.sim.journal.wait_for("callback", 4)
    client.sim.callbacks.wait_idle()
    assert {headers[":path"] for headers in receiver.headers} == {"/done"}


def test_a_silent_receiver_is_given_up_after_the_timeout(start, receiver):
    client = start(callback_timeout=0.1, callback_retry_delays=())
    receiver.before_answer = lambda: client.sim.stopping.wait(2)
    client.create(callback_url=receiver.url())
    (entry,) = client.sim.journal.wait_for("callback")
    assert entry.status == 0
    assert 90 <= entry.ms < 1500
    assert "TimeoutError" in entry.note


def test_callbacks_can_be_switched_off(start, receiver):
    client = start(callbacks=False)
    client.get(client.create(callback_url=receiver.url()))
    client.sim.callbacks.wait_idle()
    assert receiver.bodies == []


def test_nothing_is_sent_beyond_this_machine_unless_allowed(client):
    client.create(callback_url="https://www.example.com/callbacks/" + TOKEN)
    (entry,) = client.sim.journal.wait_for("callback")
    assert entry.status == 0
    assert "only calls this machine" in entry.note
    client.sim.callbacks.wait_idle()
    assert client.sim.journal.count("callback") == 1


def test_a_task_by_seconds_is_told_although_nobody_reads_it(start, receiver):
    clock = VirtualClock()
    client = start(clock=clock, progression="seconds:60")
    client.create(callback_url=receiver.url())
    clock.advance(60)
    client.sim.journal.wait_for("callback")
    assert receiver.bodies[0]["status"] == "completed"


def test_an_immediate_task_is_told_after_its_creation_was_answered(client, receiver):
    for _ in range(5):
        client.create(callback_url=receiver.url())
    client.sim.journal.wait_for("callback", 5)
    first_callback = client.sim.journal.find("callback")[0].sequence
    assert client.sim.journal.find("create")[0].sequence < first_callback


def test_a_callback_can_come_before_the_answer(client, receiver):
    client.sim.faults.add("create", "callback_before_answer")
    told_at: list[float] = []
    receiver.before_answer = lambda: told_at.append(time.monotonic())
    task_id = client.create(callback_url=receiver.url())
    answered_at = time.monotonic()
    assert told_at[0] < answered_at
    assert receiver.bodies[0]["id"] == task_id
    create, callback = client.sim.journal.find("create")[0], client.sim.journal.find("callback")[0]
    assert callback.sequence < create.sequence


def test_a_callback_can_be_lost_duplicated_delayed_and_garbled(client, receiver):
    faults = client.sim.faults
    faults.add("callback", "lost")
    task_id = client.create(callback_url=receiver.url())
    (entry,) = client.sim.journal.wait_for("callback")
    assert entry.fault == "callback:lost"
    assert receiver.bodies == []

    faults.add("callback", "duplicate", count=3)
    client.create(callback_url=receiver.url())
    client.sim.journal.wait_for("callback", 4)
    assert len(receiver.bodies) == 3
    assert receiver.bodies[0] == receiver.bodies[2]

    faults.add("callback", "delay", seconds=0.2)
    started = time.monotonic()
    client.create(callback_url=receiver.url())
    client.sim.journal.wait_for("callback", 5)
    assert time.monotonic() - started >= 0.2

    faults.add("callback", "garbage")
    client.create(callback_url=receiver.url())
    client.sim.journal.wait_for("callback", 6)
    assert isinstance(receiver.bodies[-1], bytes)

    faults.add("callback", "other_task", id=task_id)
    client.create(callback_url=receiver.url())
    client.sim.journal.wait_for("callback", 7)
    assert receiver.bodies[-1]["id"] == task_id


def test_the_token_of_a_callback_url_is_nowhere_in_the_journal(client, receiver):
    client.create(callback_url=receiver.url(f"/callbacks/0f8fad5b-d9cb-469f-a165-70867728950e/{TOKEN}/?key={TOKEN}"))
    client.sim.journal.wait_for("callback")
    assert TOKEN in receiver.headers[0][":path"]
    shown = "".join(str(asdict(entry)) for entry in client.sim.journal)
    assert TOKEN not in shown
    assert "0f8fad5b-d9cb-469f-a165-70867728950e" in shown
    assert TOKEN not in str(client.call("GET", "/_simulator/ledger").json())
    assert TOKEN not in str(client.call("GET", "/_simulator/tasks").json())
    assert TOKEN not in client.call("GET", "/").text
    assert TOKEN not in repr(list(client.sim.ledger)) + repr(client.sim.tasks.latest)
