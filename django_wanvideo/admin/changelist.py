"""A list that never counts: one row more than a page tells whether there is another page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Prefetch

from django_wanvideo.choices import InputRole
from django_wanvideo.models import MediaInput

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from django_wanvideo.models import VideoTask

#: What the list does not show and need not read.
_UNSHOWN = ("notes", "metadata", "error_message", "video_sha256", "parent")


class UncountedPaginator(Paginator):  # type: ignore[type-arg]
    """A paginator that claims as many objects as have been seen."""

    def __init__(self, *args: Any, seen: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seen = seen

    @property
    def count(self) -> int:
        """How many objects are known to exist; no query."""
        return self.seen


class TaskChangeList(ChangeList):
    """Reads one page and one row more."""

    has_next: bool = False

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[VideoTask]:
        """Fetch owners with the rows, first frames with one further query."""
        # One row for each task: an order would only join the tasks once more.
        frames = MediaInput.objects.filter(role=InputRole.FIRST_FRAME, position=0).order_by()
        queryset: QuerySet[VideoTask] = super().get_queryset(request, *args, **kwargs)
        return queryset.defer(*_UNSHOWN).prefetch_related(Prefetch("inputs", frames, to_attr="listed_frames"))

    def get_results(self, request: HttpRequest) -> None:
        """Fill in what the admin's templates read, without a COUNT."""
        if self.page_num < 1:
            raise IncorrectLookupParameters
        start = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[start : start + self.list_per_page + 1])
        if start and not rows:
            raise IncorrectLookupParameters
        self.has_next = len(rows) > self.list_per_page
        self.result_list = rows[: self.list_per_page]
        self.model_admin.offer_decisions(request, self.result_list)  # type: ignore[attr-defined]
        self.result_count = start + len(rows)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = False
        self.multi_page = self.has_next or self.page_num > 1
        self.paginator = UncountedPaginator(self.queryset, self.list_per_page, seen=self.result_count)

    @property
    def newer_url(self) -> str:
        """The page before this one."""
        return str(self.get_query_string({PAGE_VAR: self.page_num - 1}))

    @property
    def older_url(self) -> str:
        """The page after this one."""
        return str(self.get_query_string({PAGE_VAR: self.page_num + 1}))

    @property
    def is_empty_site(self) -> bool:
        """Whether nothing at all is there, not merely nothing that matches."""
        return not self.result_list and not self.query and not self.has_active_filters and self.page_num == 1
