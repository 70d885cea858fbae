"""The rows of a confirmation page: each task with its price, or with why it cannot be sent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.admin.action_results import reason_of
from django_wanvideo.admin.presentation import formats, markup
from django_wanvideo.admin.views.plans import Entry
from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.failures import advice_for, charge_words
from django_wanvideo.models import Attempt
from django_wanvideo.models.creation import creation
from django_wanvideo.services.limits import credit_limits
from django_wanvideo.services.sending import quotes
from django_wanvideo.services.storing import download
from django_wanvideo.services.tracking import lookup

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.admin.views.plans import StoredPlan
    from django_wanvideo.models import VideoTask
    from django_wanvideo.services.sending.quotes import Quote

#: Rows that are read at once.
CHUNK = 250

ENDED = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED})
#: What helps where trying again unchanged does not.
CHANGE_FIRST = frozenset({"edit_copy", "replace_picture"})


@dataclass
class Row:
    """One task on the page, as it was quoted."""

    task: VideoTask
    place: int
    entry: Entry
    problem: str = ""
    is_chosen: bool = False

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing, because EvoLink has the video still."""
        return self.entry.quote is not None and self.entry.quote.is_free

    @property
    def price(self) -> str:
        return formats.credits_in_table((self.entry.quote and self.entry.quote.credits) or Decimal(0))

    @property
    def thumbnail(self) -> Any:
        return markup.thumbnail(self.task, markup.listed_frame(self.task))

    @property
    def settings(self) -> str:
        return markup.settings_line(self.task, with_model=False)

    @property
    def why(self) -> str:
        if self.task.error_code:
            return str(advice_for(self.task.error_code).heading)
        return _("Cancelled before it was sent") if self.task.status in ENDED else _("It did not fail.")

    @property
    def copy(self) -> VideoTask | None:
        """What was made in its place meanwhile."""
        return _copy_of(self.task)

    @property
    def is_to_be_replaced(self) -> bool:
        """Whether another picture helps rather than other words."""
        return advice_for(self.task.error_code).next_action == "replace_picture"

    @property
    def charge(self) -> str:
        return charge_words(self.task).verdict

    @property
    def what_to_change(self) -> str:
        return str(advice_for(self.task.error_code).whose_move)

    @property
    def link_end(self) -> str:
        """How long EvoLink still keeps the file, where that is fetched."""
        ends = self.task.result_expires_at
        if not self.is_free or ends is None:
            return ""
        left = max(0.0, (ends - timezone.now()).total_seconds())
        return _("EvoLink’s link ends in %(time)s") % {"time": formats.seconds_in_words(left)}


@dataclass
class Page:
    """What is shown of a plan, and what its button sends."""

    rows: list[Row]
    #: The places of what the button sends.
    chosen: list[int]
    blocked: int
    unshown: int
    total: Decimal
    seconds: int
    looks_first: bool
    #: Price and owner of each that is sent anew.
    costs: list[tuple[Decimal | None, Any]]

    @property
    def ticks(self) -> str:
        """The ticked boxes, as they travel in an address."""
        return ".".join(str(row.place) for row in self.rows if row.is_chosen)

    @property
    def can_send(self) -> bool:
        """Whether the page needs a button: something is chosen, or can be."""
        return bool(self.chosen or self.helping or self.changing)

    @property
    def helping(self) -> list[Row]:
        return [row for row in self.rows if not row.problem and row.entry.helps]

    @property
    def changing(self) -> list[Row]:
        return [row for row in self.rows if not row.problem and not row.entry.helps]

    @property
    def stuck(self) -> list[Row]:
        return [row for row in self.rows if row.problem]

    @property
    def fetched(self) -> int:
        """How many of what is sent are only fetched, which is free."""
        return sum(row.is_free for row in self.rows if row.is_chosen)


