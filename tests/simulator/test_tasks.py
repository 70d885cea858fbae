"""How tasks proceed, end, and are read."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from django_wanvideo.simulator import Progression, Simulator, VirtualClock
from tests.pictures import drawn
from tests.waiting import wait_until


def test_an_immediate_task_has_ended_when_it_is_read(client):
    assert client.get(client.create())["status"] == "completed"


def test_a_task_by_polls_ends_at_the_nth_read_and_progress_grows(start):
    client = start(progression="polls:3")
    task_id = client.create()
    seen = [(body["status"], body["progress"]) for body in (client.get(task_id) for _ in range(4))]
    assert seen == [("processing", 33), ("processing", 66), ("completed", 100), ("completed", 100)]


def test_a_task_by_seconds_follows_virtual_time_without_being_read(start):
    clock = VirtualClock()
    client = start(clock=clock, progression="seconds:100")
    task_id = client.create()
    assert client.get(task_id)["status"] == "pending"
    clock.advance(50)
    assert (client.get(task_id)["status"], client.get(task_id)["progress"]) == ("processing", 50)
    clock.advance(49)
    assert not client.sim.tasks[task_id].final
    clock.advance(1)
    assert client.sim.tasks[task_id].status == "completed"


def test_a_task_by_seconds_ends_by_itself_on_real_time(start):
    client = start(progression="seconds:0.05")
    task_id = client.create()
    wait_until(lambda: client.sim.tasks[task_id].status == "completed")


def test_a_later_task_that_is_due_earlier_is_not_kept_waiting(start):
    client = start(progression="seconds:300")
    slow, quick = client.create(), client.create(prompt="Quick [seconds:0.05]")
    wait_until(lambda: client.sim.tasks[quick].final)
    assert not client.sim.tasks[slow].final


def test_a_clock_of_ones_own_is_enough(start):
    class Clock:
        moment = 1_800_000_000.0

        def now(self):
            return self.moment

    clock = Clock()
    client = start(clock=clock, progression="seconds:5")
    task_id = client.create()
    clock.moment += 5
    wait_until(lambda: client.sim.tasks[task_id].final)


def test_a_range_of_seconds_is_drawn_per_task_from_the_seed():
    def amounts(seed):
        with Simulator(progression="seconds:3..8", seed=seed, clock=VirtualClock()) as sim:
            from tests.simulator.conftest import Client

            client = Client(sim)
            return [sim.tasks[client.create()].progression.amount for _ in range(4)]

    first = amounts(7)
    assert first == amounts(7)
    assert len(set(first)) == 4
    assert all(3 <= amount <= 8 for amount in first)


def test_a_manual_task_ends_only_when_told(start):
    clock = VirtualClock()
    client = start(clock=clock, progression="manual")
    task_id = client.create()
    clock.advance(100_000)
    assert client.get(task_id)["status"] == "pending"
    client.sim.set_progress(task_id, 40)
    assert (client.get(task_id)["status"], client.get(task_id)["progress"]) == ("processing", 40)
    client.sim.complete(task_id)
    assert client.get(task_id)["status"] == "completed"


def test_a_failed_task_tells_code_and_message_and_gives_the_credits_back(start):
    client = start(progression="manual", credits=100)
    task_id = client.create()
    assert client.call("GET", "/v1/credits").json()["data"]["user"]["remaining_credits"] == pytest.approx(88.1)
    client.sim.fail(task_id, "content_policy_violation", "Blocked.")
    body = client.get(task_id)
    assert (body["status"], body["progress"]) == ("failed", 0)
    assert body["error"] == {"code": "content_policy_violation", "message": "Blocked.", "type": "task_error"}
    assert "results" not in body
    assert client.call("GET", "/v1/credits").json()["data"]["user"] == {"remaining_credits": 100, "used_credits": 0}
    assert client.sim.ledger[task_id].refunded
    assert client.sim.ledger.billed == []


def test_a_cancelled_task_says_so_and_is_refunded(start):
    client = start(progression="manual")
    task_id = client.create()
    client.sim.cancel(task_id)
    body = client.get(task_id)
    assert (body["status"], body["error"]["code"]) == ("cancelled", "request_cancelled")
    assert client.sim.ledger.total == 0


def test_what_has_ended_does_not_end_again(start):
    client = start(progression="manual")
    task_id = client.create()
    client.sim.complete(task_id)
    client.sim.fail(task_id, "service_error")
    client.sim.cancel(task_id)
    client.sim.set_progress(task_id, 3)
    assert client.get(task_id)["status"] == "completed"
    assert client.sim.ledger.total == Decimal("11.9")


@pytest.mark.parametrize(
    ("prompt", "status", "code"),
    [
        ("A cat [fail:content_policy_violation]", "failed", "content_policy_violation"),
        ("A cat [FAIL:service_error: Come back later]", "failed", "service_error"),
        ("A cat [cancel]", "cancelled", "request_cancelled"),
        ("A cat [in a hat] [polls:x]", "completed", None),
    ],
)
def test_a_prompt_can_say_how_it_ends(client, prompt, status, code):
    body = client.get(client.create(prompt=prompt))
    assert body["status"] == status
    assert body.get("error", {}).get("code") == code
    if "Come back" in prompt:
        assert body["error"]["message"] == "Come back later"


def test_a_prompt_can_say_when_it_ends_and_which_fault_it_meets(start):
    client = start()
    assert client.get(client.create(prompt="Slow [manual]"))["status"] == "pending"
    prompt = "Unlucky [fault:no_available_channel]"
    assert client.post(prompt=prompt).json()["error"]["code"] == "no_available_channel"
    assert client.post(prompt=prompt).status_code == 200


@pytest.mark.parametrize(
    "text", ["", "soon", "polls", "polls:0", "polls:1.5", "seconds", "seconds:-1", "seconds:8..3", "manual:1"]
)
def test_a_wrong_progression_is_named(text):
    with pytest.raises(ValueError, match="Use immediate, polls:3, seconds:8"):
        Progression.parse(text)


@pytest.mark.parametrize("text", ["immediate", "manual", "polls:3", "seconds:8", "seconds:0.5..2"])
def test_a_progression_reads_what_it_writes(text):
    assert str(Progression.parse(text)) == text


def test_an_unknown_task_and_a_malformed_id_are_told_apart(client):
    answer = client.call("GET", "/v1/tasks/task-unified-1-00000000")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "task_not_found")
    answer = client.call("GET", "/v1/tasks/1234")
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": "invalid_task_id",
        "message": "Invalid task ID format, must start with 'task-unified-'",
        "type": "invalid_request_error",
        "param": "task_id",
    }


def test_a_forgotten_task_is_not_found_but_stays_in_the_ledger(client):
    task_id = client.create()
    client.sim.forget(task_id)
    assert client.call("GET", f"/v1/tasks/{task_id}").status_code == 404
    assert client.sim.ledger[task_id].task_id == task_id


def test_accounts_do_not_see_each_others_tasks(client):
    client.sim.add_account("sk-other", balance=50)
    task_id = client.create()
    client.key = "sk-other"
    answer = client.call("GET", f"/v1/tasks/{task_id}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    assert client.call("POST", "/v1/tasks/batch", json={"task_ids": [task_id]}).json() == {"data": []}
    assert client.call("GET", "/v1/tasks").json()["total"] == 0
    assert client.call("GET", "/v1/credits").json()["data"]["user"]["remaining_credits"] == 50


def test_a_batch_reads_known_tasks_and_leaves_out_the_rest(client):
    ids = [client.create() for _ in range(3)]
    answer = client.call("POST", "/v1/tasks/batch", json={"task_ids": [*ids, "task-unified-1-unknown0", ids[0]]})
    assert [row["id"] for row in answer.json()["data"]] == ids
    assert {row["status"] for row in answer.json()["data"]} == {"completed"}


@pytest.mark.parametrize("ids", [[], ["task-unified-1-a"] * 51, "task-unified-1-a", [1], None])
def test_a_batch_takes_1_to_50_ids(client, ids):
    assert client.call("POST", "/v1/tasks/batch", json={"task_ids": ids}).status_code == 400


def test_the_batch_call_can_be_missing(start):
    assert start(batch=False).call("POST", "/v1/tasks/batch", json={"task_ids": ["x"]}).status_code == 404


def test_the_list_is_newest_first_in_pages_without_links(start):
    client = start(progression="manual")
    ids = [client.create() for _ in range(5)]
    client.sim.complete(ids[0])
    client.sim.fail(ids[1])
    body = client.call("GET", "/v1/tasks?page=2&page_size=2").json()
    assert (body["total"], body["page"], body["page_size"]) == (5, 2, 2)
    assert [row["id"] for row in body["data"]] == [ids[2], ids[1]]
    done = client.call("GET", "/v1/tasks?status=completed").json()["data"]
    assert [(row["id"], row["has_results"], row["result_count"], row["credits_used"]) for row in done] == [
        (ids[0], True, 1, 11.9)
    ]
    assert "results" not in done[0]
    assert client.call("GET", "/v1/tasks?status=processing").json()["total"] == 3
    assert client.call("GET", "/v1/tasks?type=image").json()["total"] == 0
    assert client.call("GET", "/v1/tasks?model=wan2.5-text-to-video").json()["total"] == 0
    for wrong in ("page=0", "page_size=51", "page=x"):
        assert client.call("GET", f"/v1/tasks?{wrong}").status_code == 400


def test_the_balance_has_the_documented_shape(start):
    client = start(credits="1095.3996", token_credits=100)
    client.create()
    assert client.call("GET", "/v1/credits").json() == {
        "data": {
            "token": {"remaining_credits": 88.1, "unlimited_credits": False, "used_credits": 11.9},
            "user": {"remaining_credits": 1083.4996, "used_credits": 11.9},
        },
        "message": "",
        "success": True,
    }


def test_the_models_are_listed(client):
    assert {"id": "wan2.6-image-to-video-flash"} in client.call("GET", "/v1/models").json()["data"]


def test_an_unknown_path_and_a_wrong_method_are_told(client):
    assert client.call("GET", "/v2/else").status_code == 404
    answer = client.call("DELETE", "/v1/credits")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (drawn(size=(300, 400)), "invalid_parameters", "between 360 and 2000 (got 300x400)"),
        (drawn(size=(2001, 400)), "invalid_parameters", "between 360 and 2000"),
        (drawn(kind="PNG", mode="RGBA", color=(9, 9, 9, 90)), "invalid_parameters", "transparency"),
        (drawn(kind="GIF"), "invalid_parameters", "unsupported file type: GIF"),
        (drawn()[:2000], "image_processing_error", "corrupt"),
        (drawn() + bytes(10 * 1024 * 1024), "invalid_parameters", "exceeds 10MB"),
    ],
)
def test_a_picture_that_will_not_do_fails_the_accepted_task(client, data, code, words):
    task_id = client.create(image_urls=[client.uploaded(data)])
    body = client.get(task_id)
    assert (body["status"], body["error"]["code"]) == ("failed", code)
    assert words in body["error"]["message"]
    assert client.sim.ledger[task_id].refunded


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_the_documented_picture_formats_will_do(start, kind, receiver_of_gets):
    client = start()
    url = receiver_of_gets(drawn(kind=kind))
    assert client.get(client.create(image_urls=[url]))["status"] == "completed"


@pytest.fixture
def receiver_of_gets():
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    files: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path != "/0":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(files[0])))
            self.end_headers()
            self.wfile.write(files[0])

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def serve(data, path="/0"):
        files.append(data)
        return f"http://127.0.0.1:{server.server_address[1]}{path}"

    yield serve
    server.shutdown()
    server.server_close()


def test_a_picture_that_cannot_be_had_fails_the_task(client, receiver_of_gets):
    for url in (
        receiver_of_gets(b"", "/missing"),
        f"{client.sim.url}/files/acc000001/images/never.jpg",
        "http://10.1.2.3/cat.jpg",
        "http://127.0.0.1:1/cat.jpg",
    ):
        assert client.get(client.create(image_urls=[url]))["error"]["code"] == "image_processing_error"


def test_an_uploaded_picture_that_has_expired_fails_the_task(start):
    clock = VirtualClock()
    client = start(clock=clock)
    url = client.uploaded(drawn())
    clock.advance(72 * 3600)
    assert client.get(client.create(image_urls=[url]))["error"]["code"] == "image_processing_error"


def test_a_slow_picture_keeps_no_other_task_waiting(start):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = start(progression="seconds:0.05")
        client.create(image_urls=[f"http://127.0.0.1:{silent.getsockname()[1]}/slow.jpg"])
        quick = client.create()
        wait_until(lambda: client.sim.tasks[quick].final, seconds=5)


def test_a_simulator_listens_beyond_this_machine_only_when_told():
    with pytest.raises(ValueError, match="allow_remote"):
        Simulator(host="0.0.0.0")
    assert Simulator(host="0.0.0.0", allow_remote=True).url.startswith("http://127.0.0.1:")


def test_while_down_connections_are_refused_and_nothing_is_forgotten(start):
    import requests

    client = start()
    task_id = client.create()
    with client.sim.offline(), pytest.raises(requests.ConnectionError):
        client.get(task_id)
    assert client.get(task_id)["status"] == "completed"


def test_a_stopped_simulator_leaves_no_thread_port_or_folder():
    import socket
    import threading

    before = set(threading.enumerate())
    with Simulator() as sim:
        folder, port = sim.blobs.folder, sim.port
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)
    wait_until(lambda: set(threading.enumerate()) <= before)
    with pytest.raises(RuntimeError, match="new one"):
        sim.start()


def test_it_listens_on_ipv6_too():
    import socket

    from tests.simulator.conftest import Client

    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("This machine has no IPv6 loopback address.")
    with Simulator(host="::1") as sim:
        assert sim.url.startswith("http://[::1]:")
        client = Client(sim)
        body = client.get(client.create(image_urls=[client.uploaded(drawn())]))
        assert body["results"][0].startswith(sim.url)


def test_limit_on_reads_tells_whom_it_stops_how_long(start):
    """The limit on reads tells whom it stops how long and counts those who go on."""
    clock = VirtualClock()
    client = start(clock=clock, read_limit_per_second=2, read_limit_wait=3, read_limit_grace=0.5)
    task_id = client.create()
    answers = [client.call("GET", f"/v1/tasks/{task_id}") for _number in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[2].headers["Retry-After"] == "3"
    assert client.sim.ledger.violations == []
    clock.advance(1)
    assert client.call("GET", f"/v1/tasks/{task_id}").status_code == 429
    assert [endpoint for endpoint, _at in client.sim.ledger.violations] == ["get"]
    clock.advance(2.1)
    assert client.call("GET", f"/v1/tasks/{task_id}").status_code == 200
    assert len(client.sim.ledger.violations) == 1


def test_every_answer_of_the_task_api_takes_its_time(start):
    client = start(answer_seconds=0.2)
    began = time.monotonic()
    client.call("GET", "/v1/credits")
    assert time.monotonic() - began >= 0.2
