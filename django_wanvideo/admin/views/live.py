"""What the scripts of pages ask for: how tasks stand, and what a form's video costs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import JsonResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from django_wanvideo.admin import holds
from django_wanvideo.admin.base import PRIVATE, as_uuid, person
from django_wanvideo.admin.chains import panel
from django_wanvideo.admin.changelist import counts
from django_wanvideo.admin.gallery import tiles
from django_wanvideo.admin.presentation import detail_page, markup, prices, status_text
from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
from django_wanvideo.mail import collecting, contents
from django_wanvideo.models import BatchEvent, TaskEvent

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask

#: Ids that one request may ask about.
MOST_IDS = 200
#: How far back news go at most.
LONGEST_NEWS = dt.timedelta(days=1)


def status_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponse:
    """Answer how the asked tasks stand; ``page`` asks for the parts of one task's page, ``tiles`` for those of a grid.

    ``film`` asks what became of a film that is being joined on that page.
    """
    model_admin.require(request, None, "view")
    ids = [pk for value in request.GET.getlist("id")[:MOST_IDS] if (pk := as_uuid(value)) is not None]
    tasks = model_admin.get_queryset(request).filter(pk__in=ids).prefetch_related("inputs")
    holds.label(model_admin, request, tasks)
    rows = {str(task.pk): _row(task) for task in tasks}
    if "tiles" in request.GET:
        for task in tasks:
            rows[str(task.pk)]["tile"] = tiles.parts(model_admin, task)
    if "page" in request.GET:
        for task in tasks:
            rows[str(task.pk)] |= _page(model_admin, task)
            if (film := as_uuid(request.GET.get("film", ""))) is not None:
                rows[str(task.pk)]["film"] = panel.ended(model_admin, request, film)
    answer: dict[str, Any] = {"tasks": rows, "holds": [report.as_dict() for report in holds.reports_for(request)]}
    if "counts" in request.GET:
        answer["counts"] = counts.shown(request, model_admin)
    return JsonResponse(answer, headers=PRIVATE)


def _row(task: VideoTask) -> dict[str, Any]:
    return {
        "status": task.status,
        "label": str(TaskStatus(task.status).label),
        "progress": task.progress,
        "line": status_text.status_summary(task),
        "live": not task.is_finished and task.status != TaskStatus.DRAFT,
        "state": markup.state(task),
        "credits": markup.credits_cell(task),
        "picture": markup.linked_picture(task),
    }


def _page(model_admin: TaskAdminBase, task: VideoTask) -> dict[str, Any]:
    parts = detail_page.live_parts(model_admin, task)
    ends_at = task.result_expires_at
    found = {
        **{name: parts[name] for name in ("head", "now", "left", "expires")},
        "bar": parts["value"],
        "ended": task.is_finished,
        "steps": render_to_string("wanvideo/steps.html", {"wanvideo": parts}),
    }
    # Also after a failure the time that a paid file has left counts down.
    return found | ({"live": True} if parts["expires"] and ends_at is not None and ends_at > timezone.now() else {})


def news(site_name: str) -> dict[str, str]:
    """Return what a page of an admin site needs to ask for news: where, and since when by this machine's clock."""
    url = reverse("admin:wanvideo_videotask_news", current_app=site_name)
    return {"url": url, "now": timezone.now().isoformat()}


def news_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponse:
    """Answer what became of the person's own videos and batches ``since`` a moment, for a page that nobody looks at.

    ``count`` is the number of videos and batches, ``text`` says it in words, ``moving`` is how many are on their way.
    """
    model_admin.require(request, None, "view")
    now = timezone.now()
    try:
        since = parse_datetime(request.GET.get("since", ""))
    except ValueError:
        since = None
    if since is None or timezone.is_naive(since):
        return JsonResponse({"error": "since"}, status=400, headers=PRIVATE)
    since = max(since, now - LONGEST_NEWS)
    own = model_admin.get_queryset(request).filter(owner_id=request.user.pk).order_by()
    told = TaskEvent.objects.filter(created_at__gt=since, kind__in=collecting.KINDS, task__in=own.values("pk"))
    kinds = [collecting.KINDS[kind] for kind in told.values_list("kind", flat=True)]
    finished = {"created_at__gt": since, "kind__in": collecting.BATCH_KINDS, "batch__owner_id": request.user.pk}
    batches = list(BatchEvent.objects.filter(**finished).values_list("batch__name", flat=True))
    words = contents.news(*(kinds.count(kind) for kind in contents.COUNTED))
    words += [_("%(name)s has ended") % {"name": name} for name in batches]
    answer = {
        "now": now.isoformat(),
        "count": len(kinds) + len(batches),
        "text": ", ".join(words),
        "moving": own.filter(status__in=ACTIVE_STATUSES).count(),
    }
    return JsonResponse(answer, headers=PRIVATE)


def price_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponse:
    """Answer what a video with the given parameters costs.

    A form asks only for ``session`` before it is sent: whether its person is signed in still, or again, and with which
    token it is to be sent.
    """
    if not (model_admin.has_add_permission(request) or model_admin.has_change_permission(request)):
        raise PermissionDenied
    if "session" in request.GET:
        return JsonResponse({"token": get_token(request)}, headers=PRIVATE)
    # The limits that count are those of the owner of the draft that is open, or of who makes a new one.
    draft = model_admin.get_visible_task(request, request.GET.get("price_of", ""))
    is_seen = draft is not None and model_admin.has_view_permission(request, draft)
    payer = draft.owner_id if draft is not None and is_seen else request.user.pk
    spec = model_admin.get_model_spec(request)
    return JsonResponse(prices.of_query(spec, request.GET.dict(), payer, person(request)), headers=PRIVATE)
