"""The pages of batches that are there: who sees which, their addresses, the page of one, and deleting."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, IntegerField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.base import PRIVATE, TaskAdminBase, as_uuid
from django_wanvideo.admin.batches.base import BatchAdminBase
from django_wanvideo.admin.batches.changelist import BatchChangeList, ColumnsMixin, StateFilter
from django_wanvideo.admin.batches.detail import download, numbers, operations, overview, summary
from django_wanvideo.admin.changelist.lookups import is_offered
from django_wanvideo.admin.changelist.owners import OwnerFilter
from django_wanvideo.admin.views import live
from django_wanvideo.choices import BatchState
from django_wanvideo.models import Batch, BatchItem, MediaInput, VideoTask
from django_wanvideo.models.base import people
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase
    from django.urls import URLPattern


class BatchPagesMixin(ColumnsMixin, BatchAdminBase):
    """List, page, downloads and deletion of batches. People see those of whose tasks they may see one, and their own."""

    list_display = ("batch", "state_words", "progress", "credits", "owned_by", "created")
    list_display_links = ("batch",)
    list_filter = (StateFilter, OwnerFilter)
    list_per_page = 50
    list_select_related = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("name",)
    change_list_template = "admin/wanvideo/batch/change_list.html"
    delete_confirmation_template = "admin/wanvideo/batch/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/wanvideo/batch/delete_selected_confirmation.html"

    # Who may see what ----------------------------------------------------------------------------------------------

    @property
    def task_admin(self) -> TaskAdminBase | None:
        """The admin of tasks on the same site, which knows who may see which; ``None`` where there is none."""
        try:
            found = self.admin_site.get_model_admin(VideoTask)
        except NotRegistered:
            return None
        return found if isinstance(found, TaskAdminBase) else None

    def get_visible_tasks(self, request: HttpRequest) -> QuerySet[VideoTask]:
        """Return the tasks that the person may see in the admin of tasks."""
        tasks = self.task_admin
        if tasks is None or not tasks.has_view_permission(request):
            return VideoTask.objects.none()
        return tasks.get_queryset(request)

    def get_visible_queryset(self, request: HttpRequest, queryset: QuerySet[Batch]) -> QuerySet[Batch]:
        """Return the batches that the person owns, or of whose tasks they may see one."""
        seen = Q(Exists(self.get_visible_tasks(request).filter(batch=OuterRef("pk")).order_by()))
        if getattr(request.user, "is_superuser", False):
            # What has no task left is nobody's otherwise.
            seen |= ~Q(Exists(VideoTask.objects.filter(batch=OuterRef("pk")).order_by()))
        return queryset.filter(seen | Q(owner_id=request.user.pk))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        """Return what ``get_visible_queryset`` leaves of all batches."""
        return self.get_visible_queryset(request, super().get_queryset(request))

    def has_view_permission(self, request: HttpRequest, obj: Batch | None = None) -> bool:
        """Whoever may look at tasks may look at their batches."""
        tasks = self.task_admin
        return tasks is not None and tasks.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Batch | None = None) -> bool:
        """There is nothing to fill in on a batch; what its buttons do has permissions of its own."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Batch | None = None) -> bool:
        """Refuse to delete what a worker is at."""
        return super().has_delete_permission(request, obj) and not (obj is not None and operations.is_busy(obj))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Let the list be narrowed by what it offers, and nothing else; see the list of tasks."""
        offered = is_offered(cast("Any", self), request, lookup, value)
        return offered and super().lookup_allowed(lookup, value, request)

    def get_batch_or_404(self, request: HttpRequest, object_id: uuid.UUID) -> Batch:
        """Return a batch with its people, its preset, and how many rows and tasks it has.

        The numbers are ``rows``, ``bad``, ``repeats`` (made before, so left out), ``all_tasks`` and ``seen_tasks``.

        Raises:
            Http404: there is none that the person may know of.
            PermissionDenied: the person may see no tasks.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        items = BatchItem.objects.filter(batch=OuterRef("pk"))
        rows = self.get_queryset(request).filter(pk=object_id).select_related("preset")
        for name in ("owner", "submitted_by", "cancelled_by"):
            rows = people.fetched_with(rows, name)
        batch = rows.annotate(
            rows=_number_of(items),
            bad=_number_of(items.filter(content_sha256="")),
            repeats=_number_of(items.filter(is_repeat=True, task=None).exclude(content_sha256="")),
            all_tasks=_number_of(VideoTask.objects.filter(batch=OuterRef("pk"))),
            seen_tasks=_number_of(self.get_visible_tasks(request).filter(batch=OuterRef("pk"))),
        ).first()
        if batch is None:
            raise Http404(_("There is no such batch, or you may not see it."))
        return batch

    # Pages ---------------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Put our addresses before the admin's catch-all."""
        own: list[tuple[str, Callable[..., HttpResponseBase], str]] = [
            ("<uuid:object_id>/status/", _status_view, "status"),
            ("<uuid:object_id>/do/<slug:verb>/", operations.operate_view, "operate"),
            ("<uuid:object_id>/cancel/", operations.cancel_view, "cancel"),
            ("<uuid:object_id>/videos/", download.videos_view, "videos"),
            ("<uuid:object_id>/table/", download.table_view, "table"),
        ]
        wrap = self.admin_site.admin_view
        wrapped = [path(route, wrap(partial(view, self)), name=f"wanvideo_batch_{name}") for route, view, name in own]
        return [*wrapped, *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BatchChangeList]:
        """Return the list that counts the tasks of its batches at once."""
        return BatchChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under its name."""
        return super().changelist_view(
            request, {"title": capfirst(self.opts.verbose_name_plural), **(extra_context or {})}
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show how a batch stands; one that is not confirmed yet is shown by its check."""
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if (pk := as_uuid(object_id)) is None:
            raise Http404(_("There is no such batch, or you may not see it."))
        batch = self.get_batch_or_404(request, pk)
        if batch.state == BatchState.CHECKED:
            return HttpResponseRedirect(self.get_page_url("check", batch.pk))
        page = overview.context(self, request, batch)
        return self.render_page(request, "change", str(batch), page=page, news=live.news(self.admin_site.name))

    # Deleting ------------------------------------------------------------------------------------------------------

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name what goes with batches, and what does not; do not ask for permissions on parts of a batch."""
        batches = list(objs)
        listed: list[Any] = []
        found = {str(self.opts.verbose_name_plural): len(batches), _("rows"): 0, _("files"): 0}
        for batch in batches:
            kept = batch.tasks.count()
            going = len(_files_of_its_own(batch))
            words = ngettext("Its %(n)s video task stays.", "Its %(n)s video tasks stay.", kept) % {"n": kept}
            listed += [str(batch), [words]]
            found[_("rows")] += batch.items.count()
            found[_("files")] += going
        busy = [batch for batch in batches if operations.is_busy(batch)]
        protected = [
            _("%(batch)s is being worked on: cancel it first, or wait until that is done.") % {"batch": batch}
            for batch in busy
        ]
        return listed, {name: number for name, number in found.items() if number}, set(), protected


def _status_view(model_admin: BatchPagesMixin, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Answer how a batch stands: ``version`` changes with what its page shows, ``live`` is how many move."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    batch = model_admin.get_queryset(request).filter(pk=object_id).first()
    if batch is None:
        raise Http404(_("There is no such batch, or you may not see it."))
    found = numbers.of(batch, model_admin.get_visible_tasks(request).filter(batch=batch))
    live = max(found.moving, int(operations.is_busy(batch)))
    answer = {"version": found.version, "live": live, "done": found.done, "now": summary.now_words(batch, found)}
    return JsonResponse(answer, headers=PRIVATE)


def _number_of(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("batch").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))


def _files_of_its_own(batch: Batch) -> set[str]:
    """Return the stored files of a batch that no task uses."""
    names = set(batch.files.values_list("file", flat=True))
    return names - files.referred(names, [MediaInput])
