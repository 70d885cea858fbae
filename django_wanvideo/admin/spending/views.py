"""What was spent: the page, and its table to take away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.template.defaultfilters import date as format_date
from django.utils.translation import gettext as _

from django_wanvideo.admin.base import PRIVATE
from django_wanvideo.admin.presentation import formats
from django_wanvideo.admin.spending import chart, limits, tables
from django_wanvideo.admin.spending.forms import LAST_MONTH, PeriodForm
from django_wanvideo.http import ranges
from django_wanvideo.services.limits.credit_limits import SITE, USER
from django_wanvideo.spending.periods import is_site_zone
from django_wanvideo.spending.report import report

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.spending.periods import Period


def spending_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponseBase:
    """Show what was spent in a period, by day, model, person and batch; with ``?format=csv`` as a table.

    Whoever may not see everybody's tasks sees what their own have cost.
    """
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    form = PeriodForm(request.GET)
    period, only = form.period(), form.only()
    sees_all = model_admin.sees_all_spending(request)
    if not sees_all:
        only["owner_id"] = request.user.pk
    if request.GET.get("format") == "csv":
        name = f"wanvideo-spending-{period.first}-{period.last}.csv"
        headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}
        return ranges.streamed(request, tables.csv(period, **only), "text/csv; charset=utf-8", headers)
    found = report(period, **only)
    site_zone = is_site_zone(period.zone)
    standings = limits.standings(tables.names_of(request.user, found, sees_all=sees_all), with_shared=sees_all)
    query = request.GET.copy()
    query["format"] = "csv"
    page: dict[str, Any] = {
        "form": form,
        "usual": [
            (_("This month"), "?", period == form.this_month),
            (_("Last month"), f"?period={LAST_MONTH}", period == form.last_month),
        ],
        "csv_url": f"?{query.urlencode()}",
        "is_empty": found.total.is_empty,
        "is_own": not sees_all,
        "total": tables.line(_("All"), found.total),
        "open": formats.credits_in_table(found.total.open_credits) if found.total.open_credits else "",
        "limit": limits.fullest(standings or [], SITE if sees_all else USER),
        "standings": standings,
        "chart": chart.chart(found, limits.site_day() if sees_all and site_zone and not form.only() else None),
        "tables": tables.tables(model_admin, found, with_people=sees_all),
        "words": _words(period),
        "zone": str(period.zone),
    }
    response = model_admin.render_page(request, "spending", _("Spending"), page=page)
    for header, value in PRIVATE.items():
        response.headers[header] = value
    return response


def _words(period: Period) -> str:
    """Name the period."""
    if period.first == period.last:
        return format_date(period.first, "j F Y")
    days = {"first": format_date(period.first, "j F Y"), "last": format_date(period.last, "j F Y")}
    return _("%(first)s to %(last)s") % days
