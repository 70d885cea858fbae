"""Deciding about what waits: approve it at the price that is shown, or send it back with a note."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import approvals
from django_wanvideo.admin import action_results
from django_wanvideo.admin.approvals import rows
from django_wanvideo.admin.base import person
from django_wanvideo.admin.batches import figures
from django_wanvideo.admin.changelist import counts
from django_wanvideo.admin.presentation import approvals as wording
from django_wanvideo.admin.presentation import formats, markup
from django_wanvideo.admin.views import plans
from django_wanvideo.conf import conf
from django_wanvideo.services.limits import approval_limit

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse, QueryDict

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import Approval, Batch, VideoTask


def approvals_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponse:
    """Show what waits, nothing ticked; or decide about what is ticked, at the price that was shown."""
    model_admin.require(request, None, "approve", "view")
    if request.method != "POST":
        return _page(model_admin, request, _ticks(request.GET))
    ticks = _ticks(request.POST)
    note = request.POST.get("note", "").strip()
    if not ticks:
        messages.warning(request, _("Nothing is selected, so nothing was decided."))
        return HttpResponseRedirect(model_admin.get_page_url("approvals"))
    if "_return" in request.POST:
        if not note:
            error = _("Say why: whoever asked reads it.")
            return _page(model_admin, request, ticks, note_error=error)
        _send_back(model_admin, request, ticks, note)
    elif ticks != plans.numbers([request.POST.get("shown", "")]):
        messages.info(request, _("You changed the selection. This is what it costs now."))
        return _page(model_admin, request, ticks, note=note)
    else:
        _approve(model_admin, request, ticks, note)
    return HttpResponseRedirect(model_admin.get_page_url("approvals"))


def link(model_admin: TaskAdminBase, request: HttpRequest) -> str:
    """Return the address of the page for those who may decide; empty for others."""
    may = model_admin.has_approve_permission(request) and model_admin.has_view_permission(request)
    return model_admin.get_page_url("approvals") if may else ""


def beside_task(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask | None) -> dict[str, Any]:
    """Return what the page of a task, or of a draft, says of its approval."""
    if task is None or task.approval is None:
        return {}
    is_own = task.approval.is_waiting and task.approval.requested_by_id == request.user.pk
    return {
        "approval": wording.notice(task.approval),
        "approvals_url": link(model_admin, request) if task.is_waiting_for_approval else "",
        "withdraw_url": model_admin.get_page_url("operate", task.pk, "withdraw") if is_own else "",
    }


def beside_batch(
    model_admin: TaskAdminBase | None, request: HttpRequest, batch: Batch, *, withdraw_url: str
) -> dict[str, Any]:
    """Return what the page of a batch says of its approval; ``model_admin`` is that of tasks."""
    is_waiting = batch.approval is not None and batch.approval.is_waiting
    url = link(model_admin, request) if model_admin is not None and is_waiting else ""
    is_own = is_waiting and batch.approval.requested_by_id == request.user.pk
    notice = {"approval": wording.notice(batch.approval), "approvals_url": url}
    return notice | {"withdraw_url": withdraw_url if is_own else ""}


def above_list(model_admin: TaskAdminBase, request: HttpRequest) -> dict[str, str]:
    """Return what the list says of what waits; nothing where the site wants nothing to be approved."""
    if conf.APPROVAL_ABOVE is None:
        return {}
    waiting = counts.known(request, model_admin).get("approval", "")
    return {"approvals_url": link(model_admin, request), "waiting": waiting}


def _page(
    model_admin: TaskAdminBase, request: HttpRequest, ticks: list[int], *, note: str = "", note_error: str = ""
) -> HttpResponse:
    found, unshown = rows.waiting(model_admin, request, ticks)
    chosen = [row for row in found if row.is_ticked]
    count, total = sum(row.count for row in chosen), sum((row.credits for row in chosen), Decimal(0))
    spec = markup.spec_of(chosen[0].first.model) if chosen else None
    limit = wording.limit_of(person(request))
    context = {
        "rows": found,
        "unshown": unshown,
        "limit": approval_limit.words(limit) if limit is not None else "",
        "ticks": ".".join(str(row.approval.pk) for row in chosen),
        "count": count,
        "total": formats.credits_in_table(total),
        "dollars": formats.money(total) if spec is not None else "",
        "limits": [item.words for item in figures.limits(None, total)] if chosen else [],
        "approve_button": _button(count, total),
        "return_button": ngettext("Send %(n)s back", "Send %(n)s back", count) % {"n": count}
        if count
        else _("Send back"),
        "can_decide": any(not row.is_own for row in found),
        "note": note,
        "note_error": note_error,
        "back": model_admin.get_page_url("changelist"),
        "earlier": rows.earlier(model_admin, request),
    }
    return model_admin.render_page(request, "approvals", _("Waiting for approval"), **context)


def _button(count: int, total: Decimal) -> str:
    if not count:
        return _("Approve and send the selected ones")
    words = ngettext(
        "Approve and send %(n)s for about %(credits)s credits",
        "Approve and send %(n)s for about %(credits)s credits",
        count,
    )
    return words % {"n": count, "credits": formats.credits_on_button(total)}


def _chosen(model_admin: TaskAdminBase, request: HttpRequest, ticks: list[int]) -> list[Approval]:
    """Return what is ticked and can be decided still; of the rest it is told that it cannot."""
    found = list(rows.visible(model_admin, request).filter(pk__in=ticks))
    if gone := len(ticks) - len(found):
        words = ngettext(
            "%(n)s was decided or changed meanwhile; nothing was sent a second time.",
            "%(n)s were decided or changed meanwhile; nothing was sent a second time.",
            gone,
        )
        messages.info(request, words % {"n": gone})
    return found


def _approve(model_admin: TaskAdminBase, request: HttpRequest, ticks: list[int], note: str) -> None:
    sent = 0
    for approval in _chosen(model_admin, request, ticks):
        tasks = list(approval.tasks.all())
        try:
            decision = approvals.approve(approval, by=person(request), note=note)
        except action_results.REFUSALS as error:
            messages.warning(request, action_results.reason_of(error))
            continue
        sent += decision.sent
        action_results.log(request, [task for task in tasks if task not in decision.left], _("Approved."))
        for reason, number in Counter(map(action_results.reason_of, decision.left.values())).items():
            words = _("%(count)s not sent: %(reason)s It has to be asked for again.")
            messages.warning(request, words % {"count": number, "reason": reason})
    if sent:
        words = ngettext("%(n)s video was approved and is sent.", "%(n)s videos were approved and are sent.", sent)
        messages.success(request, words % {"n": sent})


def _send_back(model_admin: TaskAdminBase, request: HttpRequest, ticks: list[int], note: str) -> None:
    done = 0
    for approval in _chosen(model_admin, request, ticks):
        tasks = list(approval.tasks.all())
        try:
            approvals.send_back(approval, by=person(request), note=note)
        except action_results.REFUSALS as error:
            messages.warning(request, action_results.reason_of(error))
            continue
        done += len(tasks)
        action_results.log(request, tasks, _("Sent back."))
    if done:
        words = ngettext("%(n)s video was sent back.", "%(n)s videos were sent back.", done)
        messages.success(request, words % {"n": done})


def _ticks(data: QueryDict) -> list[int]:
    return plans.numbers(data.getlist("t"))
