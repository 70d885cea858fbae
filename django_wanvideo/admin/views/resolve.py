"""The page on which a person settles an unconfirmed task: the evidence, and three decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _

from django_wanvideo.admin import action_results
from django_wanvideo.admin.base import person
from django_wanvideo.admin.presentation import evidence, formats, markup, prices
from django_wanvideo.admin.presentation.evidence import Decision
from django_wanvideo.choices import TaskStatus
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.services.resolution import decisions
from django_wanvideo.services.resolution.evidence import gather

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask


def resolve_view(model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Show the evidence, or do what was decided.

    Raises:
        Http404: there is no such task.
        PermissionDenied: the person may not settle unconfirmed tasks, or not see them.
    """
    task = model_admin.get_task_or_404(request, object_id, "resolve", "view")
    page = model_admin.page_url("change", task.pk)
    if task.status != TaskStatus.UNCONFIRMED:
        messages.info(request, _("This task is settled; there is nothing to decide any more."))
        return HttpResponseRedirect(page)
    if request.method == "POST":
        try:
            words = _decide(model_admin, request, task)
        except (WanVideoError, EvoLinkError, ValidationError) as error:
            messages.error(request, action_results.reason_of(error))
            return HttpResponseRedirect(request.path)
        action_results.log(request, [task], words)
        messages.success(request, words)
        return HttpResponseRedirect(page)
    found = gather(task)
    attempt, price, rows = found.attempt, prices.price_now(task), evidence.rows(task, found)
    fits = evidence.fitting(rows)
    context = {
        "chip": markup.chip(task.status),
        "sent_at": formats.clock(attempt.sent_at) if attempt is not None and attempt.sent_at else "",
        "evidence": rows,
        "decisions": sorted(Decision, key=lambda decision: decision != fits),
        "fits": fits,
        "candidates": evidence.choices(model_admin, request, found),
        "answers": evidence.listing_words(found),
        "others": evidence.others(model_admin, request, found),
        "number": attempt.number if attempt is not None else "",
        "shown_credits": price,
        "any_choice": any(candidate.can_be_chosen for candidate in found.candidates),
        "price": formats.credits_on_button(price),
    }
    return model_admin.render_task_page(request, "decide", _("Was this video accepted?"), task, **context)


def _decide(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> str:
    """Do what was decided and return what to say of it; raises an error with what to say where that cannot be done."""
    by, post = person(request), request.POST
    shown = post.get("attempt", "")
    number = int(shown) if shown.isdecimal() else None
    match post.get("decision", ""):
        case Decision.ATTACH:
            chosen = (post.get("other") or post.get("provider_task_id") or "").strip()
            if not chosen:
                raise ValidationError(_("Choose a video from the list, or give EvoLink’s id."))
            decisions.attach(
                task,
                chosen,
                by=by,
                even_if_older="older" in post,
                visible=model_admin.get_queryset(request),
                among_others="compared" in post,
                number=number,
            )
            return _("Attached. The video is followed from now on.")
        case Decision.NOT_ACCEPTED:
            decisions.not_accepted(task, by=by, number=number)
            return _("Settled: it was not accepted. It can be tried again.")
        case Decision.SEND_AGAIN:
            if not post.get("twice"):
                raise ValidationError(_("Select the box to confirm that you may be charged twice."))
            if post.get("shown_credits") not in {None, str(prices.price_now(task))}:
                raise ValidationError(_("The price has changed. Look at it again, then decide."))
            decisions.send_again(task, by=by, number=number)
            return _("Queued again.")
    raise ValidationError(_("Choose one of the decisions."))
