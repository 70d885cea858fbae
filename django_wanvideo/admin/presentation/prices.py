"""What things cost: the price beside a button, calculated from the catalogue, and what a button was said to cost."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.template.defaultfilters import date as format_date
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin.forms.fields import ParameterField
from django_wanvideo.admin.presentation import forecasts, formats, markup
from django_wanvideo.services.sending import quotes
from django_wanvideo.services.sending.quotes import Quote, QuoteChanged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.http import HttpRequest

    from django_wanvideo.admin.forms.base import TaskFormBase
    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import VideoTask


#: The field in which a button carries what it was said to cost.
QUOTE_FIELD = "quote"
SALT = "django_wanvideo.admin.presentation.prices"
#: How long a button that was shown can be pressed.
LIFETIME = dt.timedelta(days=1)


def price_now(task: VideoTask) -> Decimal | None:
    """Return what the task would cost now, in credits."""
    spec = markup.spec_of(task.model)
    return catalog.estimate(spec, task.parameters) if spec is not None else task.credits_estimated


def _words(spec: ModelSpec, typed: Iterable[tuple[ParameterField, Any]], owner_id: Any) -> dict[str, Any]:
    """Return the price as the page shows it, and what the limits on the owner’s credits mean for it.

    Keys: ``known``, ``credits``, ``amount``, ``button``, ``formula``, ``dollars``, ``remark``, ``limit``.
    """
    try:
        parameters = {field.parameter.name: field.to_python(value) for field, value in typed}
        price = catalog.estimate(spec, parameters)
    except ValidationError:
        return _unknown()
    values = spec.effective_values(parameters)
    amount = formats.credits_in_table(price)
    if spec.price.is_minimum(values):
        formula = _("%(credits)s credits, the smallest charge") % {"credits": amount}
    else:
        rate = formats.credits_in_table(spec.price.rate_for(values))
        shown = {"seconds": values[spec.price.seconds], "rate": rate, "credits": amount}
        formula = _("%(seconds)s s × %(rate)s = %(credits)s credits") % shown
    as_of = {"date": format_date(spec.price.as_of, "j M Y")}
    return {
        "known": True,
        "credits": str(price),
        "amount": amount,
        "button": _("Generate for about %(credits)s credits") % {"credits": formats.credits_on_button(price)},
        "formula": formats.unbroken(formula),
        "dollars": _("about $%(dollars)s") % {"dollars": formats.credits_in_table(spec.price.dollars(price))},
        "remark": _("Price list of %(date)s; the bill can differ a little.") % as_of,
        "limit": forecasts.line(price, owner_id),
    }


def _unknown() -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("credits", "dollars", "limit"), "")
    remark = _("Correct the settings to see it.")
    formula = _("Price unknown just now")
    return found | {"known": False, "amount": "–", "button": _("Generate"), "formula": formula, "remark": remark}


def of_form(form: TaskFormBase, owner_id: Any) -> dict[str, Any]:
    """Return the price of what stands in the form."""
    fields = [(field, form[name].value()) for name, field in form.fields.items() if isinstance(field, ParameterField)]
    return _words(form.spec, fields, owner_id)


def of_query(spec: ModelSpec, data: Mapping[str, str], owner_id: Any) -> dict[str, Any]:
    """Return the price for parameters as a form sends them; a tick box that is not sent is off."""
    fields = [(ParameterField(parameter), parameter.name) for parameter in spec.parameters]
    typed = [(field, field.widget.value_from_datadict(data, {}, name)) for field, name in fields]
    return _words(spec, typed, owner_id)


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
