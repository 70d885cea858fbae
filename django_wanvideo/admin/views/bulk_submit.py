"""The step between choosing tasks and spending credits on them.

The action keeps a plan, with what each task was said to cost, and leads to a page that shows it; that page can be
reloaded and gone back to. Sending works through the plan in bounded steps, each a request of its own, and moves only
the tasks that still are what was shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from django_wanvideo.admin.action_results import REFUSALS, Outcome, do_to_each, not_pressed, reason_of
from django_wanvideo.admin.approvals import asking
from django_wanvideo.admin.base import person
from django_wanvideo.admin.presentation import approvals as wording
from django_wanvideo.admin.presentation import formats, prices
from django_wanvideo.admin.views import planning, plans
from django_wanvideo.admin.views.planning import CHUNK, Planner
from django_wanvideo.choices import ApprovalKind
from django_wanvideo.services.sending import actions as sending

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse, QueryDict
    from django_stubs_ext import StrPromise

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.admin.views.planning import Page
    from django_wanvideo.admin.views.plans import Progress, StoredPlan
    from django_wanvideo.models import VideoTask

#: At most so many tasks are chosen at a time.
MOST = 5000
#: Tasks that one request sends.
STEP = 250


def make(
    model_admin: TaskAdminBase, request: HttpRequest, queryset: QuerySet[VideoTask], *, again: bool = False
) -> HttpResponse:
    """Keep what would be sent and at what price, and lead to the page that shows it."""
    entries: list[plans.Entry] = []
    planner = Planner(model_admin, request, again)
    for task in planner.read(queryset)[: MOST + 1].iterator(chunk_size=CHUNK):
        entries.append(planner.entry_of(task))
        # A task and its prefetched inputs hold each other; this lets go of both now.
        getattr(task, "_prefetched_objects_cache", {}).clear()
    back = request.get_full_path()
    if len(entries) > MOST:
        text = _("At most %(n)s tasks can be sent at a time. Select fewer.") % {"n": MOST}
        messages.warning(request, text)
        return HttpResponseRedirect(back)
    token = plans.keep(request.user, entries, again=again, back=back)
    return HttpResponseRedirect(model_admin.get_page_url("plan", token))


def plan_view(model_admin: TaskAdminBase, request: HttpRequest, token: str) -> HttpResponse:
    """Show each task with its price or its problem, and the total; of a plan that is being sent, how far it is."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    model_admin.require(request, None, "view")
    plan = _plan_or_none(model_admin, request, token)
    if plan is None:
        return HttpResponseRedirect(model_admin.get_page_url("changelist"))
    progress = plans.progress(token)
    if progress.chosen is not None:
        return _sent_page(model_admin, request, plan, progress, progress.chosen)
    shown = Planner(model_admin, request, plan.again).page_of(plan, _ticks(request.GET))
    context = {
        "plan": shown,
        "count": len(shown.chosen),
        "again": plan.again,
        "token": token if shown.can_send else "",
        "total": formats.credits_in_table(shown.total),
        "button": _button(plan, shown),
        "as_of": _price_date(plan, shown),
        "forecast": [*filter(None, [wording.needed(person(request), shown.total, 2)]), *prices.forecast(shown.costs)],
        "back": plan.back,
        "send_url": model_admin.get_page_url("send"),
    }
    words = {"n": len(shown.chosen), "all": len(plan.entries)}
    if plan.again:
        title = ngettext(
            "Retry %(n)s of %(all)s selected task?", "Retry %(n)s of %(all)s selected tasks?", words["all"]
        )
    else:
        title = ngettext("Generate %(n)s video?", "Generate %(n)s videos?", words["n"])
    return model_admin.render_page(request, "confirm", title % words, **context)


def send_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponse:
    """Send what the page has shown, once; a long plan in several steps."""
    if request.method != "POST":
        return not_pressed(request, model_admin.get_page_url("changelist"))
    token, back = request.POST.get("plan", ""), model_admin.get_page_url("changelist")
    plan = _plan_or_none(model_admin, request, token)
    if plan is None:
        return HttpResponseRedirect(back)
    address = model_admin.get_page_url("plan", token)
    at = int(request.POST["at"]) if request.POST.get("at", "").isdecimal() else 0
    chosen = plans.progress(token).chosen
    if chosen is None:
        ticks = _ticks(request.POST) if plan.again else None
        if ticks is not None and ticks != plans.numbers([request.POST.get("shown", "")]):
            messages.info(request, _("You changed the selection. This is what it costs now."))
            return HttpResponseRedirect(f"{address}?t={'.'.join(map(str, ticks))}")
        at, chosen = 0, plan.chosen_places(ticks)
        if not chosen:
            messages.warning(request, _("Nothing is selected, so nothing was sent."))
            return HttpResponseRedirect(address)
        chosen = _admitted(model_admin, request, plan, chosen)
        if not chosen:
            return HttpResponseRedirect(back)
    if at not in range(0, len(chosen), STEP) or not plans.begin_step(token, at, chosen if at == 0 else None):
        messages.info(request, _("These tasks have been sent already; nothing was sent a second time."))
        return HttpResponseRedirect(back if _next_step(chosen, plans.progress(token)) is None else address)
    _take_step(model_admin, request, plan, at, chosen[at : at + STEP])
    if at + STEP < len(chosen):
        return HttpResponseRedirect(address)
    progress = plans.progress(token)
    Outcome(progress.done, progress.reasons).tell(request, _success(plan))
    return HttpResponseRedirect(address if progress.left else back)


