"""What every part of the admin builds on: permissions, who sees what, addresses, and the frame of a page."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import django
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.template.loader import get_template
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin.people import choices, presets
from django_wanvideo.admin.presentation import markup
from django_wanvideo.choices import TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.models import Batch

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import VideoTask

    ModelAdmin = admin.ModelAdmin[VideoTask]
    _Base = ModelAdmin
else:
    # A site puts the mixin before a ``ModelAdmin`` of its own.
    ModelAdmin, _Base = admin.ModelAdmin, object

#: For answers that are one person's.
PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


class TaskAdminBase(_Base):
    """What pages, actions and endpoints ask the admin for."""

    def has_submit_permission(self, request: HttpRequest, obj: VideoTask | None = None) -> bool:
        """Tell whether the person may spend credits."""
        return request.user.has_perm("wanvideo.submit_videotask")

    def has_resolve_permission(self, request: HttpRequest, obj: VideoTask | None = None) -> bool:
        """Tell whether the person may settle unconfirmed tasks."""
        return request.user.has_perm("wanvideo.resolve_videotask")

    def has_approve_permission(self, request: HttpRequest, obj: VideoTask | None = None) -> bool:
        """Tell whether the person may approve what others want to spend."""
        return request.user.has_perm("wanvideo.approve_videotask")

    def has_pick_permission(self, request: HttpRequest, obj: VideoTask | None = None) -> bool:
        """Tell whether the person may say which of several takes is the one; by default whoever may change tasks."""
        return self.has_change_permission(request, obj)

    def get_visible_queryset(self, request: HttpRequest, queryset: QuerySet[VideoTask]) -> QuerySet[VideoTask]:
        """Return the tasks that the person may know of. Override it, for example with ``queryset.owned_by(user)``.

        Lists, pages, actions and endpoints all go through it.
        """
        return queryset

    def get_queryset(self, request: HttpRequest) -> QuerySet[VideoTask]:
        """Return what ``get_visible_queryset`` leaves of all tasks; unmatched ones to those who may settle such things."""
        tasks = self.get_visible_queryset(request, super().get_queryset(request))
        # What EvoLink made for a wish that nobody here knows may be anybody's.
        return tasks if self.has_resolve_permission(request) else tasks.filter(unmatched=False)

    def sees_all_spending(self, request: HttpRequest) -> bool:
        """Tell whether the person sees what everybody has spent: whoever sees everybody's tasks. Others see their own."""
        tasks = self.get_visible_queryset(request, self.model.objects.all())
        return not tasks.query.where and not tasks.query.combinator

    def get_visible_task(self, request: HttpRequest, pk: Any) -> VideoTask | None:
        """Return a task that the person may know of; ``None`` for others, and for what is no id."""
        wanted = as_uuid(pk)
        return self.get_queryset(request).filter(pk=wanted).first() if wanted is not None else None

    def get_task_or_404(self, request: HttpRequest, object_id: uuid.UUID, *permissions: str) -> VideoTask:
        """Return a task of which the person has all ``permissions``, such as ``"view"``.

        Raises:
            Http404: there is none that the person may know of.
            PermissionDenied: a permission is missing.
        """
        task = self.get_visible_task(request, object_id)
        if task is None:
            raise Http404(_("There is no such task, or you may not see it."))
        self.require(request, task, *permissions)
        return task

    def require(self, request: HttpRequest, task: VideoTask | None, *permissions: str) -> None:
        """Raise PermissionDenied where one of ``permissions`` is missing, for ``task`` or for tasks in general."""
        if not all(self.is_allowed(request, task, permission) for permission in permissions):
            raise PermissionDenied

    def is_allowed(self, request: HttpRequest, task: VideoTask | None, permission: str) -> bool:
        """Ask the ``has_…_permission`` of that name."""
        check = getattr(self, f"has_{permission}_permission")
        return bool(check(request) if permission == "add" else check(request, task))

    def get_model_spec(self, request: HttpRequest, obj: VideoTask | None = None) -> ModelSpec:
        """Return the model that the form is for: chosen just now, or the draft's, or the person's own, or the default."""
        chosen = presets.model_of(request) if obj is None else ""
        posted, asked = request.POST.get("model"), request.GET.get("model")
        # A preset that is to be filled in comes before what stood in the form.
        first = (chosen, posted, asked) if request.method == "POST" else (asked, chosen)
        own = choices.model_of(request) if self.is_plain_add(request, obj) else None
        for candidate in (*first, obj and obj.model, own and own.id, conf.DEFAULT_MODEL):
            if candidate:
                try:
                    return catalog.get(candidate)
                except ValidationError:
                    continue
        return catalog.models()[0]

    def is_plain_add(self, request: HttpRequest, obj: VideoTask | None) -> bool:
        """Tell whether an empty form is asked for, and nothing that some models would not take is to stand in it."""
        return obj is None and request.method == "GET" and not request.GET.keys() - {"_changelist_filters"}

    def is_editable(self, request: HttpRequest, obj: VideoTask | None) -> bool:
        """Tell whether the task is still a form to fill in for this person."""
        if obj is None:
            return True
        return obj.status == TaskStatus.DRAFT and self.has_change_permission(request, obj)

    def may_edit_metadata(self, request: HttpRequest) -> bool:
        """Tell whether the form offers the data for the site's own code; by default to superusers."""
        return bool(getattr(request.user, "is_superuser", False))

    def get_page_url(self, name: str, *args: Any) -> str:
        return reverse(f"admin:wanvideo_videotask_{name}", args=args, current_app=self.admin_site.name)

    def get_batch_url(self, task: VideoTask) -> str:
        """Return the address of the page of a task's batch; empty where there is none on this site."""
        if task.batch_id is None or not self.admin_site.is_registered(Batch):
            return ""
        return reverse("admin:wanvideo_batch_change", args=[task.batch_id], current_app=self.admin_site.name)

    def render_page(self, request: HttpRequest, name: str, title: str, **context: Any) -> TemplateResponse:
        """Answer with a page of our own, which stands in the admin like one of Django's."""
        return render(self, request, f"videotask/{name}", title, **context)

    def render_task_page(
        self, request: HttpRequest, name: str, title: str, task: VideoTask, **context: Any
    ) -> TemplateResponse:
        """Answer with a page of our own about one task, which it shows shortly."""
        shown = {
            "original": task,
            "task": task,
            "thumbnail": markup.thumbnail(task, task.first_frame),
            "settings": markup.settings_line(task),
            "change_url": self.get_page_url("change", task.pk),
        }
        return self.render_page(request, name, title, **{**shown, **context})


def render(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, name: str, title: str, **context: Any
) -> TemplateResponse:
    """Answer with a page of our own, which stands in the admin like one of Django's; ``name`` is its template's."""
    request.current_app = model_admin.admin_site.name
    frame = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "media": model_admin.media,
        # Django 6.1 made a list of the links above a page.
        "wanvideo": {"is_stock": is_stock(), "crumbs_are_a_list": django.VERSION >= (6, 1)},
    }
    return TemplateResponse(request, f"admin/wanvideo/{name}.html", {**frame, **context})


def as_uuid(value: Any) -> uuid.UUID | None:
    """Read an id from an address; ``None`` for what is none."""
    try:
        return uuid.UUID(str(value))
    except ValueError:
        return None


def person(request: HttpRequest) -> AbstractBaseUser:
    """Return who is signed in; the admin lets nobody else in."""
    return cast("AbstractBaseUser", request.user)


def is_stock() -> bool:
    """Tell whether the pages stand in Django's own admin rather than in a theme with parts of its own."""
    template: Any = get_template("admin/base.html")
    return Path(admin.__file__).parent in Path(template.origin.name).parents
