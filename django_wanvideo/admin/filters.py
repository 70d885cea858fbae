"""Filters of the list; none of them counts or reads the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from django_wanvideo import catalog
from django_wanvideo.choices import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from django_wanvideo.models import VideoTask


class AttentionFilter(admin.SimpleListFilter):
    """What waits for a person, and what will be lost soon."""

    title = _("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return the choices."""
        return [("needed", _("Needs attention")), ("expiring", _("Link ends soon"))]

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
        return [(value, capfirst(label)) for value, label in TaskStatus.choices]

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
