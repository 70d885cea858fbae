"""Deleting from the admin: what is on its way stays, and the person is told which and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as djangos_delete_selected
from django.db.models import ProtectedError, RestrictedError
from django.http import HttpResponseRedirect
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_wanvideo.admin import references
from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import VideoTask

#: So many of the tasks that stay are named.
NAMED = 5


class DeletingMixin:
    """One task or several; files go after commit, which the services see to."""

    opts: Any

    def has_delete_permission(self, request: HttpRequest, obj: VideoTask | None = None) -> bool:
        """Refuse to delete what EvoLink or a worker has hold of."""
        if obj is not None and obj.status in ACTIVE_STATUSES:
            return False
        return bool(super().has_delete_permission(request, obj))  # type: ignore[misc]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name what refers to the tasks and what cannot be deleted; do not ask for permissions on parts of a task."""
        tasks = list(objs)
        found = references.to_tasks(self, request, tasks)
        listed: list[Any] = []
        for task in tasks:
            listed.append(str(task))
            if task.pk in found.lines:
                listed.append(found.lines[task.pk])
        held = [task for task in tasks if task.status in ACTIVE_STATUSES]
        protected = [_("%(task)s has not ended and cannot be deleted yet.") % {"task": task} for task in held]
        counts = {self.opts.verbose_name_plural: len(tasks), **found.counts}
        return [*listed, *found.more], counts, found.needed, [*protected, *found.protected]

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Say so where a worker took the task, or something came to need it, between the question and the answer."""
        try:
            response: HttpResponseBase = super().delete_view(request, object_id, extra_context)  # type: ignore[misc]
        except (TransitionNotAllowed, ProtectedError, RestrictedError) as error:
            messages.warning(request, _why(error))
            return HttpResponseRedirect(self.page_url("change", object_id))  # type: ignore[attr-defined]
        return response

    @admin.action(permissions=["delete"], description=gettext_lazy("Delete selected %(verbose_name_plural)s"))
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponseBase | None:
        """Ask, then delete what can be deleted, all of it or nothing; name what stays."""
        held = list(queryset.filter(status__in=ACTIVE_STATUSES)[: NAMED + 1])
        if held:
            _tell_what_stays(request, held, queryset)
            queryset = queryset.exclude(status__in=ACTIVE_STATUSES)
            if not queryset.exists():
                return None
        try:
            # Together with the log entries, which Django writes before it deletes.
            with database.atomic():
                return djangos_delete_selected(self, request, queryset)  # type: ignore[arg-type]
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
        for task in held[:NAMED]
    ]
    if len(held) > NAMED:
        rest = queryset.filter(status__in=ACTIVE_STATUSES).count() - NAMED
        names.append(ngettext("%(n)s more", "%(n)s more", rest) % {"n": rest})
    words = _(
        "Tasks that have not ended cannot be deleted, because they may still be charged or deliver a video: %(tasks)s."
    )
    messages.warning(request, words % {"tasks": ", ".join(names)})
