"""Deleting from the admin: what is on its way stays, what refers to a video is named, and the person is told why."""

# ruff: noqa: SLF001 - models tell of their relations nowhere else

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as djangos_delete_selected
from django.contrib.admin.utils import get_deleted_objects
from django.db import models
from django.db.models import ProtectedError, RestrictedError
from django.http import HttpResponseRedirect
from django.utils.html import format_html
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_wanvideo.admin.base import TaskAdminBase
from django_wanvideo.admin.presentation.used_by import page_of, relations
from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Film

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.models import VideoTask

#: So many of the tasks that stay are named.
STAYING_NAMED = 5
#: So many objects of each kind that refer to tasks are named, and so many tasks asked about in one query.
NAMED, CHUNK = 50, 500

_CASCADES = (models.CASCADE, getattr(models, "DB_CASCADE", models.CASCADE))
_PROTECTS = (models.PROTECT, models.RESTRICT)


@dataclass
class Referring:
    """What refers to tasks that are about to be deleted."""

    #: What becomes of each object, by the task that it refers to.
    lines: dict[UUID, list[str]] = field(default_factory=lambda: defaultdict(list))
    #: What is not named, as a sentence.
    more: list[str] = field(default_factory=list)
    #: What forbids deleting.
    protected: list[Any] = field(default_factory=list)
    #: What goes with the tasks, by the name of its kind.
    counts: dict[str, int] = field(default_factory=dict)
    #: Kinds that this person may not delete.
    needed: set[str] = field(default_factory=set)


def to_tasks(model_admin: TaskAdminBase, request: HttpRequest, tasks: Iterable[VideoTask]) -> Referring:
    """Look up what refers to ``tasks``: a few queries for each relation of another app."""
    found, pks = Referring(), [task.pk for task in tasks]
    for relation in relations():
        pairs = [
            pair for start in range(0, len(pks), CHUNK) for pair in _pairs(relation, pks[start : start + CHUNK])
        ]  # fmt: skip
        if pairs:
            _tell(model_admin, request, relation, pairs, found)
    for start in range(0, len(pks), CHUNK):
        films = Film.objects.filter(task__in=pks[start : start + CHUNK]).exclude(video="")
        for task_id in films.values_list("task_id", flat=True):
            found.lines[task_id].append(_("The film that it is the last part of will be deleted with it"))
    return found


def _pairs(relation: Any, pks: list[UUID]) -> list[tuple[Any, UUID]]:
    """Return each object that refers to one of the tasks, with the task."""
    name = relation.field.name
    rows = relation.related_model._base_manager.using(database.alias()).filter(**{f"{name}__in": pks}).order_by("pk")
    if not relation.many_to_many:
        return [(row, getattr(row, relation.field.attname)) for row in rows]
    wanted, ids = set(pks), list(rows.values_list("pk", name))
    objects = rows.distinct().in_bulk({pk for pk, task_id in ids if task_id in wanted})
    return [(objects[pk], task_id) for pk, task_id in ids if task_id in wanted]


def _tell(
    model_admin: TaskAdminBase, request: HttpRequest, relation: Any, pairs: list[tuple[Any, UUID]], found: Referring
) -> None:
    opts, on_delete = relation.related_model._meta, getattr(relation, "on_delete", None)
    goes, stops = on_delete in _CASCADES, on_delete in _PROTECTS
    for row, task_id in pairs[:NAMED]:
        values = {"kind": capfirst(opts.verbose_name), "name": _linked(model_admin, request, row)}
        if stops:
            found.protected.append(format_html(_("{kind} “{name}” shows this video; change that first"), **values))
        elif goes:
            found.lines[task_id].append(format_html(_("{kind} “{name}” will be deleted with this video"), **values))
        else:
            found.lines[task_id].append(format_html(_("{kind} “{name}” shows this video and will lose it"), **values))
    if (rest := len(pairs) - NAMED) > 0:
        words = ngettext("%(n)s more: %(kind)s", "%(n)s more: %(kind)s", rest)
        text = words % {"n": rest, "kind": opts.verbose_name if rest == 1 else opts.verbose_name_plural}
        (found.protected if stops else found.more).append(text)
    if goes:
        rows = list({row.pk: row for row, _task_id in pairs}.values())
        _deleted, counts, needed, protected = get_deleted_objects(rows, request, model_admin.admin_site)
        found.counts |= {str(name): number for name, number in counts.items()}
        found.needed |= needed
        found.protected += protected


