"""What a status means right now, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import ABOVE_CREDIT_LIMIT, TaskStatus
from django_wanvideo.failures import advice_for
from django_wanvideo.services.holds import holds
from django_wanvideo.services.limits import credit_limits

if TYPE_CHECKING:
    from django_wanvideo.models import VideoTask

_S = TaskStatus

#: What EvoLink documents for wan2.x when it does not say itself, in seconds (evolink-api.md §1.1).
USUAL_SECONDS = 120


def status_summary(task: VideoTask) -> str:
    """The line below the status in the list."""
    if task.is_waiting_for_approval:
        return _("Waits for approval")
    if task.status == _S.DRAFT:
        return _("Not sent yet")
    if task.status == _S.QUEUED:
        return waiting_for(task)
    if task.status == _S.SUBMITTING:
        return _("Sending now")
    if task.status == _S.UNCONFIRMED:
        return _("Needs a decision") if needs_decision(task) else _("Waiting for EvoLink’s answer")
    if task.status == _S.PENDING:
        return late_words(task) or _("At EvoLink, not started")
    if task.status == _S.PROCESSING:
        return " · ".join(filter(None, [percent(task.progress), remaining(task, exact=False)]))
    if task.status == _S.STORING:
        return storing_words(task)
    if task.status == _S.COMPLETED:
        taken = duration_of(task)
        return _("in %(time)s") % {"time": formats.seconds_in_words(taken)} if taken is not None else ""
    if task.status == _S.FAILED:
        return str(advice_for(task.error_code).heading)
    return _("EvoLink cancelled it") if task.error_code else _("Cancelled before sending")


def waiting_for(task: VideoTask) -> str:
    """Why a queued task has not been sent, and when it will be."""
    # Where the holds that stand were looked up, what the row says of a hold may be older than they are.
    holding = getattr(task, "hold_reason", None)
    if holding:
        return held_words(holding)
    if holding is not None and task.delay_reason in holds.REASONS:
        return _("Next to be sent")
    reason = held_words(task.delay_reason)
    if task.delay_reason in credit_limits.REASONS:
        if (
            task.delay_reason == ABOVE_CREDIT_LIMIT
            or task.delayed_until is None
            or task.delayed_until <= timezone.now()
        ):
            return reason
        return _("%(reason)s, to be sent %(at)s") % {"reason": reason, "at": formats.clock(task.delayed_until)}
    if task.delay_reason in holds.REASONS:
        return reason
    if task.delayed_until and (left := (task.delayed_until - timezone.now()).total_seconds()) > 0:
        return _("%(reason)s, tries again in %(time)s") % {"reason": reason, "time": formats.seconds_in_words(left)}
    return reason if task.delay_reason else _("Next to be sent")


def held_words(reason: str) -> str:
    """Why something was put off, by the reason that the services give."""
    return {
        "evolink_busy": _("EvoLink asked us to wait"),
        "evolink_unreachable": _("EvoLink cannot be reached"),
        "upload_failed": _("EvoLink has not accepted the picture yet"),
        "files_full": _("EvoLink keeps too many files of the account; room comes as they end"),
        "input_unreadable": _("A file of it cannot be read from this site’s storage"),
        "no_api_key": _("This site has no key for EvoLink"),
        "misconfigured": _("A setting of this site is wrong"),
        "sending_paused": _("Waiting: sending is paused"),
        "key_rejected": _("EvoLink rejects this site’s key"),
        "credits_used_up": _("Waiting for credits"),
        "answers_lost": _("Waiting: EvoLink’s answers get lost"),
        "sending_busy": _("Waiting for its turn"),
        "max_in_flight": _("Waiting until others are done"),
        "max_per_minute": _("Waiting for its turn"),
        "daily_credit_limit": _("Waiting for tomorrow’s credits"),
        "weekly_credit_limit": _("Waiting for next week’s credits"),
        "monthly_credit_limit": _("Waiting for next month’s credits"),
        "group_daily_credit_limit": _("Waiting for the group’s credits for tomorrow"),
        "group_weekly_credit_limit": _("Waiting for the group’s credits for next week"),
        "group_monthly_credit_limit": _("Waiting for the group’s credits for next month"),
        "user_daily_credit_limit": _("Waiting for the owner’s credits for tomorrow"),
        "user_weekly_credit_limit": _("Waiting for the owner’s credits for next week"),
        "user_monthly_credit_limit": _("Waiting for the owner’s credits for next month"),
        "above_credit_limit": _("Costs more than a credit limit allows: cancel it, or have the limit raised"),
        "lookup_unanswered": _("EvoLink has not said what happened to the earlier request"),
        "lookup_not_found": _("EvoLink is asked about the earlier request before a new one is sent"),
        "worker_lost": _("A worker was stopped"),
        "installation": _("The database belongs to another installation"),
        "rolled_back": _("Waiting until the restored database is checked"),
    }.get(reason, _("Postponed"))


def storing_words(task: VideoTask) -> str:
    if not (task.retry_count and task.result_expires_at):
        return _("Copying the file")
    left = (task.result_expires_at - timezone.now()).total_seconds()
    tries = ngettext("%(n)s failed try", "%(n)s failed tries", task.retry_count) % {"n": task.retry_count}
    if left <= 0:
        return tries
    values = {"tries": tries, "time": formats.seconds_in_words(left)}
    return _("%(tries)s, EvoLink’s link ends in %(time)s") % values


def remaining(task: VideoTask, *, exact: bool) -> str:
    """How long EvoLink still needs; empty when nothing is known. ``exact`` means tens of seconds, else minutes."""
    if late := late_words(task):
        return late
    if task.accepted_at is None or not task.estimated_seconds:
        return _("any moment now") if task.progress >= 95 else ""
    left = task.estimated_seconds - (timezone.now() - task.accepted_at).total_seconds()
    if left <= 0 or task.progress >= 95:
        return _("any moment now")
    if left < 20:
        return _("a few seconds left")
    shown = round(left / 10) * 10 if exact else max(60, round(left / 60) * 60)
    return _("about %(time)s left") % {"time": formats.seconds_in_words(shown)}


def late_words(task: VideoTask) -> str:
    """How late a task is, once people were told; empty before."""
    if task.overdue_notified_at is None or task.accepted_at is None:
        return ""
    late = (timezone.now() - task.accepted_at).total_seconds() - (task.estimated_seconds or USUAL_SECONDS)
    if late < 60:
        return ""
    return _("%(time)s late, still checking") % {"time": formats.seconds_in_words(round(late / 60) * 60)}


def leaving_words(task: VideoTask) -> str:
    """What happens while nobody looks at a task's page; empty where nothing does."""
    accepted = _("EvoLink cannot stop a video that it has accepted.")
    accepted = _("You can leave this page. The video appears in the list when it is done.") + " " + accepted
    return {
        _S.QUEUED: _("You can leave this page. The task stays in the list and is sent when its turn comes."),
        _S.SUBMITTING: _("You can leave this page. The list shows what EvoLink answers."),
        _S.UNCONFIRMED: _(
            "You can leave this page. There may be no video: the task stays in the list until somebody settles it."
        )
        if needs_decision(task)
        else _("You can leave this page. There may be no video: EvoLink has not confirmed the request."),
        _S.PENDING: accepted,
        _S.PROCESSING: accepted,
        _S.STORING: _("You can leave this page. The video appears in the list when it is copied."),
    }.get(_S(task.status), "")


