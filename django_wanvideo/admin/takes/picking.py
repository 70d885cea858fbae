"""Picking a take, and undoing that. The pressed button says which of both was meant, so that pressing twice is harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _

from django_wanvideo import takes
from django_wanvideo.admin import action_results
from django_wanvideo.admin.base import person
from django_wanvideo.admin.takes import page
from django_wanvideo.exceptions import EditConflict, TransitionNotAllowed

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask


def pick_view(model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Pick the take, or with ``undo`` undo that, and lead back to the takes; to a script they are shown at once.

    ``seen`` is the id of the take that the page showed as picked: where it is another one by now, nothing is changed.
    """
    if request.method != "POST":
        return action_results.not_pressed(request, model_admin.get_page_url("takes", object_id))
    task = model_admin.get_task_or_404(request, object_id, "view", "pick")
    told = refusal = ""
    try:
        told = _undo(request, task) if "undo" in request.POST else _pick(model_admin, request, task)
    except (EditConflict, TransitionNotAllowed) as error:
        refusal = str(error)
    # Not a redirect that is followed: that would lose the address of the page that the script is on.
    if "wanvideo" in request.headers.get("X-Requested-With", ""):
        return page.render(model_admin, request, task, refusal=refusal)
    if refusal:
        messages.warning(request, refusal)
    else:
        messages.success(request, told)
    number = request.GET.get("page", "")
    query = f"?page={number}" if number.isdecimal() else ""
    return HttpResponseRedirect(model_admin.get_page_url("takes", task.pk) + query)


def _pick(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> str:
    # What is replaced changes as well, so the person must be able to see it, and it takes the same permission.
    before = model_admin.get_visible_task(request, request.POST.get("seen", ""))
    if before is not None:
        model_admin.require(request, before, "pick")
    was_picked = task.picked
    takes.pick(task, by=person(request), seen={before.pk} if before is not None else set())
    told = _("Take %(n)s is picked.") % {"n": task.take_number}
    if not was_picked:
        action_results.log(request, [task], told)
    return told


def _undo(request: HttpRequest, task: VideoTask) -> str:
    was_picked = task.picked
    takes.unpick(task, by=person(request))
    told = _("Take %(n)s is not picked any more.") % {"n": task.take_number}
    if was_picked:
        action_results.log(request, [task], told)
    return told
