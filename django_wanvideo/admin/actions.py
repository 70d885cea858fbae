"""Actions of the list. Each is offered only to those who may do it, and checked again when it is done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from django_wanvideo.admin.action_results import CHUNK, do_to_each, log
from django_wanvideo.admin.base import TaskAdminBase, person
from django_wanvideo.admin.views import archives, bulk_submit, resolve
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models.creation import creation
from django_wanvideo.services.resolution import decisions
from django_wanvideo.services.sending import actions as sending
from django_wanvideo.services.tracking import polling

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase
    from django_stubs_ext import StrPromise

    from django_wanvideo.models import VideoTask

#: Seconds that a page may take for asking EvoLink about many tasks.
ASKING_SECONDS = 8.0


class ActionsMixin(TaskAdminBase):
    """Generate, ask EvoLink, cancel, dismiss, retry, duplicate."""

    @admin.action(permissions=["submit"], description=gettext_lazy("Generate selected…"))
    def submit_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponse:
        """Show what would be sent and what it costs; sending is a second step."""
        return bulk_submit.make(self, request, queryset)

    @admin.action(permissions=["submit"], description=gettext_lazy("Retry selected…"))
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponse:
        return bulk_submit.make(self, request, queryset, again=True)

    @admin.action(permissions=["resolve"], description=gettext_lazy("Settle selected unconfirmed…"))
    def resolve_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponse:
        """Show what EvoLink's list says of each; settling is a second step."""
        return resolve.begin_bulk(self, request, queryset)

    @admin.action(permissions=["view"], description=gettext_lazy("Refresh status of selected"))
    def refresh_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> None:
        """Look at each selected task now; what there is no time for is left to the workers."""
        deadline = time.monotonic() + ASKING_SECONDS

        def ask(task: VideoTask) -> None:
            if time.monotonic() > deadline:
                if task.is_finished:
                    raise TransitionNotAllowed(_("There was no time to refresh it. Select fewer tasks."))
                polling.poll_soon(task)
                raise TransitionNotAllowed(_("A worker will refresh it in a moment."))
            polling.refresh(task, by=person(request))

        words = ngettext_lazy(
            "The status of %(n)s task was refreshed.", "The status of %(n)s tasks was refreshed.", "n"
        )
        _do(request, queryset, ask, _("Refreshed the status."), words)

    @admin.action(permissions=["view"], description=gettext_lazy("Download selected as ZIP"))
    def download_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponseBase | None:
        """Send the videos of the selected tasks; what has none is named in the ZIP's manifest."""
        if not archives.can_zip():
            messages.error(request, _("The site administrator has to install django-wanvideo[tables] for this."))
        elif queryset[archives.MOST :].exists():
            words = _("One ZIP holds at most %(most)s videos. Select fewer tasks.")
            messages.error(request, words % {"most": archives.MOST})
        elif not queryset.exclude(video="").exists():
            messages.warning(request, _("None of the selected tasks has a video."))
        else:
            return archives.selected(request, queryset)
        return None

    @admin.action(permissions=["change"], description=gettext_lazy("Cancel selected"))
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> None:
        words = ngettext_lazy("%(n)s task was cancelled.", "%(n)s tasks were cancelled.", "n")
        _do(request, queryset, lambda task: sending.cancel(task, by=person(request)), _("Cancelled."), words)

    @admin.action(permissions=["change"], description=gettext_lazy("Dismiss selected failures"))
    def dismiss_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> None:
        words = ngettext_lazy("%(n)s task was dismissed.", "%(n)s tasks were dismissed.", "n")
        _do(request, queryset, lambda task: decisions.dismiss(task, by=person(request)), _("Dismissed."), words)

    @admin.action(permissions=["add"], description=gettext_lazy("Duplicate selected as drafts"))
    def duplicate_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> None:
        made: list[VideoTask] = []
        tasks, by = queryset.prefetch_related("inputs"), person(request)
        words = ngettext_lazy("%(n)s draft was made.", "%(n)s drafts were made.", "n")
        _do(request, tasks, lambda task: made.append(creation.duplicate(task, by=by)), _("Duplicated."), words)
        log(request, made, _("Made as a copy."), added=True)


def _do(
    request: HttpRequest,
    queryset: QuerySet[VideoTask],
    step: Callable[[VideoTask], Any],
    log_message: str,
    success: StrPromise,
) -> None:
    tasks = queryset.defer(None).iterator(chunk_size=CHUNK)
    do_to_each(request, tasks, step, log_message).tell(request, success)
