"""The page of what waits for a second person: approve it at the price that is shown, or send it back with a note."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import approvals
from django_wanvideo.admin import action_results
from django_wanvideo.admin.base import person
from django_wanvideo.admin.batches import figures
from django_wanvideo.admin.presentation import approvals as wording
from django_wanvideo.admin.presentation import formats, markup
from django_wanvideo.admin.views import plans
from django_wanvideo.choices import ApprovalKind
from django_wanvideo.conf import conf
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import Approval, VideoTask
from django_wanvideo.models.base import people
from django_wanvideo.services.limits import approval_limit, budget, credit_limits
from django_wanvideo.services.sending import quotes
from django_wanvideo.services.sending.approvals import quote_of

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse, QueryDict

    from django_wanvideo.admin.base import TaskAdminBase

#: Submissions that the page shows, and tasks of one that it names.
SHOWN, NAMED = 100, 5
#: Earlier decisions that it shows.
EARLIER = 20


@dataclass
class Row:
    """One submission: what it would send, for how much, and who asked for it."""

    approval: Approval
    #: Its first tasks, and how many there are.
    tasks: list[VideoTask]
    count: int
    credits: Decimal
    is_own: bool
    is_ticked: bool
    batch_url: str = ""
    #: Why it is not what was asked for any more, or when it would go.
    remark: str = ""

    @property
    def first(self) -> VideoTask:
        return self.tasks[0]

    @property
    def thumbnail(self) -> Any:
        return markup.thumbnail(self.first, self.first.first_frame)

    @property
    def settings(self) -> str:
        return markup.settings_line(self.first)

    @property
    def others(self) -> list[VideoTask]:
        return self.tasks[1:]

    @property
    def unnamed(self) -> int:
        return self.count - len(self.tasks)

    @property
    def batch_name(self) -> str:
        batch = next(iter(self.approval.batches.all()), None)
        return batch.name if batch is not None else ""

    @property
    def price(self) -> str:
        return formats.credits_in_table(self.credits)

    @property
    def who(self) -> str:
        asked = self.approval.requested_by
        return people.name_of(asked) if asked is not None else _("The site’s code")

    @property
    def age(self) -> str:
        return formats.age(self.approval.requested_at)

    @property
    def what(self) -> str:
        """What approving it does where that is not to generate drafts."""
        return {
            ApprovalKind.SUBMIT: "",
            ApprovalKind.RETRY: _("Tries again: a new request"),
            ApprovalKind.RESEND: _("Sends it again; the earlier request may have been charged as well"),
        }[ApprovalKind(self.approval.kind)]


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


def are_asked_for() -> bool:
    """Tell whether the site wants anything to be approved."""
    return conf.APPROVAL_ABOVE is not None


def _visible(model_admin: TaskAdminBase, request: HttpRequest) -> QuerySet[Approval]:
    """Return what waits and has no task that is hidden from the person."""
    seen = model_admin.get_queryset(request).order_by().values("pk")
    hidden = VideoTask.objects.filter(approval=OuterRef("pk")).exclude(pk__in=seen)
    return approvals.waiting().exclude(Exists(hidden))


def _rows(model_admin: TaskAdminBase, request: HttpRequest, ticks: list[int]) -> tuple[list[Row], int]:
    waiting = _visible(model_admin, request)
    shown = people.fetched_with(waiting.prefetch_related("batches"), "requested_by")[:SHOWN]
    rows = []
    room = budget.Room() if credit_limits.are_set() else None
    for approval in shown:
        ids = list(approval.tasks.order_by("row_number", "created_at", "pk").values_list("pk", flat=True))
        named = VideoTask.objects.filter(pk__in=ids[:NAMED]).prefetch_related("inputs")
        tasks = sorted(named, key=lambda task: ids.index(task.pk))
        if not tasks:
            continue
        is_own = approval.requested_by_id == request.user.pk
        row = Row(approval, tasks, len(ids), _sum(approval, ids), is_own, approval.pk in ticks and not is_own)
        row.batch_url = model_admin.get_batch_url(row.first) if row.batch_name else ""
        row.remark = _changed(approval, tasks) or _too_large(room, row)
        rows.append(row)
    return rows, max(waiting.count() - len(rows), 0) if len(rows) == SHOWN else 0


def _sum(approval: Approval, ids: list[uuid.UUID]) -> Decimal:
    """Return what those of its tasks cost that have not left it."""
    asked = [approval.quotes.get(pk.hex) for pk in ids]
    return sum((quotes.Quote.unpack(packed).credits or Decimal(0) for packed in asked if packed), Decimal(0))


def _changed(approval: Approval, tasks: list[VideoTask]) -> str:
    for task in tasks:
        try:
            why = quotes.problem(task, quote_of(approval, task))
        except quotes.QuoteChanged as error:
            why = str(error)
        if why:
            return _("%(why)s It has to be asked for again.") % {"why": why}
    return ""


def _too_large(room: budget.Room | None, row: Row) -> str:
    owners = {task.owner_id for task in row.tasks}
    if room is None or len(owners) != 1:
        return ""
    try:
        short = room.shortage(row.credits, owners.pop())
    except ConfigurationError:
        return ""
    if short is None:
        return ""
    values = {
        "limit": credit_limits.words(short.limit),
        "left": formats.credits_in_table(max(short.limit.credits - short.used, Decimal(0))),
        "at": formats.clock(short.resets_at),
    }
    if short.is_lasting:
        return _("More than %(limit)s allows at all.") % values
    return _("Larger than what is left of %(limit)s (%(left)s). Approved now, it waits until %(at)s.") % values


def _page(
    model_admin: TaskAdminBase, request: HttpRequest, ticks: list[int], *, note: str = "", note_error: str = ""
) -> HttpResponse:
    rows, unshown = _rows(model_admin, request, ticks)
    chosen = [row for row in rows if row.is_ticked]
    count, total = sum(row.count for row in chosen), sum((row.credits for row in chosen), Decimal(0))
    spec = markup.spec_of(chosen[0].first.model) if chosen else None
    limit = wording.limit_of(person(request))
    context = {
        "rows": rows,
        "unshown": unshown,
        "limit": approval_limit.words(limit) if limit is not None else "",
        "ticks": ".".join(str(row.approval.pk) for row in chosen),
        "count": count,
        "videos": sum(row.count for row in rows),
        "total": formats.credits_in_table(total),
        "dollars": formats.credits_in_table(spec.price.dollars(total)) if spec is not None else "",
        "limits": [item.words for item in figures.limits(None, total)] if chosen else [],
        "approve_button": _button(count, total),
        "return_button": ngettext("Send %(n)s back", "Send %(n)s back", count) % {"n": count}
        if count
        else _("Send back"),
        "can_decide": any(not row.is_own for row in rows),
        "note": note,
        "note_error": note_error,
        "back": model_admin.get_page_url("changelist"),
        "earlier": _earlier(model_admin, request),
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


def _earlier(model_admin: TaskAdminBase, request: HttpRequest) -> list[dict[str, Any]]:
    """Return the latest decisions about what the person may see."""
    decided = Approval.objects.filter(decided_at__isnull=False).order_by("-decided_at")[:EARLIER]
    first = {uuid.UUID(pk): approval for approval in decided for pk in list(approval.quotes)[:1]}
    tasks = model_admin.get_queryset(request).in_bulk(list(first))
    return [
        {
            "task": task,
            "url": model_admin.get_page_url("change", pk),
            "approval": approval,
            "who": people.name_of(approval.decided_by) if approval.decided_by is not None else _("Somebody"),
            "at": formats.clock(approval.decided_at),
            "others": len(approval.quotes) - 1,
            "credits": formats.credits_in_table(approval.credits),
        }
        for pk, approval in first.items()
        if (task := tasks.get(pk)) is not None
    ]


def _chosen(model_admin: TaskAdminBase, request: HttpRequest, ticks: list[int]) -> list[Approval]:
    """Return what is ticked and can be decided still; of the rest it is told that it cannot."""
    found = list(_visible(model_admin, request).filter(pk__in=ticks))
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
