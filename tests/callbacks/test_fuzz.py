"""Bodies that nobody thought of: never an error of the site, and always storable."""

from __future__ import annotations

import json

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_wanvideo.callbacks.views import KEPT
from django_wanvideo.evolink.types import ProviderStatus, TaskSnapshot
from django_wanvideo.models import Attempt, CallbackReceipt, VideoTask
from django_wanvideo.services.provider import provider
from django_wanvideo.services.tracking import callbacks
from tests.stub_client import StubClient

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

fuzzed = settings(
    max_examples=60,
    deadline=None,
    # The rows of one example are rolled back before the next one.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

texts = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    [
        "\x00",
        "a\x00b",
        "\ud800",
        "\udfff\ud800",
        "\ufffe",
        "\U0010ffff",
        "\\u0000",
        "completed",
        "https://a.example/v.mp4",
    ]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.sampled_from([2**63, -(2**63) - 1, 10**400, 2**31, -1, 0, 1e308, 5e-324, -0.0])
    | st.floats(allow_nan=False)
    | texts
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(texts, inner, max_size=6), max_leaves=25
)
names = st.sampled_from([*KEPT, "data", "task_id", "video_url"]) | texts
bodies = st.dictionaries(names, values, max_size=10)


@pytest.fixture(autouse=True)
def no_redis(wanvideo_wakeups):
    """Nothing here is about waking workers."""


def encoded(body, ensure_ascii):
    return json.dumps(body, ensure_ascii=ensure_ascii).encode("utf-8", "surrogatepass")


def deeply(value, depth):
    for _level in range(depth):
        value = [value]
    return value


@fuzzed
@given(body=bodies, ensure_ascii=st.booleans())
def test_any_json_object_is_answered_200_or_400(call, body, ensure_ascii):
    """Any JSON object is answered 200 or 400 and what is kept can be read again."""
    with transaction.atomic():
        raw = encoded(body, ensure_ascii)
        response = call(raw)
        # json.dumps writes infinity as a word that is no JSON.
        assert response.status_code == (400 if b"Infinity" in raw and has_infinity(body) else 200)
        if response.status_code == 200:
            receipt = CallbackReceipt.objects.get()
            assert isinstance(receipt.payload, dict)
            assert set(receipt.payload) <= set(KEPT)
            snapshot = TaskSnapshot.parse({**receipt.payload, "id": receipt.provider_task_id})
            assert snapshot.status in ProviderStatus
        transaction.set_rollback(True)


def has_infinity(value):
    if isinstance(value, dict):
        return any(map(has_infinity, value.values()))
    if isinstance(value, list):
        return any(map(has_infinity, value))
    return isinstance(value, float) and abs(value) == float("inf")


@fuzzed
@given(raw=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-16", "surrogatepass")))
def test_any_bytes_are_answered_without_an_error_of_the_site(call, raw):
    with transaction.atomic():
        assert call(raw).status_code in {200, 400}
        transaction.set_rollback(True)


@fuzzed
@given(name=st.sampled_from(KEPT), depth=st.integers(0, 900), value=scalars)
def test_any_depth_is_stored_in_bounds(call, name, depth, value):
    with transaction.atomic():
        raw = encoded({"id": "a", name: deeply(value, depth)}, ensure_ascii=True)
        assert call(raw).status_code in {200, 400}
        for receipt in CallbackReceipt.objects.all():
            assert json.dumps(receipt.payload).count("[") <= 8
        transaction.set_rollback(True)


def unmoved(provider_task_id):
    """EvoLink knows nothing new, whatever a callback claims."""
    return TaskSnapshot.parse({"id": provider_task_id, "status": "pending", "progress": 7})


def _attempts() -> list[dict[str, object]]:
    """Everything about the attempts but when they were called back about."""
    rows = list(Attempt.objects.values())
    for row in rows:
        del row["callback_received_at"]
    return rows


@pytest.mark.slow
@fuzzed
@given(body=bodies, status=st.sampled_from(["completed", "failed", "cancelled", "processing", "nonsense"]))
def test_no_body_changes_what_evolink_itself_does_not_say(call, attempt, monkeypatch, body, status):
    monkeypatch.setattr(provider, "client", lambda: StubClient(unmoved))
    claims = {
        "results": ["https://forged.example/v.mp4"],
        "usage": {"credits_used": 5},
        "error": {"code": "forged", "message": "forged"},
        "progress": 90,
    }
    with transaction.atomic():
        before = VideoTask.objects.filter(pk=attempt.task_id).values().get()
        attempts = _attempts()
        call(encoded(claims | body | {"id": attempt.provider_task_id, "status": status}, ensure_ascii=True))
        callbacks.process_pending()
        after = VideoTask.objects.filter(pk=attempt.task_id).values().get()
        # The progress is what EvoLink itself says; everything else is as it was.
        assert after["progress"] in {0, 7}
        assert after == before | {"progress": after["progress"]}
        assert _attempts() == attempts
        transaction.set_rollback(True)


@pytest.mark.slow
@fuzzed
@given(body=bodies, status=st.sampled_from(["completed", "failed", "cancelled", "processing", "nonsense"]))
def test_a_site_that_believes_callbacks_can_store_whatever_they_say(call, attempt, site, body, status):
    """The settings of a site whose workers cannot reach EvoLink: what is said is applied, as far as rows can hold it."""
    with transaction.atomic():
        call(encoded({**body, "id": attempt.provider_task_id, "status": status}, ensure_ascii=True))
        callbacks.process_pending()
        assert not CallbackReceipt.objects.filter(process_at__isnull=False).exists()
        task = VideoTask.objects.get(pk=attempt.task_id)
        assert task.status in {"pending", "processing", "storing", "failed", "cancelled"}
        assert task.progress <= 99
        transaction.set_rollback(True)


@pytest.fixture
def site(settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "VERIFY_CALLBACKS": False}
