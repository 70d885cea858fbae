"""Addresses beside the admin's own: live status, price, kept files, what can be done to one task."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.admin import action_results, filters
from django_wanvideo.admin.forms import temporary_uploads
from django_wanvideo.admin.presentation import detail_page, markup, prices, status_text
from django_wanvideo.admin.presentation import quotes as quoting
from django_wanvideo.admin.presentation.columns import linked_picture
from django_wanvideo.admin.views import (
    bulk_resolve,
    bulk_submit,
    duplicate,
    range_response,
    resolve,
    sending,
    variations,
)
from django_wanvideo.choices import TaskStatus
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.models.creation import files
from django_wanvideo.services.resolution import dismissal
from django_wanvideo.services.sending import actions, quotes
from django_wanvideo.services.tracking import polling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import VideoTask

logger = logging.getLogger(__name__)

#: Ids that one request may ask about.
MOST_IDS = 200


class EndpointsMixin:
    """The addresses and their views; each checks its permission itself."""

    admin_site: Any

    def get_urls(self) -> list[Any]:
        """Put our addresses before the admin's catch-all."""
        own = [
            ("status/", self.status_view, "status"),
            ("price/", self.price_view, "price"),
            ("kept/", self.kept_view, "kept"),
            ("send/", self.send_view, "send"),
            ("sending/", self.sending_view, "sending"),
            ("settle/", self.settle_view, "settle"),
            ("plan/<slug:token>/", self.plan_view, "plan"),
            ("<uuid:object_id>/video/", self.video_view, "video"),
            ("<uuid:object_id>/decide/", self.decide_view, "decide"),
            ("<uuid:object_id>/variations/", self.variations_view, "variations"),
            ("<uuid:object_id>/do/<slug:verb>/", self.operate_view, "operate"),
        ]
        wrapped = [
            path(route, self.admin_site.admin_view(view), name=f"wanvideo_videotask_{name}")
            for route, view, name in own
        ]
        return wrapped + super().get_urls()  # type: ignore[misc, no-any-return]

    def _task_or_404(self, request: HttpRequest, object_id: uuid.UUID) -> VideoTask:
        task: VideoTask | None = self.get_queryset(request).filter(pk=object_id).first()  # type: ignore[attr-defined]
        if task is None:
            raise Http404(_("There is no such task, or you may not see it."))
        return task

    def status_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer how the asked tasks stand; ``page`` asks for the parts of one task's page."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        ids = []
        for value in request.GET.getlist("id")[:MOST_IDS]:
            try:
                ids.append(uuid.UUID(value))
            except ValueError:
                continue
        tasks: Any = self.get_queryset(request).filter(pk__in=ids).prefetch_related("inputs")  # type: ignore[attr-defined]
        now = timezone.now()
        self.offer_decisions(request, tasks)
        with_page = "page" in request.GET
        rows = {}
        for task in tasks:
            row = {
                "status": task.status,
                "label": str(TaskStatus(task.status).label),
                "progress": task.progress,
                "line": status_text.second_line(task, now),
                "live": not task.is_finished and task.status != TaskStatus.DRAFT,
                "state": markup.state(task, now),
                "credits": markup.credits_cell(task),
                "picture": linked_picture(task),
            }
            if with_page:
                parts = detail_page.live_parts(self, request, task, now)
                page = {**parts, "task": task, "frame_url": "", "frame": task.first_frame}
                row |= {
                    "head": parts["head"],
                    "now": parts["now"],
                    "left": parts["left"],
                    "expires": parts["expires"],
                    "bar": detail_page.bar_value(task),
                }
                ends_at = task.result_expires_at
                # Also after a failure the time that a paid file has left counts down.
                row["ended"] = task.is_finished
                row["live"] = row["live"] or bool(parts["expires"] and ends_at is not None and ends_at > now)
                row["steps"] = render_to_string("wanvideo/steps.html", {"wanvideo": page})
            rows[str(task.pk)] = row
        held = [report.as_dict() for report in sending.reports_for(request)]
        answer: dict[str, Any] = {"tasks": rows, "holds": held}
        if "counts" in request.GET:
            answer["counts"] = filters.shown_counts(request, self)
        return _private(JsonResponse(answer))

    def sending_view(self, request: HttpRequest) -> HttpResponseBase:
        """Pause and resume sending."""
        return sending.view(self, request)

    def settle_view(self, request: HttpRequest) -> HttpResponseBase:
        """Settle several unconfirmed tasks against EvoLink's list."""
        return bulk_resolve.view(self, request)

    def offer_decisions(self, request: HttpRequest, tasks: Iterable[VideoTask]) -> None:
        """Set ``decide_url`` on the tasks that this person may settle, and on queued ones why they wait now."""
        sending.label(request, tasks)
        for task in tasks:
            if task.status == TaskStatus.UNCONFIRMED and self.has_resolve_permission(request, task):  # type: ignore[attr-defined]
                task.decide_url = self.page_url("decide", task.pk)  # type: ignore[attr-defined]

    def price_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer what a video with the given parameters costs.

        A form asks only for ``session`` before it is sent: whether its person is signed in still, or again, and with
        which token it is to be sent.
        """
        if not (self.has_add_permission(request) or self.has_change_permission(request)):  # type: ignore[attr-defined]
            raise PermissionDenied
        if "session" in request.GET:
            return _private(JsonResponse({"token": get_token(request)}))
        spec = self.chosen_model(request)  # type: ignore[attr-defined]
        return _private(JsonResponse(prices.of_query(spec, request.GET.dict(), self._payer(request))))

    def _payer(self, request: HttpRequest) -> Any:
        """Return whose limits a form's video counts for: the owner of the draft that is open, or who makes a new one."""
        try:
            pk = uuid.UUID(request.GET.get("price_of", ""))
        except ValueError:
            return request.user.pk
        draft = self.get_queryset(request).filter(pk=pk).first()  # type: ignore[attr-defined]
        seen = draft is not None and self.has_view_permission(request, draft)  # type: ignore[attr-defined]
        return draft.owner_id if seen else request.user.pk

    def kept_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show the picture of a refused form to the person who sent it."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):  # type: ignore[attr-defined]
            raise PermissionDenied
        stored = temporary_uploads.open_kept(request.GET.get("name", ""), owner=request.user.pk)
        if stored is None:
            raise Http404(_("This file is no longer kept. Choose it again."))
        with stored:
            content_type = temporary_uploads.content_type(stored)
            if not content_type:
                raise Http404(_("This file is no picture."))
            return _private(HttpResponse(stored.read(), content_type=content_type))

    def send_view(self, request: HttpRequest) -> HttpResponseBase:
        """Send what the confirmation page carries."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return bulk_submit.send(self, request)

    def plan_view(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """Show what would be sent and what it costs, or how far it was sent."""
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return bulk_submit.page(self, request, token)

    def video_view(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Serve a stored video in ranges, so that it can be wound forward."""
        task = self._task_or_404(request, object_id)
        if not self.has_view_permission(request, task):  # type: ignore[attr-defined]
            raise PermissionDenied
        if not task.video:
            raise Http404(_("This task has no video."))
        try:
            size, stream = task.video.size, task.video.open("rb")
        except Exception as error:
            # Every storage has errors of its own, and of a file that is gone too.
            logger.warning("The storage does not give the video %s. (%s)", task.video.name, files.brief(error))
            raise Http404(_("The site’s storage does not give this video just now.")) from error
        return range_response.in_ranges(request, stream, size, "video/mp4")

    def decide_view(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Settle an unconfirmed task."""
        task = self._task_or_404(request, object_id)
        if not (self.has_resolve_permission(request, task) and self.has_view_permission(request, task)):  # type: ignore[attr-defined]
            raise PermissionDenied
        return resolve.view(self, request, task)

    def variations_view(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        """Make several drafts like one task."""
        task = self._task_or_404(request, object_id)
        if not (self.has_add_permission(request) and self.has_view_permission(request, task)):  # type: ignore[attr-defined]
            raise PermissionDenied
        return variations.view(self, request, task)

    def operate_view(self, request: HttpRequest, object_id: uuid.UUID, verb: str) -> HttpResponseBase:
        """Do one thing to one task and go back to its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        task = self._task_or_404(request, object_id)
        allowed, step, success = self._verbs(request, task).get(verb, (None, None, ""))
        if step is None:
            raise Http404(_("There is no such button."))
        if not allowed or not self.has_view_permission(request, task):  # type: ignore[attr-defined]
            raise PermissionDenied
        if verb == "duplicate":
            return duplicate.duplicate(self, request, task)
        try:
            step()
        except (WanVideoError, ValidationError, EvoLinkError) as error:
            messages.warning(request, action_results.reason_of(error))
        else:
            action_results.log(request, [task], success)
            messages.success(request, success)
        return HttpResponseRedirect(self.page_url("change", task.pk))  # type: ignore[attr-defined]

    def _verbs(self, request: HttpRequest, task: VideoTask) -> dict[str, tuple[bool, Any, str]]:
        """Return what the buttons do: whether this person may, how, and what to say afterwards."""
        by: Any = request.user
        admin: Any = self
        may_submit = admin.has_submit_permission(request, task)
        may_change = admin.has_change_permission(request, task)
        may_view = admin.has_view_permission(request, task)
        may_add = admin.has_add_permission(request) and may_view
        return {
            "retry": (
                may_submit,
                lambda: actions.retry(task, by=by, agreed=quoting.agreed(request, task)),
                _("Queued again."),
            ),
            "fetch": (
                may_submit,
                # Never a price instead: what was shown is that it is free.
                lambda: actions.retry(task, by=by, agreed=quotes.fetching(task)),
                _("The file is being fetched again."),
            ),
            "cancel": (may_change, lambda: actions.cancel(task, by=by), _("Cancelled. Nothing was charged.")),
            "dismiss": (may_change, lambda: dismissal.dismiss(task, by=by), _("Dismissed.")),
            "undismiss": (may_change, lambda: dismissal.restore(task, by=by), _("The dismissal was undone.")),
            "refresh": (may_view, lambda: polling.refresh(task, by=by), _("The status was refreshed.")),
            "duplicate": (may_add, lambda: None, ""),
        }


def _private(response: HttpResponse) -> HttpResponse:
    """Keep an answer that is one person's out of every cache."""
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response
