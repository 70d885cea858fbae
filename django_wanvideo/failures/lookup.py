"""The advice for a code, and EvoLink's own words as staff are shown them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django_wanvideo.failures.at_evolink import AT_EVOLINK, UNKNOWN
from django_wanvideo.failures.at_this_site import AT_THIS_SITE

if TYPE_CHECKING:
    from django_wanvideo.failures.advice import FailureAdvice

#: The code of a reason that is not known.
(UNKNOWN_CODE,) = UNKNOWN.codes
#: What EvoLink and the gateway before it put into messages for their own support.
_IDS = re.compile(
    r"[(\[]?\b(?:request|trace|task)[ _-]?id\b\W{0,3}[\w-]{6,}[)\]]?|\btask-unified-[\w-]+|https?://\S+", re.IGNORECASE
)
#: Advice by code.
ADVICE: dict[str, FailureAdvice] = {
    code: advice for advice in (*AT_EVOLINK, *AT_THIS_SITE, UNKNOWN) for code in advice.codes
}


def advice_for(code: str) -> FailureAdvice:
    """Return what to tell people about ``code``; unknown codes have words too."""
    return ADVICE.get(code, UNKNOWN)


def codes_for_retry() -> list[str]:
    """Return the codes of failures where trying again, or fetching again, helps without changing anything."""
    return [code for code, advice in ADVICE.items() if advice.next_action in {"retry", "fetch_again"}]


def codes_by_heading() -> dict[str, list[str]]:
    """Return the codes of each heading, in the reader's language."""
    found: dict[str, list[str]] = {}
    for code, advice in ADVICE.items():
        found.setdefault(str(advice.heading), []).append(code)
    return found


def quotation(message: str) -> str:
    """Return EvoLink's own words for staff: without its ids, and without addresses, whose queries may be credentials."""
    return re.sub(r"\s{2,}", " ", _IDS.sub("", message)).strip()
