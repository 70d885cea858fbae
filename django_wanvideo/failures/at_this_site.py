"""Failures that this site has a code of its own for: lost answers, files that could not be copied, decisions."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from django_wanvideo.failures.advice import FailureAdvice, FailureGroup

_FILE_MOVE = _("Ask the site administrator. Until EvoLink’s link ends, the file can be fetched again.")

AT_THIS_SITE = (
    FailureAdvice(
        codes=("result_missing",),
        heading=_("EvoLink delivered no file"),
        explanation=_("EvoLink says that it made this video, but gave no file of it for a whole day."),
        whose_move=_("Ask the site administrator to claim the file or the credits from EvoLink."),
    ),
    FailureAdvice(
        codes=("never_answered",),
        heading=_("EvoLink did not answer"),
        explanation=_("EvoLink gave no answer about this video for a whole day."),
        whose_move=_("Ask the site administrator to contact EvoLink about this video."),
        group=FailureGroup.CAPACITY,
    ),
    FailureAdvice(
        codes=("never_finished",),
        heading=_("EvoLink did not finish"),
        explanation=_("EvoLink has worked on this video for more than a day without finishing it."),
        whose_move=_("Ask the site administrator to contact EvoLink about this video."),
        group=FailureGroup.CAPACITY,
    ),
    FailureAdvice(
        codes=("lookup_failed",),
        heading=_("EvoLink did not answer"),
        explanation=_("EvoLink did not say what happened to the earlier request, so no new one was sent."),
        whose_move=_("Retry. If EvoLink still does not answer, tell the site administrator."),
        special_hint=_(
            "A retry first asks EvoLink about the earlier request, and sends a new one only if that is lost."
        ),
    ),
    FailureAdvice(
        codes=("internal_error", "paid_outcome_unknown", "idempotency_conflict", "outcome_unknown"),
        heading=_("EvoLink’s answer was lost"),
        explanation=_("We do not know whether EvoLink accepted the request."),
        whose_move=_("Ask somebody with the permission to settle unconfirmed tasks."),
        next_action="decide",
    ),
    FailureAdvice(
        codes=("result_expired",),
        heading=_("The video could not be copied in time"),
        explanation=_("The video was made, but EvoLink’s link ended before the file was copied to this site."),
        whose_move=_("See below why copying failed. Retry, or ask the site administrator."),
        group=FailureGroup.COPYING,
    ),
    FailureAdvice(
        codes=("result_not_a_video", "result_truncated", "result_encoded"),
        heading=_("EvoLink’s file was not accepted"),
        explanation=_("What EvoLink delivered is not an MP4 video."),
        whose_move=_FILE_MOVE,
        next_action="fetch_again",
        group=FailureGroup.COPYING,
    ),
    FailureAdvice(
        codes=("result_too_large",),
        heading=_("EvoLink’s file was not accepted"),
        explanation=_("What EvoLink delivered is larger than this site allows."),
        whose_move=_FILE_MOVE,
        next_action="fetch_again",
        group=FailureGroup.COPYING,
    ),
    FailureAdvice(
        codes=("result_forbidden_address", "result_forbidden_host", "result_bad_scheme", "result_bad_redirect"),
        heading=_("EvoLink’s file was not accepted"),
        explanation=_("EvoLink’s file is at an address that this site does not trust."),
        whose_move=_FILE_MOVE,
        next_action="fetch_again",
        group=FailureGroup.COPYING,
    ),
    FailureAdvice(
        codes=("result_http_error",),
        heading=_("EvoLink’s file could not be fetched"),
        explanation=_("The video was made, but its link answered with an error."),
        whose_move=_FILE_MOVE,
        next_action="fetch_again",
        group=FailureGroup.COPYING,
    ),
    FailureAdvice(
        codes=("input_missing",),
        heading=_("The picture is gone"),
        explanation=_("The picture’s file is no longer on this site, so nothing could be sent."),
        whose_move=_("Choose the picture again."),
        next_action="replace_picture",
    ),
    FailureAdvice(
        codes=("input_unreadable",),
        heading=_("The picture cannot be read"),
        explanation=_(
            "This site could not read the picture from its own storage for a whole day, so nothing was sent."
        ),
        whose_move=_("Ask the site administrator to check the storage, then retry."),
    ),
    FailureAdvice(
        codes=("decided_not_accepted",),
        heading=_("Not accepted"),
        explanation=_("EvoLink’s answer was lost, and somebody decided that the request was not accepted."),
        whose_move=_("Retry if you still want the video."),
    ),
)
