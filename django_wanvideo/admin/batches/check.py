"""The page of a check: what can be made, what is left out and why, and what it costs; and its one confirmation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin.base import person
from django_wanvideo.admin.batches import figures
from django_wanvideo.admin.batches.base import no_such_check
from django_wanvideo.admin.presentation import approvals as wording
from django_wanvideo.admin.presentation import formats
from django_wanvideo.batches import checking
from django_wanvideo.batches.checking import TermsChanged
from django_wanvideo.choices import BatchState
from django_wanvideo.exceptions import TransitionNotAllowed

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.batches.base import BatchAdminBase
    from django_wanvideo.models import Batch


def check_view(model_admin: BatchAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Show what a check has found, or let its rows be made, once."""
    batch = model_admin.get_own_batch(request, object_id)
    if batch is None:
        raise Http404(no_such_check())
    if batch.state != BatchState.CHECKED:
        return lead_on(model_admin, request, batch)
    if request.method == "POST":
        return _confirm(model_admin, request, batch)
    again = "again" in request.GET
    context = figures.context(model_admin, request, batch, again=again)
    found = context["found"]
    title = ngettext("%(good)s of %(rows)s video can be made", "%(good)s of %(rows)s videos can be made", found["rows"])
    context |= {
        "shown": _token(batch, again=again),
        "button": _button(found),
        "drafts_button": _drafts_button(found["makeable"]),
        "choose_url": f"{model_admin.get_page_url('add')}?batch={batch.pk}",
    }
    return model_admin.render_page(request, "check", title % found, **context)


def lead_on(model_admin: BatchAdminBase, request: HttpRequest, batch: Batch) -> HttpResponse:
    """Lead to what became of a check: its batch, or the form where its files are still coming in."""
    if batch.state == BatchState.UPLOADING:
        messages.info(request, _("Files of this batch have changed. Check it again."))
        return HttpResponseRedirect(f"{model_admin.get_page_url('add')}?batch={batch.pk}")
    if batch.state == BatchState.CHECKED:
        return HttpResponseRedirect(model_admin.get_page_url("check", batch.pk))
    words = _("This check was confirmed at %(at)s. Its videos are in “%(name)s”; nothing was made a second time.")
    messages.info(request, words % {"at": formats.clock(batch.confirmed_at), "name": batch.name})
    return HttpResponseRedirect(model_admin.get_batch_url(request, batch))


def _confirm(model_admin: BatchAdminBase, request: HttpRequest, batch: Batch) -> HttpResponse:
    again, submit = "again" in request.POST, "_generate" in request.POST
    if "_check" in request.POST:
        return _check_again(model_admin, request, batch)
    if submit and not model_admin.has_submit_permission(request):
        raise PermissionDenied
    if request.POST.get("shown") != _token(batch, again=again):
        if request.POST.get("shown", "").rpartition(":")[0] == _token(batch, again=again).rpartition(":")[0]:
            messages.info(request, _("You changed the selection. This is what it costs now."))
        else:
            messages.warning(request, _("This was checked again meanwhile. This is what it costs now."))
        return _back(model_admin, batch, again=again)
    found = checking.summary(batch, again=again)
    if not found["makeable"]:
        messages.warning(request, _("No row can be made, so nothing was made or sent."))
        return _back(model_admin, batch, again=again)
    try:
        checking.confirm(batch, by=person(request), submit=submit, again=again)
    except TermsChanged as changed:
        return _check_again(model_admin, request, batch, because=str(changed), before=found, again=again)
    except TransitionNotAllowed as error:
        batch.refresh_from_db()
        if batch.state == BatchState.CHECKED:
            messages.warning(request, str(error))
        return lead_on(model_admin, request, batch)
    model_admin.log_addition(request, batch, [{"added": {}}])
    waits = wording.needed(person(request), found["credits"], found["makeable"]) if submit else ""
    messages.success(request, f"{_told(found['makeable'], submit=submit and not waits)} {waits}".strip())
    return HttpResponseRedirect(model_admin.get_batch_url(request, batch))


def _check_again(
    model_admin: BatchAdminBase,
    request: HttpRequest,
    batch: Batch,
    *,
    because: str = "",
    before: dict[str, Any] | None = None,
    again: bool = False,
) -> HttpResponse:
    """Check all rows anew, and say what is different now."""
    try:
        checking.check(batch)
    except (ValidationError, TransitionNotAllowed) as error:
        messages.error(request, " ".join(error.messages) if isinstance(error, ValidationError) else str(error))
        batch.refresh_from_db()
        if isinstance(error, TransitionNotAllowed):
            return lead_on(model_admin, request, batch)
        return HttpResponseRedirect(f"{model_admin.get_page_url('add')}?batch={batch.pk}")
    if before is not None:
        now = checking.summary(batch, again=again)
        words = _("%(because)s That was done just now, and nothing was made or sent. Before: %(before)s. Now: %(now)s.")
        messages.warning(request, words % {"because": because, "before": _sum(before), "now": _sum(now)})
    return _back(model_admin, batch, again=again)


def _back(model_admin: BatchAdminBase, batch: Batch, *, again: bool) -> HttpResponse:
    query = f"?{urlencode({'again': 1})}" if again else ""
    return HttpResponseRedirect(model_admin.get_page_url("check", batch.pk) + query)


def _token(batch: Batch, *, again: bool) -> str:
    """Return what says which check a page has shown, and with which rows: each check has an end of its own."""
    return f"{batch.expires_at.timestamp() if batch.expires_at else 0}:{int(again)}"


def _button(found: dict[str, Any]) -> str:
    words = ngettext(
        "Generate %(n)s video for about %(credits)s credits",
        "Generate %(n)s videos for about %(credits)s credits",
        found["makeable"],
    )
    return words % {"n": found["makeable"], "credits": formats.credits_on_button(found["credits"])}


def _drafts_button(count: int) -> str:
    return ngettext("Save %(n)s draft", "Save %(n)s drafts", count) % {"n": count}


def _sum(found: dict[str, Any]) -> str:
    words = ngettext(
        "%(n)s video for about %(credits)s credits", "%(n)s videos for about %(credits)s credits", found["makeable"]
    )
    return words % {"n": found["makeable"], "credits": formats.credits_in_table(found["credits"])}


def _told(count: int, *, submit: bool) -> str:
    if submit:
        words = ngettext(
            "%(n)s video is made and sent. You can leave this page.",
            "%(n)s videos are made and sent one after the other. You can leave this page.",
            count,
        )
    else:
        words = ngettext(
            "%(n)s draft is made. Nothing is sent before you press Generate.",
            "%(n)s drafts are made one after the other. Nothing is sent before you press Generate.",
            count,
        )
    return words % {"n": count}
