"""A task's history in words that a person understands, newest first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import ABOVE_CREDIT_LIMIT, EventKind, EventSource, TaskStatus
from django_wanvideo.failures import advice_for, quotation
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

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
    _K.NOTE: ("info", "neutral"),
}
#: Kinds of which several in a row become one line.
_FOLDED = frozenset({_K.PROGRESS, _K.CALLBACK, _K.STORE_FAILED})
#: Details that say nothing to staff, or that are EvoLink's own business.
_HIDDEN = frozenset({"request_id", "provider_task_id", "sha256", "event", "task", "second_result_of"})


@dataclass(frozen=True)
class Line:
    """One line of the history."""

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
    groups: list[list[TaskEvent]] = []
    for event in sorted(events, key=lambda event: event.pk):
        if groups and event.kind in _FOLDED and _is_like(groups[-1][-1], event):
            groups[-1].append(event)
        else:
            groups.append([event])
    return [_line(group, today) for group in reversed(groups)]


def _is_like(earlier: TaskEvent, later: TaskEvent) -> bool:
    return earlier.kind == later.kind and sentence(earlier) == sentence(later)


def _line(group: list[TaskEvent], today: dt.date) -> Line:
    event = group[-1]
    icon, tone = _MARKS.get(event.kind, ("info", "neutral"))
    if event.kind == _K.QUEUED and event.actor is None:
        icon = "queued"
    subs = [source_words(event)]
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
    time = format_date(local, "H:i:s")
    if local.date() != today:
        time = f"{format_date(local, 'j M')} {time}"
    raw = json.dumps(shown, indent=2, ensure_ascii=False) if shown else ""
    return Line(event.created_at, time, icon, tone, sentence(event), " · ".join(filter(None, subs)), raw)


def source_words(event: TaskEvent) -> str:
    """Who or what caused it, when the sentence does not say so."""
    return {
        EventSource.RESPONSE.value: _("EvoLink’s answer"),
        EventSource.CALLBACK.value: _("Status check after EvoLink’s callback"),
        EventSource.POLL.value: _("Status check"),
        EventSource.SWEEP.value: _("Found by the regular check"),
        EventSource.APPLICATION.value: _("The site’s own code"),
    }.get(event.source, "")


def sentence(event: TaskEvent) -> str:
    """One sentence for one event."""
    detail: dict[str, Any] = event.detail
    who = {"who": person(event)}
    match event.kind:
        case _K.CREATED:
            return _("%(who)s saved the draft.") % who if event.actor else _("The draft was made.")
        case _K.QUEUED:
            return _("%(who)s pressed Generate.") % who if event.actor else _("It was queued.")
        case _K.CLAIMED:
            return _("Request sent.")
        case _K.WAITING:
            return _waiting(detail)
        case _K.RELEASED:
            return _("Nothing had been sent yet, so it went back into the queue.")
        case _K.ACCEPTED:
            return _accepted(detail)
        case _K.UNCONFIRMED:
            return _("EvoLink’s answer was lost. We do not know whether it accepted the request.")
        case _K.PROGRESS:
            return _("EvoLink is making the video.")
        case _K.GENERATED:
            return _("EvoLink has finished. Copying the file has started.")
        case _K.STORE_FAILED:
            return _("Copying the file failed; it will be tried again.")
        case _K.LINK_EXPIRING:
            return _("EvoLink’s link ends soon and the file is not copied yet.")
        case _K.STORED:
            return _("Video stored: %(size)s, complete and checked.") % {"size": formats.megabytes(detail.get("size"))}
        case _K.FAILED:
            return str(advice_for(str(detail.get("code", ""))).heading) + "."
        case _K.CANCELLED:
            return _("%(who)s cancelled it.") % who if event.actor else _("EvoLink cancelled it.")
        case _K.RETRIED:
            if event.to_status == TaskStatus.STORING:
                return _("%(who)s asked to fetch the file again.") % who
            if detail.get("reason") == "look_again":
                return _("%(who)s asked EvoLink about it again.") % who
            return _("%(who)s asked to try it again.") % who
        case _K.OVERDUE:
            return _("It is taking much longer than EvoLink said. We keep checking.")
        case _K.NEEDS_DECISION:
            if detail.get("reason") == "result_came_after_all":
                return _("EvoLink made the video after all. It can still be fetched.")
            if detail.get("reason") == "result_missing":
                return _("EvoLink says the video is done but gives no file. We keep checking for a day.")
            if detail.get("reason") == "unmatched":
                return _("EvoLink called back about a video that this database does not know. It is kept.")
            return _("EvoLink did not confirm the request in time. Somebody has to decide.")
        case _K.RESOLVED:
            return _decided(detail) % who
        case _K.CALLBACK:
            if detail.get("reason") == "older_than_attempt":
                return _("EvoLink called back for %(id)s, which seems older than our request.") % {
                    "id": detail.get("provider_task_id", "?")
                }
            return _("EvoLink called back. We check the status with EvoLink ourselves.")
        case _K.NOTE if detail.get("reason") == "dismissed":
            return _("%(who)s dismissed it.") % who
        case _K.NOTE if detail.get("reason") == "dismissal_undone":
            return _("%(who)s undid the dismissal.") % who
        case _K.NOTE if detail.get("reason") == "adopted":
            return _("It was made a draft when this site took the database over.")
        case _K.DUPLICATE:
            return _("EvoLink made, and charged, a second video for this. It is kept as a task of its own.")
        case _K.RECEIVER_FAILED:
            return _("The site’s own code failed when it was notified: %(name)s.") % {
                "name": detail.get("receiver", "?")
            }
        case _K.NOTE if words := _looked(detail):
            return words
    return str(event.get_kind_display()).capitalize() + "."


def person(event: TaskEvent) -> str:
    """The name of who did it."""
    actor = event.actor
    if actor is None:
        return _("The site’s code")
    return people.name_of(actor)


def _waiting(detail: dict[str, Any]) -> str:
    from django_wanvideo.admin.presentation.status_text import held_words

    code = str(detail.get("reason", "evolink_busy"))
    reason, until = held_words(code), parse_datetime(str(detail.get("until", "")))
    if until is None or code == ABOVE_CREDIT_LIMIT:
        return _("%(reason)s.") % {"reason": reason}
    return _("%(reason)s, until %(at)s.") % {"reason": reason, "at": formats.clock(until)}


def _accepted(detail: dict[str, Any]) -> str:
    try:
        reserved = Decimal(str(detail["credits_reserved"]))
    except (KeyError, InvalidOperation):
        return _("EvoLink accepted the request.")
    return _("EvoLink accepted the request and reserved %(n)s credits.") % {"n": formats.credits_in_table(reserved)}


def _looked(detail: dict[str, Any]) -> str:
    """What asking EvoLink about an earlier request has shown."""
    reason, code = detail.get("reason"), detail.get("code")
    if reason == "found_at_evolink":
        return _("EvoLink still has the earlier request, which goes on; nothing new was sent.")
    if reason not in {"looked_first", "looked_again"}:
        return ""
    if code == "not_found":
        return _("EvoLink was asked about the earlier request and does not know it any more.")
    if code == "no_file":
        return _("EvoLink was asked about the earlier request and has no file of it any more.")
    return _("EvoLink was asked about the earlier request and says that it ended without a video.")


def _decided(detail: dict[str, Any]) -> str:
    return {
        "attached": _("%(who)s decided: it was accepted, and attached EvoLink’s video."),
        "not_accepted": _("%(who)s decided: it was not accepted."),
        "send_again": _("%(who)s decided to send it again."),
    }.get(str(detail.get("decision", "")), _("%(who)s decided."))
