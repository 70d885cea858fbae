"""The pages of one task: the form of a draft, and the page of everything that was sent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_wanvideo.admin import action_results, banner, themes
from django_wanvideo.admin.forms import conflicts, idempotency, repeats
from django_wanvideo.admin.forms.task_forms import NotesForm, TaskForm
from django_wanvideo.admin.presentation import detail_page, forecasts, prices, quotes
from django_wanvideo.admin.views import duplicate, late_forms, sending
from django_wanvideo.choices import InputRole
from django_wanvideo.db import database
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.models.creation import media
from django_wanvideo.services.sending import actions

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import MediaInput, VideoTask


class PagesMixin:
    """Adding and changing."""

    admin_site: Any
    opts: Any

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        """Make of one form one task, whatever sends it twice and however close together."""
        if request.method == "POST" and "_generate" in request.POST and not self.has_submit_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        show = partial(super().changeform_view, request, object_id, form_url, extra_context)  # type: ignore[misc]
        if request.method != "POST":
            response: HttpResponseBase = show()
            return response
        if object_id is None:
            return self._once(request, show)
        return late_forms.instead(self, request, unquote(object_id)) or show()

    def _once(self, request: HttpRequest, add: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """Lead to the task that this very form has made already; leave nothing behind where a new one is not kept."""
        stored: list[MediaInput] = []
        request.wanvideo_stored = stored  # type: ignore[attr-defined]
        try:
            with media.discarding_files_on_error(stored), database.atomic():
                return add()
        except repeats.SentAlready as sent:
            messages.info(request, _("This form was sent already; nothing was made or sent a second time."))
            return HttpResponseRedirect(self.page_url("change", sent.task.pk))

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Note which files go if the task is not kept after all."""
        task = super().save_form(request, form, change)  # type: ignore[misc]
        if not change:
            getattr(request, "wanvideo_stored", []).extend(task.inputs.all())
        return task

    def page_url(self, name: str, *args: Any) -> str:
        """Return the address of one of our pages."""
        return reverse(f"admin:wanvideo_videotask_{name}", args=args, current_app=self.admin_site.name)

    def response_add(self, request: HttpRequest, obj: VideoTask, post_url_continue: str | None = None) -> Any:
        """Send it if that was the button; the page of the task shows what happens."""
        if "_generate" in request.POST:
            return self._generate(request, obj)
        return super().response_add(request, obj, post_url_continue)  # type: ignore[misc]

    def response_change(self, request: HttpRequest, obj: VideoTask) -> Any:
        """Send it if that was the button; notes lead back to the same page."""
        if "_generate" in request.POST:
            return self._generate(request, obj)
        if "_duplicate" in request.POST or "_variations" in request.POST:
            return self.copy(request, obj)
        if obj.status != "draft":
            messages.success(request, _("The notes were saved."))
            return HttpResponseRedirect(request.get_full_path())
        return super().response_change(request, obj)  # type: ignore[misc]

    def _generate(self, request: HttpRequest, obj: VideoTask) -> HttpResponseBase:
        if not self.has_submit_permission(request, obj):  # type: ignore[attr-defined]
            raise PermissionDenied
        try:
            agreed = quotes.agreed_on_form(request, obj)
            actions.enqueue(obj, by=request.user, agreed=agreed)  # type: ignore[arg-type]
        except (WanVideoError, ValidationError) as error:
            words = _("The draft was saved, but not sent: %(reason)s") % {"reason": action_results.reason_of(error)}
            messages.warning(request, words)
        else:
            action_results.log(request, [obj], _("Sent to be generated."))
            messages.success(request, forecasts.sent_words(obj))
        return HttpResponseRedirect(self.page_url("change", obj.pk))

    def copy(self, request: HttpRequest, obj: VideoTask) -> HttpResponseBase:
        """Make a draft like this one, which was saved just now, or lead to the page on which several are made."""
        if not self.has_add_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        if "_variations" in request.POST:
            return HttpResponseRedirect(self.page_url("variations", obj.pk))
        return duplicate.duplicate(self, request, obj)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **kwargs: Any) -> Any:
        """Add what the templates show beyond the form."""
        task, add = kwargs.get("obj"), kwargs.get("add", False)
        page: dict[str, Any] = {"is_stock": themes.is_stock()}
        form = context["adminform"].form
        if isinstance(form, TaskForm):
            form.show_picture(self.page_url("kept"))
            context["title"] = _form_title(form) if add else _("Draft")
            page |= {
                "kind": "form",
                "open_url": self.page_url("change", form.repeat.task.pk) if form.repeat and form.repeat.task else "",
                "price": prices.of_form(form, request.user.pk if add or task is None else task.owner_id),
                "can_submit": self.has_submit_permission(request, task),  # type: ignore[attr-defined]
                "price_url": self.page_url("price"),
                "rules": [rule.as_dict() for rule in form.spec.rules],
                "add_url": request.path,
            }
            if task is not None and not add:
                can_copy = self.has_add_permission(request)  # type: ignore[attr-defined]
                page["related"] = {**detail_page.related(self, request, task), "can_copy": can_copy}
        elif task is not None:
            context["title"] = _("Video task")
            page |= {"kind": "task", **detail_page.context(self, request, task)}
        if isinstance(form, (TaskForm, NotesForm)):
            page |= {"key": idempotency.posted(form.data) or idempotency.new(), "seen": _seen(form, task)}
        context["wanvideo"] = page
        return super().render_change_form(request, context, **kwargs)  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Add the addresses that the live module asks."""
        page = {
            "status_url": self.page_url("status"),
            "is_stock": themes.is_stock(),
            "trouble": banner.found() if request.method == "GET" else None,
            "holds": sending.notices(self, request) if request.method == "GET" else [],
            "pause_url": self.page_url("sending")
            if sending.may_pause(request) and not sending.is_paused(request)
            else "",
        }
        context = {"title": capfirst(self.opts.verbose_name_plural), "wanvideo": page, **(extra_context or {})}
        return super().changelist_view(request, context)  # type: ignore[misc]


def _form_title(form: TaskForm) -> str:
    """What the form's model does."""
    takes_picture = any(item.role == InputRole.FIRST_FRAME for item in form.spec.inputs)
    return _("Animate a picture") if takes_picture else _("Make a video from words")


def _seen(form: TaskForm | NotesForm, task: VideoTask | None) -> str:
    """Return what the page says that the person has seen: what they saw first, until they are shown what is new."""
    if task is None or form.instance._state.adding:  # noqa: SLF001 - Django's way to ask
        return ""
    told = form.changed_meanwhile if isinstance(form, TaskForm) else form.theirs is not None
    before = form.data.get(conflicts.FIELD) if form.is_bound and not told else ""
    # The form has put what was typed into its own instance.
    return before or conflicts.seen(type(task).objects.get(pk=task.pk) if form.is_bound else task)
