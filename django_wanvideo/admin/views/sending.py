"""The page on which a person pauses and resumes sending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.admin.base import person
from django_wanvideo.admin.presentation.holds import is_paused, may_pause, notices, reports_for
from django_wanvideo.services.holds import holds, pause
from django_wanvideo.services.provider import account_checks

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase


def sending_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponse:
    """Show the form that pauses, or do what a button says and go back to the list."""
    if not (may_pause(request) and model_admin.has_view_permission(request)):
        raise PermissionDenied
    back = model_admin.page_url("changelist")
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
