"""Which videos somebody may choose, and what a form shows of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.core.exceptions import EmptyResultSet, ValidationError
from django.urls import reverse

from django_wanvideo.admin.caching import once
from django_wanvideo.admin.presentation.cards import card_of
from django_wanvideo.models import VideoTask
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.contrib.admin import AdminSite
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from django_wanvideo.admin.presentation.cards import Card

#: So many of the newest videos are offered where no popup opens.
RECENT = 50


@dataclass
class Videos:
    """The videos that somebody may know of, and where these are to be seen."""

    #: What the person may know of, whatever its status.
    visible: QuerySet[VideoTask]
    #: The list of tasks, which opens in a popup; empty where there is none to open.
    list_url: str = ""
    #: Returns the address of a task's page, or an empty text.
    page_url: Callable[[VideoTask], str] = lambda _task: ""
    may_see: Callable[[VideoTask], bool] = lambda _task: True
    may_make: bool = False
    #: What forms of one request share, such as the newest videos.
    kept: dict[Any, Any] | None = None

    def popup_url(self, limits: Mapping[str, str], made_for: str = "") -> str:
        """Return the address of the popup, narrowed by ``limits`` as Django narrows that of a raw id.

        ``made_for`` is what videos of the field say that they were made for; they can be looked at alone.
        """
        if not self.list_url:
            return ""
        offered = {"made_for_key": made_for} if made_for else {}
        return f"{self.list_url}?{urlencode({**limits, **offered, TO_FIELD_VAR: 'id', IS_POPUP_VAR: '1'})}"

    def recent(self, queryset: QuerySet[VideoTask]) -> list[VideoTask]:
        """Return the newest of ``queryset``, asked for once for all fields of a request that ask the same."""
        newest = queryset.order_by("-created_at", "-pk").only("pk", "prompt", "created_at")[:RECENT]
        if self.kept is None:
            return list(newest)
        try:
            key = ("recent", str(newest.query))
        except EmptyResultSet:
            return []
        if key not in self.kept:
            self.kept[key] = list(newest)
        found: list[VideoTask] = self.kept[key]
        return found

    def expect(self, pks: Iterable[Any]) -> None:
        """Note tasks that will be asked for, so that they are found together."""
        if self.kept is not None:
            self.kept.setdefault("expected", set()).update(str(pk) for pk in pks if pk is not None)

    def find(self, pk: Any) -> VideoTask | None:
        """Return a task that the person may know of, with what is shown of it; ``None`` for all others."""
        kept = {} if self.kept is None else self.kept
        found: dict[str, VideoTask] = kept.setdefault("found", {})
        wanted = {str(pk), *kept.pop("expected", ())} - found.keys()
        try:
            if str(pk) in wanted:
                tasks = people.fetched_with(self.visible.filter(pk__in=wanted), "owner").prefetch_related("inputs")
                found.update((str(task.pk), task) for task in tasks)
        except (ValueError, ValidationError):
            return None
        task = found.get(str(pk))
        return task if task is not None and self.may_see(task) else None


def of_admin(site: AdminSite, request: HttpRequest) -> Videos | None:
    """Return what a person may choose in an admin site; ``None`` where the site shows no video tasks."""
    if not site.is_registered(VideoTask):
        return None
    return once(request, "videos", lambda: _of_admin(site, request))


def _of_admin(site: AdminSite, request: HttpRequest) -> Videos:
    tasks: Any = site.get_model_admin(VideoTask)

    def page_url(task: VideoTask) -> str:
        return reverse("admin:wanvideo_videotask_change", args=[task.pk], current_app=site.name)

    may_view = tasks.has_view_permission(request)
    list_url = reverse("admin:wanvideo_videotask_changelist", current_app=site.name)
    return Videos(
        visible=tasks.get_queryset(request) if may_view else VideoTask.objects.none(),
        list_url=list_url if may_view else "",
        page_url=page_url,
        may_see=lambda task: bool(tasks.has_view_permission(request, task)),
        may_make=tasks.has_add_permission(request),
        kept={},
    )


def card(videos: Videos, task: VideoTask) -> Card:
    """Return what a form shows of a task that the person may know of."""
    return card_of(task, videos.page_url(task))
