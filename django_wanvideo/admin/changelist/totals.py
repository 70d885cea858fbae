"""What all tasks of a filter add up to: asked for by the page after it is there, so that no list ever waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Case, Count, Q, QuerySet, Sum, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.http import Http404, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.base import PRIVATE
from django_wanvideo.admin.changelist.changelist import TaskChangeList
from django_wanvideo.admin.presentation import formats, markup
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import VideoTask
from django_wanvideo.models.credit_entry import GIVEN_UP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.catalog import ModelSpec

#: Tasks that are added up at most. A million would keep the database busy for seconds, for each look at the list.
MOST = 50_000
_FAILED, _COMPLETED = Q(status=TaskStatus.FAILED), Q(status=TaskStatus.COMPLETED)
#: Failed after EvoLink had accepted them, without a report of what they cost.
_UNREPORTED = _FAILED & Q(credits_used=None, accepted_at__isnull=False)
_MAYBE_CHARGED = ~Q(result_url="") | Q(result_expires_at__isnull=False) | Q(error_code__in=GIVEN_UP)


class NarrowedList(TaskChangeList):
    """Only what filters and search leave: it reads no page."""

    def get_results(self, request: HttpRequest) -> None:
        self.result_list = []


@dataclass
class Totals:
    """Sums over the tasks of a filter. ``credits`` holds estimates where EvoLink has not reported a use."""

    tasks: int = 0
    videos: int = 0
    seconds: int = 0
    credits: Decimal = Decimal(0)
    estimated: int = 0
    failed: int = 0
    #: Credits that EvoLink has charged for failed ones.
    lost: Decimal = Decimal(0)
    #: Failed ones for which EvoLink should not charge, or may have charged, but has not said so.
    unreported: int = 0
    maybe_charged: int = 0

    @property
    def tasks_in_words(self) -> str:
        words = ngettext("%(n)s task in this filter", "%(n)s tasks in this filter", self.tasks)
        return words % {"n": formats.count(self.tasks)}

    @property
    def videos_in_words(self) -> str:
        return ngettext("%(n)s video", "%(n)s videos", self.videos) % {"n": formats.count(self.videos)}

    @property
    def seconds_in_words(self) -> str:
        return ngettext("%(n)s second", "%(n)s seconds", self.seconds) % {"n": formats.count(self.seconds)}

    @property
    def credits_in_words(self) -> str:
        words = _("about %(n)s credits") if self.estimated else _("%(n)s credits")
        return words % {"n": formats.credits_in_table(self.credits)}

    @property
    def dollars_in_words(self) -> str:
        return _("about %(money)s") % {"money": formats.money(self.credits)} if self.credits else ""

    @property
    def failed_in_words(self) -> str:
        """Return how many failed and what is known of what they cost; empty for none."""
        if not self.failed:
            return ""
        if self.maybe_charged:
            words = _("%(n)s failed, %(credits)s credits, more may have been charged")
            words = words if self.lost else _("%(n)s failed, may have been charged")
        elif self.lost:
            words = _("%(n)s failed, %(credits)s credits")
        else:
            words = _("%(n)s failed, should not be charged") if self.unreported else _("%(n)s failed, not charged")
        return words % {"n": formats.count(self.failed), "credits": formats.credits_in_table(self.lost)}


def of(tasks: QuerySet[VideoTask]) -> Totals | None:
    """Add up ``tasks`` by one query, after one that looks whether they are too many; ``None`` where they are."""
    # Of so many rows and no more, however many there are.
    if tasks.order_by()[: MOST + 1].count() > MOST:
        return None
    found = Totals()
    specs: dict[str, ModelSpec | None] = {}
    for row in _groups(tasks):
        spec = specs.setdefault(row["model"], markup.spec_of(row["model"]))
        found.tasks += row["count"]
        found.videos += row["videos"]
        found.seconds += row["videos"] * _seconds(row["duration"], spec)
        found.credits += row["credits"] or 0
        found.estimated += row["estimated"]
        found.failed += row["failed"]
        found.lost += row["lost"] or 0
        found.unreported += row["unreported"]
        found.maybe_charged += row["maybe_charged"]
    return found


def _groups(tasks: QuerySet[VideoTask]) -> Iterable[dict[str, Any]]:
    """Return sums by model and length; the length as text, since a model of later may have lengths that are no numbers."""
    expected = Coalesce("credits_reserved", "credits_estimated")
    rows: Any = tasks.order_by()
    if rows.query.annotations or rows.query.distinct:
        # What a site adds to its list of tasks may multiply or join them.
        rows = VideoTask.objects.filter(pk__in=rows.values("pk"))
    rows = rows.annotate(duration=KeyTextTransform("duration", "parameters")).values("model", "duration").order_by()
    found: Iterable[dict[str, Any]] = rows.annotate(
        count=Count("pk"),
        videos=Count("pk", filter=_COMPLETED),
        credits=Sum(Coalesce("credits_used", Case(When(_COMPLETED, then=expected)))),
        estimated=Count("pk", filter=_COMPLETED & Q(credits_used=None)),
        failed=Count("pk", filter=_FAILED),
        lost=Sum("credits_used", filter=_FAILED),
        unreported=Count("pk", filter=_UNREPORTED),
        maybe_charged=Count("pk", filter=_UNREPORTED & _MAYBE_CHARGED),
    )
    return found


def _seconds(duration: Any, spec: ModelSpec | None) -> int:
    """Return the length of one video, the model's own where the task names none; 0 where it is not known."""
    if duration is None and spec is not None:
        duration = spec.effective_values({}).get("duration")
    text = str(duration)
    return int(text) if text.isdecimal() else 0


def totals_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponse:
    """Answer what the tasks of the list with these parameters add up to: to a script its part of the page, else a page."""
    model_admin.require(request, None, "view")
    try:
        changelist = model_admin.get_changelist_instance(request)
    except IncorrectLookupParameters as error:
        raise Http404(_("There is no such list.")) from error
    context = {"totals": of(changelist.queryset), "most": formats.count(MOST)}
    if request.accepts("text/html"):
        back = model_admin.get_page_url("changelist") + changelist.get_query_string()
        return model_admin.render_page(request, "totals", _("Sum of what is shown"), back=back, **context)
    return JsonResponse({"html": render_to_string("wanvideo/totals.html", context, request)}, headers=PRIVATE)


def is_asked_for(request: HttpRequest) -> bool:
    """Tell whether this request is for the sum alone."""
    match = request.resolver_match
    return match is not None and match.url_name == "wanvideo_videotask_totals"
