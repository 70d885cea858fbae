"""A draft like one task: made once for one press, however often the page is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_wanvideo.admin import action_results, themes
from django_wanvideo.admin.forms import idempotency, repeats
from django_wanvideo.admin.presentation import markup
from django_wanvideo.exceptions import IdempotencyConflict
from django_wanvideo.models.creation import creation, drafts
from django_wanvideo.models.creation import repeats as recent
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_wanvideo.models import VideoTask


def duplicate(model_admin: Any, request: HttpRequest, task: VideoTask) -> HttpResponseBase:
    """Make the draft and lead to it; ask where the same copy was made a moment ago."""
    try:
        draft = _make(request, task)
    except ValidationError as error:
        messages.warning(request, action_results.reason_of(error))
        return HttpResponseRedirect(model_admin.page_url("change", task.pk))
    except repeats.SentAlready as sent:
        messages.info(request, _("This page was sent already; this is the copy that was made then."))
        return HttpResponseRedirect(model_admin.page_url("change", sent.task.pk))
    except repeats.Repeated as repeated:
        return _ask(model_admin, request, task, repeated.repeat)
    action_results.log(request, [task], _("Duplicated."))
    action_results.log(request, [draft], _("Made as a copy."), added=True)
    messages.success(request, _("A draft like the other one. Nothing is sent before you press Generate."))
    return HttpResponseRedirect(model_admin.page_url("change", draft.pk))


def _make(request: HttpRequest, task: VideoTask) -> VideoTask:
    by: Any = request.user
    key = idempotency.posted(request.POST) or idempotency.new()
    wanted = drafts.version_of(task)
    if not idempotency.is_another(request.POST):
        alike = recent.like(
            owner=by,
            model=task.model,
            prompt=task.prompt,
            parameters=task.parameters,
            sources=by_role(task.inputs.all()),
        )
        copies = [other for other in alike if other.parent_id == task.pk]
        if copies and key not in {copy.idempotency_key for copy in copies}:
            raise repeats.Repeated(repeats.of_task(copies[0], wanted))
    try:
        draft, is_new = creation.get_or_duplicate(task, by=by, idempotency_key=key)
    except IdempotencyConflict as conflict:
        raise repeats.Repeated(repeats.of_conflict(conflict, wanted)) from conflict
    if not is_new:
        raise repeats.SentAlready(draft)
    return draft


def _ask(model_admin: Any, request: HttpRequest, task: VideoTask, repeat: repeats.Repeat) -> HttpResponseBase:
    context = {
        **themes.frame(model_admin, request, _("Duplicate")),
        "original": task,
        "task": task,
        "repeat": repeat,
        "key": idempotency.posted(request.POST),
        "open_url": model_admin.page_url("change", repeat.task.pk) if repeat.task is not None else "",
        "action": model_admin.page_url("operate", task.pk, "duplicate"),
        "change_url": model_admin.page_url("change", task.pk),
        "thumbnail": markup.thumbnail(task, task.first_frame),
        "settings": markup.settings_line(task),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "admin/wanvideo/videotask/copied.html", context)
