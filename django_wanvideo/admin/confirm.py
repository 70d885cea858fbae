"""The step between choosing tasks and spending credits on them.

The page carries the chosen ids, signed, with a one-time nonce. Sending works through them in bounded steps: each step
is one request that spends its own nonce and, when there is more, answers with a page that goes on.
"""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import catalog
from django_wanvideo.admin import figures, forecasts, markup, nonces, themes
from django_wanvideo.admin.columns import listed_frame
from django_wanvideo.admin.outcomes import Outcome, do_to_each, reason_of
from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.services import creation, storing, submission

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import VideoTask

#: At most so many tasks are chosen at a time; their ids travel in one field of the page.
MOST = 5000
#: Rows that are read at once.
CHUNK = 250
#: Tasks that one request sends.
STEP = 250
#: Up to so many tasks are all shown; of more, the blocked ones and the first few.
SHOWN, FIRST_SHOWN, BLOCKED_SHOWN = 100, 20, 50

_DRAFTS = frozenset({TaskStatus.DRAFT})
_ENDED = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED})


@dataclass
class Row:
    """One task on the page."""

    task: VideoTask
    price: Decimal | None
    problem: str = ""
    #: Whether it costs nothing, because EvoLink has the video still.
    is_free: bool = False

    @property
    def thumbnail(self) -> Any:
        """The small picture."""
        return markup.thumbnail(self.task, listed_frame(self.task))

    @property
    def settings(self) -> str:
        """The settings in one line."""
        return markup.settings_line(self.task, with_model=False)


@dataclass
class Plan:
    """What would be sent. Of a long list only the rows that are shown are kept."""

    rows: list[Row] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    #: Price and owner of each that is sent anew.
    costs: list[tuple[Decimal | None, Any]] = field(default_factory=list)
    total: Decimal = Decimal(0)
    seconds: int = 0
    blocked: int = 0
    unshown: int = 0
    too_many: bool = False

    def take(self, row: Row) -> bool:
        """Count a task; return whether its row is kept."""
        if row.problem:
            self.blocked += 1
        else:
            self.ids.append(row.task.pk.hex)
            self.models.add(row.task.model)
            if not row.is_free:
                self.costs.append((row.price, row.task.owner_id))
            self.total += row.price or 0
            self.seconds += int(row.task.parameters.get("duration") or 0)
        is_kept = self.count <= SHOWN or (bool(row.problem) and self.blocked <= BLOCKED_SHOWN)
        if is_kept:
            self.rows.append(row)
        return is_kept

    @property
    def count(self) -> int:
        """How many tasks were taken, shown or not."""
        return len(self.ids) + self.blocked

    def shorten(self) -> None:
        """Leave out of a long list what need not be seen."""
        if self.count <= SHOWN:
            return
        blocked = [row for row in self.rows if row.problem][:BLOCKED_SHOWN]
        first = [row for row in self.rows if not row.problem][:FIRST_SHOWN]
        self.rows = blocked + first
        self.unshown = self.count - len(self.rows)


def first_page(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[VideoTask], *, again: bool = False
) -> HttpResponseBase:
    """Show each task with its price or its problem, and the total."""
    plan = _plan(model_admin, request, queryset, _ENDED if again else _DRAFTS)
    if plan.too_many:
        text = _("At most %(n)s tasks can be sent at a time. Select fewer.") % {"n": MOST}
        messages.warning(request, text)
        return HttpResponseRedirect(request.get_full_path())
    token = nonces.issue(request.user, ids=plan.ids, again=again, at=0, total=len(plan.ids)) if plan.ids else ""
    count = len(plan.ids)
    if again:
        title = ngettext("Retry %(n)s video?", "Retry %(n)s videos?", count) % {"n": count}
        button = ngettext(
            "Retry %(n)s video for about %(credits)s credits", "Retry %(n)s videos for about %(credits)s credits", count
        )
    else:
        title = ngettext("Generate %(n)s video?", "Generate %(n)s videos?", count) % {"n": count}
        button = ngettext(
            "Generate %(n)s video for about %(credits)s credits",
            "Generate %(n)s videos for about %(credits)s credits",
            count,
        )
    context = {
        **themes.frame(model_admin, request, title),
        "plan": plan,
        "count": count,
        "again": again,
        "token": token,
        "total": figures.credits_in_table(plan.total),
        "button": button % {"n": count, "credits": figures.credits_on_button(plan.total)},
        "as_of": _price_date(plan),
        "forecast": forecasts.lines(plan.costs),
        "back": request.get_full_path(),
        "send_url": model_admin.page_url("send"),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "admin/wanvideo/videotask/confirm.html", context)


