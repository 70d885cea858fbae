"""The screen on which a person settles an unconfirmed task: the evidence, and three decisions."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin import buttons, figures, markup, outcomes
from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.evolink.errors import EvoLinkError
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.models import Attempt, CallbackReceipt
from django_wanvideo.services import deciding, provider

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import VideoTask

logger = logging.getLogger(__name__)

#: EvoLink's clock and ours may differ by so much.
CLOCK_SKEW = dt.timedelta(minutes=2)
#: Videos begun later than this after our request are no candidates.
WINDOW = dt.timedelta(minutes=30)


@dataclass(frozen=True)
class Evidence:
    """One thing that was looked at, and what it points to."""

    looked_at: str
    found: str
    remark: str = ""
    points_to: str = ""


@dataclass(frozen=True)
class Candidate:
    """A video on EvoLink's list that may be this task's."""

    id: str
    begun: str
    state: str
    known_as: str
    is_free: bool


def view(model_admin: Any, request: HttpRequest, task: VideoTask) -> HttpResponseBase:
    """Show the evidence, or do what was decided."""
    page = model_admin.page_url("change", task.pk)
    if task.status != TaskStatus.UNCONFIRMED:
        messages.info(request, _("This task is settled; there is nothing to decide any more."))
        return HttpResponseRedirect(page)
    if request.method == "POST":
        return HttpResponseRedirect(page) if _decide(request, task) else HttpResponseRedirect(request.path)
    attempt = task.attempts.filter(state=AttemptState.UNCONFIRMED).order_by("-number").first()
    candidates, answers = _candidates(task, attempt)
    evidence = _evidence(task, attempt, candidates, answers)
    frame = task.first_frame
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Was this video accepted?"),
        "opts": model_admin.opts,
        "original": task,
        "media": model_admin.media,
        "task": task,
        "attempt": attempt,
        "chip": markup.chip(task.status),
        "sent_at": figures.clock(attempt.sent_at) if attempt is not None and attempt.sent_at else "",
        "evidence": evidence,
        "candidates": candidates,
        "answers": answers,
        "fits": any(candidate.is_free for candidate in candidates),
        "thumbnail": markup.thumbnail(task, frame),
        "settings": markup.settings_line(task),
        "price": figures.credits_on_button(buttons.price_now(task)),
        "change_url": page,
    }
    return TemplateResponse(request, "admin/wanvideo/videotask/decide.html", context)


def _decide(request: HttpRequest, task: VideoTask) -> bool:
    by: Any = request.user
    decision = request.POST.get("decision", "")
    try:
        if decision == "attach":
            chosen = (request.POST.get("other") or request.POST.get("provider_task_id") or "").strip()
            if not chosen:
                messages.error(request, _("Choose a video from the list, or give EvoLink’s id."))
                return False
            deciding.attach(task, chosen, by=by)
            words = _("Attached. The video is followed from now on.")
        elif decision == "not_accepted":
            deciding.not_accepted(task, by=by)
            words = _("Settled: it was not accepted. It can be tried again.")
        elif decision == "send_again":
            if not request.POST.get("twice"):
                messages.error(request, _("Tick that you accept that this may cost twice."))
                return False
            deciding.send_again(task, by=by)
            words = _("It is sent again.")
        else:
            messages.error(request, _("Choose one of the decisions."))
            return False
    except (WanVideoError, EvoLinkError, ValidationError) as error:
        messages.error(request, outcomes.reason_of(error))
        return False
    outcomes.log(request, [task], words)
    messages.success(request, words)
    return True


def _candidates(task: VideoTask, attempt: Attempt | None) -> tuple[list[Candidate], str]:
    """Return EvoLink's videos of this model from about then, and why there are none if it cannot be asked."""
    since = attempt.sent_at if attempt is not None else None
    if since is None:
        return [], _("Nothing was sent.")
    try:
        listed = provider.client().list_tasks(model=task.model, page_size=50)
    except (WanVideoError, EvoLinkError) as error:
        logger.warning("EvoLink's list of tasks could not be read: %s", error)
        return [], _("EvoLink’s list cannot be read just now.")
    known = {
        attempt.provider_task_id: attempt.task_id
        for attempt in Attempt.objects.filter(provider_task_id__in=[item.id for item in listed])
    }
    found = []
    for item in listed:
        if item.model and item.model != task.model:
            continue
        if item.created is not None and not since - CLOCK_SKEW <= item.created <= since + WINDOW:
            continue
        begun = ""
        if item.created is not None:
            seconds = round((item.created - since).total_seconds())
            words = _("%(at)s, %(n)s s after ours") if seconds >= 0 else _("%(at)s, %(n)s s before ours")
            begun = words % {"at": figures.clock(item.created), "n": abs(seconds)}
        is_free = item.id not in known
        found.append(
            Candidate(item.id, begun, str(item.status), _("no task") if is_free else _("another task"), is_free)
        )
    return found, ""


def _evidence(task: VideoTask, attempt: Attempt | None, candidates: list[Candidate], answers: str) -> list[Evidence]:
    if attempt is None:
        return []
    neither, accepted = "", _("Accepted")
    rows = [
        Evidence(
            _("Our request"),
            _("Sent at %(at)s") % {"at": figures.clock(attempt.sent_at)} if attempt.sent_at else _("Not sent"),
            _("Attempt %(n)s") % {"n": attempt.number},
            neither,
        ),
        Evidence(_("EvoLink’s answer"), _answer(attempt), "", neither),
        _callbacks(attempt, accepted),
    ]
    free = [candidate for candidate in candidates if candidate.is_free]
    if answers:
        rows.append(Evidence(_("EvoLink’s task list"), answers))
    elif free:
        words = ngettext(
            "%(n)s video of this model from about then that no task here knows",
            "%(n)s videos of this model from about then that no task here knows",
            len(free),
        )
        rows.append(Evidence(_("EvoLink’s task list"), words % {"n": len(free)}, _("See below"), accepted))
    else:
        rows.append(
            Evidence(_("EvoLink’s task list"), _("No unknown video of this model from then"), "", _("Not accepted"))
        )
    return rows


def _answer(attempt: Attempt) -> str:
    if attempt.http_status:
        return _("An answer that does not tell (HTTP %(status)s)") % {"status": attempt.http_status}
    return _("None; the connection ended first")


def _callbacks(attempt: Attempt, accepted: str) -> Evidence:
    count = CallbackReceipt.objects.filter(attempt=attempt).count()
    if count:
        found = ngettext("%(n)s for this attempt", "%(n)s for this attempt", count) % {"n": count}
        return Evidence(_("Callbacks"), found, "", accepted)
    if not conf.has_callbacks():
        return Evidence(_("Callbacks"), _("This site asks for none, so this says nothing."))
    recently = timezone.now() - dt.timedelta(days=7)
    if CallbackReceipt.objects.filter(received_at__gte=recently).exists():
        return Evidence(_("Callbacks"), _("None for this attempt"), _("Others have come in this week."))
    return Evidence(_("Callbacks"), _("None for this attempt"), _("None have come in this week, so this says little."))
