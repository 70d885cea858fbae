"""Checks of money: whether EvoLink bills what the price lists say, and whether the limits on credits mean somebody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.conf import conf
from django_wanvideo.health.results import CheckResult, ok, warning
from django_wanvideo.models.base import people
from django_wanvideo.services.limits import credit_limits
from django_wanvideo.spending import bills

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal


def check_prices() -> Iterator[CheckResult]:
    """Whether a price list was off three times in a row, by the ledger."""
    specs = {spec.id: spec for spec in catalog.models()}
    off = bills.off_lists({model: bool(spec.price.input_seconds) for model, spec in specs.items()})
    for found in off:
        values = {
            "model": specs[found.model].label,
            "date": f"{specs[found.model].price.as_of:%Y-%m-%d}",
            "bills": ", ".join(_amount(used) for _estimated, used in reversed(found.bills)),
            "prices": ", ".join(_amount(estimated) for estimated, _used in reversed(found.bills)),
        }
        yield warning(
            _("%(model)s: the last bills were %(bills)s credits, the price list of %(date)s says %(prices)s.") % values,
            _("Update django-wanvideo. Until then limits and the prices on buttons go by what the list says."),
        )
    if not off:
        yield ok(_("EvoLink bills what the price lists say, as far as it has billed."))


def check_limits() -> Iterator[CheckResult]:
    """Whether every group that has a limit of its own is there."""
    given = conf.CREDIT_LIMITS
    groups = given.get(credit_limits.GROUP) if isinstance(given, Mapping) else None
    known = set(people.all_groups().values()) if groups else set()
    missing = sorted(str(name) for name in groups if name not in known) if isinstance(groups, Mapping) else []
    for name in missing:
        yield warning(
            _("CREDIT_LIMITS limits the group “%(name)s”, which is not there.") % {"name": name},
            _("Write its name as it stands under Groups in the admin: the limit holds for nobody."),
        )
    if not missing:
        yield ok(_("Every group that has a limit of its own is there."))


def _amount(amount: Decimal) -> str:
    return number_format(amount.normalize())
