"""The list of batches: its columns, its filter of states, and one query for the tasks of all its rows."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Q, Sum
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_wanvideo.admin.presentation import formats, markup
from django_wanvideo.batches.work import IS_MOVING
from django_wanvideo.choices import BatchOperation, BatchState, TaskStatus
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from django_wanvideo.admin.batches.change import BatchPagesMixin
    from django_wanvideo.models import Batch

_S = BatchState
#: Colour and icon of each state.
_LOOKS = {
    _S.UPLOADING: ("neutral", "storing"),
    _S.CHECKED: ("wait", "info"),
    _S.CREATING: ("active", "copy"),
    _S.READY: ("draft", "draft"),
    _S.SUBMITTED: ("active", "processing"),
    _S.ENDED: ("good", "completed"),
}


class StateFilter(admin.SimpleListFilter):
    """One state of batches."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return all states."""
        return [(value, capfirst(label)) for value, label in _S.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Batch]) -> QuerySet[Batch]:
        """Return the batches at the state."""
        return queryset.filter(state=self.value()) if self.value() else queryset


class BatchChangeList(ChangeList):
    """Counts the tasks of all batches of a page by one query."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Batch]:
        """Fetch owners with the rows."""
        found: QuerySet[Batch] = super().get_queryset(request, *args, **kwargs)
        return people.fetched_with(found, "owner").defer("settings")

    def get_results(self, request: HttpRequest) -> None:
        """Set ``counted`` on each batch: its tasks as far as this person sees them."""
        super().get_results(request)
        model_admin = cast("BatchPagesMixin", self.model_admin)
        self.result_list = list(self.result_list)
        tasks = model_admin.get_visible_tasks(request).filter(batch__in=[batch.pk for batch in self.result_list])
        counted: Any = tasks.order_by().values("batch_id")
        counted = counted.annotate(
            total=Count("pk"),
            resting=Count("pk", filter=~IS_MOVING & ~Q(status=TaskStatus.DRAFT)),
            used=Sum("credits_used"),
            estimated=Sum("credits_estimated"),
        )
        by_batch = {row["batch_id"]: row for row in counted}
        for batch in self.result_list:
            batch.counted = by_batch.get(batch.pk)
            if batch.owner_id is not None:
                batch.owner_url = self.get_query_string({"owner": batch.owner_id}, ["p"])


class ColumnsMixin:
    """Name, state, progress, credits, owner and date."""

    @admin.display(description=gettext_lazy("Batch"), ordering="name")
    def batch(self, batch: Batch) -> SafeString:
        """Its name, and the file that it came from."""
        return format_html('<span dir="auto">{}</span><span class="wv-sub">{}</span>', batch.name, batch.source_name)

    @admin.display(description=gettext_lazy("State"), ordering="state")
    def state_words(self, batch: Batch) -> SafeString:
        """Its state, and what is being done to its rows."""
        return state_chip(batch)

    @admin.display(description=gettext_lazy("Done"))
    def progress(self, batch: Batch) -> str:
        """How many of its videos cannot move by themselves any more."""
        found = getattr(batch, "counted", None)
        return _("%(done)s of %(total)s") % {"done": found["resting"], "total": found["total"]} if found else "–"

    @admin.display(description=gettext_lazy("Credits"))
    def credits(self, batch: Batch) -> SafeString | str:
        """Used, and what was estimated."""
        found = getattr(batch, "counted", None)
        if not found:
            return "–"
        return format_html(
            '{}<span class="wv-sub">{}</span>',
            formats.credits_in_table(found["used"] or Decimal(0)),
            _("of about %(n)s") % {"n": formats.credits_in_table(found["estimated"])},
        )

    @admin.display(description=gettext_lazy("Owner"), ordering="owner_id")
    def owned_by(self, batch: Batch) -> SafeString | str:
        """The owner, who leads to all of their batches."""
        if batch.owner is None:
            return "–"
        return format_html('<a href="{}">{}</a>', getattr(batch, "owner_url", ""), batch.owner)

    @admin.display(description=gettext_lazy("Created"), ordering="created_at")
    def created(self, batch: Batch) -> SafeString:
        """When it was made, and how long ago that is."""
        return format_html(
            '<time datetime="{}">{}</time><span class="wv-sub">{}</span>',
            batch.created_at.isoformat(),
            formats.clock(batch.created_at),
            formats.age(batch.created_at),
        )


def state_chip(batch: Batch) -> SafeString:
    """The state of a batch as icon, word and colour; while a worker is at its rows, what is done to them."""
    tone, icon = _LOOKS[_S(batch.state)]
    words = _S(batch.state).label
    if batch.operation and batch.state != _S.CREATING:
        tone, icon, words = "active", "retry", BatchOperation(batch.operation).label
    return format_html('<span class="wv-chip is-{}">{}{}</span>', tone, markup.icon(icon), capfirst(words))