def _plan_or_none(model_admin: TaskAdminBase, request: HttpRequest, token: str) -> StoredPlan | None:
    model_admin.require(request, None, "submit")
    plan = plans.read(token, request.user)
    if plan is None:
        messages.error(request, _("This page is too old or was not made for you. Select the tasks again."))
    return plan


def _admitted(model_admin: TaskAdminBase, request: HttpRequest, plan: StoredPlan, chosen: list[int]) -> list[int]:
    """Return what is sent now: all that was chosen, or what is free where the rest has to be approved first."""
    quoted = {place: quote for place in chosen if (quote := plan.entries[place].quote) is not None}
    if not asking.is_needed(request, quoted.values()):
        return chosen
    found = Planner(model_admin, request, plan.again).tasks_at(plan.entries, list(quoted))
    allowed = {task: quoted[place] for place, task in found.items() if model_admin.has_submit_permission(request, task)}
    going = asking.admitted(request, allowed, ApprovalKind.RETRY if plan.again else ApprovalKind.SUBMIT)
    waiting = {task for task in allowed if task not in going}
    # What is gone, or not this person's to send, is told where it is tried.
    return [place for place in chosen if found.get(place) not in waiting]


def _take_step(model_admin: TaskAdminBase, request: HttpRequest, plan: StoredPlan, at: int, places: list[int]) -> None:
    """Do to some of the chosen tasks what was shown, and write down how it went."""
    found = Planner(model_admin, request, plan.again).tasks_at(plan.entries, places)
    place_of = {task.pk: place for place, task in found.items()}
    move = sending.retry if plan.again else sending.enqueue
    left: dict[int, str] = {}

    def step(task: VideoTask) -> None:
        place = place_of[task.pk]
        try:
            model_admin.require(request, task, "submit")
            move(task, by=person(request), agreed=plan.entries[place].quote)
        except REFUSALS as error:
            left[place] = reason_of(error)
            raise

    words = _("Sent to be generated again.") if plan.again else _("Sent to be generated.")
    outcome = do_to_each(request, found.values(), step, words)
    if gone := len(places) - len(found):
        outcome.reasons[_("It is no longer there, or you may not see it.")] += gone
    plans.end_step(plan.token, at, done=outcome.done, reasons=outcome.reasons, left=left)


def _sent_page(
    model_admin: TaskAdminBase, request: HttpRequest, plan: StoredPlan, progress: Progress, chosen: list[int]
) -> HttpResponse:
    """Show what was sent and what was left alone, or go on with what is still to be sent."""
    following = _next_step(chosen, progress)
    if following is not None:
        context: dict[str, Any] = {
            "token": plan.token,
            "at": following,
            "done": min(len(progress.begun) * STEP, len(chosen)),
            "count": len(chosen),
            "send_url": model_admin.get_page_url("send"),
        }
        return model_admin.render_page(request, "confirm_progress", _("Sending…"), **context)
    places = sorted(progress.left)[: plans.SHOWN]
    found = Planner(model_admin, request, plan.again).tasks_at(plan.entries, places)
    context = {
        "rows": [planning.Row(task, place, plan.entries[place], progress.left[place]) for place, task in found.items()],
        "done": _success(plan) % {"n": progress.done} if progress.done else _("Nothing was sent."),
        "left": progress.reasons.total(),
        "back": plan.back,
    }
    return model_admin.render_page(request, "confirm_sent", _("Sent"), **context)


def _next_step(chosen: list[int], progress: Progress) -> int | None:
    """Return where the first step begins that nobody has taken; ``None`` where there is none."""
    return next((at for at in range(0, len(chosen), STEP) if at not in progress.begun), None)


def _ticks(data: QueryDict) -> list[int] | None:
    """Return the ticked places; ``None`` where nobody has said what is ticked."""
    if "t" not in data and "shown" not in data:
        return None
    return plans.numbers(data.getlist("t"))


def _button(plan: StoredPlan, shown: Page) -> str:
    count = len(shown.chosen)
    if not plan.again:
        words = ngettext(
            "Generate %(n)s video for about %(credits)s credits",
            "Generate %(n)s videos for about %(credits)s credits",
            count,
        )
    elif not count:
        return _("Retry the selected ones")
    elif shown.fetched == count:
        return ngettext("Fetch %(n)s file again, free of charge", "Fetch %(n)s files again, free of charge", count) % {
            "n": count
        }
    elif shown.looks_first:
        words = ngettext(
            "Retry %(n)s video for up to %(credits)s credits", "Retry %(n)s videos for up to %(credits)s credits", count
        )
    else:
        words = ngettext(
            "Retry %(n)s video for about %(credits)s credits", "Retry %(n)s videos for about %(credits)s credits", count
        )
    return words % {"n": count, "credits": formats.credits_on_button(shown.total)}


def _price_date(plan: StoredPlan, shown: Page) -> Any:
    """The oldest price list that a shown price is from."""
    quotes = [plan.entries[place].quote for place in shown.chosen]
    dates = [parse_date(quote.as_of) for quote in quotes if quote is not None and quote.as_of]
    return min(filter(None, dates), default=timezone.localdate())


def _success(plan: StoredPlan) -> StrPromise:
    if plan.again:
        return ngettext_lazy("%(n)s video will be tried again.", "%(n)s videos will be tried again.", "n")
    return ngettext_lazy("%(n)s video will be generated.", "%(n)s videos will be generated.", "n")
