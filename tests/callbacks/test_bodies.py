"""Whatever comes with a good token is kept or refused, in bounds, and never breaks the view."""

from __future__ import annotations

import json

import pytest

from django_wanvideo.callbacks import views
from django_wanvideo.evolink import parsing
from django_wanvideo.models import CallbackReceipt

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

LIMIT = 1024 * 1024


@pytest.fixture(autouse=True)
def no_redis(wanvideo_wakeups):
    """Nothing here is about waking workers."""


REFUSED = {
    "empty": b"",
    "space": b" \n ",
    "no JSON": b"id=task-unified-1",
    "half a JSON": b'{"id": "task-unified-1", "status": "comp',
    "two objects": b'{"id": "a"}{"id": "b"}',
    "a list": b'[{"id": "task-unified-1"}]',
    "a text": b'"task-unified-1"',
    "a number": b"5",
    "true": b"true",
    "null": b"null",
    "NaN": b'{"id": "a", "progress": NaN}',
    "Infinity": b'{"id": "a", "progress": Infinity}',
    "minus Infinity": b'{"id": "a", "progress": [-Infinity]}',
    "invalid UTF-8": b'{"id": "\xff\xfe", "status": "completed"}',
    "cut UTF-8": '{"id": "€'.encode()[:-1],
    "100 000 open brackets": b'{"id": ' + b"[" * 100_000,
    "100 000 levels": b'{"error": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100 000 objects in each other": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 5 000 digits": b'{"id": "a", "progress": ' + b"9" * 5_000 + b"}",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_a_body_that_is_no_json_object_is_refused_and_nothing_is_stored(call, body, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = call(body)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/json"


TAKEN = {
    "an object without anything": (b"{}", "", {}),
    "an id of another type": (b'{"id": 5}', "", {"id": 5}),
    "what nobody knows": (b'{"hello": [1, 2], "id": "task-unified-1"}', "task-unified-1", {"id": "task-unified-1"}),
    "two ids": (b'{"id": "task-unified-1", "id": "task-unified-2"}', "task-unified-2", {"id": "task-unified-2"}),
    "a BOM": (b'\xef\xbb\xbf{"id": "task-unified-1"}', "task-unified-1", {"id": "task-unified-1"}),
    "UTF-16": ('{"id": "task-unified-1"}'.encode("utf-16"), "task-unified-1", {"id": "task-unified-1"}),
    "an envelope": (b'{"code": 200, "data": {"id": "task-unified-1"}}', "task-unified-1", {"id": "task-unified-1"}),
    "a NUL": (b'{"id": "a\\u0000b", "model": "\\u0000"}', "ab", {"id": "ab", "model": ""}),
    "half a surrogate pair": (b'{"id": "a", "status": "\\ud800"}', "a", {"id": "a", "status": ""}),
    "half a surrogate pair in raw bytes": (b'{"id": "a", "status": "\xed\xa0\x80"}', "a", {"id": "a", "status": ""}),
    "infinity by overflow": (b'{"id": "a", "progress": 1e999}', "a", {"id": "a", "progress": None}),
    "a very large number": (b'{"id": "a", "progress": ' + b"9" * 400 + b"}", "a", {"id": "a", "progress": ""}),
    "a NUL in a name": (b'{"id": "a", "error": {"\\u0000x": 1}}', "a", {"id": "a", "error": {"x": 1}}),
}


@pytest.mark.parametrize(("body", "provider_id", "kept"), TAKEN.values(), ids=TAKEN)
def test_an_odd_object_is_kept_as_far_as_it_can_be_stored(call, body, provider_id, kept, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert call(body).status_code == 200
    receipt = CallbackReceipt.objects.get()
    assert (receipt.provider_task_id, receipt.payload) == (provider_id, kept)


def test_what_is_kept_is_bounded_in_depth_length_and_number(call):
    deep = {"id": "a", "error": {"code": "x" * 100_000, "more": [[[[[[[["too deep"]]]]]]]]}, "results": ["y"] * 10_000}
    assert call(deep).status_code == 200
    payload = CallbackReceipt.objects.get().payload
    assert len(payload["error"]["code"]) == 2 * parsing.MAX_URL
    assert "too deep" not in json.dumps(payload)
    assert len(payload["results"]) == 50
    assert len(json.dumps(payload)) < 20_000


def test_a_long_id_is_no_id(call):
    assert call({"id": "t" * 500_000}).status_code == 200
    assert CallbackReceipt.objects.get().provider_task_id == ""


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/xml",
        "nonsense",
        "",
    ],
)
def test_the_content_type_does_not_matter(call, attempt, content_type):
    assert call(content_type=content_type).status_code == 200
    assert CallbackReceipt.objects.get().provider_task_id == attempt.provider_task_id


def test_no_upload_of_a_form_is_ever_parsed(call):
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n{}\r\n--x--\r\n'
    assert call(body, content_type="multipart/form-data; boundary=x").status_code == 400


def padded(size):
    body = b'{"id": "task-unified-1"}'
    return body + b" " * (size - len(body))


def test_a_mebibyte_is_taken_and_one_byte_more_is_not(call, django_assert_num_queries):
    assert views.MAX_BODY == LIMIT
    assert call(padded(LIMIT)).status_code == 200
    with django_assert_num_queries(0):
        assert call(padded(LIMIT + 1)).status_code == 413
