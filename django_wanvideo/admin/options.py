"""The admin of video tasks, as a mixin for sites that register their own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_wanvideo import catalog
from django_wanvideo.admin import lookups
from django_wanvideo.admin.actions import ActionsMixin
from django_wanvideo.admin.changelist import TaskChangeList
from django_wanvideo.admin.deletion import DeletingMixin
from django_wanvideo.admin.filters import (
    AttentionFilter,
    CreatedFilter,
    FailureFilter,
    ModelFilter,
    OwnerFilter,
    StatusFilter,
)
from django_wanvideo.admin.forms import fieldsets
from django_wanvideo.admin.forms.task_forms import NotesForm, TaskForm, task_form
from django_wanvideo.admin.presentation.columns import ColumnsMixin
from django_wanvideo.admin.views import late_forms
from django_wanvideo.admin.views.change import PagesMixin
from django_wanvideo.admin.views.endpoints import EndpointsMixin
from django_wanvideo.choices import TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.models import Attempt, VideoTask

if TYPE_CHECKING:
    from django import forms
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from django_wanvideo.catalog import ModelSpec


class VideoTaskAdminMixin(ColumnsMixin, ActionsMixin, DeletingMixin, EndpointsMixin, PagesMixin):
    """Everything of the admin but the base class: put it before any ``ModelAdmin`` (Django's, Unfold's, your own).

    Override ``visible_to`` to show people their own tasks only.
    """

    list_display = ("picture", "task", "state", "credits", "owned_by", "created")
    list_display_links = ("picture", "task")
    list_filter = (AttentionFilter, StatusFilter, CreatedFilter, OwnerFilter, ModelFilter, FailureFilter)
    list_per_page = 50
    # Owners may be in another database; the list itself fetches them, with or without a join.
    list_select_related = ()
    show_full_result_count = False
    search_fields = ("prompt",)
    search_help_text = gettext_lazy("Words of the prompt, a task’s id, or EvoLink’s id")
    actions = (
        "submit_selected",
        "retry_selected",
        "settle_selected",
        "refresh_selected",
        "cancel_selected",
        "dismiss_selected",
        "duplicate_selected",
        "delete_selected",
    )
    change_form_template = "admin/wanvideo/videotask/change_form.html"
    change_list_template = "admin/wanvideo/videotask/change_list.html"
    show_facets = admin.ShowFacets.NEVER
    save_as = False

    class Media:
        css = {"all": ("wanvideo/wanvideo.css",)}

    # Who sees what -------------------------------------------------------------------------------------------------

    def visible_to(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Return the tasks that the person may know of. Override it, for example with ``queryset.owned_by(user)``.

        Lists, pages, actions and endpoints all go through it.
        """
        return queryset

    def get_queryset(self, request: HttpRequest) -> QuerySet[VideoTask]:
        """Return what ``visible_to`` leaves of all tasks; unmatched ones to those who may settle such things."""
        tasks = self.visible_to(request, super().get_queryset(request))  # type: ignore[misc]
        # What EvoLink made for a wish that nobody here knows may be anybody's.
        return tasks if self.has_resolve_permission(request) else tasks.filter(unmatched=False)

    def is_editable(self, request: HttpRequest, obj: VideoTask | None) -> bool:
        """Tell whether the task is still a form to fill in for this person."""
        if obj is None:
            return True
        return obj.status == TaskStatus.DRAFT and self.has_change_permission(request, obj)  # type: ignore[attr-defined]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Tell whether the list may be narrowed by ``lookup``: by what it offers, and nothing else.

        Django admits every column, so that whoever sees the list could guess what it does not show, letter by letter.
        """
        return lookups.is_offered(self, request, lookup, value) and bool(
            super().lookup_allowed(lookup, value, request)  # type: ignore[misc]
        )

    # The list ------------------------------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TaskChangeList]:
        """Return the list that does not count."""
        return TaskChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[VideoTask], search_term: str
    ) -> tuple[QuerySet[VideoTask], bool]:
        """Find a task by its id, by EvoLink's id, or by all words of the prompt; rows are never found twice."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=uuid.UUID(term)), False
        except ValueError:
            pass
        if term.startswith("task-"):
            return queryset.filter(pk__in=Attempt.objects.filter(provider_task_id=term).values("task_id")), False
        for word in term.split():
            queryset = queryset.filter(prompt__icontains=word)
        return queryset, False

    # The form ------------------------------------------------------------------------------------------------------

    def chosen_model(self, request: HttpRequest, obj: VideoTask | None = None) -> ModelSpec:
        """Return the model that the form is for: chosen just now, or the draft's, or the default."""
        for candidate in (request.POST.get("model"), request.GET.get("model"), obj and obj.model, conf.DEFAULT_MODEL):
            if candidate:
                try:
                    return catalog.get(candidate)
                except ValidationError:
                    continue
        return catalog.models()[0]

    def may_edit_metadata(self, request: HttpRequest) -> bool:
        """Tell whether the form offers the data for the site's own code; by default to superusers."""
        return bool(getattr(request.user, "is_superuser", False))

    def get_form(
        self, request: HttpRequest, obj: VideoTask | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[VideoTask]]:
        """Return the form generated from the catalogue, or the notes of what was sent."""
        if not self.is_editable(request, obj):
            return NotesForm
        spec = self.chosen_model(request, obj)
        parent = late_forms.parent_of(self, request) if obj is None else None
        return task_form(spec, request.user, with_metadata=self.may_edit_metadata(request), parent=parent)

    def get_fieldsets(self, request: HttpRequest, obj: VideoTask | None = None) -> list[tuple[Any, dict[str, Any]]]:
        """Return the two halves of the form, and what is folded below."""
        if not self.is_editable(request, obj):
            return [(None, {"fields": ["notes"]})]
        return fieldsets.of(self.chosen_model(request, obj), with_metadata=self.may_edit_metadata(request))

    def get_readonly_fields(self, request: HttpRequest, obj: VideoTask | None = None) -> tuple[str, ...]:
        """Nothing is shown as a read-only field; pages of sent tasks have their own markup."""
        return ()

    def save_model(self, request: HttpRequest, obj: VideoTask, form: Any, change: bool) -> None:
        """Drafts were saved by the service; here only notes are."""
        if not isinstance(form, TaskForm):
            obj.save(update_fields=["notes"])


class VideoTaskAdmin(VideoTaskAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg, misc]
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
