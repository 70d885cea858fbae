"""Filters of the list. None reads the table; what is on its way is counted up to a hundred, now and then."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo import catalog
from django_wanvideo.admin import caching
from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from django_wanvideo.models import VideoTask


#: Seconds that counts are kept for a person.
SECONDS = 10
#: The highest number that is said, and the rows that are read at most to find it.
CAP, MOST = 100, 1000


def counts(request: HttpRequest, model_admin: Any) -> dict[str, str]:
    """Return how many tasks stand at the choices for which that is cheap to know, as far as this person sees them."""
    known: dict[str, str] | None = getattr(request, "wanvideo_counts", None)
    if request.method != "GET":
        # An action shows no filters.
        return {}
    if known is None:
        key = f"wanvideo:admin:counts:{model_admin.admin_site.name}:{request.user.pk}"
        known = caching.remembered(key, SECONDS, partial(_count, request, model_admin))
        # Two filters ask on each page, also where there is no cache to remember it.
        request.wanvideo_counts = known  # type: ignore[attr-defined]
    return known


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
        """Return the choices."""
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
    """One status."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return all statuses."""
        known = counts(request, model_admin)
        return [(value, _labelled(capfirst(label), known.get(value))) for value, label in TaskStatus.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Narrow the list down."""
        return queryset.filter(status=self.value()) if self.value() else queryset


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
    """One's own tasks; a list of all owners would read the table."""

    title = _("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return the one choice."""
        return [("me", _("Me"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Narrow the list down."""
        return queryset.filter(owner_id=request.user.pk) if self.value() == "me" else queryset
