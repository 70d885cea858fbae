"""The pages of one task: the form of a draft, also where it comes in too late, and the page of everything that was sent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_wanvideo.admin import action_results, banner, holds, object_actions
from django_wanvideo.admin.approvals import page as approvals
from django_wanvideo.admin.base import TaskAdminBase, is_stock, person
from django_wanvideo.admin.caching import once
from django_wanvideo.admin.chains import panel
from django_wanvideo.admin.changelist.owners import search_field
from django_wanvideo.admin.forms import conflicts, made_for, repeats
from django_wanvideo.admin.forms.base import FIRST_FRAME
from django_wanvideo.admin.forms.fields import kept_name
from django_wanvideo.admin.forms.task_forms import NotesForm, TaskForm
from django_wanvideo.admin.people import choices, presets
from django_wanvideo.admin.presentation import detail_page, prices
from django_wanvideo.admin.takes import labels
from django_wanvideo.admin.views import duplicate, late_form, live, model_choice
from django_wanvideo.choices import TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.models import Batch
from django_wanvideo.models.creation import media
from django_wanvideo.services.sending import actions as sending

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.models import MediaInput, VideoTask


class PagesMixin(TaskAdminBase):
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
            return late_form.answer(self, request, unquote(object_id)) or show()
        try:
            # Nothing is left behind where the new task is not kept.
            with media.discarding_files_on_error(_stored_inputs(request)), database.atomic():
                return show()
        except repeats.SentAlready as sent:
            messages.info(request, _("This form was sent already; nothing was made or sent a second time."))
            return HttpResponseRedirect(self.get_page_url("change", sent.task.pk))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill in what the address says, the preset that it names, and the picture of what the video is made for."""
        picture = made_for.initial(request, kept_name(FIRST_FRAME))
        return {**presets.initial(request), **super().get_changeform_initial_data(request), **picture}

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Note which files go if the task is not kept after all."""
        task = super().save_form(request, form, change)
        if not change:
            _stored_inputs(request).extend(task.inputs.all())
        return task

    def response_add(self, request: HttpRequest, obj: VideoTask, post_url_continue: str | None = None) -> HttpResponse:
        if "_generate" in request.POST:
            return self._generate(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: VideoTask) -> HttpResponse:
        if "_generate" in request.POST:
            return self._generate(request, obj)
        if "_duplicate" in request.POST or "_make_takes" in request.POST:
            return duplicate.copy(self, request, obj)
        if obj.status != TaskStatus.DRAFT:
            messages.success(request, _("The notes were saved."))
            return HttpResponseRedirect(request.get_full_path())
        return super().response_change(request, obj)

    def _generate(self, request: HttpRequest, obj: VideoTask) -> HttpResponse:
        self.require(request, obj, "submit")
        try:
            sending.enqueue(obj, by=person(request), agreed=prices.agreed_on_form(request, obj))
        except (WanVideoError, ValidationError) as error:
            action_results.tell_refusal(request, error, _("The draft was saved, but not sent: %(reason)s"))
        else:
            action_results.log(request, [obj], _("Sent to be generated."))
            messages.success(request, prices.sent_words(obj))
        return HttpResponseRedirect(self.get_page_url("change", obj.pk))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: VideoTask | None = None,
    ) -> HttpResponse:
        task = obj
        page: dict[str, Any] = {"is_stock": is_stock(), "take": labels.link(self, request, task)}
        page["film"] = panel.of(self, request, task)
        form = context["adminform"].form
        if isinstance(form, TaskForm):
            form.show_inputs(self.get_page_url("temporary_upload"))
            known = form.repeat.task if form.repeat else None
            context["title"] = model_choice.words(form.spec) if add else _("Draft")
            page |= {
                "kind": "form",
                "open_url": self.get_page_url("change", known.pk) if known is not None else "",
                "price": prices.of_form(form, request.user.pk if task is None else task.owner_id, person(request)),
                "can_submit": self.has_submit_permission(request, task),
                "price_url": self.get_page_url("price"),
                "rules": form.spec.form_rules(),
            }
            if add:
                page["presets"] = presets.bar(request, form)
                page["models_url"] = model_choice.url(self, request)
            elif task is not None:
                can_copy = self.has_add_permission(request)
                page["related"] = {**detail_page.related(self, request, task), "can_copy": can_copy}
        elif task is not None:
            context["title"] = _("Video task")
            buttons = object_actions.get_object_actions(self, request, task)
            page |= {"kind": "task", "buttons": buttons, **detail_page.context(self, request, task)}
        if isinstance(form, (TaskForm, NotesForm)):
            page |= {"key": repeats.key_of(form.data), "seen": _seen(form, task)}
        context["wanvideo"] = page | approvals.beside_task(self, request, task)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        is_chosen = choices.VIEW in request.GET and request.method == "GET"
        if is_chosen and self.has_view_or_change_permission(request):
            # Led on to the address without the choice: whoever is sent it sees the list as they like it.
            parameters = request.GET.copy()
            choices.keep(request, choices.VIEW, str(parameters.pop(choices.VIEW)[-1]), holds.marks(request))
            return HttpResponseRedirect(f"{request.path}?{parameters.urlencode()}" if parameters else request.path)
        once(request, "view", lambda: choices.of(request, choices.VIEW, holds.marks(request)))
        page: dict[str, Any] = {f"{name}_url": self.get_page_url(name) for name in ("status", "totals", "spending")}
        page |= {"is_stock": is_stock(), "news": live.news(self.admin_site.name), **approvals.above_list(self, request)}
        is_popup = IS_POPUP_VAR in request.GET
        if request.method == "GET" and not is_popup:
            page |= {"trouble": banner.get_banner(), "holds": holds.notices(self, request)}
        if holds.may_pause(request) and not holds.is_paused(holds.reports_for(request)):
            page["pause_url"] = self.get_page_url("sending")
        if self.admin_site.is_registered(Batch) and self.admin_site.get_model_admin(Batch).has_add_permission(request):
            page["make_many_url"] = reverse("admin:wanvideo_batch_add", current_app=self.admin_site.name)
        page["add_words"] = model_choice.words(choices.model_of(request, holds.marks(request)))
        title = _("Choose a video") if is_popup else capfirst(self.opts.verbose_name_plural)
        context: dict[str, Any] = {"title": title, "wanvideo": page}
        if search := search_field(self, request):
            context["media"], page["has_search"] = self.media + search.media, True
        return super().changelist_view(request, {**context, **(extra_context or {})})


def _stored_inputs(request: HttpRequest) -> list[MediaInput]:
    return once(request, "stored", list)


def _seen(form: TaskForm | NotesForm, task: VideoTask | None) -> str:
    """Return what the page says that the person has seen: what they saw first, until they are shown what is new."""
    if task is None or form.instance._state.adding:  # noqa: SLF001 - Django's way to ask
        return ""
    told = form.changed_meanwhile if isinstance(form, TaskForm) else form.theirs is not None
    before = form.data.get(conflicts.FIELD) if form.is_bound and not told else ""
    # The form has put what was typed into its own instance.
    return before or conflicts.seen(type(task).objects.get(pk=task.pk) if form.is_bound else task)
