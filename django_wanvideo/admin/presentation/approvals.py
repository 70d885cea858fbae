"""What needs a second person, in words: beside a price, on what waits, and on what was sent back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import ApprovalKind, ApprovalState
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models.base import people
from django_wanvideo.services.limits import approval_limit

if TYPE_CHECKING:
    from decimal import Decimal

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.models import Approval


class Notice(NamedTuple):
    """What stands at the head of a page."""

    tone: str
    heading: str
    text: str


def limit_of(by: AbstractBaseUser) -> Decimal | None:
    """Return what a person may spend at once; ``None`` also where the setting cannot be read, which sending tells."""
    try:
        return approval_limit.limit_for(by)
    except ConfigurationError:
        return None


def needed(by: AbstractBaseUser | None, total: Decimal | None, count: int = 1) -> str:
    """Say that a press of somebody only asks for an approval; empty where it sends, or is none that sends."""
    limit = limit_of(by) if by is not None else None
    if limit is None or total is None or total <= limit:
        return ""
    words = ngettext(
        "More than %(limit)s credits: it is sent only after somebody else has approved it.",
        "More than %(limit)s credits together: they are sent only after somebody else has approved them.",
        count,
    )
    return words % {"limit": approval_limit.words(limit)}


def notice(approval: Approval | None) -> Notice | None:
    """Return what a task or batch waits for, or was sent back with; ``None`` for neither."""
    if approval is None:
        return None
    if approval.state == ApprovalState.WAITING:
        return Notice("neutral", _waiting(approval), _until_then(approval))
    if approval.state == ApprovalState.RETURNED:
        is_draft = approval.kind == ApprovalKind.SUBMIT
        return Notice("warning", _returned(approval), _("It is a draft again.") if is_draft else _("It was not sent."))
    return None


def _waiting(approval: Approval) -> str:
    count = len(approval.quotes)
    words = ngettext(
        "Waits for approval since %(at)s, because it costs more than %(limit)s credits.",
        "Waits for approval since %(at)s, because %(n)s videos together cost more than %(limit)s credits.",
        count,
    )
    limit = approval_limit.words(approval.limit)
    return words % {"at": formats.clock(approval.requested_at), "limit": limit, "n": count}


def _until_then(approval: Approval) -> str:
    if approval.kind == ApprovalKind.SUBMIT:
        return _("Nothing has been sent or charged. If it is changed, it has to be asked for again.")
    return _("Nothing new is sent or charged until then.")


def _returned(approval: Approval) -> str:
    who = people.name_of(approval.decided_by) if approval.decided_by is not None else _("Somebody")
    values = {"who": who, "at": formats.clock(approval.decided_at), "note": approval.note}
    return _("%(who)s sent it back at %(at)s: “%(note)s”") % values
