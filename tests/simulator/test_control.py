"""The controls that other processes use, and the page for people."""

from __future__ import annotations

import re

import pytest
import requests

from django_wanvideo.simulator import VirtualClock


def call(client, method, path, body=None, **options):
    return requests.request(method, client.sim.url + path, json=body, timeout=5, **options)


def test_the_ledger_tells_what_was_accepted_billed_and_doubled(client):
    first, second = client.create(), client.create()
    ledger = call(client, "GET", "/_simulator/ledger").json()
    assert (ledger["accepted"], ledger["billed"], ledger["total"]) == (2, 2, "23.8000")
    assert ledger["duplicates"][0]["task_ids"] == [first, second]
    assert [entry["task_id"] for entry in ledger["entries"]] == [first, second]


def test_the_journal_can_be_read_from_where_one_left(client):
    client.create()
    client.get(client.sim.tasks.latest.id)
    journal = call(client, "GET", "/_simulator/journal").json()
    assert journal["counts"] == {"create": 1, "get": 1}
    later = call(client, "GET", "/_simulator/journal?after=1&endpoint=get").json()["entries"]
    assert [entry["endpoint"] for entry in later] == ["get"]


def test_tasks_are_told_and_ended(start):
    client = start(progression="manual")
    done, failed, cancelled, running = (client.create() for _ in range(4))
    assert call(client, "POST", f"/_simulator/tasks/{done}/complete", {}).json()["status"] == "completed"
    row = call(
        client, "POST", f"/_simulator/tasks/{failed}/fail", {"code": "service_error", "message": "Later."}
    ).json()
    assert row["error"] == {"code": "service_error", "message": "Later.", "type": "task_error"}
    assert call(client, "POST", f"/_simulator/tasks/{cancelled}/cancel", {}).json()["status"] == "cancelled"
    assert call(client, "POST", f"/_simulator/tasks/{running}/progress", {"progress": 30}).json()["progress"] == 30
    assert call(client, "POST", f"/_simulator/tasks/{done}/fail", {}).status_code == 409
    assert len(call(client, "GET", "/_simulator/tasks").json()["tasks"]) == 4
    assert call(client, "GET", f"/_simulator/tasks/{running}").json()["simulator"]["progression"] == "manual"
    assert call(client, "GET", "/_simulator/status").json()["tasks"] == {
        "completed": 1,
        "failed": 1,
        "cancelled": 1,
        "processing": 1,
    }


def test_faults_are_added_listed_and_cleared(client):
    call(client, "POST", "/_simulator/faults", {"spec": "create:429:2:retry_after=5"})
    call(client, "POST", "/_simulator/faults", {"point": "get", "name": "500", "times": None})
    assert client.post().headers["Retry-After"] == "5"
    listed = call(client, "GET", "/_simulator/faults").json()
    assert [(fault["point"], fault["name"], fault["times"]) for fault in listed["waiting"]] == [
        ("create", "429", 1),
        ("get", "500", None),
    ]
    assert listed["fired"] == {"create:429": 1}
    assert call(client, "DELETE", "/_simulator/faults").json()["waiting"] == []
    call(client, "POST", "/_simulator/faults", {"random": {"create:500": 1.0}, "seed": 3})
    assert client.post().status_code == 500


def test_virtual_time_is_moved(start):
    client = start(clock=VirtualClock(1000), progression="seconds:60")
    task_id = client.create()
    assert call(client, "POST", "/_simulator/clock/advance", {"seconds": 60}).json() == {"now": 1060}
    assert client.get(task_id)["status"] == "completed"


def test_real_time_cannot_be_moved(client):
    assert call(client, "POST", "/_simulator/clock/advance", {"seconds": 60}).status_code == 409
    with pytest.raises(TypeError, match="VirtualClock"):
        client.sim.advance(1)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/_simulator/nothing", None, 404),
        ("POST", "/_simulator/nothing", {}, 404),
        ("POST", "/_simulator/tasks/task-unified-1-x/complete", {}, 404),
        ("POST", "/_simulator/faults", {"spec": "create:nope"}, 400),
        ("POST", "/_simulator/faults", {}, 400),
        ("GET", "/_simulator/journal?after=x", None, 400),
    ],
)
def test_a_wrong_control_says_what_is_wrong(client, method, path, body, status):
    answer = call(client, method, path, body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_pages_of_other_sites_cannot_use_the_controls(client):
    url = client.sim.url + "/_simulator/faults"
    assert requests.post(url, data='{"spec": "create:429"}', timeout=5).status_code == 415
    rebound = requests.get(url, headers={"Host": "attacker.example.com"}, timeout=5)
    assert rebound.status_code == 403
    assert client.sim.faults.waiting == []


def test_a_reset_forgets_faults_and_journal_but_no_charge(client):
    client.create()
    client.sim.faults.add("create", "500")
    call(client, "POST", "/_simulator/reset", {})
    assert (len(client.sim.journal), client.sim.faults.waiting) == (0, [])
    assert len(client.sim.ledger) == 1


def test_the_page_for_people_shows_everything_and_runs_no_script(client):
    client.get(client.create(prompt="<script>alert(1)</script>"))
    client.create(prompt="Bad [fail:service_error]")
    client.get(client.sim.tasks.latest.id)
    client.sim.faults.add("get", "500", times=None)
    page = call(client, "GET", "/").text
    assert "&lt;script&gt;" in page
    assert not re.search(r"<script|javascript:|\son\w+=", page)
    for words in ("2 accepted", "service_error", "get:500 &times;&infin;", "/v1/videos/generations", ">video</a>"):
        assert words in page


def test_the_controls_are_not_in_the_journal(client):
    call(client, "GET", "/_simulator/ledger")
    call(client, "GET", "/")
    assert len(client.sim.journal) == 0
