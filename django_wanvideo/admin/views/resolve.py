"""The pages on which a person settles unconfirmed tasks: one by its evidence, or several against EvoLink's list."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from django_wanvideo.admin import action_results
from django_wanvideo.admin.base import as_uuid, person
from django_wanvideo.admin.presentation import evidence, formats, markup, prices
from django_wanvideo.admin.presentation.evidence import Decision
from django_wanvideo.choices import TaskStatus
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.exceptions import TransitionNotAllowed, WanVideoError
from django_wanvideo.services.resolution import decisions, matching
from django_wanvideo.services.resolution.evidence import collect

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask
    from django_wanvideo.services.resolution.matching import Match


#: Tasks that are settled together at most.
MOST = 50
#: Seconds that this may take; each video is read with the site's own key before it is attached.
SETTLING_SECONDS = 20.0


def resolve_view(model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Show the evidence, or do what was decided."""
    task = model_admin.get_task_or_404(request, object_id, "resolve", "view")
    page = model_admin.get_page_url("change", task.pk)
    if task.status != TaskStatus.UNCONFIRMED:
        messages.info(request, _("This task is settled; there is nothing to decide any more."))
        return HttpResponseRedirect(page)
    if request.method == "POST":
        try:
            words = _resolve(model_admin, request, task)
        except (WanVideoError, EvoLinkError, ValidationError) as error:
            messages.error(request, action_results.reason_of(error))
            return HttpResponseRedirect(request.path)
        action_results.log(request, [task], words)
        messages.success(request, words)
        return HttpResponseRedirect(page)
    found = collect(task)
    attempt, price, rows = found.attempt, prices.price_now(task), evidence.rows(task, found)
    fits = evidence.fitting(rows)
    context = {
        "chip": markup.chip(task.status),
        "sent_at": formats.clock(attempt.sent_at) if attempt is not None else "",
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
    return model_admin.render_task_page(request, "resolve", _("Was this video accepted?"), task, **context)


def _resolve(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> str:
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
                allow_earlier="older" in post,
                visible=model_admin.get_queryset(request),
                among_others="compared" in post,
                number=number,
            )
            return _("Attached. The video is followed from now on.")
        case Decision.NOT_ACCEPTED:
            decisions.mark_not_accepted(task, by=by, number=number)
            return _("Settled: it was not accepted. It can be tried again.")
        case Decision.SEND_AGAIN:
            if not post.get("twice"):
                raise ValidationError(_("Select the box to confirm that you may be charged twice."))
            if post.get("shown_credits") not in {None, str(prices.price_now(task))}:
                raise ValidationError(_("The price has changed. Look at it again, then decide."))
            decisions.resend(task, by=by, number=number)
            return _("Queued again.")
    raise ValidationError(_("Choose one of the decisions."))


def begin_bulk(model_admin: TaskAdminBase, request: HttpRequest, queryset: QuerySet[VideoTask]) -> HttpResponse:
    """Lead from the list's action to a page with an address of its own."""
    ids = list(queryset.filter(status=TaskStatus.UNCONFIRMED).order_by("queued_at").values_list("pk", flat=True))
    if not ids:
        messages.info(request, _("None of these is unconfirmed; there is nothing to settle."))
        return HttpResponseRedirect(model_admin.get_page_url("changelist"))
    if len(ids) > MOST:
        words = _("At most %(n)s tasks can be settled at a time; these are the oldest ones.") % {"n": MOST}
        messages.warning(request, words)
    query = urlencode([("id", pk.hex) for pk in ids[:MOST]])
    return HttpResponseRedirect(f"{model_admin.get_page_url('bulk_resolve')}?{query}")


def bulk_resolve_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponse:
    """Show each task with its evidence, or settle those that were ticked."""
    model_admin.require(request, None, "resolve", "view")
    back = model_admin.get_page_url("changelist")
    if request.method == "POST":
        _bulk_resolve(model_admin, request)
        return HttpResponseRedirect(back)
    tasks = _tasks(model_admin, request, request.GET.getlist("id"))
    rows = [_row(model_admin, found) for found in matching.match(tasks)]
    groups = [
        (
            _("On EvoLink’s list"),
            _("Each fits exactly one video. It is attached; nothing is sent or charged again."),
            [row for row in rows if row["is_ticked"]],
        ),
        (
            _("Not on EvoLink’s list"),
            _("Select one to settle it as not accepted: it fails, was not charged, and can be retried."),
            [row for row in rows if row["value"] and not row["is_ticked"]],
        ),
        (
            _("To be decided one by one"),
            _("These are left as they are."),
            [row for row in rows if not row["value"]],
        ),
    ]
    shown = [{"heading": heading, "lead": lead, "rows": of} for heading, lead, of in groups if of]
    return model_admin.render_page(request, "bulk_resolve", _("Settle unconfirmed videos"), groups=shown, back=back)


def _tasks(model_admin: TaskAdminBase, request: HttpRequest, ids: list[str]) -> list[VideoTask]:
    wanted = [pk for value in ids[:MOST] if (pk := as_uuid(value)) is not None]
    rows = model_admin.get_queryset(request).filter(pk__in=wanted, status=TaskStatus.UNCONFIRMED)
    found = [task for task in rows.prefetch_related("inputs") if model_admin.has_resolve_permission(request, task)]
    return sorted(found, key=lambda task: wanted.index(task.pk))


def _row(model_admin: TaskAdminBase, found: Match) -> dict[str, Any]:
    """Return one task as the page shows it, with what EvoLink's list shows of it in words."""
    task, only, remark = found.task, found.only, ""
    decision: Decision | None = None
    if only is not None:
        words = _("%(id)s, started at %(at)s, %(status)s") % {
            "id": only.id,
            "at": formats.clock(only.created) if only.created else "?",
            "status": only.raw_status or "?",
        }
        remark = _("It fits no other open request, and nothing else on the list fits this one.")
        decision = Decision.ATTACH
    elif found.candidates:
        count = len(found.candidates)
        words = ngettext("%(n)s video may be this one", "%(n)s videos may be this one", count) % {"n": count}
        remark = _("Other open requests may have made the same. Decide about this one alone.")
    elif found.is_whole:
        words = _("No unknown video of this model from that time")
        remark = _("EvoLink’s list may lag by a few minutes.")
        decision = Decision.NOT_ACCEPTED
    else:
        words = _("EvoLink’s list could not be read back to the request.")
    does = {
        Decision.ATTACH: _("Attach this video; nothing is sent or charged again."),
        Decision.NOT_ACCEPTED: _("Settle as not accepted; it fails and can be retried."),
    }
    attempt = found.attempt
    value = f"{decision}:{task.pk.hex}" if decision else ""
    return {
        "task": task,
        "thumbnail": markup.thumbnail(task, task.first_frame),
        "settings": markup.settings_line(task),
        "price": formats.credits_in_table(prices.price_now(task)),
        "sent_at": formats.clock(attempt.sent_at) if attempt is not None else "",
        "found": words,
        "remark": remark,
        # What a tick does; nothing where a person has to look at the task by itself.
        "value": value if only is None else f"{value}:{only.id}",
        "does": does[decision] if decision else "",
        "is_ticked": only is not None,
        "resolve_url": model_admin.get_page_url("resolve", task.pk),
    }


def _bulk_resolve(model_admin: TaskAdminBase, request: HttpRequest) -> None:
    wishes: dict[str, tuple[str, str]] = {}
    for value in request.POST.getlist("resolve")[:MOST]:
        decision, _colon, rest = value.partition(":")
        task_id, _colon, provider_task_id = rest.partition(":")
        wishes[task_id] = (decision, provider_task_id)
    if not wishes:
        messages.info(request, _("Nothing was selected, so nothing was settled."))
        return
    until = time.monotonic() + SETTLING_SECONDS

    def resolve(task: VideoTask) -> None:
        decision, provider_task_id = wishes[task.pk.hex]
        if time.monotonic() > until:
            raise TransitionNotAllowed(_("There was no time left for this one. Select it again."))
        if decision == Decision.ATTACH and provider_task_id:
            decisions.attach(task, provider_task_id, by=person(request))
        elif decision == Decision.NOT_ACCEPTED:
            decisions.mark_not_accepted(task, by=person(request))
        else:
            raise TransitionNotAllowed(_("There is no such decision."))

    tasks = _tasks(model_admin, request, list(wishes))
    outcome = action_results.do_to_each(request, tasks, resolve, _("Settled against EvoLink’s list."))
    outcome.tell(request, ngettext_lazy("%(n)s video was settled.", "%(n)s videos were settled.", "n"))
    if missing := len(wishes) - len(tasks):
        words = ngettext("%(n)s was settled meanwhile.", "%(n)s were settled meanwhile.", missing) % {"n": missing}
        messages.info(request, words)
