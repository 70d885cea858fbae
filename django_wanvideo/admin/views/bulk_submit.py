"""The step between choosing tasks and spending credits on them.

The action keeps a plan, with what each task was said to cost, and leads to a page that shows it; that page can be
reloaded and gone back to. Sending works through the plan in bounded steps, each a request of its own, and moves only
the tasks that still are what was shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin import themes
from django_wanvideo.admin.action_results import REFUSALS, Outcome, do_to_each, reason_of
from django_wanvideo.admin.presentation import forecasts, formats
from django_wanvideo.admin.views import planning, plans
from django_wanvideo.admin.views.planning import CHUNK
from django_wanvideo.services.sending import actions

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, QueryDict
    from django.http.response import HttpResponseBase

    from django_wanvideo.admin.views.planning import Page
    from django_wanvideo.admin.views.plans import Progress, StoredPlan
    from django_wanvideo.models import VideoTask

__all__ = ["CHUNK", "MOST", "STEP", "make", "page", "send"]

#: At most so many tasks are chosen at a time.
MOST = 5000
#: Tasks that one request sends.
STEP = 250


def make(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[VideoTask], *, again: bool = False
) -> HttpResponseBase:
    """Keep what would be sent and at what price, and lead to the page that shows it."""
    entries: list[plans.Entry] = []
    for task in planning.read(queryset, again=again)[: MOST + 1].iterator(chunk_size=CHUNK):
        entries.append(planning.entry_of(model_admin, request, task, again=again))
        # A task and its prefetched inputs hold each other; this lets go of both now.
        getattr(task, "_prefetched_objects_cache", {}).clear()
    back = request.get_full_path()
    if len(entries) > MOST:
        text = _("At most %(n)s tasks can be sent at a time. Select fewer.") % {"n": MOST}
        messages.warning(request, text)
        return HttpResponseRedirect(back)
    token = plans.keep(request.user, entries, again=again, back=back)
    return HttpResponseRedirect(model_admin.page_url("plan", token))


def page(model_admin: Any, request: HttpRequest, token: str) -> HttpResponseBase:
    """Show each task with its price or its problem, and the total; of a plan that is being sent, how far it is."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    plan = _plan_or_none(model_admin, request, token)
    if plan is None:
        return HttpResponseRedirect(model_admin.page_url("changelist"))
    request.current_app = model_admin.admin_site.name
    progress = plans.progress(token)
    if progress.chosen is not None:
        return _sent_page(model_admin, request, plan, progress)
    shown = planning.page_of(model_admin, request, plan.entries, _ticks(request.GET), again=plan.again)
    context = {
        **themes.frame(model_admin, request, _title(plan, shown)),
        "plan": shown,
        "count": len(shown.chosen),
        "again": plan.again,
        "token": token if shown.can_send else "",
        "total": formats.credits_in_table(shown.total),
        "button": _button(plan, shown),
        "as_of": _price_date(plan, shown),
        "forecast": forecasts.lines(shown.costs),
        "back": plan.back,
        "send_url": model_admin.page_url("send"),
    }
    return TemplateResponse(request, "admin/wanvideo/videotask/confirm.html", context)


def send(model_admin: Any, request: HttpRequest) -> HttpResponseBase:
    """Send what the page has shown, once; a long plan in several steps."""
    token = request.POST.get("plan", "")
    plan = _plan_or_none(model_admin, request, token)
    if plan is None:
        return HttpResponseRedirect(model_admin.page_url("changelist"))
    address = model_admin.page_url("plan", token)
    at = int(request.POST["at"]) if request.POST.get("at", "").isdecimal() else 0
    chosen = plans.progress(token).chosen
    if chosen is None:
        ticks = _ticks(request.POST) if plan.again else None
        if ticks is not None and ticks != _numbers(request.POST.get("shown", "")):
            messages.info(request, _("You changed the selection. This is what it costs now."))
            return HttpResponseRedirect(f"{address}?t={'.'.join(map(str, ticks))}")
        at, chosen = 0, planning.chosen_places(plan.entries, ticks)
        if not chosen:
            messages.warning(request, _("Nothing is selected, so nothing was sent."))
            return HttpResponseRedirect(address)
    if at not in range(0, len(chosen), STEP) or not plans.begin_step(token, at, chosen if at == 0 else None):
        messages.info(request, _("These tasks have been sent already; nothing was sent a second time."))
        is_over = _next_step(chosen, plans.progress(token)) is None
        return HttpResponseRedirect(model_admin.page_url("changelist") if is_over else address)
    _take_step(model_admin, request, plan, at, chosen[at : at + STEP])
    progress = plans.progress(token)
    if at + STEP < len(chosen):
        return HttpResponseRedirect(address)
    outcome = Outcome()
    outcome.done, outcome.reasons = progress.done, progress.reasons
    outcome.tell(request, _success(again=plan.again))
    return HttpResponseRedirect(address if progress.left else model_admin.page_url("changelist"))


