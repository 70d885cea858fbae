"""The screen on which a person settles an unconfirmed task: the evidence, and three decisions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin import action_results, object_actions, themes
from django_wanvideo.admin.presentation import formats, markup
from django_wanvideo.admin.views import candidates
from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.models import CallbackReceipt
from django_wanvideo.services.resolution import decisions, evidence
from django_wanvideo.services.resolution.evidence import ListingState

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import Attempt, VideoTask
    from django_wanvideo.services.resolution.evidence import Evidence


class Decision(StrEnum):
    """What a person can decide, in the order in which it is offered when nothing speaks for either."""

    ATTACH = "attach"
    NOT_ACCEPTED = "not_accepted"
    SEND_AGAIN = "send_again"


@dataclass(frozen=True)
class Row:
    """One thing that was looked at, and what it points to."""

    looked_at: str
    found: str
    remark: str = ""
    #: The decision that it speaks for; empty when it says nothing.
    points_to: Decision | None = None

    @property
    def verdict(self) -> str:
        """What it speaks for, in words."""
        words = {Decision.ATTACH: _("Accepted"), Decision.NOT_ACCEPTED: _("Not accepted")}
        return words[self.points_to] if self.points_to else ""


def view(model_admin: Any, request: HttpRequest, task: VideoTask) -> HttpResponseBase:
    """Show the evidence, or do what was decided."""
    page = model_admin.page_url("change", task.pk)
    if task.status != TaskStatus.UNCONFIRMED:
        messages.info(request, _("This task is settled; there is nothing to decide any more."))
        return HttpResponseRedirect(page)
    if request.method == "POST":
        return HttpResponseRedirect(page) if _decide(model_admin, request, task) else HttpResponseRedirect(request.path)
    found = evidence.collect(task)
    attempt, price = found.attempt, object_actions.price_now(task)
    frame, rows = task.first_frame, _rows(task, found)
    fits = _fitting(rows)
    context = {
        **themes.frame(model_admin, request, _("Was this video accepted?")),
        "original": task,
        "task": task,
        "chip": markup.chip(task.status),
        "sent_at": formats.clock(attempt.sent_at) if attempt is not None and attempt.sent_at else "",
        "evidence": rows,
        "decisions": sorted(Decision, key=lambda decision: decision != fits),
        "fits": fits,
        "candidates": candidates.choices(model_admin, request, found),
        "answers": _listing_words(found),
        "others": candidates.others(model_admin, request, found),
        "number": attempt.number if attempt is not None else "",
        "shown_credits": price,
        "any_choice": any(candidate.can_be_chosen for candidate in found.candidates),
        "thumbnail": markup.thumbnail(task, frame),
        "settings": markup.settings_line(task),
        "price": formats.credits_on_button(price),
        "change_url": page,
    }
    return TemplateResponse(request, "admin/wanvideo/videotask/decide.html", context)


def _decide(model_admin: Any, request: HttpRequest, task: VideoTask) -> bool:
    by: Any = request.user
    decision, shown = request.POST.get("decision", ""), request.POST.get("attempt", "")
    number = int(shown) if shown.isdecimal() else None
    try:
        if decision == Decision.ATTACH:
            chosen = (request.POST.get("other") or request.POST.get("provider_task_id") or "").strip()
            if not chosen:
                messages.error(request, _("Choose a video from the list, or give EvoLink’s id."))
                return False
            decisions.attach(
                task,
                chosen,
                by=by,
                allow_earlier="older" in request.POST,
                visible=model_admin.get_queryset(request),
                among_others="compared" in request.POST,
                number=number,
            )
            words = _("Attached. The video is followed from now on.")
        elif decision == Decision.NOT_ACCEPTED:
            decisions.mark_not_accepted(task, by=by, number=number)
            words = _("Settled: it was not accepted. It can be tried again.")
        elif decision == Decision.SEND_AGAIN:
            if not request.POST.get("twice"):
                messages.error(request, _("Select the box to confirm that you may be charged twice."))
                return False
            if request.POST.get("shown_credits") not in {None, str(object_actions.price_now(task))}:
                messages.error(request, _("The price has changed. Look at it again, then decide."))
                return False
            decisions.resend(task, by=by, number=number)
            words = _("Queued again.")
        else:
            messages.error(request, _("Choose one of the decisions."))
            return False
    except (WanVideoError, EvoLinkError, ValidationError) as error:
        messages.error(request, action_results.reason_of(error))
        return False
    action_results.log(request, [task], words)
    messages.success(request, words)
    return True


def _fitting(rows: list[Row]) -> Decision | None:
    """Return the decision that fits the evidence: one sign of a video outweighs all that is missing."""
    signs = {row.points_to for row in rows}
    return next((decision for decision in (Decision.ATTACH, Decision.NOT_ACCEPTED) if decision in signs), None)


def _listing_words(found: Evidence) -> str:
    """Return why there is no list, or what it lacks."""
    return {
        ListingState.UNREADABLE: _("EvoLink’s list cannot be read just now. Load this page again in a minute."),
        ListingState.PAUSED: _("EvoLink has asked us to wait with questions. Load this page again in a minute."),
        ListingState.FOREIGN: _("This database belongs to another installation, so EvoLink is not asked."),
        ListingState.NO_KEY: _("This site has no key for EvoLink, so it cannot ask."),
        ListingState.NOT_SENT: _("Nothing was sent."),
        ListingState.PARTIAL: _(
            "EvoLink’s list is long and was not read back to our request; more may be in its console."
        ),
    }.get(found.listing, "")


def _rows(task: VideoTask, found: Evidence) -> list[Row]:
    attempt = found.attempt
    if attempt is None:
        return []
    rows = [
        Row(
            _("Our request"),
            _("Sent at %(at)s") % {"at": formats.clock(attempt.sent_at)} if attempt.sent_at else _("Not sent"),
            _("Attempt %(n)s") % {"n": attempt.number},
        ),
        Row(_("EvoLink’s answer"), _answer(attempt)),
        _callbacks(attempt),
        _listed(found),
    ]
    if found.others:
        rows.append(_others(found))
    return [*rows, _credits(task, found)]


def _listed(found: Evidence) -> Row:
    name, possible = _("EvoLink’s task list"), len(found.possible)
    if possible:
        words = ngettext(
            "%(n)s video of this model from about that time that no task here knows",
            "%(n)s videos of this model from about that time that no task here knows",
            possible,
        )
        # Of several open requests nobody can say which one a video comes from.
        points_to = None if found.others else Decision.ATTACH
        return Row(name, words % {"n": possible}, _("See below"), points_to)
    if found.listing is ListingState.COMPLETE:
        return Row(name, _("No unknown video of this model from that time"), "", Decision.NOT_ACCEPTED)
    return Row(name, _listing_words(found))


def _others(found: Evidence) -> Row:
    count = len(found.others)
    words = ngettext(
        "%(n)s other request of this site, from about that time, whose answer was lost too",
        "%(n)s other requests of this site, from about that time, whose answers were lost too",
        count,
    )
    return Row(_("Other open requests"), words % {"n": count}, _("A video on the list may belong to any of them"))


def _credits(task: VideoTask, found: Evidence) -> Row:
    cost = task.credits_estimated if task.credits_estimated is not None else object_actions.price_now(task)
    remark = _("This video costs about %(n)s. EvoLink’s console lists what was charged.")
    if found.credits_now is None:
        now = _("EvoLink did not say just now")
    else:
        now = _("%(n)s left now") % {"n": formats.credits_in_table(found.credits_now)}
    return Row(_("Credits"), now, remark % {"n": formats.credits_in_table(cost)})


def _answer(attempt: Attempt) -> str:
    return (
        _("One that does not say whether it was accepted")
        if attempt.http_status
        else _("None; the connection ended first")
    )


def _callbacks(attempt: Attempt) -> Row:
    name, count = _("Callbacks"), CallbackReceipt.objects.filter(attempt=attempt).count()
    if count:
        found = ngettext("%(n)s for this attempt", "%(n)s for this attempt", count) % {"n": count}
        noted = attempt.events.filter(kind=EventKind.CALLBACK, detail__reason="older_than_attempt").first()
        words = (
            _("For %(id)s, which seems older than our request") % {"id": noted.detail["provider_task_id"]}
            if noted
            else ""
        )
        return Row(name, found, words, Decision.ATTACH)
    if not conf.has_callbacks():
        return Row(name, _("This site asks for none, so this says nothing."))
    recently = timezone.now() - dt.timedelta(days=7)
    if CallbackReceipt.objects.filter(received_at__gte=recently).exists():
        return Row(name, _("None for this attempt"), _("Others have come in this week."))
    return Row(name, _("None for this attempt"), _("None have come in this week, so this says little."))
