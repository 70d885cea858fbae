"""A draft's form that comes in after the draft was sent or deleted: nothing is lost, and nothing is sent a second time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _

from django_wanvideo.admin.forms import conflicts, repeats, temporary_uploads
from django_wanvideo.admin.forms.fields import file_name, kept_name, link_name
from django_wanvideo.admin.forms.task_forms import TaskForm, task_form
from django_wanvideo.admin.views import duplicate
from django_wanvideo.choices import InputRole, TaskStatus

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask

#: The hidden field with the id of what a new draft is made from.
PARENT = "made_from"
#: Fields of the request that are no part of what was typed.
_NOT_TYPED = {"csrfmiddlewaretoken", repeats.FIELD, conflicts.FIELD, PARENT}
_NOT_TYPED |= {name(role) for role in InputRole.values for name in (file_name, kept_name)}


def parent_of(model_admin: TaskAdminBase, request: HttpRequest) -> VideoTask | None:
    """Return what a new draft is made from, if this person may see it."""
    return model_admin.get_visible_task(request, request.POST.get(PARENT, ""))


def answer(model_admin: TaskAdminBase, request: HttpRequest, object_id: str) -> HttpResponse | None:
    """Answer a draft's form whose draft is none any more; ``None`` for everything else."""
    if "shown_model" not in request.POST or not model_admin.has_change_permission(request):
        return None
    task = model_admin.get_object(request, object_id)
    if task is not None and (task.status == TaskStatus.DRAFT or not model_admin.has_change_permission(request, task)):
        return None
    spec = model_admin.get_model_spec(request, task)
    with_metadata = model_admin.may_edit_metadata(request)
    form = task_form(spec, request.user, with_metadata=with_metadata)(request.POST, request.FILES, instance=task)
    form.is_read_only = True
    form.full_clean()
    differences = conflicts.differences(form, task)
    if task is not None and not (differences or form.errors):
        # What was typed is what was sent.
        if "_duplicate" in request.POST or "_make_takes" in request.POST:
            return duplicate.copy(model_admin, request, task)
        messages.info(request, _("This draft was sent already; nothing was sent a second time."))
        return HttpResponseRedirect(model_admin.get_page_url("change", task.pk))
    context = {
        "original": task,
        "task": task,
        "differences": differences,
        "errors": [str(error) for problems in form.errors.values() for error in problems],
        "typed": _typed(request, task, form),
        "add_url": model_admin.get_page_url("add") if model_admin.has_add_permission(request) else "",
        "open_url": model_admin.get_page_url("change", task.pk) if task is not None else "",
        "list_url": model_admin.get_page_url("changelist"),
    }
    title = _("This draft was sent meanwhile") if task is not None else _("This draft was deleted meanwhile")
    return model_admin.render_page(request, "meanwhile", title, **context)


def _typed(request: HttpRequest, task: VideoTask | None, form: TaskForm) -> list[tuple[str, str]]:
    """Return the hidden fields that make a draft of what was typed, the same key each time for the same words."""
    pairs = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in _NOT_TYPED and not name.startswith("_")
        for value in values
    ]
    origin = task.pk if task is not None else request.path
    key = repeats.key_for_another(origin, json.dumps(sorted(pairs)))
    for wanted in form.several:
        name = link_name(wanted.role.value)
        pairs = [pair for pair in pairs if pair[0] != name]
        pairs += [(name, value) for value in form.portable(wanted.role.value)]
        if wanted.keys_parameter:
            pairs = [pair for pair in pairs if pair[0] != wanted.keys_parameter]
            pairs += [(wanted.keys_parameter, form[wanted.keys_parameter].value())]
    for role in InputRole.values:
        token = form.data.get(kept_name(role)) or (_kept_of(task, form, role) if role in form.picture_roles else "")
        pairs += [(kept_name(role), token)] if token else []
    pairs += [(PARENT, str(task.pk))] if task is not None else []
    return [*pairs, (repeats.FIELD, key)]


def _kept_of(task: VideoTask | None, form: TaskForm, role: str) -> str:
    """Keep a copy of the picture that the task was sent with, where the form has no other."""
    frame = task.inputs.filter(role=role).first() if task is not None else None
    if frame is None or not frame.file or form.data.get(link_name(role)):
        return ""
    return temporary_uploads.keep_copy(frame.file, owner=form.user.pk, wanted=form.spec.input(role))
