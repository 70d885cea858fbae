"""The admin of video tasks, as a mixin for sites that register their own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import path
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_wanvideo.admin import holds, object_actions
from django_wanvideo.admin.actions import ActionsMixin
from django_wanvideo.admin.approvals import page as approvals
from django_wanvideo.admin.base import ModelAdmin, as_uuid
from django_wanvideo.admin.chains import joining
from django_wanvideo.admin.changelist import filters, lookups, totals
from django_wanvideo.admin.changelist.changelist import TaskChangeList
from django_wanvideo.admin.deletion import DeletionMixin
from django_wanvideo.admin.forms import made_for
from django_wanvideo.admin.forms.fields import fieldsets
from django_wanvideo.admin.forms.task_forms import NotesForm, TaskForm, task_form
from django_wanvideo.admin.presentation.markup import ColumnsMixin
from django_wanvideo.admin.spending.views import spending_view
from django_wanvideo.admin.takes import making, picking
from django_wanvideo.admin.takes import page as takes_page
from django_wanvideo.admin.views import bulk_submit, files, live, model_choice, resolve
from django_wanvideo.admin.views.change import PagesMixin
from django_wanvideo.admin.views.late_form import parent_of
from django_wanvideo.models import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from django import forms
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

    from django_wanvideo.models import VideoTask


class VideoTaskAdminMixin(ColumnsMixin, ActionsMixin, DeletionMixin, PagesMixin):
    """Everything of the admin but the base class: put it before any ``ModelAdmin`` (Django's, Unfold's, your own).

    Override ``get_visible_queryset`` to show people their own tasks only.
    """

    list_display = ("picture", "task", "state", "credits", "owned_by", "created")
    list_display_links = ("picture", "task")
    list_filter = filters.LIST_FILTER
    list_per_page = 50
    # Owners may be in another database; the list itself fetches them, with or without a join.
    list_select_related = ()
    show_full_result_count = False
    search_fields = ("prompt",)
    search_help_text = gettext_lazy("Words of the prompt, a task’s id, or EvoLink’s id")
    actions = (
        "submit_selected",
        "retry_selected",
        "resolve_selected",
        "refresh_selected",
        "cancel_selected",
        "dismiss_selected",
        "duplicate_selected",
        "download_selected",
        "delete_selected",
    )
    change_form_template = "admin/wanvideo/videotask/change_form.html"
    change_list_template = "admin/wanvideo/videotask/change_list.html"
    show_facets = admin.ShowFacets.NEVER
    save_as = False

    class Media:
        css = {"all": ("wanvideo/wanvideo.css", "wanvideo/gallery.css")}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Tell whether the list may be narrowed by ``lookup``: by what it offers, and nothing else.

        Django admits every column, so that whoever sees the list could guess what it does not show, letter by letter.
        """
        return lookups.is_offered(self, request, lookup, value) and super().lookup_allowed(lookup, value, request)

    def get_urls(self) -> list[URLPattern]:
        """Put our addresses before the admin's catch-all."""
        own: list[tuple[str, Callable[..., HttpResponseBase], str]] = [
            ("status/", live.status_view, "status"),
            ("news/", live.news_view, "news"),
            ("price/", live.price_view, "price"),
            ("models/", model_choice.model_choice_view, "models"),
            ("totals/", totals.totals_view, "totals"),
            ("temporary-upload/", files.temporary_upload_view, "temporary_upload"),
            ("send/", bulk_submit.send_view, "send"),
            ("sending/", holds.sending_view, "sending"),
            ("approvals/", approvals.approvals_view, "approvals"),
            ("spending/", spending_view, "spending"),
            ("bulk-resolve/", resolve.bulk_resolve_view, "bulk_resolve"),
            ("plan/<slug:token>/", bulk_submit.plan_view, "plan"),
            ("<uuid:object_id>/video/", files.video_view, "video"),
            ("<uuid:object_id>/poster/", files.poster_view, "poster"),
            ("<uuid:object_id>/resolve/", resolve.resolve_view, "resolve"),
            ("<uuid:object_id>/takes/", takes_page.takes_view, "takes"),
            ("<uuid:object_id>/takes/make/", making.make_takes_view, "make_takes"),
            ("<uuid:object_id>/takes/pick/", picking.pick_view, "pick"),
            ("<uuid:object_id>/film/join/", joining.join_view, "join"),
            ("<uuid:object_id>/film/<uuid:film_id>/", joining.film_view, "film"),
            ("<uuid:object_id>/do/<slug:verb>/", object_actions.operate_view, "operate"),
        ]
        wrap = self.admin_site.admin_view
        urls = [path(route, wrap(partial(view, self)), name=f"wanvideo_videotask_{name}") for route, view, name in own]
        return [*urls, *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TaskChangeList]:
        return totals.NarrowedList if totals.is_asked_for(request) else TaskChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[VideoTask], search_term: str
    ) -> tuple[QuerySet[VideoTask], bool]:
        """Find a task by its id, by EvoLink's id, or by all words of the prompt; rows are never found twice."""
        term = search_term.strip()
        if (pk := as_uuid(term)) is not None:
            queryset = queryset.filter(pk=pk)
        elif term.startswith("task-"):
            queryset = queryset.filter(pk__in=Attempt.objects.filter(provider_task_id=term).values("task_id"))
        else:
            for word in term.split():
                queryset = queryset.filter(prompt__icontains=word)
        return queryset, False

    def get_form(
        self, request: HttpRequest, obj: VideoTask | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[VideoTask]]:
        """Return the form generated from the catalogue, or the notes of what was sent."""
        if not self.is_editable(request, obj):
            return NotesForm
        spec = self.get_model_spec(request, obj)
        parent, origin = (parent_of(self, request), made_for.of_request(request)) if obj is None else (None, None)
        with_metadata = self.may_edit_metadata(request)
        return task_form(spec, request.user, with_metadata=with_metadata, parent=parent, origin=origin)

    def get_fieldsets(self, request: HttpRequest, obj: VideoTask | None = None) -> Any:
        """Return the two halves of the form, and what is folded below."""
        if not self.is_editable(request, obj):
            return [(None, {"fields": ["notes"]})]
        return fieldsets(self.get_model_spec(request, obj), with_metadata=self.may_edit_metadata(request))

    def save_model(self, request: HttpRequest, obj: VideoTask, form: Any, change: bool) -> None:
        """Drafts were saved by the service; here only notes are."""
        if not isinstance(form, TaskForm):
            obj.save(update_fields=["notes"])


class VideoTaskAdmin(VideoTaskAdminMixin, ModelAdmin):
    """Video tasks on Django's own admin."""

    def action_checkbox(self, obj: VideoTask) -> SafeString:
        """Django's tick box, without a template for each row: that is a fifth of the time of a page."""
        label = _("Select this object for an action - {}").format(obj)
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            label,
        )
