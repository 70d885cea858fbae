"""Every fault, as a client meets it."""

from __future__ import annotations

import email.utils
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import requests

from django_wanvideo.simulator import Fault, FaultRegistry
from django_wanvideo.simulator.provider.faults import FAULTS
from tests.faults import FAULTS as TABLE
from tests.pictures import drawn
from tests.waiting import wait_until

CREATE = "/v1/videos/generations"


def accepted(client):
    return len(client.sim.ledger)


@pytest.mark.parametrize("fault", TABLE, ids=str)
def test_faults_of_the_table(client, fault):
    """Each is answered as EvoLink would, and accepts and bills what the table says."""
    client.sim.faults.add("create", fault.name, **fault.options)
    client.timeout = 0.5
    answer = trouble = None
    try:
        answer = client.post()
    except requests.RequestException as error:
        trouble = error
    if answer is None:
        assert fault.http_status is None or isinstance(trouble, requests.exceptions.ChunkedEncodingError)
        # A connection that is reset while the request is on its way may look closed.
        assert fault.name != "accept_then_reset" or "reset" in str(trouble).lower()
    else:
        assert answer.status_code == fault.http_status
        assert ("Retry-After" in answer.headers) == ("retry_after" in fault.options)
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"].startswith("application/json" if fault.code else "text/html")
            assert not fault.code or answer.json()["error"]["code"] == fault.code
        with suppress(ValueError):
            assert "id" not in answer.json()
    assert accepted(client) == len(client.sim.ledger.billed) == fault.accepted
    client.timeout = 10
    if fault.accepted:
        assert client.get(client.sim.tasks.latest.id)["status"] == "completed"


def test_accept_then_hang_outlasts_the_client_and_lets_the_task_run(client, receiver):
    client.sim.faults.add("create", "accept_then_hang", seconds=30)
    with pytest.raises(requests.ReadTimeout):
        client.call("POST", CREATE, json=client.body(callback_url=receiver.url()), timeout=0.3)
    client.sim.journal.wait_for("callback")
    assert accepted(client) == 1
    (entry,) = client.sim.journal.wait_for("create")
    assert entry.ms < 5000, "The simulator went on waiting after the client had left."


def test_accept_then_slow_answers_late_and_after_the_callback(client, receiver):
    client.sim.faults.add("create", "accept_then_slow", seconds=0.3)
    started = time.monotonic()
    task_id = client.create(callback_url=receiver.url())
    assert time.monotonic() - started >= 0.3
    assert receiver.bodies[0]["id"] == task_id


@pytest.mark.parametrize("name", ["refuse", "reset"])
@pytest.mark.parametrize("when", [None, lambda body: body["prompt"]])
def test_refused_and_reset_connections_accept_nothing(client, name, when):
    client.sim.faults.add("create", name, when=when)
    with pytest.raises(requests.ConnectionError):
        client.post()
    assert accepted(client) == 0
    client.create()


def test_a_hang_without_acceptance(client):
    client.sim.faults.add("create", "hang")
    with pytest.raises(requests.ReadTimeout):
        client.call("POST", CREATE, json=client.body(), timeout=0.2)
    assert accepted(client) == 0


def test_code_and_message_of_a_status_can_be_chosen(client):
    client.sim.faults.add("create", "402", code="key_quota_exhausted", message="This key has spent its limit.")
    error = client.post().json()["error"]
    assert (error["code"], error["message"]) == ("key_quota_exhausted", "This key has spent its limit.")


def test_retry_after_comes_in_seconds_or_as_a_date(client):
    client.sim.faults.add("create", "429", retry_after=7)
    assert client.post().headers["Retry-After"] == "7"
    client.sim.faults.add("create", "429", retry_after="date:90")
    moment = email.utils.parsedate_to_datetime(client.post().headers["Retry-After"])
    assert 80 < (moment - datetime.now(UTC)).total_seconds() <= 90


def test_a_redirect_leads_a_client_that_follows_it_to_a_real_acceptance(client):
    client.sim.faults.add("create", "redirect", status=307)
    answer = client.post()
    assert (answer.status_code, answer.headers["Location"]) == (307, CREATE)
    assert accepted(client) == 0
    client.sim.faults.add("create", "redirect", status=307)
    client.call("POST", CREATE, json=client.body(), allow_redirects=True)
    assert accepted(client) == 1