def needs_decision(task: VideoTask) -> bool:
    """Whether people have been asked to settle an unconfirmed task."""
    return task.status == _S.UNCONFIRMED and task.next_action_at is None


def percent(value: int) -> str:
    return formats.unbroken(_("%(n)s %%") % {"n": value})


def duration_of(task: VideoTask) -> float | None:
    """Seconds from pressing Generate to the end, or ``None``."""
    if task.queued_at is None or task.finished_at is None:
        return None
    return (task.finished_at - task.queued_at).total_seconds()


def status_headline(task: VideoTask) -> str:
    """The sentence at the head of a task's page."""
    taken = duration_of(task)
    ended = {"at": formats.clock(task.finished_at), "time": formats.seconds_in_words(taken or 0)}
    if task.status == _S.COMPLETED:
        if taken is None:
            return _("Completed. The file is stored on this site.")
        return _("Completed at %(at)s, %(time)s after it was queued. The file is stored on this site.") % ended
    if task.status == _S.FAILED:
        return _("It failed.") if taken is None else _("Failed at %(at)s, %(time)s after it was queued.") % ended
    if task.status == _S.PROCESSING and task.accepted_at:
        return _("EvoLink has been making this video for %(time)s.") % {"time": formats.seconds_since(task.accepted_at)}
    if task.status == _S.CANCELLED and task.error_code:
        return _("EvoLink cancelled it.")
    return {
        _S.DRAFT: _("Nothing has been sent or charged."),
        _S.QUEUED: _("It will be sent automatically; you can still cancel it."),
        _S.SUBMITTING: _("The request is being sent."),
        _S.UNCONFIRMED: _("We do not know whether EvoLink accepted it. Nothing is sent again until that is settled."),
        _S.PENDING: _("EvoLink has accepted it and will start soon."),
        _S.PROCESSING: _("EvoLink is making this video."),
        _S.STORING: _("The video is done and is being copied to this site."),
        _S.CANCELLED: _("Cancelled before it was sent. Nothing was charged."),
    }[_S(task.status)]
