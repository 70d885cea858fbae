"""What holds sending back: at the top of the list, of each task that waits, and the page that pauses and resumes it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.base import person
from django_wanvideo.admin.caching import once
from django_wanvideo.admin.people import choices
from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import TaskStatus
from django_wanvideo.health import holds as hold_reports
from django_wanvideo.services.holds import holds, lock, pause
from django_wanvideo.services.provider import account_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.health.holds import Report
    from django_wanvideo.models import SiteState, VideoTask

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: Holds that one task can be sent in spite of, to see whether they are over.
_TRIED = frozenset({"account", "breaker"})


def may_pause(request: HttpRequest) -> bool:
    return request.user.has_perm(pause.PERMISSION)


def notices(model_admin: TaskAdminBase, request: HttpRequest) -> list[dict[str, Any]]:
    """Return what the list shows of each hold, with the buttons that this person may press."""
    reports = reports_for(request)
    return [
        {
            "report": report,
            "since": formats.clock(report.hold.since),
            "waiting_url": f"{model_admin.get_page_url('changelist')}?status={TaskStatus.QUEUED}",
            "credits": formats.credits_in_table(report.credits) if report.credits else "",
            "buttons": _buttons(report, reports) if may_pause(request) else [],
            "url": model_admin.get_page_url("sending"),
        }
        for report in reports
    ]


def reports_for(request: HttpRequest) -> list[Report]:
    """Return a report of each hold; what holds sending back is read once for each request."""
    return _looked_up(lambda: hold_reports.reports(marks(request))) or []


def is_paused(reports: Iterable[Report]) -> bool:
    return any(report.hold.kind == "person" for report in reports)


def label(model_admin: TaskAdminBase, request: HttpRequest, tasks: Iterable[VideoTask]) -> None:
    """Set ``hold_reason`` on queued tasks and ``resolve_url`` on unconfirmed ones that this person may settle.

    The reason is why each waits at this moment, by the holds that stand; empty for none.
    """
    queued = [task for task in tasks if task.status == TaskStatus.QUEUED]
    reasons = (_looked_up(lambda: holds.reasons(queued, marks(request))) if queued else None) or {}
    labelled: Any
    for labelled in tasks:
        if labelled.status == TaskStatus.QUEUED:
            labelled.hold_reason = reasons.get(labelled.pk)
        elif labelled.status == TaskStatus.UNCONFIRMED and model_admin.has_resolve_permission(request, labelled):
            labelled.resolve_url = model_admin.get_page_url("resolve", labelled.pk)


def reason_now(task: VideoTask) -> str:
    """Return what keeps a task back that was queued just now; empty where nothing does."""
    held = _looked_up(lambda: holds.refusal(task))
    return held.reason if held is not None else ""


def marks(request: HttpRequest) -> dict[str, SiteState]:
    """Return the rows of what holds sending back, and what this person chose for the list; one query for each request."""
    return once(
        request,
        "marks",
        lambda: lock.marks(*(choices.row_name(request, kind) for kind in (choices.VIEW, choices.MODEL))),
    )


def _looked_up(look: Callable[[], T]) -> T | None:
    try:
        return look()
    except Exception:
        # A list of videos must not depend on what a site's own function does that gives the key.
        logger.exception("Looking for what holds sending back did not work.")
        return None


def _buttons(report: Report, reports: list[Report]) -> list[dict[str, Any]]:
    kind = report.hold.kind
    if kind == "person":
        words = _("Resume sending")
        if len(reports) == 1 and report.waiting:
            words = ngettext(
                "Resume: send %(n)s for about %(credits)s credits",
                "Resume: send %(n)s for about %(credits)s credits",
                report.waiting,
            ) % {"n": report.waiting, "credits": formats.credits_in_table(report.credits)}
        return [{"action": "resume", "words": words, "is_primary": True}]
    found: list[dict[str, Any]] = []
    if kind == "account":
        hint = _("Checking asks EvoLink for the balance and costs nothing.")
        found.append({"action": "check", "words": _("Check now"), "is_primary": True, "hint": hint})
    if kind in _TRIED and report.waiting and not is_paused(reports):
        words = _("Try one now for up to %(n)s credits") % {"n": formats.credits_in_table(report.dearest)}
        found.append({"action": "resume", "words": words})
    return found


def sending_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponse:
    """Show the form that pauses, or do what a button says and go back to the list."""
    if not (may_pause(request) and model_admin.has_view_permission(request)):
        raise PermissionDenied
    back = model_admin.get_page_url("changelist")
    if request.method == "POST":
        _do(request, request.POST.get("action", ""))
        return HttpResponseRedirect(back)
    context = {"holds": notices(model_admin, request), "is_paused": is_paused(reports_for(request)), "back": back}
    return model_admin.render_page(request, "sending", _("Pause sending"), **context)


def _do(request: HttpRequest, action: str) -> None:
    if action == "pause":
        made = pause.pause(by=person(request), reason=request.POST.get("reason", ""))
        words = _("Sending is paused. Nothing new is sent until somebody resumes it.")
        messages.success(request, words if made else _("Sending was paused already."))
    elif action == "resume":
        if pause.resume(by=person(request)):
            messages.success(request, _("One task is tried now; the rest waits until the problem is solved."))
        else:
            messages.success(request, _("Sending has resumed."))
    elif action == "check":
        if account_checks.check(now=True) and not holds.standing():
            messages.success(request, _("Checked with EvoLink: the problem is solved. Sending has resumed."))
        else:
            at = timezone.localtime().strftime("%H:%M")
            messages.info(request, _("Checked with EvoLink at %(time)s: the problem is not solved yet.") % {"time": at})
