"""A draft made of one task, once for one press, however often that is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_wanvideo.admin import action_results
from django_wanvideo.admin.base import person
from django_wanvideo.admin.forms import repeats
from django_wanvideo.exceptions import IdempotencyConflict, WanVideoError
from django_wanvideo.models.creation import creation, drafts
from django_wanvideo.models.creation import repeats as recent
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django_stubs_ext import StrOrPromise

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask


class Way(NamedTuple):
    """One way to make a draft of a task with one press."""

    #: As the page's address names it.
    verb: str
    title: StrOrPromise
    #: What it takes beside seeing the task.
    permissions: tuple[str, ...]
    #: Makes the draft of a task, ``by`` a person and under ``idempotency_key``, and tells whether that was now.
    make: Callable[..., tuple[VideoTask, bool]]
    #: Returns what this person has made so of the task a moment ago, the newest first.
    recent: Callable[[HttpRequest, VideoTask], list[VideoTask]]
    success: StrOrPromise
    #: What the logs of the task and of the draft say.
    logged: StrOrPromise
    logged_of_draft: StrOrPromise


def make_once(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask, way: Way) -> HttpResponse:
    """Make the draft and lead to it; ask where the same was made a moment ago."""
    shown = task
    try:
        shown = _make(request, task, way)
    except (ValidationError, WanVideoError) as error:
        action_results.tell_refusal(request, error)
    except repeats.SentAlready as sent:
        messages.info(request, _("This page was sent already; this is the draft that was made then."))
        shown = sent.task
    except repeats.Repeated as repeated:
        return _ask(model_admin, request, task, repeated.repeat, way)
    else:
        action_results.log(request, [task], str(way.logged))
        action_results.log(request, [shown], str(way.logged_of_draft), added=True)
        messages.success(request, str(way.success))
    return HttpResponseRedirect(model_admin.get_page_url("change", shown.pk))


def copy(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> HttpResponse:
    """Do what the pressed button says: make a draft like this one, or lead to the page on which takes are made."""
    model_admin.require(request, task, "add")
    if "_make_takes" in request.POST:
        return HttpResponseRedirect(model_admin.get_page_url("make_takes", task.pk))
    return make_once(model_admin, request, task, DUPLICATE)


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


def _make(request: HttpRequest, task: VideoTask, way: Way) -> VideoTask:
    key, wanted = repeats.key_of(request.POST), drafts.version_of(task)
    if not repeats.is_another(request.POST):
        # A page has one key, and several such buttons.
        key = repeats.key_of_part(f"{key}:{task.pk}", way.verb)
        copies = way.recent(request, task)
        if copies and key not in {copy.idempotency_key for copy in copies}:
            raise repeats.of_task(copies[0], wanted)
    try:
        draft, is_new = way.make(task, by=person(request), idempotency_key=key)
    except IdempotencyConflict as conflict:
        raise repeats.of_conflict(conflict, wanted) from conflict
    if not is_new:
        raise repeats.SentAlready(draft)
    return draft


def _ask(
    model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask, repeat: repeats.Repeat, way: Way
) -> HttpResponse:
    context: dict[str, Any] = {
        "repeat": repeat,
        "key": repeats.posted_key(request.POST),
        "open_url": model_admin.get_page_url("change", repeat.task.pk) if repeat.task is not None else "",
        "action": model_admin.get_page_url("operate", task.pk, way.verb),
    }
    return model_admin.render_task_page(request, "duplicate", str(way.title), task, **context)


DUPLICATE = Way(
    "duplicate",
    gettext_lazy("Duplicate"),
    ("add",),
    creation.get_or_duplicate,
    lambda request, task: recent_copies(request, task, task.prompt),
    gettext_lazy("A draft like the other one. Nothing is sent before you press Generate."),
    gettext_lazy("Duplicated."),
    gettext_lazy("Made as a copy."),
)
