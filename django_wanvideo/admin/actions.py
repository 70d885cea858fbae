"""Actions of the list. Each is offered only to those who may do it, and checked again when it is done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_wanvideo.admin.action_results import CHUNK, do_to_each, log
from django_wanvideo.admin.views import bulk_resolve, bulk_submit
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models.creation import creation
from django_wanvideo.services.resolution import dismissal
from django_wanvideo.services.sending import actions
from django_wanvideo.services.tracking import polling

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import VideoTask


#: Seconds that a page may take for asking EvoLink about many tasks.
ASKING_SECONDS = 8.0


class ActionsMixin:
    """Generate, ask EvoLink, cancel, dismiss, retry, duplicate."""

    opts: Any

    def has_submit_permission(self, request: HttpRequest, obj: VideoTask | None = None) -> bool:
        """Tell whether the person may spend credits."""
        return bool(request.user.has_perm("wanvideo.submit_videotask"))

    def has_resolve_permission(self, request: HttpRequest, obj: VideoTask | None = None) -> bool:
        """Tell whether the person may settle unconfirmed tasks."""
        return bool(request.user.has_perm("wanvideo.resolve_videotask"))

    @admin.action(permissions=["submit"], description=gettext_lazy("Generate selected…"))
    def submit_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponseBase:
        """Show what would be sent and what it costs; sending is a second step."""
        return bulk_submit.make(self, request, queryset)

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
            polling.refresh(task, by=_user(request))

        outcome = do_to_each(request, _each(queryset), ask, _("Refreshed the status."))
        outcome.tell(
            request,
            lambda n: (
                ngettext("The status of %(n)s task was refreshed.", "The status of %(n)s tasks was refreshed.", n)
                % {"n": n}
            ),
        )

    @admin.action(permissions=["change"], description=gettext_lazy("Cancel selected"))
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> None:
        """Cancel each selected task that was not sent."""
        outcome = do_to_each(
            request, _each(queryset), lambda task: actions.cancel(task, by=_user(request)), _("Cancelled.")
        )
        outcome.tell(
            request, lambda n: ngettext("%(n)s task was cancelled.", "%(n)s tasks were cancelled.", n) % {"n": n}
        )

    @admin.action(permissions=["change"], description=gettext_lazy("Dismiss selected failures"))
    def dismiss_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> None:
        """Let each selected failure need no attention any more."""
        outcome = do_to_each(
            request, _each(queryset), lambda task: dismissal.dismiss(task, by=_user(request)), _("Dismissed.")
        )
        outcome.tell(
            request, lambda n: ngettext("%(n)s task was dismissed.", "%(n)s tasks were dismissed.", n) % {"n": n}
        )

    @admin.action(permissions=["submit"], description=gettext_lazy("Retry selected…"))
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponseBase:
        """Show what would be tried again and what it costs; sending is a second step."""
        return bulk_submit.make(self, request, queryset, again=True)

    @admin.action(permissions=["resolve"], description=gettext_lazy("Settle selected unconfirmed…"))
    def settle_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponseBase:
        """Show what EvoLink's list says of each; settling is a second step."""
        return bulk_resolve.first_step(self, request, queryset)

    @admin.action(permissions=["add"], description=gettext_lazy("Duplicate selected as drafts"))
    def duplicate_selected(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> None:
        """Make a draft like each selected task."""
        made: list[VideoTask] = []
        outcome = do_to_each(
            request,
            _each(queryset.prefetch_related("inputs")),
            lambda task: made.append(creation.duplicate(task, by=_user(request))),
            _("Duplicated."),
        )
        log(request, made, _("Made as a copy."), added=True)
        outcome.tell(request, lambda n: ngettext("%(n)s draft was made.", "%(n)s drafts were made.", n) % {"n": n})


def _each(queryset: QuerySet[VideoTask]) -> Any:
    return queryset.defer(None).iterator(chunk_size=CHUNK)


def _user(request: HttpRequest) -> Any:
    return request.user
