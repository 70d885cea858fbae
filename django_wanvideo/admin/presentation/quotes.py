"""What a button of one task was said to cost, carried by the button itself."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.services.sending import quotes
from django_wanvideo.services.sending.quotes import Quote, QuoteChanged

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_wanvideo.models import VideoTask

#: The name of the field.
FIELD = "quote"
SALT = "django_wanvideo.admin.presentation.quotes"
#: How long a button that was shown can be pressed.
LIFETIME = dt.timedelta(days=1)


def signed(user: Any, task: VideoTask, quote: Quote) -> str:
    """Return a quote as a button carries it."""
    data = [str(user.pk), task.pk.hex, *quote.pack()]
    return signing.dumps(data, salt=SALT)


def for_retry(user: Any, task: VideoTask) -> str:
    """Return what a press of *Retry* does now; empty where that cannot be said."""
    try:
        return signed(user, task, quotes.quote(task))
    except ValidationError:
        return ""


def for_fetch(user: Any, task: VideoTask) -> str:
    """Return a quote that never pays."""
    return signed(user, task, quotes.fetching(task))


def agreed(request: HttpRequest, task: VideoTask) -> Quote | None:
    """Return what the pressed button was said to cost; ``None`` for a request that somebody wrote by hand.

    Raises:
        QuoteChanged: the button is too old, or was shown to somebody else or for another task.
    """
    text = request.POST.get(FIELD, "")
    if not text:
        return None
    try:
        user, task_id, *packed = signing.loads(text, salt=SALT, max_age=LIFETIME)
        quote = Quote.unpack(packed)
    except (signing.BadSignature, ValueError, TypeError):
        user = task_id = ""
    if (user, task_id) != (str(request.user.pk), task.pk.hex):
        raise QuoteChanged(
            _(
                "This page was open for more than a day, or was made for somebody else. Look at the price and press again."
            )
        )
    return quote


def agreed_on_form(request: HttpRequest, task: VideoTask) -> Quote | None:
    """Return what *Generate* on a draft's form sends: what the form has just saved, at the price beside the button.

    ``None`` where nothing can be quoted, which submitting then explains.

    Raises:
        QuoteChanged: the price beside the button was a lower one. Without scripts it does not follow what is chosen, and
            nobody minds to pay less.
    """
    try:
        quote = quotes.quote(task)
        shown = Decimal(request.POST.get("shown_credits") or str(quote.credits))
    except (ValidationError, InvalidOperation):
        return None
    if quote.credits is not None and shown < quote.credits:
        raise QuoteChanged(
            _("The price has changed: %(shown)s was shown, it is %(now)s now.")
            % {"shown": quotes.amount(shown), "now": quotes.amount(quote.credits)}
        )
    return quote
