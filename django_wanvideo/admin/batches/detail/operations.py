"""What can be done with a batch as a whole: the buttons that this person has now, their prices, and what they do."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import Http404, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_wanvideo import approvals
from django_wanvideo.admin.action_results import not_pressed, tell_refusal
from django_wanvideo.admin.base import person
from django_wanvideo.admin.batches.detail import numbers, quotes
from django_wanvideo.admin.batches.detail.quotes import Quote
from django_wanvideo.admin.object_actions import Button
from django_wanvideo.admin.presentation import prices
from django_wanvideo.batches import operations as batch_operations
from django_wanvideo.choices import BatchOperation, BatchState, TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed, WanVideoError

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django_stubs_ext import StrOrPromise

    from django_wanvideo.admin.batches.change import BatchPagesMixin
    from django_wanvideo.admin.batches.detail.numbers import Numbers
    from django_wanvideo.models import Batch, VideoTask

SUBMIT, RETRY, WITHDRAW = "submit", "retry", "withdraw"


def is_busy(batch: Batch) -> bool:
    """Tell whether a worker still has something to do to the rows of a batch."""
    return batch.state == BatchState.CREATING or bool(batch.operation)


class Operation(NamedTuple):
    """What a priced button does, to which tasks, and what is said afterwards."""

    run: Callable[..., Any]
    tasks: Callable[[Batch], QuerySet[VideoTask]]
    success: StrOrPromise


def _drafts(batch: Batch) -> QuerySet[VideoTask]:
    return batch.tasks.filter(status=TaskStatus.DRAFT)


OPERATIONS = {
    SUBMIT: Operation(batch_operations.submit, _drafts, gettext_lazy("On their way: the videos are sent one by one.")),
    RETRY: Operation(
        batch_operations.retry,
        batch_operations.retryable,
        gettext_lazy("On their way: the videos are tried again one by one."),
    ),
}


def may(model_admin: BatchPagesMixin, request: HttpRequest, batch: Batch, permission: str) -> bool:
    """Tell whether the person may do something to all tasks of a batch: none may be hidden from them.

    ``permission`` is one of the admin of tasks, such as ``"submit"``.
    """
    tasks = model_admin.task_admin
    if tasks is None or not (tasks.is_allowed(request, None, permission) and tasks.has_view_permission(request)):
        return False
    return sees_all(batch)


def sees_all(batch: Batch) -> bool:
    """Tell whether no task of a batch, as ``get_batch_or_404`` has counted them, is hidden from the person."""
    counted: Any = batch
    return bool(counted.seen_tasks == counted.all_tasks)


def waits(batch: Batch, tasks: QuerySet[VideoTask]) -> bool:
    """Tell whether all that could be sent waits for somebody to approve it."""
    approval = batch.approval
    is_waiting = approval is not None and approval.is_waiting
    return is_waiting and not tasks.filter(Q(approval=None) | ~Q(approval=batch.approval_id)).exists()


def get_priced_button(
    model_admin: BatchPagesMixin, request: HttpRequest, batch: Batch, found: Numbers
) -> Button | None:
    """Return the button that sends the drafts of a batch, or tries again what would gain by it; ``None`` for neither."""
    if is_busy(batch) or batch.state not in {BatchState.READY, BatchState.SUBMITTED, BatchState.ENDED}:
        return None
    verb = SUBMIT if batch.state == BatchState.READY else RETRY
    concerned = found.count(TaskStatus.DRAFT if verb == SUBMIT else TaskStatus.FAILED)
    if not concerned or not may(model_admin, request, batch, "submit") or waits(batch, OPERATIONS[verb].tasks(batch)):
        return None
    now = quotes.quote(OPERATIONS[verb].tasks(batch))
    if not now.count:
        return None
    if verb == RETRY and not now.credits:
        label = ngettext("Fetch %(n)s again, free of charge", "Fetch %(n)s again, free of charge", now.count)
        label %= {"n": now.count}
    else:
        label = (_("Generate %(what)s") if verb == SUBMIT else _("Retry %(what)s")) % {"what": now.words}
    icon = "submitting" if verb == SUBMIT else "retry"
    url = model_admin.get_page_url("operate", batch.pk, verb)
    return Button(verb, label, icon, url, is_primary=True, quote=now.sign(request, batch, verb))


def operate_view(model_admin: BatchPagesMixin, request: HttpRequest, object_id: uuid.UUID, verb: str) -> HttpResponse:
    """Do what a button says, a priced one if it still is what was shown, and go back to the page of the batch."""
    if request.method != "POST":
        return not_pressed(request, model_admin.get_page_url("change", object_id))
    batch = model_admin.get_batch_or_404(request, object_id)
    if verb == WITHDRAW:
        _run(model_admin, request, batch, _withdraw, _("The request was withdrawn."))
        return HttpResponseRedirect(model_admin.get_page_url("change", batch.pk))
    operation = OPERATIONS.get(verb)
    if operation is None:
        raise Http404(_("There is no such button."))
    if not may(model_admin, request, batch, "submit"):
        raise PermissionDenied
    if batch.operation:
        messages.info(request, _("This was begun already; nothing is done a second time."))
    elif why := _changed(request, batch, verb):
        messages.warning(request, why)
    else:
        _run(model_admin, request, batch, operation.run, operation.success)
    return HttpResponseRedirect(model_admin.get_page_url("change", batch.pk))


def _changed(request: HttpRequest, batch: Batch, verb: str) -> str:
    """Return why what the pressed button said does not hold any more; empty where it does."""
    try:
        shown = signing.loads(request.POST.get(prices.QUOTE_FIELD, ""), salt=quotes.SALT, max_age=prices.LIFETIME)
        count, total = int(shown[3]), Decimal(shown[4])
    except (signing.BadSignature, ValueError, TypeError, IndexError, ArithmeticError):
        return _("This page is too old. Look at the price and press again.")
    if shown[:3] != [str(request.user.pk), batch.pk.hex, verb]:
        return _("This page was made for somebody else. Look at the price and press again.")
    now = quotes.quote(OPERATIONS[verb].tasks(batch))
    if not now.count:
        return _("Nothing is left that could be sent: it was done meanwhile.")
    if now.digest == shown[5]:
        return ""
    if (now.count, now.credits) == (count, total):
        return _("The videos have changed meanwhile; nothing was sent. Look at them and press again.")
    words = _(
        "This has changed meanwhile; nothing was sent. It was %(shown)s, it is %(now)s now. Press again to go on."
    )
    return words % {"shown": Quote(count, total, "").words, "now": now.words}


# Cancelling ----------------------------------------------------------------------------------------------------------


def unsent(batch: Batch, found: Numbers) -> int:
    """Return how many videos cancelling keeps from being sent."""
    if batch.state not in {BatchState.CREATING, BatchState.READY, BatchState.SUBMITTED}:
        return 0
    if batch.operation == BatchOperation.CANCEL:
        return 0
    number = found.count(TaskStatus.QUEUED)
    return number + (found.count(TaskStatus.DRAFT) if batch.operation == BatchOperation.SUBMIT else 0)


def get_cancel_button(
    model_admin: BatchPagesMixin, request: HttpRequest, batch: Batch, found: Numbers
) -> Button | None:
    """Return the button that leads to the question whether all that are not sent are to be cancelled."""
    number, is_making = unsent(batch, found), batch.state == BatchState.CREATING
    is_going = batch.operation != BatchOperation.CANCEL
    if not ((number or is_making) and is_going and may(model_admin, request, batch, "change")):
        return None
    label = ngettext("Cancel %(n)s not sent yet…", "Cancel %(n)s not sent yet…", number) % {"n": number}
    url = model_admin.get_page_url("cancel", batch.pk)
    return Button("cancel", _("Stop and cancel…") if is_making else label, "cancelled", url, is_link=True)


def cancel_view(model_admin: BatchPagesMixin, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Ask whether all that is not sent is to be cancelled, and do it."""
    batch = model_admin.get_batch_or_404(request, object_id)
    if not may(model_admin, request, batch, "change"):
        raise PermissionDenied
    back = model_admin.get_page_url("change", batch.pk)
    if request.method == "POST":
        success = _("What was not sent is being cancelled. Nothing is charged for it.")
        _run(model_admin, request, batch, batch_operations.cancel, success)
        return HttpResponseRedirect(back)
    found = numbers.of(batch, model_admin.get_visible_tasks(request).filter(batch=batch))
    context = {
        "original": batch,
        "number": unsent(batch, found),
        "sent": found.moving - found.count(TaskStatus.QUEUED),
        "is_making": batch.state == BatchState.CREATING,
        "back": back,
    }
    return model_admin.render_page(request, "cancel", _("Cancel what is not sent"), **context)


def _withdraw(batch: Batch, *, by: AbstractBaseUser) -> None:
    if batch.approval is None:
        raise TransitionNotAllowed(_("It does not wait for approval any more."), action=WITHDRAW)
    approvals.withdraw(batch.approval, by=by)


def _run(
    model_admin: BatchPagesMixin,
    request: HttpRequest,
    batch: Batch,
    run: Callable[..., Any],
    success: StrOrPromise,
) -> None:
    try:
        run(batch, by=person(request))
    except (WanVideoError, ValidationError) as error:
        tell_refusal(request, error)
    else:
        model_admin.log_change(request, batch, str(success))
        messages.success(request, str(success))
