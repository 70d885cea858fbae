"""A task's history in words that a person understands, newest first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo.admin.presentation import formats
from django_wanvideo.admin.presentation.status_text import held_words
from django_wanvideo.choices import ABOVE_CREDIT_LIMIT, EventKind, EventSource, TaskStatus
from django_wanvideo.failures import advice_for, quotation
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from django_stubs_ext import StrPromise

    from django_wanvideo.models import TaskEvent

_K = EventKind

#: Icon and tone of each kind of event.
_MARKS: dict[str, tuple[str, str]] = {
    _K.CREATED: ("draft", "neutral"),
    _K.QUEUED: ("person", "neutral"),
    _K.CLAIMED: ("submitting", "active"),
    _K.WAITING: ("queued", "wait"),
    _K.RELEASED: ("queued", "wait"),
    _K.ACCEPTED: ("pending", "wait"),
    _K.UNCONFIRMED: ("unconfirmed", "warning"),
    _K.PROGRESS: ("processing", "active"),
    _K.GENERATED: ("storing", "active"),
    _K.STORE_FAILED: ("warn", "warning"),
    _K.LINK_EXPIRING: ("warn", "warning"),
    _K.STORED: ("completed", "good"),
    _K.FAILED: ("failed", "failed"),
    _K.CANCELLED: ("cancelled", "neutral"),
    _K.RETRIED: ("retry", "neutral"),
    _K.OVERDUE: ("warn", "warning"),
    _K.NEEDS_DECISION: ("unconfirmed", "warning"),
    _K.RESOLVED: ("person", "neutral"),
    _K.CALLBACK: ("callback", "neutral"),
    _K.DUPLICATE: ("warn", "warning"),
    _K.RECEIVER_FAILED: ("bell", "warning"),
    _K.PICKED: ("star", "good"),
    _K.APPROVAL_REQUESTED: ("person", "wait"),
    _K.APPROVED: ("completed", "good"),
    _K.SENT_BACK: ("person", "warning"),
    _K.NOTE: ("info", "neutral"),
}
#: Who or what caused it, when the sentence does not say so.
_SOURCES = {
    EventSource.RESPONSE.value: _("EvoLink’s answer"),
    EventSource.CALLBACK.value: _("Status check after EvoLink’s callback"),
    EventSource.POLL.value: _("Status check"),
    EventSource.SWEEP.value: _("Found by the regular check"),
    EventSource.APPLICATION.value: _("The site’s own code"),
}
#: What is said of a kind of event, by its reason where that makes a difference.
_SENTENCES: dict[tuple[str, str], StrPromise] = {
    (_K.CREATED, ""): _("%(who)s saved the draft."),
    (_K.QUEUED, ""): _("%(who)s pressed Generate."),
    (_K.CLAIMED, ""): _("Request sent."),
    (_K.RELEASED, ""): _("Nothing had been sent yet, so it went back into the queue."),
    (_K.ACCEPTED, ""): _("EvoLink accepted the request."),
    (_K.UNCONFIRMED, ""): _("EvoLink’s answer was lost. We do not know whether it accepted the request."),
    (_K.PROGRESS, ""): _("EvoLink is making the video."),
    (_K.GENERATED, ""): _("EvoLink has finished. Copying the file has started."),
    (_K.STORE_FAILED, ""): _("Copying the file failed; it will be tried again."),
    (_K.LINK_EXPIRING, ""): _("EvoLink’s link ends soon and the file is not copied yet."),
    (_K.STORED, ""): _("Video stored: %(size)s, complete and checked."),
    (_K.CANCELLED, ""): _("%(who)s cancelled it."),
    (_K.RETRIED, ""): _("%(who)s asked to try it again."),
    (_K.RETRIED, "fetch"): _("%(who)s asked to fetch the file again."),
    (_K.RETRIED, "look_again"): _("%(who)s asked EvoLink about it again."),
    (_K.OVERDUE, ""): _("It is taking much longer than EvoLink said. We keep checking."),
    (_K.NEEDS_DECISION, ""): _("EvoLink did not confirm the request in time. Somebody has to decide."),
    (_K.NEEDS_DECISION, "result_came_after_all"): _("EvoLink made the video after all. It can still be fetched."),
    (_K.NEEDS_DECISION, "result_missing"): _(
        "EvoLink says the video is done but gives no file. We keep checking for a day."
    ),
    (_K.NEEDS_DECISION, "unmatched"): _(
        "EvoLink called back about a video that this database does not know. It is kept."
    ),
    (_K.RESOLVED, ""): _("%(who)s decided."),
    (_K.RESOLVED, "attached"): _("%(who)s decided: it was accepted, and attached EvoLink’s video."),
    (_K.RESOLVED, "not_accepted"): _("%(who)s decided: it was not accepted."),
    (_K.RESOLVED, "send_again"): _("%(who)s decided to send it again."),
    (_K.CALLBACK, ""): _("EvoLink called back. We check the status with EvoLink ourselves."),
    (_K.CALLBACK, "older_than_attempt"): _("EvoLink called back for %(id)s, which seems older than our request."),
    (_K.DUPLICATE, ""): _("EvoLink made, and charged, a second video for this. It is kept as a task of its own."),
    (_K.RECEIVER_FAILED, ""): _("The site’s own code failed when it was notified: %(name)s."),
    (_K.PICKED, ""): _("%(who)s picked this take."),
    (_K.APPROVAL_REQUESTED, ""): _("%(who)s asked for approval: about %(credits)s credits, more than %(limit)s."),
    (_K.APPROVED, ""): _("%(who)s approved it: about %(credits)s credits."),
    (_K.SENT_BACK, ""): _("%(who)s sent it back: “%(note)s”"),
    (_K.QUEUED, "approved"): _("It was sent for %(who)s."),
    (_K.RETRIED, "approved"): _("It was tried again for %(who)s."),
    (_K.NOTE, "approval_void"): _(
        "It was changed, or costs something else now, so its approval has to be asked for again."
    ),
    (_K.NOTE, "joined"): _("%(who)s had the parts of the film joined into one video."),
    (_K.NOTE, "withdrawn"): _("%(who)s withdrew the request for approval."),
    (_K.NOTE, "unpicked"): _("%(who)s undid the pick."),
    (_K.NOTE, "dismissed"): _("%(who)s dismissed it."),
    (_K.NOTE, "dismissal_undone"): _("%(who)s undid the dismissal."),
    (_K.NOTE, "adopted"): _("It was made a draft when this site took the database over."),
    (_K.NOTE, "found_at_evolink"): _("EvoLink still has the earlier request, which goes on; nothing new was sent."),
}
_WITHOUT_PERSON: dict[str, StrPromise] = {
    _K.CREATED: _("The draft was made."),
    _K.QUEUED: _("It was queued."),
    _K.CANCELLED: _("EvoLink cancelled it."),
}
#: What asking EvoLink about an earlier request has shown, by code.
_LOOKED: dict[str, StrPromise] = {
    "not_found": _("EvoLink was asked about the earlier request and does not know it any more."),
    "no_file": _("EvoLink was asked about the earlier request and has no file of it any more."),
    "": _("EvoLink was asked about the earlier request and says that it ended without a video."),
}
_RESERVED = _("EvoLink accepted the request and reserved %(n)s credits.")
#: Kinds of which several in a row become one line.
_FOLDED = frozenset({_K.PROGRESS, _K.CALLBACK, _K.STORE_FAILED})
#: Details that say nothing to staff, or that are EvoLink's own business.
_HIDDEN = frozenset(
    {
        "approval",
        "count",
        "credits",
        "limit",
        "note",
        "request_id",
        "provider_task_id",
        "sha256",
        "event",
        "task",
        "second_result_of",
    }
)


@dataclass(frozen=True)
class Line:
    moment: dt.datetime
    time: str
    icon: str
    tone: str
    text: str
    sub: str
    raw: str


def lines(events: Iterable[TaskEvent], now: dt.datetime | None = None) -> list[Line]:
    """Return the history, newest first; repeated events are one line."""
    today = timezone.localdate(now)
    in_order = sorted(events, key=attrgetter("pk"))
    alike = groupby(in_order, lambda event: (event.kind, sentence(event)) if event.kind in _FOLDED else event.pk)
    return [_line(list(group), today) for _key, group in alike][::-1]


def _line(group: list[TaskEvent], today: dt.date) -> Line:
    event = group[-1]
    icon, tone = _MARKS.get(event.kind, ("info", "neutral"))
    if event.kind == _K.QUEUED and event.actor is None:
        icon = "queued"
    subs = [str(_SOURCES.get(event.source, ""))]
    if len(group) > 1:
        subs.insert(0, ngettext("%(n)s time", "%(n)s times", len(group)) % {"n": len(group)})
    if event.attempt_id and event.attempt is not None and event.kind in {_K.CLAIMED, _K.ACCEPTED}:
        subs.append(_("Attempt %(n)s") % {"n": event.attempt.number})
    shown = {
        key: quotation(value) if key == "message" and isinstance(value, str) else value
        for key, value in event.detail.items()
        if key not in _HIDDEN
    }
    local = timezone.localtime(event.created_at)
    time = format_date(local, "H:i:s" if local.date() == today else "j M H:i:s")
    raw = json.dumps(shown, indent=2, ensure_ascii=False) if shown else ""
    return Line(event.created_at, time, icon, tone, sentence(event), " · ".join(filter(None, subs)), raw)


def sentence(event: TaskEvent) -> str:
    detail: dict[str, Any] = event.detail
    reason = str(detail.get("decision" if event.kind == _K.RESOLVED else "reason", ""))
    if event.kind == _K.WAITING:
        return _waiting(detail)
    if event.kind == _K.FAILED:
        return f"{advice_for(str(detail.get('code', ''))).heading}."
    if event.kind == _K.RETRIED and event.to_status == TaskStatus.STORING:
        reason = "fetch"
    words = _SENTENCES.get((event.kind, reason)) or _SENTENCES.get((event.kind, ""))
    if event.actor is None:
        words = _WITHOUT_PERSON.get(event.kind, words)
    if event.kind == _K.NOTE and reason in {"looked_first", "looked_again"}:
        words = _LOOKED.get(str(detail.get("code")), _LOOKED[""])
    if words is None:
        return f"{str(event.get_kind_display()).capitalize()}."
    values = {
        "who": person(event),
        "id": detail.get("provider_task_id", "?"),
        "name": detail.get("receiver", "?"),
        "size": formats.megabytes(detail.get("size")),
        "n": "",
        "credits": formats.credits_in_table(_decimal(detail.get("credits"))),
        "limit": formats.credits_on_button(_decimal(detail.get("limit"))),
        "note": detail.get("note", ""),
    }
    if event.kind == _K.ACCEPTED and (reserved := _decimal(detail.get("credits_reserved"))) is not None:
        words, values["n"] = _RESERVED, formats.credits_in_table(reserved)
    return words % values


def person(event: TaskEvent) -> str:
    return people.name_of(event.actor) if event.actor is not None else gettext("The site’s code")


def _waiting(detail: dict[str, Any]) -> str:
    code = str(detail.get("reason", "evolink_busy"))
    reason, until = held_words(code), parse_datetime(str(detail.get("until", "")))
    if until is None or code == ABOVE_CREDIT_LIMIT:
        return _("%(reason)s.") % {"reason": reason}
    return _("%(reason)s, until %(at)s.") % {"reason": reason, "at": formats.clock(until)}


def _decimal(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
