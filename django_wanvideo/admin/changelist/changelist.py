"""A list that never counts: one row more than a page tells whether there is another page."""

from __future__ import annotations

import math
import uuid
from typing import TYPE_CHECKING, Any, cast

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q, prefetch_related_objects
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.http import urlencode

from django_wanvideo.admin import holds
from django_wanvideo.admin.caching import once
from django_wanvideo.admin.changelist import chips
from django_wanvideo.admin.changelist.dates import CreatedFilter
from django_wanvideo.admin.changelist.filters import PurposeFilter
from django_wanvideo.admin.changelist.narrowing import Filter
from django_wanvideo.admin.gallery import tiles
from django_wanvideo.admin.people import choices
from django_wanvideo.admin.presentation.cards import card_of
from django_wanvideo.choices import InputRole, TaskStatus
from django_wanvideo.models import Approval, Batch, MediaInput
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.admin.presentation.cards import Card
    from django_wanvideo.models import VideoTask

#: What the list does not show and need not read.
_UNSHOWN = ("notes", "metadata", "made_for", "error_message", "video_sha256", "parent")

#: Where a page begins: after a task that was seen, before one, or at the end of all.
OLDER, NEWER, OLDEST = PLACES = ("older", "newer", "oldest")


class TaskChangeList(ChangeList):
    """Reads one page and one row more."""

    has_older: bool = False
    has_newer: bool = False
    is_grid: bool = False

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in {*PLACES, choices.VIEW}}

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[VideoTask]:
        """Fetch owners with the rows, and first frames with one further query."""
        # One row for each task: an order would only join the tasks once more.
        frames = MediaInput.objects.filter(role=InputRole.FIRST_FRAME, position=0).order_by()
        queryset: QuerySet[VideoTask] = super().get_queryset(request, *args, **kwargs)
        queryset = people.fetched_with(queryset, "owner")
        if self.is_popup and not self.is_status_chosen:
            # Who chooses a video for something else wants one that can be played.
            queryset = queryset.filter(status=TaskStatus.COMPLETED)
        return queryset.defer(*_UNSHOWN).prefetch_related(Prefetch("inputs", frames, to_attr="listed_frames"))

    def get_results(self, request: HttpRequest) -> None:
        """Fill in what the admin's templates read, without a COUNT."""
        if self.page_num < 1:
            raise IncorrectLookupParameters
        self.is_grid = once(request, "view", lambda: choices.LIST) == choices.GRID
        if self.is_grid or self.is_popup:
            self.list_per_page = math.ceil(self.list_per_page / tiles.COLUMNS) * tiles.COLUMNS
        for spec in self.filter_specs:
            if isinstance(spec, Filter) and spec.form_template:
                own = spec.expected_parameters()
                spec.kept = [pair for pair in self.kept_pairs if pair[0] not in own]
            if isinstance(spec, CreatedFilter) and request.method == "GET":
                spec.tell(request)
        place = next(((name, self.params[name]) for name in PLACES if name in self.params), None)
        rows = self._numbered_page() if place is None else self._page_at(*place)
        self.result_list = rows
        # Of those that have one: Django 5.2 would ask for nothing otherwise.
        prefetch_related_objects(
            [task for task in rows if task.batch_id], Prefetch("batch", Batch.objects.only("name"))
        )
        prefetch_related_objects(
            [task for task in rows if task.approval_id], Prefetch("approval", Approval.objects.defer("quotes", "note"))
        )
        model_admin = cast("TaskAdminBase", self.model_admin)
        holds.label(model_admin, request, rows)
        for task in self.result_list:
            if self.is_popup:
                # Whoever chooses a video is not led away from the rows: a decision is another page.
                task.resolve_url = ""
            else:
                task.batch_url = model_admin.get_batch_url(task)
            if task.owner_id is not None:
                # Each owner leads to their tasks.
                task.owner_url = self.get_query_string({"owner": task.owner_id})
        self.result_count = (self.page_num - 1) * self.list_per_page + len(rows) + self.has_older
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = False
        self.multi_page = self.has_older or self.has_newer
        self.paginator = Paginator(self.queryset, self.list_per_page)
        # As many as have been seen, so that it asks nobody.
        self.paginator.count = self.result_count

    @property
    def is_status_chosen(self) -> bool:
        """Whether a filter of statuses, the app's or a site's own, says which tasks are wanted."""
        return any(name.partition("__")[0] == "status" and value for name, value in self.params.items())

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """Return the list's address with other parameters; a page of it is left by whatever does not name one."""
        return super().get_query_string(new_params, [*(remove or []), *PLACES])

    def url_without(self, *names: str) -> str:
        """Return the list's address without the parameters of just these names: Django takes names for beginnings."""
        return "?" + urlencode(sorted(pair for pair in self.kept_pairs if pair[0] not in names))

    @property
    def kept_pairs(self) -> list[tuple[str, str]]:
        """What a form that narrows the list down sends again: filters, search and order, but not the page."""
        pairs = ((name, value) for name, values in self.filter_params.items() for value in values)
        return [pair for pair in pairs if pair[0] not in PLACES]

    @property
    def choices(self) -> list[Card]:
        """The rows as cards, where one is chosen for something else."""
        model_admin = cast("TaskAdminBase", self.model_admin)
        return [card_of(task, model_admin.get_page_url("change", task.pk)) for task in self.result_list]

    @property
    def kept_params(self) -> dict[str, Any]:
        """What a search keeps: filters and order, but not the page, nor what stands beside it in its form."""
        own = {*PLACES, PAGE_VAR, SEARCH_VAR, PurposeFilter.parameter_name}
        return {name: value for name, value in self.params.items() if name not in own}

    @property
    def purpose(self) -> PurposeFilter | None:
        """The tick that stands beside the search, if there is one."""
        return next((spec for spec in self.filter_specs if isinstance(spec, PurposeFilter)), None)

    @property
    def unsearched_url(self) -> str:
        return self.url_without(SEARCH_VAR)

    @property
    def list_url(self) -> str:
        return self.get_query_string({choices.VIEW: choices.LIST})

    @property
    def grid_url(self) -> str:
        return self.get_query_string({choices.VIEW: choices.GRID})

    @cached_property
    def set_filters(self) -> list[chips.Chip]:
        return chips.of(self)

    @property
    def tiles_of_page(self) -> Iterator[tiles.Tile]:
        return tiles.of(self)

    @property
    def can_be_added_up(self) -> bool:
        """Whether it is said what all that is shown adds up to; not where nothing narrows the list down."""
        return bool(self.result_list) and bool(self.query or self.has_active_filters) and not self.is_popup

    def _numbered_page(self) -> list[VideoTask]:
        start = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[start : start + self.list_per_page + 1])
        if start and not rows:
            raise IncorrectLookupParameters
        self.has_older, self.has_newer = len(rows) > self.list_per_page, self.page_num > 1
        return rows[: self.list_per_page]

    def _page_at(self, name: str, value: str) -> list[VideoTask]:
        """Read on from a task that was seen: as quick at the end of a million as at its beginning."""
        queryset, size = self.queryset, self.list_per_page
        if name == OLDER:
            made_at, pk = _place(value)
            # The first condition is what the index can begin at.
            older = Q(created_at__lte=made_at) & (Q(created_at__lt=made_at) | Q(pk__lt=pk))
            rows = list(queryset.filter(older).order_by("-created_at", "-pk")[: size + 1])
            self.has_older, self.has_newer = len(rows) > size, True
            return rows[:size]
        if name == NEWER:
            made_at, pk = _place(value)
            queryset = queryset.filter(Q(created_at__gte=made_at) & (Q(created_at__gt=made_at) | Q(pk__gt=pk)))
        rows = list(queryset.order_by("created_at", "pk")[: size + 1])
        self.has_older, self.has_newer = name == NEWER, len(rows) > size
        return rows[:size][::-1]

    @property
    def is_by_age(self) -> bool:
        """Whether the list stands in its own order, in which pages are found by the tasks at their edges."""
        return ORDER_VAR not in self.params

    @property
    def newer_url(self) -> str:
        return self._url(NEWER, self.result_list[0] if self.result_list else None, self.page_num - 1)

    @property
    def older_url(self) -> str:
        return self._url(OLDER, self.result_list[-1] if self.result_list else None, self.page_num + 1)

    @property
    def newest_url(self) -> str:
        return self.get_query_string()

    @property
    def oldest_url(self) -> str:
        """The last page; empty where it cannot be found without counting."""
        return self.get_query_string({OLDEST: "1"}) if self.is_by_age else ""

    def _url(self, name: str, edge: VideoTask | None, number: int) -> str:
        if not self.is_by_age:
            return self.get_query_string({PAGE_VAR: number})
        if edge is None:
            return self.newest_url
        return self.get_query_string({name: f"{edge.created_at.isoformat()}_{edge.pk}"})

    @property
    def is_empty_site(self) -> bool:
        """Whether nothing at all is there, not merely nothing that matches."""
        is_narrowed = self.query or self.has_active_filters or self.is_popup
        return not self.result_list and not is_narrowed and not self.has_newer


def _place(text: str) -> tuple[dt.datetime, uuid.UUID]:
    made_at, _separator, pk = text.rpartition("_")
    try:
        when = parse_datetime(made_at)
        if when is None or timezone.is_naive(when):
            raise IncorrectLookupParameters
        return when, uuid.UUID(pk)
    except ValueError:
        raise IncorrectLookupParameters from None
