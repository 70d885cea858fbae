"""What a failure means in words: what happened, what a person can do, and what the button does.

Sources of the codes: EvoLink's error and task failure codes (evolink-api.md §4.3 and §4.4), and this app's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import Charge, TaskStatus

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from django_wanvideo.models import VideoTask

#: What the primary button below a failure does.
NextAction = Literal["edit_copy", "replace_picture", "retry", "decide", "fetch_again", "none"]


@dataclass(frozen=True, slots=True)
class Advice:
    """One failure, explained to the person who has to go on from it."""

    #: A few words, such as "Content refused".
    heading: StrOrPromise
    #: One sentence: what happened.
    explanation: StrOrPromise
    #: Who can act, and on what.
    whose_move: StrOrPromise
    next_action: NextAction
    #: A remark beside the button.
    hint: StrOrPromise = ""


class ChargeWords(NamedTuple):
    """What is known about the money, as a verdict in two words, a sentence, and a tone for its colour."""

    verdict: str
    sentence: str
    tone: Literal["good", "neutral", "warning", "failed"]


_COPY_HINT = _("A copy is a draft and costs nothing until you send it.")
_WAIT_HINT = _("A retry is a new request and is charged separately.")

_REFUSED_CONTENT = Advice(
    _("Content refused"),
    _("EvoLink’s safety filter stopped this picture or prompt. No video was made."),
    _(
        "Change the prompt or the picture. Filters most often stop real or famous people, brands, nudity, "
        "violence, and children."
    ),
    "edit_copy",
    _("Unchanged, it would most likely be refused again. A copy is a draft and costs nothing until you send it."),
)
_REFUSED_SETTINGS = Advice(
    _("Settings refused"),
    _("EvoLink does not accept one of the settings or files."),
    _("Change the setting or file that EvoLink names above."),
    "edit_copy",
    _COPY_HINT,
)
_UNREADABLE_PICTURE = Advice(
    _("Picture unreadable"),
    _("EvoLink could not open the picture."),
    _("Choose another file, or upload the picture instead of giving a link."),
    "replace_picture",
    _COPY_HINT,
)
_FAULT = Advice(
    _("EvoLink had a fault"),
    _("Something went wrong at EvoLink while it worked on this video."),
    _("This is temporary, try again in a minute."),
    "retry",
    _WAIT_HINT,
)
_FULL = Advice(
    _("EvoLink was at capacity"),
    _("EvoLink had no capacity for this video."),
    _("This is temporary, try again in a few minutes."),
    "retry",
    _WAIT_HINT,
)
_NO_CREDITS = Advice(
    _("The EvoLink credits are used up"),
    _("EvoLink refused the request because the account has too few credits left."),
    _("Ask the person who pays for EvoLink to top up the account, then retry."),
    "retry",
    _WAIT_HINT,
)
_KEY_LIMIT = Advice(
    _("This site’s key has reached its limit"),
    _("EvoLink allows this site’s key no more credits."),
    _("Ask the site administrator to raise the key’s limit at EvoLink, then retry."),
    "retry",
    _WAIT_HINT,
)
_KEY_LIMIT_TODAY = Advice(
    _("This site’s key has reached its limit for today"),
    _("EvoLink allows this site’s key no more credits today."),
    _("Retry tomorrow, or ask the site administrator to raise the key’s limit at EvoLink."),
    "retry",
    _WAIT_HINT,
)
_KEY_REJECTED = Advice(
    _("EvoLink rejects this site’s key"),
    _("EvoLink does not know this site’s key, or has blocked it."),
    _("Ask the site administrator to set a new key, then retry."),
    "retry",
    _WAIT_HINT,
)
_MODEL_FORBIDDEN = Advice(
    _("This site’s key may not use this model"),
    _("EvoLink does not let this site’s key use the chosen model."),
    _("Choose another model, or ask the site administrator to allow this one at EvoLink."),
    "edit_copy",
    _COPY_HINT,
)
_LOST_ANSWER = Advice(
    _("EvoLink’s answer was lost"),
    _("We do not know whether EvoLink accepted the request."),
    _("Ask somebody with the permission to settle unconfirmed tasks."),
    "decide",
)
_FILE_REFUSED_MOVE = _("Ask the site administrator. Until EvoLink’s link ends, the file can be fetched again.")
_UNKNOWN = Advice(
    _("Unknown reason"),
    _("EvoLink did not make the video. Its reason is not one this site knows."),
    _("Retry once. If it fails again, give the error code to the site administrator."),
    "retry",
    _WAIT_HINT,
)

_GROUPS: tuple[tuple[tuple[str, ...], Advice], ...] = (
    (
        (
            "content_policy_violation",
            "content_filter",
            "sensitive_content",
            "moderation_blocked",
            "input_moderation_failed",
        ),
        _REFUSED_CONTENT,
    ),
    (
        (
            "invalid_parameters",
            "invalid_parameter",
            "invalid_request",
            "unsupported_parameters",
            "http_400",
            "http_413",
            "http_415",
            "http_422",
        ),
        _REFUSED_SETTINGS,
    ),
    (("image_processing_error", "invalid_media_url", "input_refused"), _UNREADABLE_PICTURE),
    (
        ("image_dimension_mismatch",),
        Advice(
            _("Picture does not fit"),
            _("The picture’s proportions do not match the chosen format."),
            _("Choose a picture or a format that fits."),
            "edit_copy",
            _COPY_HINT,
        ),
    ),
    (
        ("generation_failed_no_content",),
        Advice(
            _("EvoLink made no video"),
            _("EvoLink finished without a video."),
            _("Change the prompt; other words often help."),
            "edit_copy",
            _COPY_HINT,
        ),
    ),
    (
        ("result_missing",),
        Advice(
            _("EvoLink delivered no file"),
            _("EvoLink says that it made this video, but gave no file of it for a whole day."),
            _("Ask the site administrator to claim the file or the credits from EvoLink."),
            "retry",
            _WAIT_HINT,
        ),
    ),
    (
        ("request_cancelled",),
        Advice(
            _("Cancelled by EvoLink"),
            _("EvoLink cancelled this video."),
            _("Retry if you still want the video."),
            "retry",
            _WAIT_HINT,
        ),
    ),
    (("service_error", "upstream_error", "service_unavailable", "model_unavailable"), _FAULT),
    (
        ("generation_timeout",),
        Advice(
            _("EvoLink took too long"),
            _("EvoLink took too long and gave up."),
            _("Try again later, or make a shorter video."),
            "retry",
            _WAIT_HINT,
        ),
    ),
    (
        (
            "resource_exhausted",
            "quota_exceeded",
            "rate_limited",
            "rate_limit_exceeded",
            "no_available_channel",
            "channel_selection_failed",
            "put_off_too_long",
        ),
        _FULL,
    ),
    (
        (
            "insufficient_quota",
            "insufficient_user_quota",
            "quota_not_enough",
            "account_balance_insufficient",
            "http_402",
        ),
        _NO_CREDITS,
    ),
    (("insufficient_token_quota", "key_quota_exhausted"), _KEY_LIMIT),
    (("token_daily_quota_exceeded", "key_daily_quota_exhausted"), _KEY_LIMIT_TODAY),
    (
        (
            "unauthorized",
            "invalid_token",
            "key_disabled",
            "key_expired",
            "user_disabled",
            "ip_restricted",
            "http_401",
        ),
        _KEY_REJECTED,
    ),
    (("model_access_denied", "key_model_not_allowed", "permission_denied", "http_403"), _MODEL_FORBIDDEN),
    (
        # A request that was refused so names no video yet: what EvoLink does not know is the model.
        ("model_not_found", "http_404"),
        Advice(
            _("EvoLink does not know this model"),
            _("EvoLink does not offer the model that this video was to be made with."),
            _("Choose another model, or ask the site administrator whether EvoLink still offers this one."),
            "edit_copy",
            _COPY_HINT,
        ),
    ),
    (
        ("never_answered",),
        Advice(
            _("EvoLink did not answer"),
            _("EvoLink gave no answer about this video for a whole day."),
            _("Ask the site administrator to contact EvoLink about this video."),
            "retry",
            _WAIT_HINT,
        ),
    ),
    (
        ("never_finished",),
        Advice(
            _("EvoLink did not finish"),
            _("EvoLink has worked on this video for more than a day without finishing it."),
            _("Ask the site administrator to contact EvoLink about this video."),
            "retry",
            _WAIT_HINT,
        ),
    ),
    (
        ("resource_not_found",),
        Advice(
            _("EvoLink no longer knows this video"),
            _("EvoLink says that it does not know this video any more."),
            _("Ask the site administrator to contact EvoLink about this video."),
            "retry",
            _WAIT_HINT,
        ),
    ),
    (
        ("lookup_failed",),
        Advice(
            _("EvoLink did not answer"),
            _("EvoLink did not say what happened to the earlier request, so no new one was sent."),
            _("Retry. If EvoLink still does not answer, tell the site administrator."),
            "retry",
            _("A retry first asks EvoLink about the earlier request, and sends a new one only if that is lost."),
        ),
    ),
    (("internal_error", "paid_outcome_unknown", "idempotency_conflict", "outcome_unknown"), _LOST_ANSWER),
    (
        ("result_expired",),
        Advice(
            _("The video could not be copied in time"),
            _("The video was made, but EvoLink’s link ended before the file was copied to this site."),
            _("See below why copying failed. Retry, or ask the site administrator."),
            "retry",
            _WAIT_HINT,
        ),
    ),
    (
        ("result_not_a_video", "result_truncated", "result_encoded"),
        Advice(
            _("EvoLink’s file was not accepted"),
            _("What EvoLink delivered is not an MP4 video."),
            _FILE_REFUSED_MOVE,
            "fetch_again",
        ),
    ),
    (
        ("result_too_large",),
        Advice(
            _("EvoLink’s file was not accepted"),
            _("What EvoLink delivered is larger than this site allows."),
            _FILE_REFUSED_MOVE,
            "fetch_again",
        ),
    ),
    (
        ("result_forbidden_address", "result_forbidden_host", "result_bad_scheme", "result_bad_redirect"),
        Advice(
            _("EvoLink’s file was not accepted"),
            _("EvoLink’s file is at an address that this site does not trust."),
            _FILE_REFUSED_MOVE,
            "fetch_again",
        ),
    ),
    (
        ("result_http_error",),
        Advice(
            _("EvoLink’s file could not be fetched"),
            _("The video was made, but its link answered with an error."),
            _FILE_REFUSED_MOVE,
            "fetch_again",
        ),
    ),
    (
        ("input_missing",),
        Advice(
            _("The picture is gone"),
            _("The picture’s file is no longer on this site, so nothing could be sent."),
            _("Choose the picture again."),
            "replace_picture",
            _COPY_HINT,
        ),
    ),
    (
        ("input_unreadable",),
        Advice(
            _("The picture cannot be read"),
            _("This site could not read the picture from its own storage for a whole day, so nothing was sent."),
            _("Ask the site administrator to check the storage, then retry."),
            "retry",
            _WAIT_HINT,
        ),
    ),
    (
        ("decided_not_accepted",),
        Advice(
            _("Not accepted"),
            _("EvoLink’s answer was lost, and somebody decided that the request was not accepted."),
            _("Retry if you still want the video."),
            "retry",
            _WAIT_HINT,
        ),
    ),
    (("unknown_error",), _UNKNOWN),
)

#: The code of a reason that is not known.
UNKNOWN_CODE = "unknown_error"
#: What EvoLink and the gateway before it put into messages for their own support.
_IDS = re.compile(
    r"[(\[]?\b(?:request|trace|task)[ _-]?id\b\W{0,3}[\w-]{6,}[)\]]?|\btask-unified-[\w-]+|https?://\S+", re.IGNORECASE
)
#: Advice by code.
ADVICE: dict[str, Advice] = {code: advice for codes, advice in _GROUPS for code in codes}


def advice_for(code: str) -> Advice:
    """Return what to tell people about ``code``; unknown codes have words too."""
    return ADVICE.get(code, _UNKNOWN)


def by_heading() -> dict[str, list[str]]:
    """Return the codes of each heading, in the reader's language."""
    found: dict[str, list[str]] = {}
    for code, advice in ADVICE.items():
        found.setdefault(str(advice.heading), []).append(code)
    return found


