"""Failures that EvoLink tells of, by its error codes and its codes of failed tasks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from django_wanvideo.failures.advice import FailureAdvice, FailureGroup

UNKNOWN = FailureAdvice(
    codes=("unknown_error",),
    heading=_("Unknown reason"),
    explanation=_("EvoLink did not make the video. Its reason is not one this site knows."),
    whose_move=_("Retry once. If it fails again, give the error code to the site administrator."),
)
AT_EVOLINK = (
    FailureAdvice(
        codes=(
            "content_policy_violation",
            "content_filter",
            "sensitive_content",
            "moderation_blocked",
            "input_moderation_failed",
        ),
        heading=_("Content refused"),
        explanation=_("EvoLink’s safety filter stopped this picture or prompt. No video was made."),
        whose_move=_(
            "Change the prompt or the picture. Filters most often stop real or famous people, brands, nudity, "
            "violence, and children."
        ),
        next_action="edit_copy",
        special_hint=_(
            "Unchanged, it would most likely be refused again. A copy is a draft and costs nothing until you send it."
        ),
        group=FailureGroup.CONTENT,
    ),
    FailureAdvice(
        codes=(
            "invalid_parameters",
            "invalid_parameter",
            "invalid_request",
            "unsupported_parameters",
            "http_400",
            "http_413",
            "http_415",
            "http_422",
        ),
        heading=_("Settings refused"),
        explanation=_("EvoLink does not accept one of the settings or files."),
        whose_move=_("Change the setting or file that EvoLink names above."),
        next_action="edit_copy",
        group=FailureGroup.SETTINGS,
    ),
    FailureAdvice(
        codes=("image_processing_error", "invalid_media_url", "input_refused"),
        heading=_("Picture unreadable"),
        explanation=_("EvoLink could not open the picture."),
        whose_move=_("Choose another file, or upload the picture instead of giving a link."),
        next_action="replace_picture",
        group=FailureGroup.SETTINGS,
    ),
    FailureAdvice(
        codes=("image_dimension_mismatch",),
        heading=_("Picture does not fit"),
        explanation=_("The picture’s proportions do not match the chosen format."),
        whose_move=_("Choose a picture or a format that fits."),
        next_action="edit_copy",
        group=FailureGroup.SETTINGS,
    ),
    FailureAdvice(
        codes=("generation_failed_no_content",),
        heading=_("EvoLink made no video"),
        explanation=_("EvoLink finished without a video."),
        whose_move=_("Change the prompt; other words often help."),
        next_action="edit_copy",
    ),
    FailureAdvice(
        codes=("request_cancelled",),
        heading=_("Cancelled by EvoLink"),
        explanation=_("EvoLink cancelled this video."),
        whose_move=_("Retry if you still want the video."),
    ),
    FailureAdvice(
        codes=("service_error", "upstream_error", "service_unavailable", "model_unavailable"),
        heading=_("EvoLink had a fault"),
        explanation=_("Something went wrong at EvoLink while it worked on this video."),
        whose_move=_("This is temporary, try again in a minute."),
        group=FailureGroup.CAPACITY,
    ),
    FailureAdvice(
        codes=("generation_timeout",),
        heading=_("EvoLink took too long"),
        explanation=_("EvoLink took too long and gave up."),
        whose_move=_("Try again later, or make a shorter video."),
        group=FailureGroup.CAPACITY,
    ),
    FailureAdvice(
        codes=(
            "resource_exhausted",
            "quota_exceeded",
            "rate_limited",
            "rate_limit_exceeded",
            "no_available_channel",
            "channel_selection_failed",
            "put_off_too_long",
        ),
        heading=_("EvoLink was at capacity"),
        explanation=_("EvoLink had no capacity for this video."),
        whose_move=_("This is temporary, try again in a few minutes."),
        group=FailureGroup.CAPACITY,
    ),
    FailureAdvice(
        codes=(
            "insufficient_quota",
            "insufficient_user_quota",
            "quota_not_enough",
            "account_balance_insufficient",
            "http_402",
        ),
        heading=_("The EvoLink credits are used up"),
        explanation=_("EvoLink refused the request because the account has too few credits left."),
        whose_move=_("Ask the person who pays for EvoLink to top up the account, then retry."),
        group=FailureGroup.CREDITS,
    ),
    FailureAdvice(
        codes=("insufficient_token_quota", "key_quota_exhausted"),
        heading=_("This site’s key has reached its limit"),
        explanation=_("EvoLink allows this site’s key no more credits."),
        whose_move=_("Ask the site administrator to raise the key’s limit at EvoLink, then retry."),
        group=FailureGroup.CREDITS,
    ),
    FailureAdvice(
        codes=("token_daily_quota_exceeded", "key_daily_quota_exhausted"),
        heading=_("This site’s key has reached its limit for today"),
        explanation=_("EvoLink allows this site’s key no more credits today."),
        whose_move=_("Retry tomorrow, or ask the site administrator to raise the key’s limit at EvoLink."),
        group=FailureGroup.CREDITS,
    ),
    FailureAdvice(
        codes=(
            "unauthorized",
            "invalid_token",
            "key_disabled",
            "key_expired",
            "user_disabled",
            "ip_restricted",
            "http_401",
        ),
        heading=_("EvoLink rejects this site’s key"),
        explanation=_("EvoLink does not know this site’s key, or has blocked it."),
        whose_move=_("Ask the site administrator to set a new key, then retry."),
    ),
    FailureAdvice(
        codes=("model_access_denied", "key_model_not_allowed", "permission_denied", "http_403"),
        heading=_("This site’s key may not use this model"),
        explanation=_("EvoLink does not let this site’s key use the chosen model."),
        whose_move=_("Choose another model, or ask the site administrator to allow this one at EvoLink."),
        next_action="edit_copy",
    ),
    FailureAdvice(
        codes=("model_not_found", "http_404"),
        heading=_("EvoLink does not know this model"),
        explanation=_("EvoLink does not offer the model that this video was to be made with."),
        whose_move=_("Choose another model, or ask the site administrator whether EvoLink still offers this one."),
        next_action="edit_copy",
    ),
    FailureAdvice(
        codes=("resource_not_found",),
        heading=_("EvoLink no longer knows this video"),
        explanation=_("EvoLink says that it does not know this video any more."),
        whose_move=_("Ask the site administrator to contact EvoLink about this video."),
    ),
)
