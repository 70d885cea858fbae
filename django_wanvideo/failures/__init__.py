"""What a failure means in words: what happened, what a person can do, what the button does, and what it cost."""

from __future__ import annotations

from django_wanvideo.failures.advice import FailureAdvice, FailureGroup
from django_wanvideo.failures.charges import charge_words
from django_wanvideo.failures.lookup import (
    ADVICE,
    UNKNOWN_CODE,
    advice_for,
    codes_by_heading,
    codes_for_retry,
    quotation,
)

__all__ = [
    "ADVICE",
    "UNKNOWN_CODE",
    "FailureAdvice",
    "FailureGroup",
    "advice_for",
    "charge_words",
    "codes_by_heading",
    "codes_for_retry",
    "quotation",
]
