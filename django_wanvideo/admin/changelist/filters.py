"""The filters of the list. None reads the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IS_POPUP_VAR, IncorrectLookupParameters
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo import catalog, failures
from django_wanvideo.admin.base import as_uuid
from django_wanvideo.admin.changelist import counts
from django_wanvideo.admin.changelist.dates import CreatedFilter
from django_wanvideo.admin.changelist.narrowing import Filter
from django_wanvideo.admin.changelist.owners import OwnerFilter
from django_wanvideo.admin.forms import made_for
from django_wanvideo.choices import TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.failures import FailureGroup

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Iterator

    from django.http import HttpRequest

    from django_wanvideo.admin.base import ModelAdmin


class AttentionFilter(Filter):
    """What waits for a person, and what will be lost soon."""

    title = _("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        """Return the choices; none where a finished video is chosen for something else."""
        if IS_POPUP_VAR in request.GET:
            return []
        known = counts.known(request, model_admin)
        found = [
            ("needed", counts.labelled(_("Needs attention"), known.get("needed"))),
            ("expiring", _("Link ends soon")),
        ]
        if conf.APPROVAL_ABOVE is not None:
            found.insert(1, ("approval", counts.labelled(_("Waits for approval"), known.get("approval"))))
        return found

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        if value == "needed":
            return tasks.needing_attention()
        if value == "approval":
            return tasks.waiting_for_approval()
        return tasks.expiring() if value == "expiring" else tasks

    def label(self, value: str) -> str:
        uncounted = {"needed": _("Needs attention"), "approval": _("Waits for approval")}
        return str(uncounted[value]) if value in uncounted else super().label(value)


class StatusFilter(Filter):
    """One status. A popup, from which a video is chosen, has those that are completed, unless its address says more."""

    title = _("status")
    parameter_name = "status"
    is_popup = False

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        self.is_popup = IS_POPUP_VAR in request.GET
        if self.is_popup and self.parameter_name not in request.GET:
            return []
        known = counts.known(request, model_admin)
        return [(value, counts.labelled(capfirst(label), known.get(value))) for value, label in TaskStatus.choices]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return the choices; in a popup all statuses are a choice like any other."""
        if not self.is_popup:
            yield from super().choices(changelist)
            return
        chosen = self.value() or TaskStatus.COMPLETED
        for value, label in [("all", _("All")), *self.lookup_choices]:
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": chosen == value, "query_string": query, "display": label}

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        return tasks if value == "all" else tasks.filter(status=value)

    def label(self, value: str) -> str:
        return str(capfirst(TaskStatus(value).label)) if value in TaskStatus else super().label(value)


class ModelFilter(Filter):
    title = _("model")
    parameter_name = "model"
    #: There are many: folded up.
    stock_template = "wanvideo/long_filter.html"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        return [(spec.id, spec.short_label) for spec in catalog.known()]


class BatchFilter(Filter):
    """One batch, whose page leads here; nothing is offered where none is chosen."""

    title = _("batch")
    parameter_name = "batch"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        """Return the batch that is chosen, by its name if this person sees a task of it."""
        value = self.value()
        if not value:
            return []
        tasks = model_admin.get_queryset(request).filter(batch_id=_uuid(value)).order_by()
        return [(value, tasks.values_list("batch__name", flat=True).first() or value)]

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        return tasks.filter(batch_id=_uuid(value))


def _uuid(value: str) -> uuid.UUID:
    if (found := as_uuid(value)) is None:
        raise IncorrectLookupParameters
    return found


class FailureFilter(Filter):
    """Why tasks failed: what helps against it, or in the words that a failed task's page has for it, as links lead here."""

    title = _("reason of failure")
    parameter_name = "failure"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        """Return the groups of reasons, and the one reason that a link has chosen.

        None where a finished video is chosen for something else.
        """
        if IS_POPUP_VAR in request.GET:
            return []
        found: list[tuple[str, Any]] = [(group.value, group.label) for group in FailureGroup]
        value = self.value()
        if not value or value in FailureGroup:
            return found
        return [*found, (value, failures.advice_for(value).heading)]

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        ended = tasks.filter(status__in=[TaskStatus.FAILED, TaskStatus.CANCELLED])
        if value == FailureGroup.OTHER:
            # Also codes that are not known here.
            return ended.exclude(error_code="").exclude(error_code__in=_codes(value, others=True))
        if value in FailureGroup:
            return ended.filter(error_code__in=_codes(value))
        if value == failures.UNKNOWN_CODE:
            return ended.exclude(error_code="").exclude(error_code__in=failures.ADVICE.keys() - {value})
        codes = next((codes for codes in failures.codes_by_heading().values() if value in codes), [value])
        return ended.filter(error_code__in=codes)


def _codes(group: str, *, others: bool = False) -> list[str]:
    """Return the codes of a group of reasons, or of all ``others``."""
    return [code for code, advice in failures.ADVICE.items() if (advice.group == group) != others]


class PickedFilter(Filter):
    """Of takes the one that was picked, or those that were not."""

    title = _("picked")
    # Not the column's name, which begins with the name that Django has for the number of a page.
    parameter_name = "takes"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        return [("picked", _("Picked")), ("others", _("Not picked"))]

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        if value == "picked":
            return tasks.filter(picked=True)
        return tasks.filter(take_group__isnull=False, picked=None) if value == "others" else tasks


class PurposeFilter(Filter):
    """In a popup: a tick for what was made for the very object that a video is chosen for."""

    title = _("picture")
    parameter_name = "made_for"
    further_parameters = ("made_for_key",)
    # It stands beside the search.
    stock_template = "wanvideo/unlisted_filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: ModelAdmin) -> None:
        #: What tasks say that were made for the object.
        self.key = str(params.pop("made_for_key", [""])[-1])
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        """Return the one choice; none where there is no such video."""
        found = made_for.object_of(self.key)
        if found is None:
            return []
        count = model_admin.get_queryset(request).filter(made_for=self.key, status=TaskStatus.COMPLETED).count()
        values = {"kind": found[0]._meta.verbose_name, "n": count}  # noqa: SLF001 - documented model API
        return [("1", gettext("From this %(kind)s’s picture (%(n)s)") % values)] if count else []

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        return tasks.filter(made_for=self.key)


#: In the order in which the list shows them.
LIST_FILTER = (
    PurposeFilter,
    CreatedFilter,
    AttentionFilter,
    StatusFilter,
    FailureFilter,
    PickedFilter,
    ModelFilter,
    OwnerFilter,
    BatchFilter,
)
