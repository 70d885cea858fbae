"""How many tasks stand at choices of the list: what is on its way is counted up to a hundred, now and then."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_wanvideo.admin.caching import cached, once
from django_wanvideo.choices import ACTIVE_STATUSES
from django_wanvideo.conf import conf

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_wanvideo.admin.base import ModelAdmin

#: Seconds that counts are kept for a person.
SECONDS = 10
#: The highest number that is said, and the rows that are read at most to find it.
CAP, MOST = 100, 1000


def known(request: HttpRequest, model_admin: ModelAdmin, *, anew: bool = False) -> dict[str, str]:
    """Return how many tasks that this person sees stand at the choices that are cheap to count; ``anew`` counts now."""
    if request.method != "GET":
        # An action shows no filters.
        return {}
    key = f"wanvideo:admin:counts:{model_admin.admin_site.name}:{request.user.pk}"
    # Two filters ask on each page, also where there is no cache to remember it.
    return once(request, "counts", lambda: cached(key, SECONDS, lambda: _count(request, model_admin), anew=anew))


def shown(request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str, str, str]]:
    """Return the counted choices as they stand at this moment: parameter, value, label without and with its count."""
    now = known(request, model_admin, anew=True)
    labels = [
        ("attention", "needed", str(_("Needs attention"))),
        ("attention", "approval", str(_("Waits for approval"))),
    ]
    labels += [("status", str(value), capfirst(str(value.label))) for value in sorted(ACTIVE_STATUSES)]
    return [(name, value, label, labelled(label, now.get(value))) for name, value, label in labels]


def _count(request: HttpRequest, model_admin: ModelAdmin) -> dict[str, str]:
    tasks: Any = model_admin.get_queryset(request).order_by()
    rows = tasks.filter(status__in=ACTIVE_STATUSES).values_list("status", flat=True)[:MOST]
    found = Counter(rows)
    # A filter of statuses has no choice of this name.
    found["needed"] = len(tasks.needing_attention().values_list("pk")[: CAP + 1])
    is_cut = found.total() - found["needed"] == MOST
    if conf.APPROVAL_ABOVE is not None:
        found["approval"] = len(tasks.waiting_for_approval().values_list("pk")[: CAP + 1])
    return {
        name: f"{min(number, CAP)}+" if number > CAP or (is_cut and name not in {"needed", "approval"}) else str(number)
        for name, number in found.items()
        if number
    }


def labelled(label: Any, count: str | None) -> str:
    return _("%(label)s (%(count)s)") % {"label": label, "count": count} if count else str(label)
