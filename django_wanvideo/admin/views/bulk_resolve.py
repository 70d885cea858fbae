"""Settling several unconfirmed tasks at once, each against what EvoLink's list shows of it."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin import object_actions, themes
from django_wanvideo.admin.action_results import do_to_each
from django_wanvideo.admin.presentation import formats, markup
from django_wanvideo.choices import TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.services.resolution import decisions, matching

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import VideoTask
    from django_wanvideo.services.resolution.matching import Match

#: Tasks that one page settles.
MOST = 50
#: Seconds that settling may take; each video is read with the site's own key before it is attached.
SETTLING_SECONDS = 20.0
ATTACH, NOT_ACCEPTED = "attach", "not_accepted"


@dataclass(frozen=True)
class Row:
    """One task as the page shows it."""

    task: VideoTask
    thumbnail: Any
    settings: str
    price: str
    sent_at: str
    #: What EvoLink's list shows, in words.
    found: str
    remark: str
    #: What a tick does, as value and in words; an empty value where a person has to look at the task by itself.
    value: str
    does: str
    is_ticked: bool
    decide_url: str


def first_step(model_admin: Any, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponseBase:
    """Lead from the list's action to a page with an address of its own."""
    ids = list(queryset.filter(status=TaskStatus.UNCONFIRMED).order_by("queued_at").values_list("pk", flat=True))
    if not ids:
        messages.info(request, _("None of these is unconfirmed; there is nothing to settle."))
        return HttpResponseRedirect(model_admin.page_url("changelist"))
    if len(ids) > MOST:
        words = _("At most %(n)s tasks can be settled at a time; these are the oldest ones.") % {"n": MOST}
        messages.warning(request, words)
    query = urlencode([("id", pk.hex) for pk in ids[:MOST]])
    return HttpResponseRedirect(f"{model_admin.page_url('settle')}?{query}")


def view(model_admin: Any, request: HttpRequest) -> HttpResponseBase:
    """Show each task with its evidence, or settle those that were ticked.

    Raises:
        PermissionDenied: the person may not settle unconfirmed tasks, or not see them.
    """
    if not (model_admin.has_resolve_permission(request) and model_admin.has_view_permission(request)):
        raise PermissionDenied
    if request.method == "POST":
        _settle(model_admin, request)
        return HttpResponseRedirect(model_admin.page_url("changelist"))
    tasks = _tasks(model_admin, request, request.GET.getlist("id"))
    rows = [_row(model_admin, found) for found in matching.match(tasks)]
    context = {
        **themes.frame(model_admin, request, _("Settle unconfirmed videos")),
        "rows": rows,
        "ticked": sum(row.is_ticked for row in rows),
        "back": model_admin.page_url("changelist"),
    }
    return TemplateResponse(request, "admin/wanvideo/videotask/settle.html", context)


def _tasks(model_admin: Any, request: HttpRequest, ids: list[str]) -> list[VideoTask]:
    wanted = []
    for value in ids[:MOST]:
        try:
            wanted.append(uuid.UUID(value))
        except ValueError:
            continue
    rows = model_admin.get_queryset(request).filter(pk__in=wanted, status=TaskStatus.UNCONFIRMED)
    found = [task for task in rows.prefetch_related("inputs") if model_admin.has_resolve_permission(request, task)]
    return sorted(found, key=lambda task: wanted.index(task.pk))


def _row(model_admin: Any, found: Match) -> Row:
    task, only = found.task, found.only
    value = words = remark = ""
    if only is not None:
        words = _("%(id)s, started at %(at)s, %(status)s") % {
            "id": only.id,
            "at": formats.clock(only.created) if only.created else "?",
            "status": only.raw_status or "?",
        }
        remark = _("It fits no other open request, and nothing else on the list fits this one.")
        value = f"{ATTACH}:{task.pk.hex}:{only.id}"
    elif found.candidates:
        count = len(found.candidates)
        words = ngettext("%(n)s video may be this one", "%(n)s videos may be this one", count) % {"n": count}
        remark = _("Other open requests may have made the same. Decide about this one alone.")
    elif found.is_whole:
        words = _("No unknown video of this model from that time")
        remark = _("EvoLink’s list may lag by a few minutes.")
        value = f"{NOT_ACCEPTED}:{task.pk.hex}"
    else:
        words = _("EvoLink’s list could not be read back to the request.")
    does = {
        ATTACH: _("Attach this video; nothing is sent or charged again."),
        NOT_ACCEPTED: _("Settle as not accepted; it fails and can be retried."),
    }
    attempt = found.attempt
    return Row(
        task=task,
        thumbnail=markup.thumbnail(task, task.first_frame),
        settings=markup.settings_line(task),
        price=formats.credits_in_table(object_actions.price_now(task)),
        sent_at=formats.clock(attempt.sent_at) if attempt is not None and attempt.sent_at else "",
        found=words,
        remark=remark,
        value=value,
        does=str(does.get(value.partition(":")[0], "")),
        is_ticked=only is not None,
        decide_url=model_admin.page_url("decide", task.pk),
    )


def _settle(model_admin: Any, request: HttpRequest) -> None:
    by: Any = request.user
    wishes: dict[str, tuple[str, str]] = {}
    for value in request.POST.getlist("settle")[:MOST]:
        decision, _colon, rest = value.partition(":")
        task_id, _colon, provider_task_id = rest.partition(":")
        wishes[task_id] = (decision, provider_task_id)
    if not wishes:
        messages.info(request, _("Nothing was selected, so nothing was settled."))
        return
    until = time.monotonic() + SETTLING_SECONDS

    def settle(task: VideoTask) -> None:
        decision, provider_task_id = wishes[task.pk.hex]
        if time.monotonic() > until:
            raise TransitionNotAllowed(_("There was no time left for this one. Select it again."))
        if decision == ATTACH and provider_task_id:
            decisions.attach(task, provider_task_id, by=by)
        elif decision == NOT_ACCEPTED:
            decisions.mark_not_accepted(task, by=by)
        else:
            raise TransitionNotAllowed(_("There is no such decision."))

    tasks = _tasks(model_admin, request, list(wishes))
    outcome = do_to_each(request, tasks, settle, _("Settled against EvoLink’s list."))
    outcome.tell(request, lambda n: ngettext("%(n)s video was settled.", "%(n)s videos were settled.", n) % {"n": n})
    if missing := len(wishes) - len(tasks):
        words = ngettext("%(n)s was settled meanwhile.", "%(n)s were settled meanwhile.", missing) % {"n": missing}
        messages.info(request, words)
