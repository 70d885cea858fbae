"""The page on which takes stand beside each other, six at a time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import takes
from django_wanvideo.admin import holds
from django_wanvideo.admin.people import choices
from django_wanvideo.admin.presentation import detail_page, formats, markup
from django_wanvideo.admin.takes.differences import Line, compare
from django_wanvideo.choices import ACTIVE_STATUSES, EventKind, TaskStatus
from django_wanvideo.models import TaskEvent
from django_wanvideo.models.base import people
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask

#: Takes that stand beside each other.
SHOWN = 6


@dataclass(frozen=True)
class Take:
    """One take as the page shows it."""

    task: VideoTask
    #: Which key picks it; beyond nine takes are counted from the first of the page.
    key: int
    url: str
    more_url: str
    pick_url: str
    #: Address and name of the stored video; ``None`` as long as there is none.
    video: dict[str, Any] | None
    poster: str
    state: SafeString
    lines: list[Line]
    can_be_picked: bool

    @property
    def is_live(self) -> bool:
        """Whether it changes by itself."""
        return self.task.status in ACTIVE_STATUSES


def takes_view(model_admin: TaskAdminBase, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """Show the takes that this task is one of, or keep whether keys pick; of a task by itself lead to where more are made."""
    task = model_admin.get_task_or_404(request, object_id, "view")
    if task.take_group is None:
        name = "make_takes" if model_admin.has_add_permission(request) else "change"
        return HttpResponseRedirect(model_admin.get_page_url(name, task.pk))
    if request.method == "POST":
        choices.keep(request, choices.KEYS, request.POST.get("keys", ""))
        is_script = "wanvideo" in request.headers.get("X-Requested-With", "")
        return HttpResponse(status=204) if is_script else HttpResponseRedirect(request.get_full_path())
    return render(model_admin, request, task)


def render(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask, *, refusal: str = "") -> HttpResponse:
    """Answer with the page; ``refusal`` says why a pick was not done."""
    page = context(model_admin, request, task)
    return model_admin.render_page(
        request, "takes", _("Takes"), original=task, subtitle=str(task), refusal=refusal, page=page
    )


def context(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> dict[str, Any]:
    """Return everything that the template reads, by a number of queries that does not grow with the takes."""
    visible = model_admin.get_queryset(request).filter(take_group=task.take_group)
    rows = list(visible.order_by("take_number").values_list("pk", "take_number", "status"))
    if not rows:
        raise Http404(_("There is no such task, or you may not see it."))
    pages = [rows[at : at + SHOWN] for at in range(0, len(rows), SHOWN)]
    number = _page_number(request, [[row[0] for row in page] for page in pages], task)
    shown_ids = [row[0] for row in pages[number - 1]]
    loaded = {found.pk: found for found in visible.filter(pk__in={rows[0][0], *shown_ids})}
    prefetch_related_objects(list(loaded.values()), "inputs")
    shown, first = [loaded[pk] for pk in shown_ids if pk in loaded], loaded.get(rows[0][0], task)
    holds.label(model_admin, request, shown)
    comparison = compare(shown, first)
    picked = takes.takes_of(task).filter(picked=True).first()
    may_pick = picked is None or any(row[0] == picked.pk for row in rows)
    is_short = all((item.take_number or 0) <= 9 for item in shown)
    found = [
        _take(
            model_admin, request, item, (is_short and item.take_number) or at, comparison.differing[item.pk], may_pick
        )
        for at, item in enumerate(shown, start=1)
    ]
    statuses = [row[2] for row in rows]
    return {
        "takes": found,
        "chip": _chip(statuses),
        "head": _head(picked, statuses, is_seen=may_pick),
        "seen": picked.pk if picked is not None and may_pick else "",
        "download": _download(model_admin, picked) if may_pick else None,
        "pages": [
            {
                "words": (_("Takes %(first)s to %(last)s") if page[1:] else _("Take %(first)s"))
                % {"first": page[0][1], "last": page[-1][1]},
                "url": f"?page={at}",
                "is_current": at == number,
            }
            for at, page in enumerate(pages, start=1)
        ]
        if len(pages) > 1
        else [],
        "same": [*comparison.same, Line(_("Credits"), _credits(shown))],
        "is_whole": len(pages) == 1,
        "first_number": first.take_number,
        "has_differences": any(comparison.differing.values()),
        "frame": _frame(shown),
        "has_sound": any(item.parameters.get("generate_audio") is not False for item in shown),
        "has_keys": choices.of(request, choices.KEYS) == choices.ON,
        "keys": [take.key for take in found if may_pick and model_admin.has_pick_permission(request, take.task)],
        "query": f"?page={number}" if len(pages) > 1 else "",
        "status_url": model_admin.get_page_url("status"),
        "drafts": [row[0] for row in rows if row[2] == TaskStatus.DRAFT]
        if model_admin.has_submit_permission(request)
        else [],
        "list_url": model_admin.get_page_url("changelist"),
        "make_url": model_admin.get_page_url("make_takes", task.pk) if model_admin.has_add_permission(request) else "",
    }


def _page_number(request: HttpRequest, pages: list[list[uuid.UUID]], task: VideoTask) -> int:
    """Return which page is asked for; without a word the one on which the task itself stands."""
    asked = request.GET.get("page", "")
    if asked.isdecimal() and len(asked) < 6 and 1 <= int(asked) <= len(pages):
        return int(asked)
    return next((number for number, page in enumerate(pages, start=1) if task.pk in page), 1)


def _take(
    model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask, key: int, lines: list[Line], may_pick: bool
) -> Take:
    video = detail_page.video(model_admin, task)
    is_done = task.status == TaskStatus.COMPLETED
    return Take(
        task,
        key,
        model_admin.get_page_url("change", task.pk),
        model_admin.get_page_url("make_takes", task.pk) if model_admin.has_add_permission(request) else "",
        model_admin.get_page_url("pick", task.pk),
        video if is_done and video is not None and video["url"] else None,
        markup.still_url(task, task.first_frame),
        markup.state(task),
        lines,
        is_done and may_pick and model_admin.has_pick_permission(request, task),
    )


# Words ---------------------------------------------------------------------------------------------------------------


def _chip(statuses: list[str]) -> SafeString:
    done = statuses.count(TaskStatus.COMPLETED)
    tone = TaskStatus.COMPLETED if done == len(statuses) else TaskStatus.DRAFT
    if any(status in ACTIVE_STATUSES for status in statuses):
        tone = TaskStatus.PROCESSING
    words = _("%(done)s of %(count)s completed") % {"done": done, "count": len(statuses)}
    return markup.chip(tone, words)


def _head(picked: VideoTask | None, statuses: list[str], *, is_seen: bool) -> str:
    """Say which take is picked, by whom and when; of others that they are kept."""
    if picked is not None and not is_seen:
        return _("A take that you may not see is picked.")
    if picked is not None:
        event = TaskEvent.objects.filter(task_id=picked.pk, kind=EventKind.PICKED)
        last = people.fetched_with(event, "actor").order_by("-id").first()
        who = people.name_of(last.actor) if last is not None and last.actor is not None else ""
        values = {"n": picked.take_number, "who": who, "at": formats.clock(last.created_at if last else None)}
        words = _("Take %(n)s is picked, by %(who)s at %(at)s.") if who else _("Take %(n)s is picked.")
        kept = _("The other takes are kept.") if len(statuses) > 1 else ""
        return f"{words % values} {kept}".strip()
    moving = sum(status in ACTIVE_STATUSES for status in statuses)
    words = ngettext("%(n)s is still being made.", "%(n)s are still being made.", moving) % {"n": moving}
    return f"{_('No take is picked yet.')} {words if moving else ''}".strip()


def _download(model_admin: TaskAdminBase, picked: VideoTask | None) -> dict[str, Any] | None:
    video = detail_page.video(model_admin, picked) if picked is not None else None
    if picked is None or video is None or not video["url"]:
        return None
    words = _("Download take %(n)s (%(size)s)") % {"n": picked.take_number, "size": video["size"]}
    return {"url": video["url"], "name": video["download"], "words": words}


def _credits(tasks: list[VideoTask]) -> str:
    """What the takes cost, each and together; what is not charged yet as it is estimated."""
    known = [_cost(task) for task in tasks]
    total = sum(known, Decimal(0))
    is_exact = all(task.credits_used is not None for task in tasks)
    amount = formats.credits_in_table(total)
    sum_ = amount if is_exact else _("about %(n)s") % {"n": amount}
    if len(set(known)) == 1 and len(known) > 1:
        values = {"each": formats.credits_in_table(known[0]), "sum": sum_, "n": len(known)}
        return _("%(each)s each, %(sum)s for these %(n)s") % values
    return _("%(sum)s together") % {"sum": sum_} if len(known) > 1 else sum_


def _cost(task: VideoTask) -> Decimal:
    return next(
        (known for known in (task.credits_used, task.credits_reserved, task.credits_estimated) if known is not None),
        Decimal(0),
    )


def _frame(tasks: list[VideoTask]) -> dict[str, str] | None:
    """The picture that all start from; ``None`` where they have others, or none that this site stores."""
    frames = [task.first_frame for task in tasks]
    first = frames[0] if frames else None
    if first is None or len({(frame.sha256, frame.url, frame.size) if frame else None for frame in frames}) > 1:
        return None
    url = files.url_of(first.shown_file)
    return {"url": url, "caption": detail_page.frame_caption(first)} if url else None
