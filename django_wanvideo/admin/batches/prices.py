"""What a batch would cost, before it is checked: one video's price times how many there are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.http import JsonResponse
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin.base import PRIVATE, as_uuid
from django_wanvideo.admin.batches.forms import given
from django_wanvideo.admin.presentation import formats, prices
from django_wanvideo.batches.given import PICTURES, TABLE, TAKES
from django_wanvideo.catalog import text
from django_wanvideo.models import Batch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.batches.base import BatchAdminBase
    from django_wanvideo.admin.batches.forms.make_many import MakeManyForm
    from django_wanvideo.catalog import ModelSpec


def price_view(model_admin: BatchAdminBase, request: HttpRequest) -> HttpResponse:
    """Answer what stands in the form would cost, as ``price.js`` shows it."""
    data = request.GET
    spec = catalog.find(data.get("model")) or catalog.models()[0]
    pk = as_uuid(data.get("batch", ""))
    batch = model_admin.get_own_batch(request, pk) if pk is not None else None
    return JsonResponse(_words(spec, data, batch or Batch()), headers=PRIVATE)


def price_of_form(form: MakeManyForm) -> dict[str, Any]:
    """Return the price of what stands in a form."""
    data = {name: form[name].value() for name in form.fields if form[name].value() not in {None, False, ""}}
    return _words(form.spec, {name: str(value) for name, value in data.items()}, form.batch)


def _words(spec: ModelSpec, data: Mapping[str, str], batch: Batch) -> dict[str, Any]:
    one = prices.of_query(spec, data, None)
    if not one["known"]:
        return one
    way = data.get("way", PICTURES)
    each = Decimal(one["credits"])
    values = {"price": one["amount"]}
    if way == TABLE:
        formula, total = _("%(price)s credits for each row, unless the row says otherwise") % values, each
    else:
        count = _count(spec, data, batch, way)
        if not count:
            formula, total = _("%(price)s credits for each video") % values, each
        else:
            total = each * count
            values |= {"n": count, "total": formats.credits_in_table(total)}
            words = _("%(n)s × %(price)s = about %(total)s credits")
            formula = words % values
    dollars = _("about $%(dollars)s") % {"dollars": formats.credits_in_table(spec.price.dollars(total))}
    remark = _("Checking costs nothing. You see every problem and the price before anything is sent.")
    return one | {
        "formula": formats.unbroken(formula) if way != TABLE else formula,
        "dollars": dollars,
        "remark": remark,
        "limit": "",
    }


def _count(spec: ModelSpec, data: Mapping[str, str], batch: Batch, way: str) -> int:
    if way == TAKES:
        # A script tells the number of prompts instead of them.
        lines, typed = data.get("lines", ""), data.get("takes", "")
        given_lines = int(lines) if lines.isdecimal() else len(text.lines(data.get("prompts", "")))
        return given_lines or (int(typed) if typed.isdecimal() else 0)
    if batch.settings.get("way") != PICTURES:
        return 0
    return sum(not given.problem_of(item, spec, fix="fix_inputs" in data) for item in given.pictures_of(batch))
