"""What a creation request is told."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from django_wanvideo.simulator import VirtualClock
from django_wanvideo.simulator.provider.specs import MODELS

PUBLIC = "https://pictures.example.com/cat.jpg"


def test_an_accepted_request_is_answered_with_the_documented_body(start):
    client = start(clock=VirtualClock(1_757_169_743), progression="manual")
    answer = client.post()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Request-Id"]
    body = answer.json()
    assert re.fullmatch(r"task-unified-1757169743-[a-z0-9]{8}", body.pop("id"))
    assert body == {
        "created": 1_757_169_743,
        "model": "wan2.6-image-to-video-flash",
        "object": "video.generation.task",
        "progress": 0,
        "status": "pending",
        "task_info": {"can_cancel": True, "estimated_time": 120},
        "type": "video",
        "usage": {"billing_rule": "per_second", "credits_reserved": 11.9, "user_group": "default"},
    }


def test_a_completed_task_is_told_with_results_usage_and_elapsed_seconds(start):
    clock = VirtualClock()
    client = start(clock=clock, progression="seconds:206")
    task_id = client.create()
    clock.advance(206)
    body = client.get(task_id)
    assert (body["status"], body["progress"], body["duration"]) == ("completed", 100, 206)
    assert body["task_info"] == {"can_cancel": False}
    assert body["result_data"] == [{"url": body["results"][0]}]
    assert body["usage"] == {"credits_used": 11.9, "cost": {"credits": 11.9, "usd": 0.175, "cny": 1.19}}
    assert "error" not in body


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"model": ...}, "model"),
        ({"prompt": ...}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"prompt": "x" * 1501}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"image_urls": ...}, "image_urls"),
        ({"image_urls": []}, "image_urls"),
        ({"image_urls": [PUBLIC, PUBLIC]}, "image_urls"),
        ({"image_urls": PUBLIC}, "image_urls"),
        ({"image_urls": ["data:image/png;base64,AAAA"]}, "image_urls[0]"),
        ({"image_urls": ["https://"]}, "image_urls[0]"),
        ({"duration": 1}, "duration"),
        ({"duration": 16}, "duration"),
        ({"duration": 2.5}, "duration"),
        ({"duration": "5"}, "duration"),
        ({"duration": True}, "duration"),
        ({"quality": "480p"}, "quality"),
        ({"quality": ["720p"]}, "quality"),
        ({"prompt_extend": "yes"}, "prompt_extend"),
        ({"generate_audio": 1}, "generate_audio"),
        ({"audio_url": "file:///etc/passwd"}, "audio_url"),
        ({"model_params": "single"}, "model_params"),
        ({"model_params": {"shot_type": "triple"}}, "model_params.shot_type"),
        ({"model_params": {"voice": "x"}}, "model_params.voice"),
        ({"image_start": PUBLIC}, "image_start"),
        ({"aspect_ratio": "16:9"}, "aspect_ratio"),
        ({"callback_url": "http://www.example.com/done"}, "callback_url"),
        ({"callback_url": "https://10.0.0.7/done"}, "callback_url"),
        ({"callback_url": "https://[fd00::1]/done"}, "callback_url"),
        ({"callback_url": "https://3232235777/done"}, "callback_url"),
        ({"callback_url": "https://printer.local/done"}, "callback_url"),
        ({"callback_url": "https://www.example.com/" + "x" * 2048}, "callback_url"),
        ({"callback_url": "nonsense"}, "callback_url"),
    ],
)
def test_a_wrong_field_is_refused_by_name_and_costs_nothing(client, values, param):
    answer = client.post(**values)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["type"], error["param"]) == ("invalid_request", "invalid_request_error", param)
    assert param in error["message"]
    assert client.sim.ledger.accepted == []


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "x" * 1500},
        {"duration": 2},
        {"duration": 15},
        {"duration": ...},
        {"quality": "1080p", "prompt_extend": False, "model_params": {"shot_type": "multi"}},
        {"generate_audio": False},
        {"audio_url": "https://sounds.example.com/a.mp3"},
        {"callback_url": "https://www.example.com/done"},
        {"callback_url": "http://127.0.0.1:9/done"},
        {"callback_url": "http://localhost:9/done"},
    ],
)
def test_what_the_page_documents_is_accepted(start, values):
    start(progression="manual", callbacks=False).create(**values)


def test_loopback_callbacks_can_be_refused_like_everywhere_else(start):
    answer = start(allow_loopback=False).post(callback_url="https://127.0.0.1/done")
    assert answer.json()["error"]["param"] == "callback_url"


def test_undocumented_fields_can_be_ignored(start):
    start(unknown_fields="ignored").create(image_start=PUBLIC)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b'"text"', b"[" * 100_000, b'{"model": "wan", "duration": NaN}']
)
def test_a_body_that_is_no_request_is_refused(client, body):
    headers = {"Content-Type": "application/json"}
    answer = client.call("POST", "/v1/videos/generations", data=body, headers=headers)
    assert answer.status_code in (400, 403)
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_duration_that_is_no_number_is_refused(client):
    body = b'{"model": "wan2.6-image-to-video-flash", "prompt": "x", "image_urls": ["https://a.example/b"], "duration": %s}'
    for odd in (b"NaN", b"Infinity", b"1e400"):
        headers = {"Content-Type": "application/json"}
        answer = client.call("POST", "/v1/videos/generations", data=body % odd, headers=headers)
        assert answer.json()["error"]["param"] == "duration"


def test_a_body_that_is_not_json_by_its_type_is_415(client):
    answer = client.call("POST", "/v1/videos/generations", data={"prompt": "x"})
    assert answer.status_code == 415


def test_an_unknown_model_is_refused_with_the_documented_message(client):
    answer = client.post(model="wan9")
    assert answer.status_code == 403
    assert answer.json() == {
        "error": {
            "code": "model_access_denied",
            "message": "Token does not have access to model: wan9",
            "type": "invalid_request_error",
        }
    }


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer sk-other", "Basic c2stc2ltdWxhdG9y", "sk-simulator"])
def test_a_missing_or_wrong_key_is_told_with_the_documented_body(client, header):
    headers = {} if header is None else {"Authorization": header}
    for method, path, code, message in [
        ("POST", "/v1/videos/generations", "unauthorized", "Invalid or expired token"),
        ("GET", "/v1/tasks/task-unified-1-abcdefgh", "unauthorized", "Authentication required"),
        ("GET", "/v1/credits", 401, "Invalid or expired token"),
    ]:
        answer = client.session.request(method, client.sim.url + path, headers=headers, timeout=5)
        assert answer.status_code == 401
        error = answer.json()["error"]
        assert (error["code"], error["message"], error["type"]) == (code, message, "authentication_error")


@pytest.mark.parametrize(
    ("values", "credits_reserved"),
    [
        ({}, "11.9"),
        ({"duration": 2}, "6"),
        ({"duration": 3}, "7.14"),
        ({"duration": 15}, "35.7"),
        ({"generate_audio": False}, "6"),
        ({"generate_audio": False, "duration": 10}, "11.9"),
        ({"quality": "1080p"}, "19.873"),
        ({"quality": "1080p", "duration": 15}, "59.619"),
        ({"quality": "1080p", "generate_audio": False, "duration": 15}, "29.8095"),
        ({"duration": ...}, "11.9"),
        ({"model": "wan2.6-image-to-video", "duration": 10}, "47.6"),
        ({"model": "wan2.5-image-to-video", "quality": "480p"}, "12.75"),
    ],
)
def test_the_price_is_the_catalogues(start, values, credits_reserved):
    client = start(progression="manual")
    task_id = client.create(**values)
    assert client.sim.ledger[task_id].reserved == Decimal(credits_reserved)


def test_every_model_of_the_table_takes_a_plain_request(start):
    client = start(progression="manual", credits=100_000)
    video = ["https://clips.example.com/a.mp4"]
    for name, model in MODELS.items():
        values = {"model": name, "duration": ..., "image_urls": ...}
        if "image_urls" in model.fields and model.first_frame == "image_urls":
            values["image_urls"] = [PUBLIC]
        if model.first_frame == "image_start":
            values["image_start"] = PUBLIC
        if "video_urls" in model.fields and model.first_frame is None:
            values["video_urls"] = video
        if name == "wan2.7-reference-video":
            values["image_urls"] = [PUBLIC]
        client.create(**values)
    assert len(client.sim.ledger) == len(MODELS) == 17


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"video_urls": [PUBLIC], "audio_urls": [PUBLIC]}, "image_start"),
        ({"image_start": PUBLIC, "generation_mode": "video_continuation"}, "generation_mode"),
        ({"image_end": PUBLIC}, "image_start"),
        ({"image_start": PUBLIC, "seed": 0}, "seed"),
    ],
)
def test_combinations_that_wan27_rejects_are_rejected(client, values, param):
    answer = client.post(model="wan2.7-image-to-video", image_urls=..., **values)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("bindings", "reason"),
    [
        ({"img1": PUBLIC}, 'key "img1" invalid'),
        ({"image01": PUBLIC}, 'key "image01" invalid'),
        ({"image5": PUBLIC}, "out of range"),
        ({}, "1 to 5"),
    ],
)
def test_voice_bindings_are_checked_as_documented(client, bindings, reason):
    answer = client.post(model="wan2.7-reference-video", model_params={"voice_bindings": bindings})
    assert answer.status_code == 400
    assert reason in answer.json()["error"]["message"]


def test_wan30_spells_its_error_code_in_its_own_way_and_tells_the_length(client):
    plain = {"model": "wan3.0-image-to-video", "image_urls": ..., "image_start": PUBLIC}
    assert client.post(**plain, duration=31).json()["error"]["code"] == "invalid_parameter"
    assert client.post(**plain, duration=-1).json()["task_info"]["video_duration"] == 30


def test_a_repeated_key_with_the_same_body_replays_the_first_task(client):
    first = client.post("run_0123456789abcdef")
    again = client.post("run_0123456789abcdef")
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len(client.sim.ledger) == 1


def test_the_same_key_with_another_body_is_a_conflict(client):
    client.create("run_0123456789abcdef")
    answer = client.post("run_0123456789abcdef", prompt="Another")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert len(client.sim.ledger) == 1


def test_a_refused_request_leaves_its_key_free(client):
    assert client.post("run_0123456789abcdef", duration=99).status_code == 400
    client.create("run_0123456789abcdef")


@pytest.mark.parametrize("key", ["short", "x" * 97, "sixteen chars no!", "ключключключключ".encode()])
def test_a_malformed_key_is_refused(client, key):
    answer = client.post(key)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "Idempotency-Key")


def test_keys_can_be_ignored_as_all_that_is_documented(start):
    client = start(idempotency="ignored")
    client.create("run_0123456789abcdef")
    client.create("run_0123456789abcdef")
    assert len(client.sim.ledger) == 2


def test_the_same_key_of_another_account_is_another_key(client):
    client.sim.add_account("sk-other")
    first = client.create("run_0123456789abcdef")
    client.key = "sk-other"
    assert client.create("run_0123456789abcdef") != first


def test_without_credits_the_documented_402_and_no_task(start):
    client = start(credits=20, progression="manual")
    client.create()
    answer = client.post()
    assert answer.status_code == 402
    assert answer.json()["error"]["code"] == "insufficient_quota"
    assert len(client.sim.ledger) == 1


def test_a_keys_own_limit_is_another_402(start):
    client = start(token_credits=10)
    assert client.post().json()["error"]["code"] == "insufficient_token_quota"


def test_the_rate_limit_answers_429_and_opens_again(start):
    clock = VirtualClock()
    client = start(clock=clock, rate_limit_per_minute=2)
    client.create(), client.create()
    clock.advance(10)
    answer = client.post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert answer.headers["Retry-After"] == "50"
    clock.advance(50)
    client.create()


def test_the_limit_of_concurrent_tasks_counts_unfinished_ones(start):
    client = start(progression="manual", max_concurrent=1)
    task_id = client.create()
    assert client.post().status_code == 429
    client.sim.complete(task_id)
    client.create()


def test_a_refusal_reaches_the_client_although_its_body_was_not_read(client):
    client.key = "sk-wrong"
    for _ in range(20):
        answer = client.call(
            "POST", "/v1/videos/generations", data=b"x" * 300_000, headers={"Content-Type": "text/plain"}
        )
        assert answer.status_code == 401


def test_a_request_that_was_accepted_by_nobody_leaves_its_key_free(start):
    clock = VirtualClock()
    client = start(clock=clock, rate_limit_per_minute=1)
    client.create()
    assert client.post("run_0123456789abcdef", prompt="Another").status_code == 429
    clock.advance(60)
    client.create("run_0123456789abcdef", prompt="Another")
