"""The pages of one task: the form of a draft, and the page of everything that was sent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_wanvideo.admin import action_results, banner, object_actions
from django_wanvideo.admin.base import TaskAdminBase, is_stock, person
from django_wanvideo.admin.caching import once
from django_wanvideo.admin.forms import conflicts, repeats
from django_wanvideo.admin.forms.task_forms import NotesForm, TaskForm
from django_wanvideo.admin.presentation import detail_page, forecasts, holds, prices
from django_wanvideo.admin.views import duplicate, late_forms
from django_wanvideo.choices import InputRole, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.models.creation import media
from django_wanvideo.services.sending import submission

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.models import MediaInput, VideoTask


class PagesMixin(TaskAdminBase):
    """Adding and changing."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Make of one form one task, whatever sends it twice and however close together."""
        if request.method == "POST" and "_generate" in request.POST:
            self.require(request, None, "submit")
        show = partial(super().changeform_view, request, object_id, form_url, extra_context)
        if request.method != "POST":
            return show()
        if object_id is not None:
            return late_forms.instead(self, request, unquote(object_id)) or show()
        try:
            # Nothing is left behind where the new task is not kept.
            with media.discarding_files_on_error(_stored_inputs(request)), database.atomic():
                return show()
        except repeats.SentAlready as sent:
            messages.info(request, _("This form was sent already; nothing was made or sent a second time."))
            return HttpResponseRedirect(self.page_url("change", sent.task.pk))

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Note which files go if the task is not kept after all."""
        task = super().save_form(request, form, change)
        if not change:
            _stored_inputs(request).extend(task.inputs.all())
        return task

    def response_add(self, request: HttpRequest, obj: VideoTask, post_url_continue: str | None = None) -> HttpResponse:
        """Send it if that was the button; the page of the task shows what happens."""
        if "_generate" in request.POST:
            return self._generate(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: VideoTask) -> HttpResponse:
        """Send it if that was the button; notes lead back to the same page."""
        if "_generate" in request.POST:
            return self._generate(request, obj)
        if "_duplicate" in request.POST or "_variations" in request.POST:
            return duplicate.copy(self, request, obj)
        if obj.status != TaskStatus.DRAFT:
            messages.success(request, _("The notes were saved."))
            return HttpResponseRedirect(request.get_full_path())
        return super().response_change(request, obj)

    def _generate(self, request: HttpRequest, obj: VideoTask) -> HttpResponse:
        self.require(request, obj, "submit")
        try:
            submission.enqueue(obj, by=person(request), agreed=prices.agreed_on_form(request, obj))
        except (WanVideoError, ValidationError) as error:
            words = _("The draft was saved, but not sent: %(reason)s") % {"reason": action_results.reason_of(error)}
            messages.warning(request, words)
        else:
            action_results.log(request, [obj], _("Sent to be generated."))
            messages.success(request, forecasts.sent_words(obj))
        return HttpResponseRedirect(self.page_url("change", obj.pk))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: VideoTask | None = None,
    ) -> HttpResponse:
        """Add what the templates show beyond the form."""
        task = obj
        page: dict[str, Any] = {"is_stock": is_stock()}
        form = context["adminform"].form
        if isinstance(form, TaskForm):
            form.show_picture(self.page_url("kept"))
            context["title"] = _form_title(form) if add else _("Draft")
            page |= {
                "kind": "form",
                "open_url": self.page_url("change", form.repeat.task.pk) if form.repeat and form.repeat.task else "",
                "price": prices.of_form(form, request.user.pk if add or task is None else task.owner_id),
                "can_submit": self.has_submit_permission(request, task),
                "price_url": self.page_url("price"),
                "rules": [rule.as_dict() for rule in form.spec.rules],
                "add_url": request.path,
            }
            if task is not None and not add:
                can_copy = self.has_add_permission(request)
                page["related"] = {**detail_page.related(self, request, task), "can_copy": can_copy}
        elif task is not None:
            context["title"] = _("Video task")
            buttons = object_actions.of(self, request, task)
            page |= {"kind": "task", "buttons": buttons, **detail_page.context(self, request, task)}
        if isinstance(form, (TaskForm, NotesForm)):
            page |= {"key": repeats.key_of(form.data), "seen": _seen(form, task)}
        context["wanvideo"] = page
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Add the addresses that the live module asks."""
        page: dict[str, Any] = {"status_url": self.page_url("status"), "is_stock": is_stock()}
        if request.method == "GET":
            page |= {"trouble": banner.found(), "holds": holds.notices(self, request)}
        if holds.may_pause(request) and not holds.is_paused(holds.reports_for(request)):
            page["pause_url"] = self.page_url("sending")
        context = {"title": capfirst(self.opts.verbose_name_plural), "wanvideo": page, **(extra_context or {})}
        return super().changelist_view(request, context)


def _stored_inputs(request: HttpRequest) -> list[MediaInput]:
    return once(request, "stored", list)


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