def _linked(model_admin: TaskAdminBase, request: HttpRequest, row: models.Model) -> Any:
    """Return the name of an object, as a link where this person may open it."""
    name, site, model = Truncator(str(row)).chars(60), model_admin.admin_site, type(row)
    if not site.is_registered(model) or not site.get_model_admin(model).has_view_permission(request, row):
        return name
    url = page_of(site, row)
    return format_html('<a href="{}">{}</a>', url, name) if url else name


class DeletionMixin(TaskAdminBase):
    def has_delete_permission(self, request: HttpRequest, obj: VideoTask | None = None) -> bool:
        if obj is not None and obj.status in ACTIVE_STATUSES:
            return False
        return super().has_delete_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name what refers to the tasks and what cannot be deleted; do not ask for permissions on parts of a task."""
        tasks = list(objs)
        found = to_tasks(self, request, tasks)
        listed: list[Any] = []
        for task in tasks:
            listed.append(str(task))
            if task.pk in found.lines:
                listed.append(found.lines[task.pk])
        held = [task for task in tasks if task.status in ACTIVE_STATUSES]
        protected = [_("%(task)s has not ended and cannot be deleted yet.") % {"task": task} for task in held]
        counts = {str(self.opts.verbose_name_plural): len(tasks), **found.counts}
        return [*listed, *found.more], counts, found.needed, [*protected, *found.protected]

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say so where a worker took the task, or something came to need it, between the question and the answer."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except (TransitionNotAllowed, ProtectedError, RestrictedError) as error:
            messages.warning(request, _why(error))
            return HttpResponseRedirect(self.get_page_url("change", object_id))

    @admin.action(permissions=["delete"], description=gettext_lazy("Delete selected %(verbose_name_plural)s"))
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponse | None:
        """Ask, then delete what can be deleted, all of it or nothing; name what stays."""
        held = list(queryset.filter(status__in=ACTIVE_STATUSES)[: STAYING_NAMED + 1])
        if held:
            _tell_what_stays(request, held, queryset)
            queryset = queryset.exclude(status__in=ACTIVE_STATUSES)
            if not queryset.exists():
                return None
        try:
            # Together with the log entries, which Django writes before it deletes.
            with database.atomic():
                return djangos_delete_selected(self, request, queryset)
        except (TransitionNotAllowed, ProtectedError, RestrictedError) as error:
            words = _("Nothing was deleted: %(reason)s Select the tasks again.") % {"reason": _why(error)}
            messages.warning(request, words)
            return None


def _why(error: Exception) -> str:
    if isinstance(error, TransitionNotAllowed):
        return str(error)
    return _("Something else on this site needs the video.")


def _tell_what_stays(request: HttpRequest, held: list[VideoTask], queryset: QuerySet[VideoTask]) -> None:
    names = [
        _("“%(task)s” (%(status)s)")
        % {"task": Truncator(task.prompt or str(task.pk)).chars(60), "status": TaskStatus(task.status).label}
        for task in held[:STAYING_NAMED]
    ]
    if len(held) > STAYING_NAMED:
        rest = queryset.filter(status__in=ACTIVE_STATUSES).count() - STAYING_NAMED
        names.append(ngettext("%(n)s more", "%(n)s more", rest) % {"n": rest})
    words = _(
        "Tasks that have not ended cannot be deleted, because they may still be charged or deliver a video: %(tasks)s."
    )
    messages.warning(request, words % {"tasks": ", ".join(names)})
