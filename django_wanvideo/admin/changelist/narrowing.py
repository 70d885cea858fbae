"""What the filters of the list have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from django_wanvideo.admin.base import is_stock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from django_wanvideo.models import VideoTask


class Filter(admin.SimpleListFilter):
    """Narrows the list down by what is chosen, if anything. None reads the table for its choices."""

    #: Further parameters of the address that this filter reads; their names begin with ``parameter_name``.
    further_parameters: tuple[str, ...] = ()
    #: What shows it in Django's own admin.
    stock_template = "admin/filter.html"
    #: The fields that it has beside its choices. A theme has ways of its own to show choices, with no place for fields:
    #: there they stand above the list.
    form_template = ""
    #: What a form of these fields sends again, set once the list is there.
    kept: Sequence[tuple[str, str]] = ()

    @property
    def template(self) -> str:  # type: ignore[override]  # a property in place of a value
        return self.stock_template if is_stock() else "admin/filter.html"

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        return self.narrowed(request, queryset, self.value() or "") if self.value() else queryset

    def narrowed(self, request: HttpRequest, tasks: Any, value: str) -> Any:
        """Return the tasks of the choice; of most filters those with that value."""
        return tasks.filter((self.parameter_name, value))

    def expected_parameters(self) -> list[str | None]:
        return [str(self.parameter_name), *self.further_parameters]

    def label(self, value: str) -> str:
        """Return the words of a choice without numbers; empty for a value that is none."""
        return next((str(words) for name, words in self.lookup_choices if str(name) == value), "")

    def shown(self) -> str:
        """Return in words what is chosen; empty where nothing is."""
        return self.label(self.value() or "") or str(self.value() or "")
