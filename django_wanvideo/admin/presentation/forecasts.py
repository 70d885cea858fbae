"""What the limits on credits mean for tasks that are about to be sent, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_wanvideo.admin import holds
from django_wanvideo.admin.presentation import formats, status_text
from django_wanvideo.services.limits import credit_limits, throttling

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from django_wanvideo.models import VideoTask

_TOO_DEAR = gettext_lazy("Choose a shorter video or a lower quality, or ask the site administrator to raise the limit.")


def lines(costs: Iterable[tuple[Decimal | None, Any]]) -> list[str]:
    """Say how many of several tasks fit today and when the others go; nothing where credits are not limited.

    Args:
        costs: price and owner's key of each task, in the order in which they are sent.
    """
    found = throttling.forecast(costs)
    if found is None or not found.count:
        return []
    values = {"fits": found.fits_now, "count": found.count}
    if found.fits_now == found.count:
        words = ngettext(
            "It fits into today’s credit limits.", "All %(count)s fit into today’s credit limits.", found.count
        )
        return [words % values]
    said = [_("%(fits)s of %(count)s fit into today’s credit limits.") % values]
    if found.waits:
        said.append(_waiting(found))
    if found.never and found.too_low is not None:
        said.append(_too_dear(found.never, found.too_low))
    return said


def line(price: Decimal | None, owner_id: Any) -> str:
    """Say of one task whether and for how long it would wait; empty where it would not."""
    found = throttling.forecast([(price, owner_id)])
    if found is None or found.fits_now:
        return ""
    if found.never and found.too_low is not None:
        words = _("It costs more than %(limit)s allows at all and will not be sent.")
        return f"{words % {'limit': credit_limits.words(found.too_low)}} {_TOO_DEAR}"
    if found.next_at is None:
        return _("Over the credit limits: it would wait in the queue for longer than can be foreseen.")
    words = _("Over the credit limits for now: it will wait in the queue and is sent from %(at)s on.")
    return words % {"at": formats.clock(found.next_at)}


def sent_words(task: VideoTask) -> str:
    """Say what happens to a task that was submitted just now."""
    held = throttling.check_credits(task)
    if held is None or held.reason not in credit_limits.REASONS:
        if reason := holds.reason_now(task):
            return _("Queued, but not sent yet. %(reason)s.") % {"reason": status_text.held_words(reason)}
        return _("On its way. You can leave this page; the video appears in the list when it is done.")
    return _("It waits in the queue for credits and will be sent from %(at)s on. You can cancel it until then.") % {
        "at": formats.clock(held.until)
    }


def _waiting(found: throttling.Forecast) -> str:
    if found.next_at is None:
        words = ngettext(
            "%(n)s waits in the queue for credits, for longer than can be foreseen. It can be cancelled until it is sent.",
            "%(n)s wait in the queue for credits, for longer than can be foreseen. They can be cancelled until they are "
            "sent.",
            found.waits,
        )
    elif found.next_at == found.last_at:
        words = ngettext(
            "%(n)s waits in the queue for credits and is sent from %(first)s on. It can be cancelled until then.",
            "%(n)s wait in the queue for credits and are sent from %(first)s on. They can be cancelled until then.",
            found.waits,
        )
    elif found.last_at is None:
        words = _(
            "%(n)s wait in the queue for credits; the first are sent from %(first)s on, the last later than can be foreseen. "
            "They can be cancelled until they are sent."
        )
    else:
        words = _(
            "%(n)s wait in the queue for credits; the first are sent from %(first)s on and the last from %(last)s on. "
            "They can be cancelled until they are sent."
        )
    return words % {"n": found.waits, "first": formats.clock(found.next_at), "last": formats.clock(found.last_at)}


def _too_dear(count: int, limit: credit_limits.CreditLimit) -> str:
    words = ngettext(
        "%(n)s costs more than %(limit)s allows at all and will not be sent.",
        "%(n)s cost more than %(limit)s allows at all and will not be sent.",
        count,
    )
    return f"{words % {'n': count, 'limit': credit_limits.words(limit)}} {_TOO_DEAR}"
