"""What the page shows of each submission that waits, and of those that were decided."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from django_wanvideo import approvals
from django_wanvideo.admin.presentation import formats, markup
from django_wanvideo.choices import ApprovalKind
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import Approval, VideoTask
from django_wanvideo.models.base import people
from django_wanvideo.services.limits import budget, credit_limits
from django_wanvideo.services.sending import quotes
from django_wanvideo.services.sending.approvals import quote_of

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

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
    def other_count(self) -> int:
        return self.count - 1

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


def visible(model_admin: TaskAdminBase, request: HttpRequest) -> QuerySet[Approval]:
    """Return what waits and has no task that is hidden from the person."""
    seen = model_admin.get_queryset(request).order_by().values("pk")
    hidden = VideoTask.objects.filter(approval=OuterRef("pk")).exclude(pk__in=seen)
    return approvals.waiting().exclude(Exists(hidden))


def waiting(model_admin: TaskAdminBase, request: HttpRequest, ticks: list[int]) -> tuple[list[Row], int]:
    found = visible(model_admin, request)
    shown = people.fetched_with(found.prefetch_related("batches"), "requested_by")[:SHOWN]
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
    return rows, max(found.count() - len(rows), 0) if len(rows) == SHOWN else 0


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


def earlier(model_admin: TaskAdminBase, request: HttpRequest) -> list[dict[str, Any]]:
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
