"""What holds sending back, in words: at the top of the list, and of each task that waits."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.caching import once
from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import TaskStatus
from django_wanvideo.health import holds as hold_reports
from django_wanvideo.services.holds import holds, lock, pause

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable

    from django.http import HttpRequest

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.health.holds import Report
    from django_wanvideo.models import SiteState, VideoTask

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: Holds that one task can be sent in spite of, to see whether they are over.
_TRIED = frozenset({"account", "breaker"})


def may_pause(request: HttpRequest) -> bool:
    """Tell whether the person may pause and resume sending."""
    return request.user.has_perm(pause.PERMISSION)


def notices(model_admin: TaskAdminBase, request: HttpRequest) -> list[dict[str, Any]]:
    """Return what the list shows of each hold, with the buttons that this person may press."""
    reports = reports_for(request)
    return [
        {
            "report": report,
            "number": number,
            "since": formats.clock(report.hold.since),
            "waiting_url": f"{model_admin.page_url('changelist')}?status={TaskStatus.QUEUED}",
            "waiting": report.waiting_words,
            "credits": formats.credits_in_table(report.credits) if report.credits else "",
            "buttons": _buttons(report, reports) if may_pause(request) else [],
            "url": model_admin.page_url("sending"),
        }
        for number, report in enumerate(reports, 1)
    ]


def reports_for(request: HttpRequest) -> list[Report]:
    """Return a report of each hold; what holds sending back is read once for each request."""
    nothing: list[Report] = []
    return _looked_up(lambda: hold_reports.reports(_marks(request)), nothing)


def is_paused(reports: Iterable[Report]) -> bool:
    """Tell whether a person has paused sending already."""
    return any(report.hold.kind == "person" for report in reports)


def label(model_admin: TaskAdminBase, request: HttpRequest, tasks: Iterable[VideoTask]) -> None:
    """Set ``hold_reason`` on queued tasks and ``decide_url`` on unconfirmed ones that this person may settle.

    The reason is why each waits at this moment, by the holds that stand; empty for none.
    """
    queued = [task for task in tasks if task.status == TaskStatus.QUEUED]
    nothing: dict[uuid.UUID, str] = {}
    reasons = _looked_up(lambda: holds.reasons(queued, _marks(request)), nothing) if queued else nothing
    labelled: Any
    for labelled in tasks:
        if labelled.status == TaskStatus.QUEUED:
            labelled.hold_reason = reasons.get(labelled.pk)
        elif labelled.status == TaskStatus.UNCONFIRMED and model_admin.has_resolve_permission(request, labelled):
            labelled.decide_url = model_admin.page_url("decide", labelled.pk)


def reason_now(task: VideoTask) -> str:
    """Return what keeps a task back that was queued just now; empty where nothing does."""
    held = _looked_up(lambda: holds.refusal(task), None)
    return held.reason if held is not None else ""


def _marks(request: HttpRequest) -> dict[str, SiteState]:
    return once(request, "marks", lock.marks)


def _looked_up(look: Callable[[], T], otherwise: T) -> T:
    try:
        return look()
    except Exception:
        # A list of videos must not depend on what a site's own function does that gives the key.
        logger.exception("Looking for what holds sending back did not work.")
        return otherwise


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