def test_an_accepting_fault_does_not_accept_what_is_invalid(client):
    client.sim.faults.add("create", "accept_then_close")
    assert client.post(duration=99).status_code == 400
    assert accepted(client) == 0


def test_the_same_key_after_an_accepted_but_lost_answer_is_replayed(client):
    client.sim.faults.add("create", "accept_then_close")
    with pytest.raises(requests.ConnectionError):
        client.post("run_0123456789abcdef")
    answer = client.post("run_0123456789abcdef")
    assert answer.headers["idempotency-replayed"] == "true"
    assert answer.json()["id"] == client.sim.tasks.latest.id
    assert accepted(client) == 1


def test_same_key_while_first_request_still_runs(client):
    """The same key while the first request still runs is paid outcome unknown."""
    client.sim.faults.add("create", "accept_then_slow", seconds=5)

    def post_first():
        # Whether the end of the simulator leaves time for an answer is of no interest here.
        with suppress(requests.RequestException):
            client.post("run_0123456789abcdef")

    first = threading.Thread(target=post_first)
    first.start()
    wait_until(lambda: accepted(client), "the acceptance")
    answer = requests.post(
        client.sim.url + CREATE,
        json=client.body(),
        headers={"Authorization": f"Bearer {client.sim.api_key}", "Idempotency-Key": "run_0123456789abcdef"},
        timeout=5,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "paid_outcome_unknown")
    client.sim.stop()
    first.join(10)


def test_faults_come_in_their_order_as_often_as_told_and_then_no_more(client):
    client.sim.faults.add("create", "429", times=2)
    client.sim.faults.add("create", "500")
    assert [client.post().status_code for _ in range(4)] == [429, 429, 500, 200]
    assert client.sim.faults.fired == {"create:429": 2, "create:500": 1}
    assert client.sim.faults.waiting == []


def test_a_fault_for_some_requests_leaves_the_others_alone(client):
    client.sim.faults.add("create", "500", times=None, when=lambda body: "dog" in body["prompt"])
    assert client.post().status_code == 200
    assert client.post(prompt="A dog").status_code == 500
    assert client.post(prompt="A dog").status_code == 500
    client.sim.faults.clear()
    assert client.post(prompt="A dog").status_code == 200


def test_unknown_points_and_names_are_told_with_the_nearest():
    faults = FaultRegistry()
    with pytest.raises(ValueError, match="Did you mean 'create'"):
        faults.add("creat", "500")
    with pytest.raises(ValueError, match="Did you mean 'accept_then_close'"):
        faults.add("create", "accept_then_closed")


def test_a_fault_is_read_from_the_command_line():
    fault = Fault.parse("result:drip:always:seconds=0.5,chunk=64")
    assert (fault.point, fault.name, fault.times, fault.options) == (
        "result",
        "drip",
        None,
        {"seconds": 0.5, "chunk": 64},
    )
    assert Fault.parse("create:429").times == 1
    assert Fault.parse("create:429:3").times == 3
    for wrong in ("create", "create:nope", "create:429:often", "create:429:1:seconds"):
        with pytest.raises(ValueError, match=r"."):
            Fault.parse(wrong)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "unauthorized", "authentication_error"),
        (402, "quota_exceeded", "insufficient_quota"),
        (403, "permission_denied", "invalid_request_error"),
        (404, "task_not_found", "invalid_request_error"),
        (429, "rate_limit_exceeded", "evo_api_error"),
        (500, "internal_error", "api_error"),
    ],
)
def test_reading_a_task_can_fail_in_every_documented_way(client, status, code, kind):
    task_id = client.create()
    client.sim.faults.add("get", str(status), times=2)
    for _ in range(2):
        answer = client.call("GET", f"/v1/tasks/{task_id}")
        assert answer.status_code == status
        assert (answer.json()["error"]["code"], answer.json()["error"]["type"]) == (code, kind)
    assert client.get(task_id)["status"] == "completed"


