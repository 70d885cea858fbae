"""The price beside the button, calculated on the server from the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.template.defaultfilters import date as format_date
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin.forms.fields import ParameterField
from django_wanvideo.admin.presentation import forecasts, formats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_wanvideo.admin.forms.task_forms import TaskForm
    from django_wanvideo.catalog import ModelSpec


def words(spec: ModelSpec, parameters: Mapping[str, Any], owner_id: Any) -> dict[str, Any]:
    """Return the price as the page shows it, and what the limits on the owner’s credits mean for it.

    Keys: ``known``, ``amount``, ``button``, ``formula``, ``dollars``, ``remark``, ``limit``.
    """
    try:
        price = catalog.estimate(spec, parameters)
    except ValidationError:
        return unknown()
    values = spec.effective_values(parameters)
    amount = formats.credits_in_table(price)
    if spec.price.is_minimum(values):
        formula = _("%(credits)s credits, the smallest charge") % {"credits": amount}
    else:
        formula = _("%(seconds)s s × %(rate)s = %(credits)s credits") % {
            "seconds": values[spec.price.seconds],
            "rate": formats.credits_in_table(spec.price.rate_for(values)),
            "credits": amount,
        }
    return {
        "known": True,
        "credits": str(price),
        "amount": amount,
        "button": _("Generate for about %(credits)s credits") % {"credits": formats.credits_on_button(price)},
        "formula": formats.unbroken(formula),
        "dollars": _("about $%(dollars)s") % {"dollars": formats.credits_in_table(spec.price.dollars(price))},
        "remark": _("Price list of %(date)s; the bill can differ a little.")
        % {"date": format_date(spec.price.as_of, "j M Y")},
        "limit": forecasts.line(price, owner_id),
    }


def unknown() -> dict[str, Any]:
    """Return the words for when there is no price."""
    return {
        "known": False,
        "credits": "",
        "amount": "–",
        "button": _("Generate"),
        "formula": _("Price unknown just now"),
        "dollars": "",
        "remark": _("Correct the settings to see it."),
        "limit": "",
    }


def of_form(form: TaskForm, owner_id: Any) -> dict[str, Any]:
    """Return the price of what stands in the form."""
    parameters: dict[str, Any] = {}
    for name, field in form.fields.items():
        if isinstance(field, ParameterField):
            try:
                parameters[name] = field.to_python(form[name].value())
            except ValidationError:
                return unknown()
    return words(form.spec, parameters, owner_id)


def of_query(spec: ModelSpec, data: Mapping[str, str], owner_id: Any) -> dict[str, Any]:
    """Return the price for parameters as a form sends them; a tick box that is not sent is off."""
    parameters: dict[str, Any] = {}
    for parameter in spec.parameters:
        text = data.get(parameter.name)
        try:
            if parameter.kind == "boolean":
                parameters[parameter.name] = text is not None and parameter.parse(text)
            elif text:
                parameters[parameter.name] = parameter.parse(text)
        except ValidationError:
            return unknown()
    return words(spec, parameters, owner_id)
