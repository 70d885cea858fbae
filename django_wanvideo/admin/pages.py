"""The pages of one task: the form of a draft, and the page of everything that was sent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_wanvideo import database
from django_wanvideo.admin import forecasts, nonces, outcomes, prices, quoting, sending, taskpage, themes, trouble
from django_wanvideo.admin.forms import TaskForm
from django_wanvideo.choices import InputRole
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.services import creation, media, submission

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
        response: HttpResponseBase = self._once(request, show) if request.method == "POST" and not object_id else show()
        return response

    def _once(self, request: HttpRequest, add: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """Use the form's nonce up together with what is made; where nothing is, it stays good."""
        data = nonces.read(request.POST.get("nonce", ""), request.user)
        stored: list[MediaInput] = []
        request.wanvideo_stored = stored  # type: ignore[attr-defined]
        with media.discarding_files_on_error(stored), database.atomic():
            if data is None:
                # A request that somebody wrote by hand; a nonce that is too old the form itself refuses.
                return add()
            if not nonces.spend(data):
                return self._to_earlier_result(request, nonces.result_of(data) or {})
            response = add()
            if not nonces.result_of(data):
                nonces.give_back(data)
            return response

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Note what came of the form, and which files go if the task is not kept after all."""
        task = super().save_form(request, form, change)  # type: ignore[misc]
        if not change:
            getattr(request, "wanvideo_stored", []).extend(task.inputs.all())
            if (data := nonces.read(request.POST.get("nonce", ""), request.user)) is not None:
                nonces.note(data, task=str(task.pk))
        return task

    def _to_earlier_result(self, request: HttpRequest, result: dict[str, Any]) -> HttpResponseBase:
        messages.info(request, _("This form was sent already; nothing was made or sent a second time."))
        if not result.get("task"):
            return HttpResponseRedirect(self.page_url("changelist"))
        return HttpResponseRedirect(self.page_url("change", result["task"]))

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
            return self._copy(request, obj)
        if obj.status != "draft":
            messages.success(request, _("The notes were saved."))
            return HttpResponseRedirect(request.get_full_path())
        return super().response_change(request, obj)  # type: ignore[misc]

    def _generate(self, request: HttpRequest, obj: VideoTask) -> HttpResponseBase:
        if not self.has_submit_permission(request, obj):  # type: ignore[attr-defined]
            raise PermissionDenied
        try:
            agreed = quoting.agreed_on_form(request, obj)
            submission.enqueue(obj, by=request.user, agreed=agreed)  # type: ignore[arg-type]
        except (WanVideoError, ValidationError) as error:
            words = _("The draft was saved, but not sent: %(reason)s") % {"reason": outcomes.reason_of(error)}
            messages.warning(request, words)
        else:
            outcomes.log(request, [obj], _("Sent to be generated."))
            messages.success(request, forecasts.sent_words(obj))
        return HttpResponseRedirect(self.page_url("change", obj.pk))

    def _copy(self, request: HttpRequest, obj: VideoTask) -> HttpResponseBase:
        """Make a draft like this one, which was saved just now, or lead to the page on which several are made."""
        if not self.has_add_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        if "_variations" in request.POST:
            return HttpResponseRedirect(self.page_url("variations", obj.pk))
        try:
            draft = creation.duplicate(obj, by=request.user)  # type: ignore[arg-type]
        except ValidationError as error:
            messages.warning(request, outcomes.reason_of(error))
            return HttpResponseRedirect(self.page_url("change", obj.pk))
        outcomes.log(request, [draft], _("Made as a copy."), added=True)
        messages.success(request, _("A copy was saved as a draft. Nothing is sent until you press Generate."))
        return HttpResponseRedirect(self.page_url("change", draft.pk))

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
                "nonce": nonces.issue(request.user) if add else "",
                "price": prices.of_form(form, request.user.pk if add or task is None else task.owner_id),
                "can_submit": self.has_submit_permission(request, task),  # type: ignore[attr-defined]
                "price_url": self.page_url("price"),
                "rules": [rule.as_dict() for rule in form.spec.rules],
                "add_url": request.path,
            }
            if task is not None and not add:
                can_copy = self.has_add_permission(request)  # type: ignore[attr-defined]
                page["related"] = {**taskpage.related(self, request, task), "can_copy": can_copy}
        elif task is not None:
            context["title"] = _("Video task")
            page |= {"kind": "task", **taskpage.context(self, request, task)}
        context["wanvideo"] = page
        return super().render_change_form(request, context, **kwargs)  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Add the addresses that the live module asks."""
        page = {
            "status_url": self.page_url("status"),
            "is_stock": themes.is_stock(),
            "trouble": trouble.found() if request.method == "GET" else None,
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
