"""A draft like one task, made once for one press, however often that is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _

from django_wanvideo.admin import action_results
from django_wanvideo.admin.base import person
from django_wanvideo.admin.forms import repeats
from django_wanvideo.exceptions import IdempotencyConflict
from django_wanvideo.models.creation import creation, drafts
from django_wanvideo.models.creation import repeats as recent
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask


def duplicate(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> HttpResponse:
    """Make the draft and lead to it; ask where the same copy was made a moment ago."""
    shown = task
    try:
        shown = _make_copy(request, task)
    except ValidationError as error:
        messages.warning(request, action_results.reason_of(error))
    except repeats.SentAlready as sent:
        messages.info(request, _("This page was sent already; this is the copy that was made then."))
        shown = sent.task
    except repeats.Repeated as repeated:
        return _ask(model_admin, request, task, repeated.repeat)
    else:
        action_results.log(request, [task], _("Duplicated."))
        action_results.log(request, [shown], _("Made as a copy."), added=True)
        messages.success(request, _("A draft like the other one. Nothing is sent before you press Generate."))
    return HttpResponseRedirect(model_admin.get_page_url("change", shown.pk))


def copy(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> HttpResponse:
    """Do what the pressed button says: make a draft like this one, or lead to the page on which takes are made."""
    model_admin.require(request, task, "add")
    if "_make_takes" in request.POST:
        return HttpResponseRedirect(model_admin.get_page_url("make_takes", task.pk))
    return duplicate(model_admin, request, task)


def recent_copies(request: HttpRequest, task: VideoTask, prompt: str) -> list[VideoTask]:
    """Return what this person has made from ``task`` with ``prompt`` a moment ago, the newest first."""
    alike = recent.like(
        owner=person(request),
        model=task.model,
        prompt=prompt,
        parameters=task.parameters,
        sources=by_role(task.inputs.all()),
    )
    return [other for other in alike if other.parent_id == task.pk]


def _make_copy(request: HttpRequest, task: VideoTask) -> VideoTask:
    key, wanted = repeats.key_of(request.POST), drafts.version_of(task)
    if not repeats.is_another(request.POST):
        copies = recent_copies(request, task, task.prompt)
        if copies and key not in {copy.idempotency_key for copy in copies}:
            raise repeats.of_task(copies[0], wanted)
    try:
        draft, is_new = creation.get_or_duplicate(task, by=person(request), idempotency_key=key)
    except IdempotencyConflict as conflict:
        raise repeats.of_conflict(conflict, wanted) from conflict
    if not is_new:
        raise repeats.SentAlready(draft)
    return draft


def _ask(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask, repeat: repeats.Repeat) -> HttpResponse:
    context: dict[str, Any] = {
        "repeat": repeat,
        "key": repeats.posted_key(request.POST),
        "open_url": model_admin.get_page_url("change", repeat.task.pk) if repeat.task is not None else "",
        "action": model_admin.get_page_url("operate", task.pk, "duplicate"),
    }
    return model_admin.render_task_page(request, "duplicate", _("Duplicate"), task, **context)