def send(model_admin: Any, request: HttpRequest) -> HttpResponseBase:
    """Send what the page carries, once; a long list in several steps."""
    if not model_admin.has_submit_permission(request):
        raise PermissionDenied
    changelist = model_admin.page_url("changelist")
    data = nonces.read(request.POST.get("plan", ""), request.user)
    if data is None:
        messages.error(request, _("This page is too old or was not made for you. Select the tasks again."))
        return HttpResponseRedirect(changelist)
    if not nonces.spend(data):
        messages.info(request, _("These tasks have been sent already; nothing was sent a second time."))
        return HttpResponseRedirect(changelist)
    at, ids = int(data["at"]), data["ids"]
    outcome = Outcome()
    outcome.done, outcome.reasons = data.get("done", 0), Counter(data.get("reasons", {}))
    now = {uuid.UUID(value) for value in ids[at : at + STEP]}
    tasks = model_admin.get_queryset(request).filter(pk__in=now).prefetch_related("inputs")
    step = submission.retry if data["again"] else submission.enqueue
    do_to_each(
        request, tasks, lambda task: _allowed(model_admin, request, task, step), _log_words(data["again"]), outcome
    )
    if at + STEP < len(ids):
        payload = {"ids": ids, "again": data["again"], "at": at + STEP, "total": data["total"]}
        token = nonces.issue(request.user, **payload, done=outcome.done, reasons=dict(outcome.reasons.most_common(20)))
        context = {
            **themes.frame(model_admin, request, _("Sending…")),
            "token": token,
            "done": at + STEP,
            "count": len(ids),
            "send_url": model_admin.page_url("send"),
        }
        return TemplateResponse(request, "admin/wanvideo/videotask/confirm_progress.html", context)
    outcome.tell(request, _success(again=data["again"]))
    return HttpResponseRedirect(changelist)


def _plan(model_admin: Any, request: HttpRequest, queryset: QuerySet[VideoTask], wanted: frozenset[TaskStatus]) -> Plan:
    plan = Plan()
    # The list's own choice of pictures and columns is dropped: all inputs are looked at, and few columns.
    tasks = queryset.defer(None).defer("notes", "metadata", "error_message")
    tasks = tasks.prefetch_related(None).prefetch_related("inputs")
    for number, task in enumerate(tasks[: MOST + 1].iterator(chunk_size=CHUNK)):
        if number == MOST:
            plan.too_many = True
            break
        if not plan.take(_row(model_admin, request, task, wanted)):
            # A task and its prefetched inputs hold each other; this lets go of both now.
            getattr(task, "_prefetched_objects_cache", {}).clear()
    plan.shorten()
    return plan


def _row(model_admin: Any, request: HttpRequest, task: VideoTask, wanted: frozenset[TaskStatus]) -> Row:
    if not model_admin.has_submit_permission(request, task):
        return Row(task, None, reason_of(PermissionDenied()))
    if task.status not in wanted:
        return Row(task, None, _why_not(task.status))
    if storing.is_fetchable(task):
        return Row(task, Decimal(0), is_free=True)
    try:
        creation.check_complete(task)
        return Row(task, catalog.get(task.model).estimate(task.parameters))
    except ValidationError as error:
        return Row(task, None, reason_of(error))


def _why_not(status: str) -> str:
    if status == TaskStatus.COMPLETED:
        return _("This video is made already.")
    if status in ACTIVE_STATUSES:
        return _("This one is on its way already.")
    if status == TaskStatus.DRAFT:
        return _("This one was never sent; choose Generate for it.")
    return _("This one was sent before and has ended; choose Retry for it.")


def _allowed(model_admin: Any, request: HttpRequest, task: VideoTask, step: Any) -> None:
    if not model_admin.has_submit_permission(request, task):
        raise PermissionDenied
    step(task, by=request.user)


def _price_date(plan: Plan) -> Any:
    dates = (spec.price.as_of for spec in catalog.models() if spec.id in plan.models)
    return min(dates, default=timezone.localdate())


def _log_words(again: bool) -> str:
    return _("Sent to be generated again.") if again else _("Sent to be generated.")


def _success(*, again: bool) -> Any:
    def words(n: int) -> str:
        if again:
            return ngettext("%(n)s video will be tried again.", "%(n)s videos will be tried again.", n) % {"n": n}
        return ngettext("%(n)s video will be generated.", "%(n)s videos will be generated.", n) % {"n": n}

    return words
