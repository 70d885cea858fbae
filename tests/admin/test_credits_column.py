"""What the list says that a task cost: never a price for what cost nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from django_wanvideo.admin.presentation import markup

NOW = timezone.now()


def cell(task):
    return strip_tags(markup.credits_cell(task)).replace("\xa0", " ")


@pytest.mark.fault("K12.list-shows-a-price-for-failures-that-cost-nothing")
@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        ("failed", {"error_code": "http_400"}, "0.00not charged"),
        ("failed", {"error_code": "service_error", "accepted_at": NOW}, "0.00should not be charged"),
        ("failed", {"error_code": "service_error", "accepted_at": NOW, "credits_used": 0}, "0.00not charged"),
        ("failed", {"error_code": "never_answered", "accepted_at": NOW}, "up to 11.90may have been charged"),
        ("cancelled", {}, "0.00not charged"),
        ("cancelled", {"error_code": "request_cancelled", "accepted_at": NOW}, "up to 11.90may have been charged"),
        ("unconfirmed", {}, "up to 11.90may have been charged"),
        ("failed", {"error_code": "result_expired", "accepted_at": NOW, "result_expires_at": NOW,
                    "credits_reserved": Decimal("12.5")}, "≈ 12.50charged"),
        ("draft", {}, "≈ 11.90"),
        ("queued", {}, "≈ 11.90"),
        ("submitting", {}, "≈ 11.90"),
        ("processing", {"accepted_at": NOW}, "≈ 11.90"),
        ("completed", {"credits_used": Decimal("11.9")}, "11.90"),
        ("completed", {"credits_used": 0}, "0.00not charged"),
    ],
)  # fmt: skip
def test_credits_are_what_is_known(make_task, status, fields, expected):
    assert cell(make_task(status, **fields)) == expected
