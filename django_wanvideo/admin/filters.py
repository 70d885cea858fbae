"""Filters of the list. None reads the table; what is on its way is counted up to a hundred, now and then."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IS_POPUP_VAR, IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo import catalog, failures
from django_wanvideo.admin import caching, themes
from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest


#: Seconds that counts are kept for a person.
SECONDS = 10
#: The highest number that is said, and the rows that are read at most to find it.
CAP, MOST = 100, 1000
#: Days that "older" lies back.
LONG_AGO = 30


def counts(request: HttpRequest, model_admin: Any, *, anew: bool = False) -> dict[str, str]:
    """Return how many tasks stand at the choices for which that is cheap to know, as far as this person sees them.

    Args:
        anew: look now, rather than take what was found some seconds ago.
    """
    known: dict[str, str] | None = getattr(request, "wanvideo_counts", None)
    if request.method != "GET":
        # An action shows no filters.
        return {}
    if known is None:
        key = f"wanvideo:admin:counts:{model_admin.admin_site.name}:{request.user.pk}"
        known = caching.remembered(key, SECONDS, partial(_count, request, model_admin), anew=anew)
        # Two filters ask on each page, also where there is no cache to remember it.
        request.wanvideo_counts = known  # type: ignore[attr-defined]
    return known


def shown_counts(request: HttpRequest, model_admin: Any) -> list[tuple[str, str, str, str]]:
    """Return the counted choices as they stand at this moment: parameter, value, label without and with its count."""
    known = counts(request, model_admin, anew=True)
    labels = [("attention", "needed", str(_("Needs attention")))]
    labels += [("status", str(value), capfirst(str(value.label))) for value in sorted(ACTIVE_STATUSES)]
    return [(name, value, label, _labelled(label, known.get(value))) for name, value, label in labels]


def _count(request: HttpRequest, model_admin: Any) -> dict[str, str]:
    tasks = model_admin.get_queryset(request).order_by()
    rows = tasks.filter(status__in=ACTIVE_STATUSES).values_list("status", flat=True)[:MOST]
    found = Counter(rows)
    # A filter of statuses has no choice of this name.
    found["needed"] = len(tasks.needing_attention().values_list("pk")[: CAP + 1])
    is_cut = found.total() - found["needed"] == MOST
    return {
        name: f"{min(number, CAP)}+" if number > CAP or (is_cut and name != "needed") else str(number)
        for name, number in found.items()
        if number
    }


def _labelled(label: Any, count: str | None) -> str:
    return gettext("%(label)s (%(count)s)") % {"label": label, "count": count} if count else str(label)


class AttentionFilter(admin.SimpleListFilter):
    """What waits for a person, and what will be lost soon."""

    title = _("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return the choices; none where a finished video is chosen for something else."""
        if IS_POPUP_VAR in request.GET:
            return []
        needed = _labelled(_("Needs attention"), counts(request, model_admin).get("needed"))
        return [("needed", needed), ("expiring", _("Link ends soon"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Narrow the list down."""
        tasks: Any = queryset
        if self.value() == "needed":
            return tasks.needing_attention()  # type: ignore[no-any-return]
        if self.value() == "expiring":
            return tasks.expiring()  # type: ignore[no-any-return]
        return queryset


class StatusFilter(admin.SimpleListFilter):
    """One status. A popup, from which a video is chosen, begins with those that are completed."""

    title = _("status")
    parameter_name = "status"
    is_popup = False

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return all statuses."""
        self.is_popup = IS_POPUP_VAR in request.GET
        known = counts(request, model_admin)
        return [(value, _labelled(capfirst(label), known.get(value))) for value, label in TaskStatus.choices]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return the choices; in a popup all statuses are a choice like any other."""
        if not self.is_popup:
            yield from super().choices(changelist)
            return
        chosen = self.value() or TaskStatus.COMPLETED
        for value, label in [("all", _("All")), *self.lookup_choices]:
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": chosen == value, "query_string": query, "display": label}

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Narrow the list down."""
        return queryset.filter(status=self.value()) if self.value() not in {None, "", "all"} else queryset


class CreatedFilter(admin.SimpleListFilter):
    """When a task was made."""

    title = _("date")
    parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return stretches of days."""
        return [
            ("today", _("Today")),
            ("7", _("Past 7 days")),
            (str(LONG_AGO), _("Past 30 days")),
            ("older", _("More than 30 days ago")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Narrow the list down; days begin at midnight where the person is."""
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        if self.value() == "older":
            return queryset.filter(created_at__lt=today - dt.timedelta(days=LONG_AGO))
        days = {"today": 0, "7": 7, str(LONG_AGO): LONG_AGO}.get(self.value() or "")
        return queryset if days is None else queryset.filter(created_at__gte=today - dt.timedelta(days=days))


class ModelFilter(admin.SimpleListFilter):
    """One model of the catalogue."""

    title = _("model")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return the catalogue's models."""
        return [(spec.id, spec.short_label) for spec in catalog.models()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Narrow the list down."""
        return queryset.filter(model=self.value()) if self.value() else queryset


class OwnerFilter(admin.SimpleListFilter):
    """One's own tasks, nobody's, or those of the owner whose name in the list was followed.

    A list of all owners would read the table.
    """

    title = _("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
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

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Narrow the list down."""
        value = self.value()
        if not value:
            return queryset
        if value == "none":
            return queryset.filter(owner_id=None)
        return queryset.filter(owner_id=request.user.pk if value == "me" else _owner_id(value))


def _owner_id(value: str | None) -> Any:
    try:
        return VideoTask.owner.field.target_field.to_python(value)
    except ValidationError:
        raise IncorrectLookupParameters from None


class FailureFilter(admin.SimpleListFilter):
    """Why a task failed, in the words that its page has for it."""

    title = _("reason of failure")
    parameter_name = "failure"

    @property
    def template(self) -> str:  # type: ignore[override]
        """A long list is folded up in Django's own admin; a theme has ways of its own."""
        return "wanvideo/long_filter.html" if themes.is_stock() else "admin/filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return the headings of what can go wrong; none where a finished video is chosen for something else."""
        if IS_POPUP_VAR in request.GET:
            return []
        return [(codes[0], heading) for heading, codes in sorted(failures.codes_by_heading().items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Narrow the list down."""
        value = self.value()
        if not value:
            return queryset
        ended = queryset.filter(status__in=[TaskStatus.FAILED, TaskStatus.CANCELLED])
        if value == failures.UNKNOWN_CODE:
            return ended.exclude(error_code="").exclude(error_code__in=failures.ADVICE.keys() - {value})
        codes: list[str] = next((codes for codes in failures.codes_by_heading().values() if value in codes), [value])
        return ended.filter(error_code__in=codes)