@dataclass(frozen=True)
class Planner:
    """What one person may send: drafts, or ``again`` what has ended."""

    model_admin: TaskAdminBase
    request: HttpRequest
    again: bool

    def read(self, tasks: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Return a queryset that brings what a row needs in few queries."""
        tasks = tasks.defer(None).defer("notes", "metadata", "error_message").prefetch_related(None)
        if not self.again:
            # A draft has no attempts.
            return tasks.prefetch_related("inputs")
        few = Attempt.objects.only("task_id", "number", "state", "provider_task_id", "error_code")
        # A take was made beside its task, not in its place.
        made = self.model_admin.get_queryset(self.request).filter(
            take_group=None, status__in=ACTIVE_STATUSES | {TaskStatus.COMPLETED}
        )
        copies = Prefetch("children", made.only("parent_id", "status", "progress", "prompt"), to_attr="copies")
        return tasks.prefetch_related("inputs", Prefetch("attempts", few), copies)

    def tasks_at(self, entries: list[Entry], places: list[int]) -> dict[int, VideoTask]:
        """Return the tasks at some places of a plan, in that order, as far as the person sees them."""
        rows = self.model_admin.get_queryset(self.request).filter(pk__in=[entries[place].task_id for place in places])
        found = {task.pk: task for task in self.read(rows)}
        return {place: found[entries[place].task_id] for place in places if entries[place].task_id in found}

    def entry_of(self, task: VideoTask) -> Entry:
        """Quote one task as it is now."""
        quote, _why = self._judge(task)
        seconds = int(task.parameters.get("duration") or 0)
        looks_first = self.again and quote is not None and not quote.is_free and lookup.is_open(task)
        # Whether trying again unchanged makes sense.
        helps = download.is_fetchable(task) or advice_for(task.error_code).next_action not in CHANGE_FIRST
        return Entry(task.pk, quote, seconds, helps=helps or not task.error_code, looks_first=looks_first)

    def page_of(self, plan: StoredPlan, ticks: list[int] | None) -> Page:
        """Return what is shown of a plan now; what does not hold any more is not counted."""
        entries, shown, chosen = plan.entries, plan.shown_places(), set(plan.chosen_places(ticks))
        found = self.tasks_at(entries, shown)
        rows = [self._row_of(task, place, entries[place]) for place, task in found.items()]
        for row in rows:
            row.is_chosen = row.place in chosen and not row.problem
        unsendable = (set(shown) - found.keys()) | {row.place for row in rows if row.problem}
        places = sorted(chosen - unsendable)
        blocked = unsendable | {place for place, entry in enumerate(entries) if entry.quote is None}
        quoted = [entries[place] for place in places]
        return Page(
            rows,
            places,
            blocked=len(blocked),
            unshown=len(entries) - len(shown),
            total=sum((entry.quote.credits or Decimal(0) for entry in quoted if entry.quote), Decimal(0)),
            seconds=sum(entry.seconds for entry in quoted),
            looks_first=any(entry.looks_first for entry in quoted),
            costs=self._costs(quoted) if credit_limits.are_set() else [],
        )

    def _row_of(self, task: VideoTask, place: int, entry: Entry) -> Row:
        """Return a task as it was quoted, or why that does not hold now."""
        _now, why = self._judge(task)
        if not why and entry.quote is not None:
            why = quotes.problem(task, entry.quote)
        elif not why:
            why = _("It was changed meanwhile. Select it again.")
        return Row(task, place, entry, why)

    def _costs(self, entries: list[Entry]) -> list[tuple[Decimal | None, Any]]:
        paid = [(entry.task_id, entry.quote.credits) for entry in entries if entry.quote and not entry.quote.is_free]
        tasks = self.model_admin.get_queryset(self.request).filter(pk__in=[task_id for task_id, _price in paid])
        owners = dict(tasks.order_by().values_list("pk", "owner_id"))
        return [(price, owners.get(task_id)) for task_id, price in paid]

    def _judge(self, task: VideoTask) -> tuple[Quote | None, str]:
        """Return what sending the task would cost now, or why it cannot be sent."""
        if not self.model_admin.has_submit_permission(self.request, task):
            return None, reason_of(PermissionDenied())
        if task.status not in (ENDED if self.again else {TaskStatus.DRAFT}):
            return None, _why_not(task.status)
        if self.again and _copy_of(task) is not None:
            return None, _("It was tried again as a copy.")
        try:
            if not download.is_fetchable(task):
                creation.check_complete(task)
            return quotes.quote(task), ""
        except ValidationError as error:
            return None, reason_of(error)


def _copy_of(task: VideoTask) -> VideoTask | None:
    return next(iter(getattr(task, "copies", ())), None)


def _why_not(status: str) -> str:
    if status == TaskStatus.COMPLETED:
        return _("This video is made already.")
    if status in ACTIVE_STATUSES:
        return _("This one has been sent already and has not ended.")
    if status == TaskStatus.DRAFT:
        return _("This one was never sent; choose Generate for it.")
    return _("This one has ended; choose Retry for it.")