def test_reading_a_task_can_be_broken(client):
    task_id, path = client.create(), f"/v1/tasks/{client.sim.tasks.latest.id}"
    faults = client.sim.faults
    for name in ("close", "reset"):
        faults.add("get", name)
        with pytest.raises(requests.ConnectionError):
            client.get(task_id)
    faults.add("get", "hang")
    with pytest.raises(requests.ReadTimeout):
        client.call("GET", path, timeout=0.2)
    faults.add("get", "502")
    assert "<html>" in client.call("GET", path).text
    faults.add("get", "html")
    answer = client.call("GET", path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    faults.add("get", "garbage")
    with pytest.raises(ValueError, match=r"."):
        client.call("GET", path).json()
    faults.add("get", "redirect", location="http://127.0.0.1:1/else")
    assert client.call("GET", path).headers["Location"] == "http://127.0.0.1:1/else"


def test_a_task_can_be_told_wrong(start):
    client = start(progression="polls:2")
    task_id = client.create()
    faults = client.sim.faults
    faults.add("get", "completed_without_results")
    faults.add("get", "unknown_status", status="archived")
    assert client.get(task_id)["status"] == "archived"
    body = client.get(task_id)
    assert (body["status"], body["results"], body["result_data"]) == ("completed", [], [])
    faults.add("get", "foreign_result", url="http://169.254.169.254/x")
    assert client.get(task_id)["results"] == ["http://169.254.169.254/x"]
    faults.add("get", "outdated")
    assert (client.get(task_id)["status"], client.sim.tasks[task_id].status) == ("pending", "completed")
    faults.add("get", "other_task", id="task-unified-1-someonex")
    assert client.get(task_id)["id"] == "task-unified-1-someonex"
    assert client.get(task_id)["results"][0].startswith(client.sim.url)


def test_a_finished_task_can_be_told_oddly(start):
    client = start(progression="polls:1")
    task_id = client.create()
    client.get(task_id)
    (right,) = client.get(task_id)["results"]
    faults = client.sim.faults
    faults.add("get", "without_status")
    assert "status" not in client.get(task_id)
    faults.add("get", "several_links")
    dead, other = client.get(task_id)["results"]
    assert (other, requests.get(dead, timeout=5).status_code) == (right, 404)
    faults.add("get", "odd_link")
    (odd,) = client.get(task_id)["results"]
    assert odd.startswith(f'{right}?filename="a b|')
    assert requests.get(odd, timeout=5).content == requests.get(right, timeout=5).content


def test_an_answer_can_have_one_byte_that_is_not_utf8(client):
    task_id = client.create()
    client.sim.faults.add("get", "bad_byte")
    body = client.call("GET", f"/v1/tasks/{task_id}").content
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert task_id.encode() in body


@pytest.mark.parametrize(
    ("point", "method", "path"),
    [
        ("list", "GET", "/v1/tasks"),
        ("credits", "GET", "/v1/credits"),
        ("models", "GET", "/v1/models"),
        ("batch", "POST", "/v1/tasks/batch"),
    ],
)
def test_the_other_calls_can_fail_too(client, point, method, path):
    client.sim.faults.add(point, "429", retry_after=3)
    answer = client.call(method, path, json={"task_ids": ["x"]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    client.sim.faults.add(point, "close")
    with pytest.raises(requests.ConnectionError):
        client.call(method, path, json={"task_ids": ["x"]})
    assert client.call(method, path, json={"task_ids": ["x"]}).status_code == 200


def test_uploads_can_fail(client):
    faults = client.sim.faults
    for name, status, code in [("500", 500, 50001), ("429", 429, 429), ("413", 413, 40001), ("quota", 400, 40003)]:
        faults.add("upload", name)
        answer = client.upload(drawn())
        assert (answer.status_code, answer.json()["success"], answer.json()["code"]) == (status, False, code)
    faults.add("upload", "without_url")
    assert client.upload(drawn()).json()["data"] == {}
    faults.add("upload", "502", when=lambda file: file["mime_type"] == "image/png")
    assert client.upload(drawn()).status_code == 200
    assert client.upload(drawn(kind="PNG")).status_code == 502
    assert len(client.sim.files) == 1


@pytest.fixture
def result(client, tmp_path):
    """A result link with a known content."""
    content = bytes(range(256)) * 400
    (tmp_path / "video.mp4").write_bytes(content)
    task_id = client.create()
    client.sim.set_video(task_id, tmp_path / "video.mp4")
    return client.get(task_id)["results"][0], content


@pytest.mark.parametrize("name", ["403", "404", "410", "429", "500", "503"])
def test_a_download_can_be_refused_once(client, result, name):
    url, content = result
    client.sim.faults.add("result", name)
    assert requests.get(url, timeout=5).status_code == int(name)
    assert requests.get(url, timeout=5).content == content


def test_a_download_can_be_called_a_part_or_be_compressed(client, result):
    url, content = result
    client.sim.faults.add("result", "partial")
    answer = requests.get(url, timeout=5)
    assert (answer.status_code, answer.content) == (206, content)
    client.sim.faults.add("result", "gzip")
    answer = requests.get(url, timeout=5)
    assert (answer.headers["Content-Encoding"], answer.content) == ("gzip", content)


def test_a_download_can_break_off(client, result):
    url, content = result
    client.sim.faults.add("result", "truncated")
    answer = requests.get(url, timeout=5, stream=True)
    assert answer.headers["Content-Length"] == str(len(content))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = answer.content


def test_a_download_can_be_half_a_file_that_looks_whole(client, result):
    url, content = result
    client.sim.faults.add("result", "short")
    answer = requests.get(url, timeout=5)
    assert answer.content == content[: len(content) // 2]
    assert answer.headers["Content-Length"] == str(len(content) // 2)


def test_a_download_can_declare_a_wrong_length(client, result):
    url, content = result
    client.sim.faults.add("result", "wrong_length")
    answer = requests.get(url, timeout=5)
    assert answer.headers["Content-Length"] == str(len(content) // 2) == str(len(answer.content))


def test_a_download_can_be_a_page_a_drip_or_endless(client, result):
    url, content = result
    client.sim.faults.add("result", "html")
    answer = requests.get(url, timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    client.sim.faults.add("result", "drip", chunk=25_600, seconds=0.05)
    started = time.monotonic()
    assert requests.get(url, timeout=5).content == content
    assert time.monotonic() - started >= 0.15
    client.sim.faults.add("result", "endless")
    with requests.get(url, timeout=5, stream=True) as answer:
        assert "Content-Length" not in answer.headers
        assert len(answer.raw.read(10 * len(content))) == 10 * len(content)
    client.sim.faults.add("result", "gzip_bomb", megabytes=3)
    answer = requests.get(url, timeout=5)
    assert int(answer.headers["Content-Length"]) < 10_000
    assert len(answer.content) == 3 * 1024 * 1024
    client.sim.faults.add("result", "redirect", location="http://10.0.0.1/")
    assert requests.get(url, timeout=5, allow_redirects=False).headers["Location"] == "http://10.0.0.1/"


def test_random_faults_are_same_for_same_seed():
    """Random faults are the same for the same seed whatever happens elsewhere."""

    def sequence(seed, noise):
        faults = FaultRegistry()
        faults.random(seed, {"accept_then_close": 0.2, "create:429": 0.2, "get:500": 0.5})
        names = []
        for _ in range(60):
            if noise:
                faults.take("get", {})
            fault = faults.take("create", {})
            names.append(fault.name if fault else None)
        return names

    first = sequence(7, noise=False)
    assert first == sequence(7, noise=True)
    assert first != sequence(8, noise=False)
    assert {None, "accept_then_close", "429"} == set(first)


def test_random_faults_have_chances_between_nothing_and_everything():
    faults = FaultRegistry()
    for wrong in ({"429": 1.1}, {"429": -0.1}, {"429": 0.6, "500": 0.6}, {"create:nope": 0.1}):
        with pytest.raises(ValueError, match=r"."):
            faults.random(1, wrong)
    faults.random(1, {"429": 1})
    assert faults.take("create", {}).name == "429"
    faults.clear()
    assert faults.take("create", {}) is None


def test_faults_that_were_added_go_before_random_ones(client):
    client.sim.faults.random(1, {"500": 1.0})
    client.sim.faults.add("create", "402")
    assert [client.post().status_code for _ in range(2)] == [402, 500]


@pytest.mark.parametrize("name", FAULTS["create"])
def test_every_fault_of_creation_call_accepts_exactly(client, name):
    """Every fault of the creation call accepts exactly when its name says so."""
    client.sim.faults.add("create", name, seconds=0.05)
    client.timeout = 0.5
    try:
        answer = client.post()
        answered = answer.status_code == 200 and "id" in answer.json()
    except (requests.RequestException, ValueError):
        answered = False
    accepting = name.startswith("accept_") or name == "callback_before_answer"
    assert accepted(client) == (1 if accepting else 0)
    assert answered is (name in ("accept_then_slow", "callback_before_answer"))
    assert client.sim.faults.fired == {f"create:{name}": 1}
    assert client.post().status_code == 200, "One fault must not harm the next request."
