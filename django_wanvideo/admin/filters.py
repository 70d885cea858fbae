"""Filters of the list, and what it may be narrowed by from its address. None reads the table."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IS_POPUP_VAR, IncorrectLookupParameters
from django.contrib.admin.widgets import url_params_from_lookup_dict
from django.core.exceptions import ValidationError
from django.db.models.constants import LOOKUP_SEP
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from django_wanvideo import catalog, failures
from django_wanvideo.admin import counts
from django_wanvideo.admin.base import as_uuid, is_stock
from django_wanvideo.choices import TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from django_wanvideo.admin.base import ModelAdmin


#: Days that "older" lies back.
LONG_AGO = 30


class _Filter(admin.SimpleListFilter):
    """Narrows the list down by what is chosen, if anything."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        return self.narrowed(request, queryset, self.value() or "") if self.value() else queryset

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        """Return the tasks of the choice; of most filters those with that value."""
        return tasks.filter((self.parameter_name, value))


class AttentionFilter(_Filter):
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


class StatusFilter(_Filter):
    """One status. A popup, from which a video is chosen, begins with those that are completed."""

    title = _("status")
    parameter_name = "status"
    is_popup = False

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        self.is_popup = IS_POPUP_VAR in request.GET
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


class CreatedFilter(_Filter):
    """When a task was made; days begin at midnight where the person is."""

    title = _("date")
    parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        return [
            ("today", _("Today")),
            ("7", _("Past 7 days")),
            (str(LONG_AGO), _("Past 30 days")),
            ("older", _("More than 30 days ago")),
        ]

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        if value == "older":
            return tasks.filter(created_at__lt=today - dt.timedelta(days=LONG_AGO))
        days = {"today": 0, "7": 7, str(LONG_AGO): LONG_AGO}.get(value)
        return tasks if days is None else tasks.filter(created_at__gte=today - dt.timedelta(days=days))


class ModelFilter(_Filter):
    title = _("model")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        return [(spec.id, spec.short_label) for spec in catalog.models()]


class OwnerFilter(_Filter):
    """One's own tasks, nobody's, or those of the owner whose name in the list was followed.

    A list of all owners would read the table.
    """

    title = _("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        """Return the two choices that are always there, and the owner that is chosen."""
        found: list[tuple[str, Any]] = [("me", _("Me")), ("none", _("No owner"))]
        value = self.value()
        if value in {None, "", "me", "none"}:
            return found
        # Somebody of whom this person sees no task is not named.
        tasks = model_admin.get_queryset(request).filter(owner_id=_owner_id(value)).order_by()
        task = tasks.only("owner").first()
        # With a query of its own: owners may be in another database, and gone from there.
        owner = task.owner if task is not None else None
        return [*found, (str(value), str(owner) if owner is not None else value)]

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        if value == "none":
            return tasks.filter(owner_id=None)
        return tasks.filter(owner_id=request.user.pk if value == "me" else _owner_id(value))


def _owner_id(value: str | None) -> Any:
    try:
        return VideoTask.owner.field.target_field.to_python(value)
    except ValidationError:
        raise IncorrectLookupParameters from None


class BatchFilter(_Filter):
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


class FailureFilter(_Filter):
    """Why a task failed, in the words that its page has for it."""

    title = _("reason of failure")
    parameter_name = "failure"

    @property
    def template(self) -> str:  # type: ignore[override]
        """A long list is folded up in Django's own admin; a theme has ways of its own."""
        return "wanvideo/long_filter.html" if is_stock() else "admin/filter.html"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        """Return the headings of what can go wrong; none where a finished video is chosen for something else."""
        if IS_POPUP_VAR in request.GET:
            return []
        return [(codes[0], heading) for heading, codes in sorted(failures.codes_by_heading().items())]

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        ended = tasks.filter(status__in=[TaskStatus.FAILED, TaskStatus.CANCELLED])
        if value == failures.UNKNOWN_CODE:
            return ended.exclude(error_code="").exclude(error_code__in=failures.ADVICE.keys() - {value})
        codes = next((codes for codes in failures.codes_by_heading().values() if value in codes), [value])
        return ended.filter(error_code__in=codes)


#: In the order in which the list shows them.
LIST_FILTER = (AttentionFilter, StatusFilter, CreatedFilter, OwnerFilter, ModelFilter, FailureFilter, BatchFilter)


def is_offered(model_admin: ModelAdmin, request: HttpRequest, lookup: str, value: Any) -> bool:
    """Tell whether a filter of the list, its hierarchy of dates, or a site's foreign key to tasks asks for ``lookup``."""
    for name, is_field in _offered(model_admin, request):
        if lookup == name or (is_field and lookup.startswith(name + LOOKUP_SEP)):
            return True
    # A site's form that opens the list to choose from narrows it down as its foreign key says.
    limits = model_admin.model._meta.related_fkey_lookups  # noqa: SLF001 - where Django's own admin looks
    return any(
        (lookup, value) in url_params_from_lookup_dict(limit() if callable(limit) else limit).items()
        for limit in limits
    )


def _offered(model_admin: ModelAdmin, request: HttpRequest) -> Iterator[tuple[str, bool]]:
    """Yield names of parameters, and whether each is a column that further words may follow."""
    if model_admin.date_hierarchy:
        yield model_admin.date_hierarchy, True
    item: Any
    for item in model_admin.get_list_filter(request):
        if isinstance(item, type) and issubclass(item, admin.SimpleListFilter):
            yield str(item.parameter_name), False
        elif isinstance(item, type):
            names = item(request, {}, model_admin.model, model_admin).expected_parameters()
            yield from ((name, False) for name in names)
        else:
            yield item if isinstance(item, str) else item[0], True