def quotation(message: str) -> str:
    """Return EvoLink's own words for staff: without its ids, and without addresses, whose queries may be credentials."""
    return re.sub(r"\s{2,}", " ", _IDS.sub("", message)).strip()


def charge_words(task: VideoTask) -> ChargeWords:
    """Say what is known about the money of ``task``, and no more."""
    charge = task.charge
    if charge == Charge.CHARGED:
        used = task.credits_used if task.credits_used is not None else task.credits_reserved
        if used is not None:
            return ChargeWords(gettext("Charged %(n)s credits.") % {"n": _amount(used)}, "", "neutral")
        return ChargeWords(gettext("Charged."), gettext("EvoLink has not said how much yet."), "neutral")
    if charge == Charge.NONE:
        sentence = ""
        if task.credits_reserved and task.status in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
            sentence = gettext("EvoLink has given back the %(n)s credits it had reserved.") % {
                "n": _amount(task.credits_reserved)
            }
        return ChargeWords(gettext("Not charged."), sentence, "good")
    if charge == Charge.NOT_EXPECTED:
        if task.credits_reserved:
            sentence = gettext(
                "EvoLink gives back the %(n)s reserved credits for failed videos; it has not reported that yet."
            ) % {"n": _amount(task.credits_reserved)}
        else:
            sentence = gettext("EvoLink does not charge for failed videos; it has not reported that yet.")
        return ChargeWords(gettext("Should not be charged."), sentence, "neutral")
    if charge == Charge.MAYBE:
        sentence = gettext("EvoLink has not said yet.")
        return ChargeWords(gettext("May have been charged."), sentence, "warning")
    sentence = gettext("EvoLink settles the bill when the video is done.")
    return ChargeWords(gettext("Will be charged."), sentence, "neutral")


def _amount(number: Decimal) -> str:
    return number_format(number.quantize(Decimal("0.01"), ROUND_HALF_UP), decimal_pos=2)
