"""What on the site shows a video: the objects of other apps that refer to its task, for those who may see them."""

# ruff: noqa: SLF001 - models tell of their relations nowhere else

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.urls import NoReverseMatch, reverse
from django.utils.text import Truncator, capfirst

from django_wanvideo.admin.forms import made_for
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.admin import AdminSite
    from django.db import models
    from django.http import HttpRequest

#: So many objects of each kind are named.
NAMED = 20


@dataclass(frozen=True)
class Users:
    """The objects of one kind that refer to a task."""

    kind: str
    #: Names and addresses; an address is empty where there is no page.
    rows: list[tuple[str, str]]
    #: How many more there are.
    more: int = 0


def relations() -> Iterator[Any]:
    """Return the relations by which models of other apps point at tasks."""
    for relation in VideoTask._meta.get_fields(include_hidden=True):
        if not relation.is_relation or relation.concrete or not relation.auto_created:
            continue
        opts: Any = relation.related_model._meta  # type: ignore[union-attr]
        # The table between two models belongs to the relation of these.
        if opts.app_label != VideoTask._meta.app_label and not opts.auto_created:
            yield relation


def users_of(site: AdminSite, request: HttpRequest, task: VideoTask) -> list[Users]:
    """Return what refers to a task, of the kinds that this site shows, as far as the person may see it.

    One query for each relation, and one more where it has more than are named.
    """
    found = []
    for relation in relations():
        model: Any = relation.related_model
        if not site.is_registered(model):
            continue
        model_admin: Any = site.get_model_admin(model)
        if not model_admin.has_view_permission(request):
            continue
        rows = model_admin.get_queryset(request).filter(**{relation.field.name: task.pk}).order_by("pk")
        if isinstance(related := model_admin.get_list_select_related(request), (list, tuple)):
            rows = rows.select_related(*related) if related else rows
        seen = list(rows[: NAMED + 1])
        more = rows.count() - NAMED if len(seen) > NAMED else 0
        named = [
            (Truncator(str(row)).chars(60), page_of(site, row))
            for row in seen[:NAMED]
            if model_admin.has_view_permission(request, row)
        ]
        if named:
            name = model._meta.verbose_name if len(named) == 1 else model._meta.verbose_name_plural
            found.append(Users(str(capfirst(name)), named, more))
    return found


def page_of(site: AdminSite, row: models.Model) -> str:
    """Return the address of an object's page; empty where its ``ModelAdmin`` has none."""
    try:
        return reverse(f"{site.name}:{row._meta.app_label}_{row._meta.model_name}_change", args=[quote(row.pk)])
    except NoReverseMatch:
        return ""


def purpose_of(site: AdminSite, request: HttpRequest, task: VideoTask) -> Users | None:
    """Return the object whose page a task was made from, if this person may see it."""
    key = task.metadata.get(made_for.NAME) if isinstance(task.metadata, dict) else None
    found = made_for.object_of(key)
    if found is None or not site.is_registered(found[0]):
        return None
    model, pk = found
    model_admin: Any = site.get_model_admin(model)
    try:
        row = model_admin.get_queryset(request).filter(pk=pk).first()
    except (ValueError, ValidationError):
        return None
    if row is None or not model_admin.has_view_permission(request, row):
        return None
    return Users(str(capfirst(model._meta.verbose_name)), [(Truncator(str(row)).chars(60), page_of(site, row))])
