"""What things cost: the price beside a button, what limits on credits mean for it, and what a button was said to cost."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.template.defaultfilters import date as format_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_wanvideo import catalog
from django_wanvideo.admin import holds
from django_wanvideo.admin.forms.fields import ParameterField
from django_wanvideo.admin.forms.items import clips_in
from django_wanvideo.admin.presentation import approvals, formats, status_text
from django_wanvideo.models.base import pricing
from django_wanvideo.services.limits import credit_limits, throttling
from django_wanvideo.services.sending import quotes
from django_wanvideo.services.sending.quotes import Quote, QuoteChanged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.contrib.auth.models import AbstractBaseUser
    from django.http import HttpRequest

    from django_wanvideo.admin.forms.base import TaskFormBase
    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import VideoTask


#: The field in which a button carries what it was said to cost.
QUOTE_FIELD = "quote"
SALT = "django_wanvideo.admin.presentation.prices"
#: How long a button that was shown can be pressed.
LIFETIME = dt.timedelta(days=1)
_TOO_DEAR = gettext_lazy("Choose a shorter video or a lower quality, or ask the site administrator to raise the limit.")


def price_now(task: VideoTask) -> Decimal | None:
    """Return what the task would cost now, in credits."""
    return pricing.price_of(task) if catalog.find(task.model) is not None else task.credits_estimated


def _words(
    spec: ModelSpec,
    typed: Iterable[tuple[ParameterField, Any]],
    clips: Mapping[str, Sequence[object]],
    owner_id: Any,
    by: AbstractBaseUser | None,
) -> dict[str, Any]:
    """Return the price as the page shows it, and what limits and the need of an approval mean for it.

    Keys: ``known``, ``credits``, ``amount``, ``button``, ``formula``, ``dollars``, ``remark``, ``limit``.
    """
    try:
        parameters = {field.parameter.name: field.to_python(value) for field, value in typed}
        price = catalog.estimate(spec, parameters, clips)
    except ValidationError:
        return _unknown()
    values = spec.effective_values(parameters)
    amount = formats.credits_in_table(price)
    if spec.price.is_minimum(values, clips):
        formula = _("%(credits)s credits, the smallest charge") % {"credits": amount}
    else:
        rate = formats.credits_in_table(spec.price.rate_for(values))
        seconds = formats.number(spec.price.billed_seconds(values, clips))
        shown = {"seconds": seconds, "rate": rate, "credits": amount}
        formula = _("%(seconds)s s × %(rate)s = %(credits)s credits") % shown
    as_of = {"date": format_date(spec.price.as_of, "j M Y")}
    remark = _("Price list of %(date)s; the bill can differ a little.")
    if spec.price.is_upper_limit(values, clips):
        remark = _("The most that it can be: what is shorter costs less. Price list of %(date)s.")
    return {
        "known": True,
        "credits": str(price),
        "amount": amount,
        "button": _("Generate for about %(credits)s credits") % {"credits": formats.credits_on_button(price)},
        "formula": formats.unbroken(formula),
        "dollars": _("about %(money)s") % {"money": formats.money(price)},
        "remark": remark % as_of,
        "limit": " ".join(filter(None, [approvals.needed(by, price), _forecast_of_one(price, owner_id)])),
    }


def _unknown() -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("credits", "dollars", "limit"), "")
    remark = _("Correct the settings to see it.")
    formula = _("Price unknown just now")
    return found | {"known": False, "amount": "–", "button": _("Generate"), "formula": formula, "remark": remark}


def of_form(form: TaskFormBase, owner_id: Any, by: AbstractBaseUser | None = None) -> dict[str, Any]:
    """Return the price of what stands in the form; ``by`` is who would send it."""
    fields = [(field, form[name].value()) for name, field in form.fields.items() if isinstance(field, ParameterField)]
    return _words(form.spec, fields, form.clips(), owner_id, by)


def of_query(
    spec: ModelSpec, data: Mapping[str, str], owner_id: Any, by: AbstractBaseUser | None = None
) -> dict[str, Any]:
    """Return the price for parameters as a form sends them; a tick box that is not sent is off."""
    fields = [(ParameterField(parameter), parameter.name) for parameter in spec.parameters]
    typed = [(field, field.widget.value_from_datadict(data, {}, name)) for field, name in fields]
    return _words(spec, typed, clips_in(spec, data), owner_id, by)


def signed_quote(user: Any, task: VideoTask, *, fetches: bool = False) -> str:
    """Return what a press does now as its button carries it, never paying if it only ``fetches``; empty for no price."""
    try:
        quote = quotes.fetching(task) if fetches else quotes.quote(task)
    except ValidationError:
        return ""
    return signing.dumps([str(user.pk), task.pk.hex, *quote.pack()], salt=SALT)


def agreed_on_button(request: HttpRequest, task: VideoTask) -> Quote | None:
    """Return what the pressed button was said to cost; ``None`` for a request that somebody wrote by hand.

    Raises:
        QuoteChanged: the button is too old, or was shown to somebody else or for another task.
    """
    text = request.POST.get(QUOTE_FIELD, "")
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
    """Return what *Generate* sends: what the form has just saved; ``None`` where submitting says why it cannot be quoted.

    Raises:
        QuoteChanged: the price beside the button was a lower one. Nobody minds to pay less.
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


def forecast(costs: Iterable[tuple[Decimal | None, Any]]) -> list[str]:
    """Say how many of several tasks fit today and when the others go; nothing where credits are not limited.

    ``costs`` are price and owner's key of each task, in the order in which they are sent.
    """
    return told(throttling.forecast(costs))


def told(found: throttling.Forecast | None) -> list[str]:
    """Say what a forecast has found."""
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


def _forecast_of_one(price: Decimal | None, owner_id: Any) -> str:
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
