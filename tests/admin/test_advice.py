"""Failures in words, for each code that EvoLink or the services know."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone, translation

import django_wanvideo
from django_wanvideo.choices import EventKind, EventSource
from django_wanvideo.downloads import urls
from django_wanvideo.failures import ADVICE, advice_for, charge_words, quotation
from django_wanvideo.models import lifecycle
from tests.admin.conftest import url

CODES = [
    "content_policy_violation",
    "invalid_parameters",
    "image_processing_error",
    "image_dimension_mismatch",
    "request_cancelled",
    "generation_failed_no_content",
    "service_error",
    "generation_timeout",
    "resource_exhausted",
    "quota_exceeded",
    "service_unavailable",
    "resource_not_found",
    "unknown_error",
    "invalid_request",
    "invalid_parameter",
    "unauthorized",
    "insufficient_quota",
    "model_access_denied",
    "rate_limit_exceeded",
    "internal_error",
    "insufficient_user_quota",
    "quota_not_enough",
    "account_balance_insufficient",
    "insufficient_token_quota",
    "key_quota_exhausted",
    "token_daily_quota_exceeded",
    "key_daily_quota_exhausted",
    "key_disabled",
    "key_expired",
    "key_model_not_allowed",
    "ip_restricted",
    "user_disabled",
    "invalid_token",
    "invalid_media_url",
    "unsupported_parameters",
    "content_filter",
    "sensitive_content",
    "moderation_blocked",
    "input_moderation_failed",
    "no_available_channel",
    "model_unavailable",
    "channel_selection_failed",
    "idempotency_conflict",
    "paid_outcome_unknown",
    "upstream_error",
    "rate_limited",
]
ACTIONS = {"edit_copy", "replace_picture", "retry", "decide", "fetch_again", "none"}


@pytest.mark.parametrize("code", CODES)
def test_each_code_of_evolink_has_words_of_its_own(code):
    assert code in ADVICE


def test_each_code_that_the_services_write_has_words_of_its_own():
    services = Path(django_wanvideo.__file__).parent / "services"
    source = "".join(path.read_text() for path in services.rglob("*.py"))
    written = set(re.findall(r'error_code="([a-z_]+)"', source))
    # A code stands before its sentence, whatever the function is called that writes both.
    written |= set(re.findall(r'"([a-z]+(?:_[a-z]+)+)", (?:_\(|message)', source))
    assert {"put_off_too_long", "result_expired", "input_missing"} <= written
    assert written - set(ADVICE) == set()


@pytest.mark.parametrize("reason", [*sorted(urls._FINAL_REASONS), "http_error", "not_a_video", "truncated"])
def test_each_file_that_is_given_up_has_words_of_its_own(reason):
    assert advice_for(f"result_{reason}").next_action == "fetch_again"


def test_an_unknown_code_has_words_too():
    advice = advice_for("something_new")
    assert advice.next_action == "retry"
    assert "not one this site knows" in str(advice.explanation)


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_each_advice_says_what_whose_move_and_what_next_without_internals(code):
    advice = ADVICE[code]
    words = [str(advice.heading), str(advice.explanation), str(advice.whose_move)]
    assert all(words)
    assert advice.next_action in ACTIONS
    assert not re.search(r"HTTP|job|webhook|Redis|worker|\d{3}|!", " ".join(words))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Blocked by safety filters.", "Blocked by safety filters."),
        ("Invalid token (request id: 20261120133800abcdef)", "Invalid token"),
        ("Task task-unified-1795092608-k3v9m2qa has expired", "Task has expired"),
        ("Could not fetch https://files.example/a.jpg?sig=secret today", "Could not fetch today"),
        ("model identifier is wrong; request body too large", "model identifier is wrong; request body too large"),
    ],
)
def test_evolinks_words_are_quoted_without_its_ids_and_links(message, shown):
    assert quotation(message) == shown


def test_no_id_or_token_of_evolink_stands_on_a_task_page(admin_client, make_task):
    secret = "task-unified-1795092608-k3v9m2qa"
    said = f"Upstream refused {secret} (request id: 20261120133800abcdef)"
    task = make_task("failed", error_code="service_error", error_message=said, provider_task_id=secret)
    detail = {"code": "x", "message": said, "request_id": "20261120133800abcdef", "provider_task_id": secret}
    lifecycle.record(task, EventKind.FAILED, EventSource.POLL, detail=detail)
    page = admin_client.get(url("change", task.pk)).content.decode()
    assert "Upstream refused" in page
    assert secret not in page
    assert "20261120133800abcdef" not in page


def test_advice_is_translated_when_it_is_shown(monkeypatch):
    with translation.override("en"):
        assert str(advice_for("service_error").heading) == "EvoLink had a fault"


class TestCharge:
    """Only what is known is said."""

    @pytest.mark.parametrize(
        ("status", "fields", "verdict"),
        [
            ("failed", {}, "Not charged."),
            ("failed", {"accepted_at": True}, "Should not be charged."),
            ("failed", {"accepted_at": True, "credits_used": Decimal(0)}, "Not charged."),
            ("failed", {"accepted_at": True, "credits_used": Decimal("11.9")}, "Charged 11.90 credits."),
            ("unconfirmed", {}, "May have been charged."),
            ("cancelled", {}, "Not charged."),
            ("cancelled", {"accepted_at": True}, "May have been charged."),
            ("completed", {"credits_used": Decimal("19.873")}, "Charged 19.87 credits."),
            ("completed", {}, "Charged."),
            ("processing", {"accepted_at": True}, "Will be charged."),
        ],
    )
    def test_is_said_by_what_evolink_reported(self, make_task, status, fields, verdict):
        if fields.get("accepted_at"):
            fields = {**fields, "accepted_at": timezone.now()}
        assert charge_words(make_task(status, **fields)).verdict == verdict