def _plan_or_none(model_admin: Any, request: HttpRequest, token: str) -> StoredPlan | None:
    if not model_admin.has_submit_permission(request):
        raise PermissionDenied
    plan = plans.read(token, request.user)
    if plan is None:
        messages.error(request, _("This page is too old or was not made for you. Select the tasks again."))
    return plan


def _take_step(model_admin: Any, request: HttpRequest, plan: StoredPlan, at: int, places: list[int]) -> None:
    """Do to some of the chosen tasks what was shown, and write down how it went."""
    by_id = {plan.entries[place].task_id: place for place in places}
    tasks = list(planning.read(model_admin.get_queryset(request).filter(pk__in=by_id), again=plan.again))
    move = actions.retry if plan.again else actions.enqueue
    left: dict[int, str] = {}

    def step(task: VideoTask) -> None:
        place = by_id[task.pk]
        try:
            if not model_admin.has_submit_permission(request, task):
                raise PermissionDenied
            move(task, by=request.user, agreed=plan.entries[place].quote)  # type: ignore[arg-type]
        except REFUSALS as error:
            left[place] = reason_of(error)
            raise

    words = _("Sent to be generated again.") if plan.again else _("Sent to be generated.")
    outcome = do_to_each(request, tasks, step, words)
    if gone := len(places) - len(tasks):
        outcome.reasons[_("It is no longer there, or you may not see it.")] += gone
    plans.end_step(plan.token, at, done=outcome.done, reasons=outcome.reasons, left=left)


def _sent_page(model_admin: Any, request: HttpRequest, plan: StoredPlan, progress: Progress) -> HttpResponseBase:
    """Show what was sent and what was left alone, or go on with what is still to be sent."""
    chosen = progress.chosen or []
    following = _next_step(chosen, progress)
    if following is not None:
        context = {
            **themes.frame(model_admin, request, _("Sending…")),
            "token": plan.token,
            "at": following,
            "done": min(len(progress.begun) * STEP, len(chosen)),
            "count": len(chosen),
            "send_url": model_admin.page_url("send"),
        }
        return TemplateResponse(request, "admin/wanvideo/videotask/confirm_progress.html", context)
    places = sorted(progress.left)[: planning.SHOWN]
    tasks = model_admin.get_queryset(request).filter(pk__in=[plan.entries[place].task_id for place in places])
    found = {task.pk: task for task in planning.read(tasks, again=plan.again)}
    rows = [
        planning.Row(task, place, plan.entries[place].quote, progress.left[place])
        for place in places
        if (task := found.get(plan.entries[place].task_id)) is not None
    ]
    success = _success(again=plan.again)
    context = {
        **themes.frame(model_admin, request, _("Sent")),
        "rows": rows,
        "done": success(progress.done) if progress.done else _("Nothing was sent."),
        "left": progress.reasons.total(),
        "back": plan.back,
    }
    return TemplateResponse(request, "admin/wanvideo/videotask/confirm_sent.html", context)


def _next_step(chosen: list[int], progress: Progress) -> int | None:
    """Return where the first step begins that nobody has taken; ``None`` where there is none."""
    return next((at for at in range(0, len(chosen), STEP) if at not in progress.begun), None)


def _ticks(data: QueryDict) -> list[int] | None:
    """Return the ticked places; ``None`` where nobody has said what is ticked."""
    if "t" not in data and "shown" not in data:
        return None
    return sorted({number for text in data.getlist("t") for number in _numbers(text)})


def _numbers(text: str) -> list[int]:
    return sorted({int(part) for part in text.split(".") if part.isdecimal() and len(part) < 6})


def _title(plan: StoredPlan, shown: Page) -> str:
    count = len(shown.chosen)
    if plan.again:
        return ngettext("Retry %(n)s video?", "Retry %(n)s videos?", count) % {"n": count}
    return ngettext("Generate %(n)s video?", "Generate %(n)s videos?", count) % {"n": count}


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
    return min((date for date in dates if date is not None), default=timezone.localdate())


def _success(*, again: bool) -> Any:
    def words(n: int) -> str:
        if again:
            return ngettext("%(n)s video will be tried again.", "%(n)s videos will be tried again.", n) % {"n": n}
        return ngettext("%(n)s video will be generated.", "%(n)s videos will be generated.", n) % {"n": n}

    return words
