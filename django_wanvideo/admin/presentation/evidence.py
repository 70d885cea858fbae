"""What is known of an unconfirmed request: what was looked at, EvoLink's videos, and whose they may be otherwise."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.presentation import formats, markup, prices
from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.models import CallbackReceipt
from django_wanvideo.services.resolution.evidence import ListingState, Match

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import Attempt, VideoTask
    from django_wanvideo.services.resolution.evidence import Candidate, Evidence

#: Of the other open requests, so many are shown.
SHOWN_OTHERS = 12


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
        words = {Decision.ATTACH: _("Accepted"), Decision.NOT_ACCEPTED: _("Not accepted")}
        return words[self.points_to] if self.points_to else ""


def rows(task: VideoTask, found: Evidence) -> list[Row]:
    """Return what was looked at, one row for each."""
    attempt = found.attempt
    if attempt is None:
        return []
    sent = _("Sent at %(at)s") % {"at": formats.clock(attempt.sent_at)} if attempt.sent_at else _("Not sent")
    answer = _("None; the connection ended first")
    if attempt.http_status:
        answer = _("One that does not say whether it was accepted")
    shown = [
        Row(_("Our request"), sent, _("Attempt %(n)s") % {"n": attempt.number}),
        Row(_("EvoLink’s answer"), answer),
        _callbacks(attempt),
        _listed(found),
    ]
    if count := len(found.others):
        words = ngettext(
            "%(n)s other request of this site, from about that time, whose answer was lost too",
            "%(n)s other requests of this site, from about that time, whose answers were lost too",
            count,
        )
        remark = _("A video on the list may belong to any of them")
        shown.append(Row(_("Other open requests"), words % {"n": count}, remark))
    return [*shown, _credits(task, found)]


def fitting(shown: list[Row]) -> Decision | None:
    """Return the decision that fits the evidence: one sign of a video outweighs all that is missing."""
    signs = {row.points_to for row in shown}
    return next((decision for decision in (Decision.ATTACH, Decision.NOT_ACCEPTED) if decision in signs), None)


def choices(model_admin: TaskAdminBase, request: HttpRequest, found: Evidence) -> list[dict[str, Any]]:
    """Return EvoLink's videos; those of other tasks lead to these where the person may see them."""
    taken = [candidate.task_id for candidate in found.candidates if candidate.task_id]
    visible = set(model_admin.get_queryset(request).filter(pk__in=taken).values_list("pk", flat=True))
    attempt = found.attempt
    since = attempt.sent_at if attempt is not None else None
    ours = str(attempt.request.get("prompt", "")) if attempt is not None else ""
    states = {value: str(label) for value, label in TaskStatus.choices}
    return [
        {
            "id": candidate.id,
            "begun": _begun(candidate, since),
            "state": states.get(candidate.status, _("unknown")),
            "price": formats.credits_in_table(candidate.credits_used),
            # Only whether it was made from this task's words: those of other people's videos are not told.
            "prompt": _prompt_words(candidate.prompt, ours),
            "remark": _match_text(candidate.match),
            "can_be_chosen": candidate.can_be_chosen,
            "is_obvious": candidate == found.obvious,
            "url": model_admin.get_page_url("change", candidate.task_id) if candidate.task_id in visible else "",
        }
        for candidate in found.candidates
    ]


def others(model_admin: TaskAdminBase, request: HttpRequest, found: Evidence) -> dict[str, Any]:
    """Return the other open requests: how many, those that this person may see, and how many he may not."""
    ids = [other.task_id for other in found.others]
    tasks = model_admin.get_queryset(request).filter(pk__in=ids).prefetch_related("inputs").in_bulk()
    shown = [
        {
            "url": model_admin.get_page_url("change", task.pk),
            "thumbnail": markup.thumbnail(task, task.first_frame),
            "prompt": task.prompt,
            "sent_at": formats.clock(other.sent_at),
            "price": formats.credits_in_table(prices.price_now(task)),
        }
        for other in found.others
        if (task := tasks.get(other.task_id)) is not None
    ]
    return {"count": len(ids), "shown": shown[:SHOWN_OTHERS], "hidden": len(ids) - len(shown)}


def listing_words(found: Evidence) -> str:
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


def _callbacks(attempt: Attempt) -> Row:
    name, count = _("Callbacks"), CallbackReceipt.objects.filter(attempt=attempt).count()
    if count:
        words = ngettext("%(n)s for this attempt", "%(n)s for this attempt", count) % {"n": count}
        noted = attempt.events.filter(kind=EventKind.CALLBACK, detail__reason="older_than_attempt").first()
        remark = _("For %(id)s, which seems older than our request")
        return Row(name, words, remark % {"id": noted.detail["provider_task_id"]} if noted else "", Decision.ATTACH)
    if not conf.has_callbacks():
        return Row(name, _("This site asks for none, so this says nothing."))
    recently = timezone.now() - dt.timedelta(days=7)
    if CallbackReceipt.objects.filter(received_at__gte=recently).exists():
        return Row(name, _("None for this attempt"), _("Others have come in this week."))
    return Row(name, _("None for this attempt"), _("None have come in this week, so this says little."))


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
    return Row(name, listing_words(found))


def _credits(task: VideoTask, found: Evidence) -> Row:
    cost = task.credits_estimated if task.credits_estimated is not None else prices.price_now(task)
    remark = _("This video costs about %(n)s. EvoLink’s console lists what was charged.")
    now = _("EvoLink did not say just now")
    if found.credits_now is not None:
        now = _("%(n)s left now") % {"n": formats.credits_in_table(found.credits_now)}
    return Row(_("Credits"), now, remark % {"n": formats.credits_in_table(cost)})


def _begun(candidate: Candidate, since: dt.datetime | None) -> str:
    if candidate.created is None or since is None:
        return _("unknown")
    seconds = round((candidate.created - since).total_seconds())
    words = _("%(at)s, %(time)s after our request") if seconds >= 0 else _("%(at)s, %(time)s before our request")
    return words % {"at": formats.clock(candidate.created), "time": formats.seconds_in_words(abs(seconds))}


def _prompt_words(prompt: str, ours: str) -> str:
    if not prompt:
        return _("EvoLink does not say")
    return _("The same as this task’s") if prompt == ours else _("Another one")


def _match_text(match: Match) -> str:
    return {
        Match.POSSIBLE: _("May be this one"),
        Match.LATE: _("Unlikely: started much later than our request"),
        Match.OLDER: _("Not possible unless this site’s clock was ahead: older than our request"),
        Match.OTHER_MODEL: _("Not possible: made with another model"),
        Match.OTHER_PROMPT: _("Unlikely: made from another prompt"),
        Match.TAKEN: _("Not possible: another task here has it"),
    }[match]
