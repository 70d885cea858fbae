"""How a batch stands in sentences: the head of its page, the line above the bar, and its credits."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import BatchOperation, BatchState, Charge, TaskStatus
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    from django_wanvideo.admin.batches.detail.numbers import Numbers
    from django_wanvideo.models import Batch

_S = TaskStatus


def is_making(batch: Batch) -> bool:
    """Tell whether its tasks are still being made."""
    return batch.state == BatchState.CREATING


def expected(batch: Batch, found: Numbers) -> int:
    """How many tasks there are, or will be once all are made."""
    if not is_making(batch):
        return found.total
    counted: Any = batch
    left_out = 0 if batch.settings.get("again") else counted.repeats
    return max(int(counted.rows - counted.bad - left_out), found.total)


def head(batch: Batch, found: Numbers) -> str:
    """The sentences at the head of the page."""
    who = people.name_of(batch.submitted_by) if batch.submitted_by is not None else ""
    if batch.state == BatchState.UPLOADING:
        return _("Its files are still coming in. Nothing has been sent or charged.")
    if is_making(batch):
        if batch.operation == BatchOperation.SUBMIT:
            return _("The tasks are being made, and sent as soon as all are there. You can leave this page.")
        return _("The drafts are being made. Nothing is sent or charged. You can leave this page.")
    if batch.state == BatchState.READY:
        words = ngettext("%(n)s draft.", "%(n)s drafts.", found.total) % {"n": found.total}
        return f"{words} {_('Nothing has been sent or charged.')}"
    cancelled = _cancelled_words(batch, found)
    if batch.submitted_at is None:
        return cancelled or _("Nothing has been sent or charged.")
    began = formats.clock(batch.submitted_at)
    if batch.state == BatchState.ENDED and batch.ended_at is not None:
        values = {
            "at": formats.clock(batch.ended_at),
            "time": formats.seconds_in_words((batch.ended_at - batch.submitted_at).total_seconds()),
            "who": who,
            "result": _result_words(found),
        }
        words = _("Ended at %(at)s, %(time)s after %(who)s sent it: %(result)s.")
        words = (words if who else _("Ended at %(at)s, %(time)s after it was sent: %(result)s.")) % values
    else:
        words = _("%(who)s sent it at %(at)s.") if who else _("It was sent at %(at)s.")
        words %= {"who": who, "at": began}
        if found.moving or batch.operation:
            words += " " + _("The videos go on when you leave this page.")
    return f"{words} {cancelled}".strip()


def _cancelled_words(batch: Batch, found: Numbers) -> str:
    if batch.cancelled_at is None:
        return ""
    number = sum(group.count for group in found.groups if group.status == _S.CANCELLED and not group.error_code)
    values = {
        "who": people.name_of(batch.cancelled_by) if batch.cancelled_by is not None else _("Somebody"),
        "at": formats.clock(batch.cancelled_at),
        "n": number,
    }
    if not number:
        return _("%(who)s stopped it at %(at)s.") % values
    words = ngettext(
        "%(who)s cancelled %(n)s at %(at)s, before it was sent. Nothing was charged for it.",
        "%(who)s cancelled %(n)s at %(at)s, before they were sent. Nothing was charged for them.",
        number,
    )
    return words % values


def _result_words(found: Numbers) -> str:
    parts = [_("%(n)s ready") % {"n": found.count(_S.COMPLETED)}]
    if failed := found.count(_S.FAILED):
        parts.append(_("%(n)s failed") % {"n": failed})
    if undecided := sum(group.count for group in found.groups if group.needs_decision):
        parts.append(_("%(n)s to be decided") % {"n": undecided})
    if cancelled := found.count(_S.CANCELLED):
        parts.append(_("%(n)s cancelled") % {"n": cancelled})
    return ", ".join(parts)


def now_words(batch: Batch, found: Numbers) -> str:
    """How far it is, in one line."""
    values = {"n": found.done, "total": found.total, "result": _result_words(found)}
    if is_making(batch):
        counted: Any = batch
        if "rows" in vars(counted):
            return _("%(n)s of %(total)s made") % {"n": found.total, "total": expected(batch, found)}
        return _("%(n)s made") % {"n": found.total}
    if batch.state in {BatchState.UPLOADING, BatchState.READY} or not found.done:
        return _("%(n)s of %(total)s done") % values
    return _("%(n)s of %(total)s done: %(result)s") % values


def left_words(batch: Batch, found: Numbers) -> str:
    """How long it still takes, in whole minutes; empty where that is not known."""
    seconds = found.seconds_left(batch)
    if seconds is None:
        return ""
    return _("about %(time)s left") % {"time": formats.seconds_in_words(max(60, round(seconds / 60) * 60))}


def credits_shown(found: Numbers) -> dict[str, Any]:
    """What is used, reserved, perhaps charged and still to come, and what all that comes to."""
    kinds: dict[str, list[Any]] = {"reserved": [0, Decimal(0)], "maybe": [0, Decimal(0)], "unsent": [0, Decimal(0)]}
    saved, free = Decimal(0), 0
    for group in found.groups:
        if group.status in {_S.DRAFT, _S.QUEUED} and group.charge == Charge.NONE:
            kind, amount = "unsent", group.estimated
        elif group.charge == Charge.MAYBE:
            kind, amount = "maybe", group.expected
        elif group.charge in {Charge.EXPECTED, Charge.CHARGED} and not group.used:
            kind, amount = "reserved", group.expected
        else:
            if group.status == _S.FAILED and group.charge in {Charge.NONE, Charge.NOT_EXPECTED}:
                saved, free = saved + group.estimated, free + group.count
            continue
        kinds[kind][0] += group.count
        kinds[kind][1] += amount
    labels = {
        "reserved": ngettext("Reserved by EvoLink, %(n)s video", "Reserved by EvoLink, %(n)s videos", kinds["reserved"][0]),
        "maybe": ngettext("May have been charged, %(n)s video", "May have been charged, %(n)s videos", kinds["maybe"][0]),
        "unsent": ngettext("Still to be sent, %(n)s video", "Still to be sent, %(n)s videos", kinds["unsent"][0]),
    }  # fmt: skip
    lines = [(_("Used"), formats.credits_in_table(found.used))]
    for kind, (number, amount) in kinds.items():
        if number:
            shown = formats.credits_in_table(amount)
            lines.append((labels[kind] % {"n": number}, f"≈ {shown}" if kind == "unsent" else shown))
    end = found.used + sum(amount for _number, amount in kinds.values())
    note = _("Estimated for all: %(n)s.") % {"n": formats.credits_in_table(found.estimated)}
    if free:
        words = ngettext(
            "The %(n)s failed video was not charged, %(amount)s less.",
            "The %(n)s failed videos were not charged, %(amount)s less.",
            free,
        )
        note += " " + words % {"n": free, "amount": formats.credits_in_table(saved)}
    return {"lines": lines, "end": formats.credits_in_table(end), "note": note, "is_open": len(lines) > 1}
