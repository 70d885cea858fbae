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

from django_wanvideo.admin import buttons, figures, markup, outcomes, themes
from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.evolink.errors import EvoLinkError
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.models import CallbackReceipt
from django_wanvideo.services import deciding, evidence
from django_wanvideo.services.evidence import Listing, Verdict

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import Attempt, VideoTask
    from django_wanvideo.services.evidence import Candidate, Evidence


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


@dataclass(frozen=True)
class Choice:
    """A video on EvoLink's list as the page shows it."""

    id: str
    begun: str
    state: str
    #: Why it may be the one, or why not.
    remark: str
    can_be_chosen: bool
    #: The page of the task that has it, where this person may see that.
    url: str = ""


def view(model_admin: Any, request: HttpRequest, task: VideoTask) -> HttpResponseBase:
    """Show the evidence, or do what was decided."""
    page = model_admin.page_url("change", task.pk)
    if task.status != TaskStatus.UNCONFIRMED:
        messages.info(request, _("This task is settled; there is nothing to decide any more."))
        return HttpResponseRedirect(page)
    if request.method == "POST":
        return HttpResponseRedirect(page) if _decide(request, task) else HttpResponseRedirect(request.path)
    found = evidence.gather(task)
    attempt, price = found.attempt, buttons.price_now(task)
    frame, rows = task.first_frame, _rows(task, found)
    fits = _fitting(rows)
    context = {
        **themes.frame(model_admin, request, _("Was this video accepted?")),
        "original": task,
        "task": task,
        "chip": markup.chip(task.status),
        "sent_at": figures.clock(attempt.sent_at) if attempt is not None and attempt.sent_at else "",
        "evidence": rows,
        "decisions": sorted(Decision, key=lambda decision: decision != fits),
        "fits": fits,
        "candidates": _choices(model_admin, request, found),
        "answers": _listing_words(found),
        "any_choice": any(candidate.can_be_chosen for candidate in found.candidates),
        "thumbnail": markup.thumbnail(task, frame),
        "settings": markup.settings_line(task),
        "price": figures.credits_on_button(price),
        "change_url": page,
    }
    return TemplateResponse(request, "admin/wanvideo/videotask/decide.html", context)


def _decide(request: HttpRequest, task: VideoTask) -> bool:
    by: Any = request.user
    decision = request.POST.get("decision", "")
    try:
        if decision == Decision.ATTACH:
            chosen = (request.POST.get("other") or request.POST.get("provider_task_id") or "").strip()
            if not chosen:
                messages.error(request, _("Choose a video from the list, or give EvoLink’s id."))
                return False
            deciding.attach(task, chosen, by=by, even_if_older="older" in request.POST)
            words = _("Attached. The video is followed from now on.")
        elif decision == Decision.NOT_ACCEPTED:
            deciding.not_accepted(task, by=by)
            words = _("Settled: it was not accepted. It can be tried again.")
        elif decision == Decision.SEND_AGAIN:
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


def _fitting(rows: list[Row]) -> Decision | None:
    """Return the decision that fits the evidence: one sign of a video outweighs all that is missing."""
    signs = {row.points_to for row in rows}
    return next((decision for decision in (Decision.ATTACH, Decision.NOT_ACCEPTED) if decision in signs), None)


def _choices(model_admin: Any, request: HttpRequest, found: Evidence) -> list[Choice]:
    """Return EvoLink's videos; those of other tasks lead to these where the person may see them."""
    taken = [candidate.task_id for candidate in found.candidates if candidate.task_id]
    visible = set(model_admin.get_queryset(request).filter(pk__in=taken).values_list("pk", flat=True))
    since = found.attempt.sent_at if found.attempt is not None else None
    return [
        Choice(
            candidate.id,
            _begun(candidate, since),
            _remote_words(candidate.status),
            _verdict_words(candidate.verdict),
            candidate.can_be_chosen,
            model_admin.page_url("change", candidate.task_id) if candidate.task_id in visible else "",
        )
        for candidate in found.candidates
    ]


def _begun(candidate: Candidate, since: dt.datetime | None) -> str:
    if candidate.created is None or since is None:
        return _("unknown")
    seconds = round((candidate.created - since).total_seconds())
    words = _("%(at)s, %(time)s after ours") if seconds >= 0 else _("%(at)s, %(time)s before ours")
    return words % {"at": figures.clock(candidate.created), "time": figures.seconds_in_words(abs(seconds))}


def _verdict_words(verdict: Verdict) -> str:
    return {
        Verdict.POSSIBLE: _("May be this one"),
        Verdict.LATE: _("Hardly: begun much later than our request"),
        Verdict.OLDER: _("Cannot be, unless this site’s clock was ahead: older than our request"),
        Verdict.OTHER_MODEL: _("Cannot be: made with another model"),
        Verdict.TAKEN: _("Cannot be: another task here has it"),
    }[verdict]


def _remote_words(status: str) -> str:
    """EvoLink's own states in our words."""
    known = {value: str(label) for value, label in TaskStatus.choices}
    return known.get(status, _("unknown"))


def _listing_words(found: Evidence) -> str:
    """Return why there is no list, or what it lacks."""
    return {
        Listing.UNREADABLE: _("EvoLink’s list cannot be read just now. Load this page again in a minute."),
        Listing.PAUSED: _("EvoLink has asked us to wait with questions. Load this page again in a minute."),
        Listing.FOREIGN: _("This database belongs to another installation, so EvoLink is not asked."),
        Listing.NO_KEY: _("This site has no key for EvoLink, so it cannot ask."),
        Listing.NOT_SENT: _("Nothing was sent."),
        Listing.PARTLY: _("EvoLink’s list is long and was not read back to our request; more may be in its console."),
    }.get(found.listing, "")


def _rows(task: VideoTask, found: Evidence) -> list[Row]:
    attempt = found.attempt
    if attempt is None:
        return []
    rows = [
        Row(
            _("Our request"),
            _("Sent at %(at)s") % {"at": figures.clock(attempt.sent_at)} if attempt.sent_at else _("Not sent"),
            _("Attempt %(n)s") % {"n": attempt.number},
        ),
        Row(_("EvoLink’s answer"), _answer(attempt)),
        _callbacks(attempt),
        _listed(found),
    ]
    return [*rows, _credits(task, found)]


def _listed(found: Evidence) -> Row:
    name, possible = _("EvoLink’s task list"), len(found.possible)
    if possible:
        words = ngettext(
            "%(n)s video of this model from about then that no task here knows",
            "%(n)s videos of this model from about then that no task here knows",
            possible,
        )
        return Row(name, words % {"n": possible}, _("See below"), Decision.ATTACH)
    if found.listing is Listing.WHOLE:
        return Row(name, _("No unknown video of this model from then"), "", Decision.NOT_ACCEPTED)
    return Row(name, _listing_words(found))


def _credits(task: VideoTask, found: Evidence) -> Row:
    cost = task.credits_estimated if task.credits_estimated is not None else buttons.price_now(task)
    remark = _("This video costs about %(n)s. EvoLink’s console lists what was charged.")
    if found.credits_now is None:
        now = _("EvoLink did not say just now")
    else:
        now = _("%(n)s left now") % {"n": figures.credits_in_table(found.credits_now)}
    return Row(_("Credits"), now, remark % {"n": figures.credits_in_table(cost)})


def _answer(attempt: Attempt) -> str:
    return _("One that does not tell") if attempt.http_status else _("None; the connection ended first")


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
