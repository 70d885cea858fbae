"""What several takes cost together: on the button that sends them, and beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.template.defaultfilters import date as format_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import catalog
from django_wanvideo.admin.presentation import approvals, formats, prices
from django_wanvideo.admin.takes.forms import MOST
from django_wanvideo.models.base import pricing

if TYPE_CHECKING:
    from decimal import Decimal

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.models import VideoTask


def price_of_one(task: VideoTask) -> Decimal | None:
    """Return the credits of one take of ``task`` now; ``None`` where the catalogue takes its model or settings no more."""
    try:
        return pricing.price_of(task)
    except ValidationError:
        return None


def of_takes(task: VideoTask, count: int, by: AbstractBaseUser) -> dict[str, Any]:
    """Return the price of ``count`` takes as the page shows it, by the keys that the price beside a form has."""
    one = price_of_one(task)
    if one is None or not 0 < count <= MOST:
        return _unknown(one, count)
    spec, total = catalog.get(task.model), one * count
    shown = {"n": count, "credits": formats.credits_on_button(total)}
    words = ngettext(
        "Generate %(n)s for about %(credits)s credits", "Generate %(n)s for about %(credits)s credits", count
    )
    each, amount = formats.credits_in_table(one), formats.credits_in_table(total)
    formula = _("%(n)s × %(each)s = %(credits)s credits") % {"n": count, "each": each, "credits": amount}
    return {
        "known": True,
        "credits": str(total),
        "amount": amount,
        "button": words % shown,
        "formula": formats.unbroken(formula),
        "dollars": _("about $%(dollars)s") % {"dollars": formats.credits_in_table(spec.price.dollars(total))},
        "remark": _("Price list of %(date)s; the bill can differ a little.")
        % {"date": format_date(spec.price.as_of, "j M Y")},
        "limit": " ".join(filter(None, [approvals.needed(by, total, count), *prices.forecast([(one, by.pk)] * count)])),
    }


def _unknown(one: Decimal | None, count: int) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("credits", "dollars", "limit"), "")
    formula, remark = _("Price unknown just now"), _("This model or its settings are not offered any more.")
    if one is not None:
        formula = (
            _("Nothing to make yet") if count <= 0 else _("At most %(n)s takes can be made at a time.") % {"n": MOST}
        )
        remark = _("Each costs about %(credits)s credits.") % {"credits": formats.credits_in_table(one)}
    return found | {"known": False, "amount": "–", "button": _("Generate"), "formula": formula, "remark": remark}
