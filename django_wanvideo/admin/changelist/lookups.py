"""What the list may be narrowed by from its address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.widgets import url_params_from_lookup_dict
from django.db.models.constants import LOOKUP_SEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

    from django_wanvideo.admin.base import ModelAdmin


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
            yield from ((name, False) for name in getattr(item, "further_parameters", ()))
        elif isinstance(item, type):
            names = item(request, {}, model_admin.model, model_admin).expected_parameters()
            yield from ((name, False) for name in names)
        else:
            yield item if isinstance(item, str) else item[0], True
