"""Bodies of all kinds, documented and not: read as far as they go, and never an exception for an odd value."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_wanvideo.evolink import types
from django_wanvideo.evolink.exceptions import InvalidResponse
from django_wanvideo.evolink.types import Credits, ProviderStatus, TaskSnapshot

from .conftest import TASK

COMPLETED = {
    "created": 1788194967,
    "duration": 206,
    "id": "task-unified-1788194967-nm4e99br",
    "model": "seedance-2.0-mini-image-to-video",
    "object": "video.generation.task",
    "progress": 100,
    "result_data": [{"url": "https://example.invalid/result.mp4"}],
    "results": ["https://example.invalid/result.mp4"],
    "status": "completed",
    "task_info": {"can_cancel": False},
    "type": "video",
    "usage": {"cost": {"credits": 13.5, "usd": 0.199, "cny": 1.35}, "credits_used": 13.5},
}


def test_a_submitted_task_is_read():
    task = TaskSnapshot.parse(TASK)
    assert (task.id, task.status, task.raw_status, task.progress) == (TASK["id"], ProviderStatus.PENDING, "pending", 0)
    assert task.created == datetime(2025, 9, 6, 14, 42, 23, tzinfo=UTC)
    assert (task.model, task.estimated_seconds) == ("wan2.6-image-to-video-flash", 120)
    assert (task.credits_reserved, task.credits_used) == (Decimal("11.9"), None)
    assert task.raw == TASK


def test_a_completed_task_is_read_and_its_link_is_there_once():
    task = TaskSnapshot.parse(COMPLETED)
    assert (task.status, task.progress, task.elapsed_seconds) == (ProviderStatus.COMPLETED, 100, 206)
    assert task.result_urls == ("https://example.invalid/result.mp4",)
    assert task.credits_used == Decimal("13.5")
    assert task.status.is_final


def test_a_failed_task_is_read():
    task = TaskSnapshot.parse(
        {"id": "t", "status": "failed", "error": {"code": "content_policy_violation", "message": "No.\nReally"}}
    )
    assert task.error == types.ProviderError("content_policy_violation", "No.\nReally")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, None),
        ({}, None),
        ([], None),
        ("broken", ("", "broken")),
        ({"code": 400, "message": None}, ("400", "")),
        ({"message": "only words"}, ("", "only words")),
    ],
)
def test_an_error_of_any_shape_is_read(error, expected):
    found = TaskSnapshot.parse({"id": "t", "status": "failed", "error": error}).error
    assert (None if found is None else (found.code, found.message)) == expected


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "failed", "cancelled"])
def test_evolinks_words_are_ours(status):
    assert TaskSnapshot.parse({"id": "t", "status": status}).status == status


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("canceled", "cancelled"),
        ("succeeded", "completed"),
        ("SUCCESS", "completed"),
        ("error", "failed"),
        ("queued", "pending"),
        ("running", "processing"),
        ("resting", "unknown"),
    ],
)
def test_a_word_that_is_not_documented_is_mapped_and_told_once(word, meaning, caplog, monkeypatch):
    monkeypatch.setattr(types, "_reported", set())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert TaskSnapshot.parse({"id": "t", "status": word}).status == meaning
    assert len(caplog.records) == 1
    assert word.lower() in caplog.text


@pytest.mark.parametrize("status", [None, 3, True, [], {}, ""])
def test_a_status_that_is_no_word_is_unknown(status):
    assert TaskSnapshot.parse({"id": "t", "status": status}).status is ProviderStatus.UNKNOWN


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (0, 0),
        (55, 55),
        (55.9, 55),
        ("40", 40),
        (100, 100),
        (101, 100),
        (-3, 0),
        (10**9, 100),
        (True, None),
        (None, None),
        ("x", None),
        (float("nan"), None),
        (float("inf"), None),
        ([], None),
    ],
)
def test_progress_stays_between_0_and_100_and_a_boolean_is_none(progress, expected):
    assert TaskSnapshot.parse({"id": "t", "progress": progress}).progress == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (5, "5"),
        (5.4, "5.4"),
        (0.1 + 0.2, "0.3"),
        ("7.14", "7.14"),
        (0, "0"),
        (-1, None),
        (True, None),
        (float("nan"), None),
        (float("-inf"), None),
        ("1e999", None),
        (10**400, None),
        ("9" * 5_000, None),
        ({}, None),
    ],
)
def test_amounts_are_exact_decimals_or_none(amount, expected):
    found = TaskSnapshot.parse({"id": "t", "usage": {"credits_used": amount}}).credits_used
    assert found == (None if expected is None else Decimal(expected))


def test_the_cost_tells_the_credits_if_nothing_else_does():
    assert TaskSnapshot.parse({"id": "t", "usage": {"cost": {"credits": 2.5}}}).credits_used == Decimal("2.5")


@pytest.mark.parametrize(
    "fields",
    [
        {"results": ["https://h.example/v.mp4"]},
        {"results": "https://h.example/v.mp4"},
        {"results": [{"url": "https://h.example/v.mp4"}]},
        {"results": [], "result_data": [{"url": "https://h.example/v.mp4"}]},
        {"result_data": {"video_url": "https://h.example/v.mp4"}},
        {"result_data": [{"image_url": "https://h.example/i.png", "video_url": "https://h.example/v.mp4"}]},
        {
            "results": [
                None,
                3,
                "",
                "javascript:alert(1)",
                "ftp://h.example/v",
                "/v.mp4",
                "https://",
                "https://[",
                "https://h.exa mple/v.mp4",
                "https://u:p@h.example/v.mp4",
                "https://h.example/" + "x" * 5_000,
                "https://h.example/v.mp4",
            ]
        },
    ],
)
def test_links_are_found_in_each_place_and_only_those_of_the_web(fields):
    assert TaskSnapshot.parse({"id": "t", "status": "completed", **fields}).result_urls == ("https://h.example/v.mp4",)


def test_a_wrapped_task_is_unwrapped():
    assert TaskSnapshot.parse({"code": 200, "data": COMPLETED}).id == COMPLETED["id"]


def test_task_id_is_another_name_for_id():
    assert TaskSnapshot.parse({"task_id": "task-unified-1", "status": "failed"}).id == "task-unified-1"


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        (1757169743000, 2025),
        ("1757169743", 2025),
        ("2025-09-06T14:42:23Z", 2025),
        ("2025-09-06 14:42:23", 2025),
        (0, None),
        (-1, None),
        (10**30, None),
        (True, None),
        ("yesterday", None),
        (float("nan"), None),
    ],
)
def test_times_are_aware_or_none(created, expected):
    found = TaskSnapshot.parse({"id": "t", "created": created}).created
    assert (found and found.year) == expected
    assert found is None or found.utcoffset().total_seconds() == 0


def test_texts_lose_what_databases_refuse():
    task = TaskSnapshot.parse(
        {"id": "t", "model": "a\x00b\ud800c", "error": {"code": "x\x00", "message": "m" * 99_999}}
    )
    assert task.model == "abc"
    assert task.error.code == "x"
    assert len(task.error.message) <= 2_000
    json.dumps(task.raw).encode("utf-8")


def test_the_stored_body_is_bounded_and_plain_json():
    nested: object = "deep"
    for _ in range(500):
        nested = [nested]
    body = {
        "id": "t",
        "nan": float("nan"),
        "nested": nested,
        "many": list(range(9_999)),
        "huge": 10**5_000,
        "big": 2**70,
    }
    raw = TaskSnapshot.parse(body).raw
    text = json.dumps(raw, allow_nan=False)
    assert raw["nan"] is None
    assert len(raw["many"]) == 500
    assert len(text) < 10_000


@pytest.mark.parametrize("body", [None, [], "x", 3, True, [{"id": "t"}]])
def test_what_is_no_object_is_unreadable(body):
    with pytest.raises(InvalidResponse):
        TaskSnapshot.parse(body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["completed", "https://a.example/b", "1e9999", "1" * 5_000]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["url", "code", "credits", "cost"]), inner, max_size=4)
    ),
    max_leaves=8,
)
FIELDS = [
    "id",
    "task_id",
    "status",
    "progress",
    "model",
    "created",
    "results",
    "result_data",
    "usage",
    "error",
    "task_info",
    "duration",
    "data",
]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_body_whatever_makes_it_raise(body):
    task = TaskSnapshot.parse(body)
    assert isinstance(task.status, ProviderStatus)
    assert task.progress is None or 0 <= task.progress <= 100
    json.dumps(task.raw, allow_nan=False).encode("utf-8")


@pytest.mark.parametrize(
    ("user", "token", "unlimited", "spendable"),
    [
        ("10", "5", False, "5"),
        ("10", "50", False, "10"),
        ("10", "5", True, "10"),
        ("10", None, False, "10"),
        (None, "5", False, "5"),
        (None, None, False, None),
    ],
)
def test_spendable_is_what_both_limits_allow(user, token, unlimited, spendable):
    amounts = [None if text is None else Decimal(text) for text in (user, token, spendable)]
    assert Credits(amounts[0], amounts[1], unlimited).spendable == amounts[2]
