"""What can be done with one task: the buttons that this person has now, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_wanvideo import approvals, chains
from django_wanvideo.admin import action_results
from django_wanvideo.admin.base import person
from django_wanvideo.admin.chains import continuing
from django_wanvideo.admin.presentation import formats, prices
from django_wanvideo.admin.views import duplicate
from django_wanvideo.admin.views.planning import CHANGE_FIRST
from django_wanvideo.choices import TaskStatus
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.exceptions import TransitionNotAllowed, WanVideoError
from django_wanvideo.failures import advice_for
from django_wanvideo.services.resolution import decisions
from django_wanvideo.services.sending import actions as sending
from django_wanvideo.services.sending import quotes
from django_wanvideo.services.storing import download
from django_wanvideo.services.tracking import lookup, polling

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.contrib.auth.models import AbstractBaseUser
    from django.http import HttpRequest, HttpResponse
    from django_stubs_ext import StrOrPromise

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask
    from django_wanvideo.services.sending.quotes import Quote

_S = TaskStatus


class Operation(NamedTuple):
    """What a button does: the permission that it takes beside seeing the task, how, and what is said afterwards."""

    permission: str
    run: Callable[..., Any]
    success: StrOrPromise
    #: Which quote the press is held to.
    agreed: Callable[[HttpRequest, VideoTask], Quote | None] | None = None


def _withdraw(task: VideoTask, *, by: AbstractBaseUser) -> None:
    if task.approval is None:
        raise TransitionNotAllowed(_("It does not wait for approval any more."), action="withdraw")
    approvals.withdraw(task.approval, by=by)


OPERATIONS = {
    "retry": Operation("submit", sending.retry, gettext_lazy("Queued again."), prices.agreed_on_button),
    "fetch": Operation(
        "submit",
        sending.retry,
        gettext_lazy("The file is being fetched again."),
        # Never a price instead: what was shown is that it is free.
        lambda _request, task: quotes.fetching(task),
    ),
    "cancel": Operation("change", sending.cancel, gettext_lazy("Cancelled. Nothing was charged.")),
    "dismiss": Operation("change", decisions.dismiss, gettext_lazy("Dismissed.")),
    "undismiss": Operation("change", decisions.restore, gettext_lazy("The dismissal was undone.")),
    "withdraw": Operation("view", _withdraw, gettext_lazy("The request was withdrawn.")),
    "refresh": Operation("view", polling.refresh, gettext_lazy("The status was refreshed.")),
}
#: Ways to make a draft of a task.
WAYS = {
    way.verb: way for way in (duplicate.DUPLICATE, continuing.CONTINUE, continuing.CONTINUE_CLIP, continuing.REMAKE)
}


def operate_view(model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID, verb: str) -> HttpResponse:
    """Do one thing to one task and go back to its page."""
    if request.method != "POST":
        return action_results.not_pressed(request, model_admin.get_page_url("change", object_id))
    task = model_admin.get_task_or_404(request, object_id)
    if (way := WAYS.get(verb)) is not None:
        model_admin.require(request, task, *way.permissions, "view")
        return duplicate.make_once(model_admin, request, task, way)
    operation = OPERATIONS.get(verb)
    if operation is None:
        raise Http404(_("There is no such button."))
    model_admin.require(request, task, operation.permission, "view")
    try:
        agreed = {"agreed": operation.agreed(request, task)} if operation.agreed is not None else {}
        operation.run(task, by=person(request), **agreed)
    except (WanVideoError, ValidationError, EvoLinkError) as error:
        action_results.tell_refusal(request, error)
    else:
        action_results.log(request, [task], str(operation.success))
        messages.success(request, str(operation.success))
    return HttpResponseRedirect(model_admin.get_page_url("change", task.pk))


@dataclass(frozen=True)
class Button:
    """Something that can be done now."""

    verb: str
    label: str
    icon: str
    url: str
    is_primary: bool = False
    #: A page to go to rather than something done at once.
    is_link: bool = False
    #: What it was said to cost, signed.
    quote: str = ""


def get_object_actions(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> list[Button]:
    """Return what can be done now by this person, the most sensible first."""
    found: list[Button] = []
    ended = task.status in {_S.FAILED, _S.CANCELLED}
    action = advice_for(task.error_code).next_action if ended and task.error_code else "retry"
    is_to_change = ended and action in CHANGE_FIRST

    def may(*permissions: str) -> bool:
        return all(model_admin.is_allowed(request, task, permission) for permission in permissions)

    def add(verb: str, label: str, icon: str, *, link: bool = False, first: bool = False, quote: str = "") -> None:
        url = model_admin.get_page_url(verb, task.pk) if link else model_admin.get_page_url("operate", task.pk, verb)
        found.insert(0 if first else len(found), Button(verb, label, icon, url, first, link, quote))

    if task.status == _S.UNCONFIRMED and may("resolve", "view"):
        add("resolve", _("Decide…"), "unconfirmed", link=True, first=True)
    if task.status == _S.QUEUED and may("change"):
        add("cancel", _("Cancel"), "cancelled")
    if task.status in {_S.PENDING, _S.PROCESSING}:
        add("refresh", _("Refresh status"), "retry")
    fetchable, looks_first = ended and download.is_fetchable(task), lookup.can_look(task)
    if fetchable and may("submit"):
        quote = prices.signed_quote(request.user, task, fetches=True)
        add("fetch", _("Fetch again, free of charge"), "storing", first=True, quote=quote)
    elif ended and may("submit") and not task.is_waiting_for_approval:
        if looks_first:
            label = _("Retry for up to %(n)s credits")
        else:
            label = _("Retry unchanged for about %(n)s credits") if is_to_change else _("Retry for about %(n)s credits")
        label %= {"n": formats.credits_on_button(prices.price_now(task))}
        quote = prices.signed_quote(request.user, task)
        add("retry", label, "retry", first=not is_to_change and not looks_first, quote=quote)
    if looks_first and not fetchable:
        add("refresh", _("Check with EvoLink again, free of charge"), "retry", first=True)
    if may("add"):
        label = _("Choose another picture") if ended and action == "replace_picture" else _("Edit a copy")
        add("duplicate", label if ended else _("Duplicate"), "copy", first=is_to_change and not fetchable)
        add("make_takes", _("More like this…"), "takes", link=True)
    if may(*continuing.CONTINUE.permissions) and chains.can_continue(task):
        add("continue", _("Continue…"), "play")
    if may(*continuing.CONTINUE_CLIP.permissions) and chains.can_continue(task, with_clip=True):
        add("continue_clip", _("Continue with the clip…"), "play")
    if may("change"):
        if decisions.can_be_dismissed(task):
            add("dismiss", _("Dismiss"), "completed")
        elif task.dismissed_at is not None:
            add("undismiss", _("Undo dismiss"), "retry")
    return found
