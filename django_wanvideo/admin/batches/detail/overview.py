"""What the page of a batch shows: how far it is, what needs attention and what to do about it, credits, some videos."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db.models import Case, OuterRef, Q, Subquery, Value, When
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.admin import holds
from django_wanvideo.admin.approvals import page as approvals
from django_wanvideo.admin.base import as_uuid
from django_wanvideo.admin.batches.changelist import state_chip
from django_wanvideo.admin.batches.detail import download, numbers, operations, summary
from django_wanvideo.admin.presentation import formats, markup
from django_wanvideo.batches.work import IS_MOVING
from django_wanvideo.choices import BatchState, Charge, InputRole, TaskStatus
from django_wanvideo.failures import advice_for, codes_by_heading, codes_for_retry
from django_wanvideo.models import BatchItem, MediaInput
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from django_wanvideo.admin.batches.change import BatchPagesMixin
    from django_wanvideo.admin.batches.detail.numbers import Numbers
    from django_wanvideo.admin.object_actions import Button
    from django_wanvideo.models import Batch, VideoTask

_S = TaskStatus
SHOWN = 24
#: In which order statuses are counted: from the end back to the beginning, then what went wrong.
_ORDER = (
    _S.COMPLETED, _S.STORING, _S.PROCESSING, _S.PENDING, _S.SUBMITTING, _S.QUEUED, _S.DRAFT, _S.UNCONFIRMED, _S.FAILED,
    _S.CANCELLED,
)  # fmt: skip


@dataclass
class Cause:
    """Tasks of a batch that need attention for the same reason."""

    heading: str
    hint: str
    url: str
    label: str
    count: int = 0
    helps: bool = False
    charges: Counter[Charge] = field(default_factory=Counter)
    buttons: list[Button] = field(default_factory=list)

    @property
    def charged(self) -> str:
        """What is known about the money."""
        if len(self.charges) == 1:
            return capfirst(markup.charge_note(*self.charges))
        return ", ".join(f"{number} {markup.charge_note(charge)}" for charge, number in self.charges.most_common())


def context(model_admin: BatchPagesMixin, request: HttpRequest, batch: Batch) -> dict[str, Any]:
    """Return everything that the template reads, by three or four queries."""
    counted: Any = batch
    tasks = model_admin.get_visible_tasks(request).filter(batch=batch)
    found = numbers.of(batch, tasks)
    button = operations.get_priced_button(model_admin, request, batch, found)
    listed = _list_url(model_admin, batch)
    causes = _causes(batch, found, listed)
    helping = [cause for cause in causes if cause.helps]
    is_retry = batch.state != BatchState.READY
    if button is not None and is_retry and len(helping) == 1:
        # It mends this line and no other.
        helping[0].buttons, button = [button], None
    shown = _tiles(model_admin, request, batch, tasks, found.total)
    sees_all = operations.sees_all(batch)
    return {
        "chip": state_chip(batch),
        "head": summary.head(batch, found),
        **approvals.beside_batch(
            model_admin.task_admin,
            request,
            batch,
            withdraw_url=model_admin.get_page_url("operate", batch.pk, operations.WITHDRAW),
        ),
        "done": found.done,
        "now": summary.now_words(batch, found),
        "left": summary.left_words(batch, found),
        "bar": {
            "max": max(summary.expected(batch, found), 1),
            "value": found.done if not summary.is_making(batch) else found.total,
        },
        "used": _("%(used)s of about %(estimated)s credits used")
        % {
            "used": formats.credits_in_table(found.used),
            "estimated": formats.credits_in_table(found.estimated),
        },
        "counts": [
            (markup.chip(status), number, f"{listed}&status={status}" if listed else "")
            for status in _ORDER
            if (number := found.by_status[status])
        ],
        "causes": causes,
        "attention": sum(cause.count for cause in causes),
        "buttons": list(filter(None, [button])),
        "cancel": list(filter(None, [operations.get_cancel_button(model_admin, request, batch, found)])),
        "credits": summary.credits_shown(found),
        "facts": _facts(batch),
        "bad": counted.bad if sees_all else 0,
        "zip": download.words(found) if found.videos else None,
        "videos_url": model_admin.get_page_url("videos", batch.pk),
        "table_url": model_admin.get_page_url("table", batch.pk) if sees_all else "",
        "history_url": model_admin.get_page_url("history", batch.pk),
        "delete_url": model_admin.get_page_url("delete", batch.pk)
        if model_admin.has_delete_permission(request, batch)
        else "",
        "tiles": shown,
        "takes_url": _takes_url(model_admin, batch, shown),
        "total": found.total,
        "rest": found.total - len(shown),
        "list_url": listed,
        "status_url": model_admin.get_page_url("status", batch.pk),
        "version": found.version,
        "live": max(found.moving, int(operations.is_busy(batch))),
    }


def _list_url(model_admin: BatchPagesMixin, batch: Batch) -> str:
    tasks = model_admin.task_admin
    return f"{tasks.get_page_url('changelist')}?{urlencode({'batch': batch.pk})}" if tasks is not None else ""


# What needs attention ------------------------------------------------------------------------------------------------


def _causes(batch: Batch, found: Numbers, listed: str) -> list[Cause]:
    """Return what needs attention by its reason: first what trying again mends, then the most frequent."""
    first_code = {code: codes[0] for codes in codes_by_heading().values() for code in codes}
    helping = set(codes_for_retry())
    causes: dict[str, Cause] = {}
    for group in found.groups:
        if group.status == _S.DRAFT and batch.state in {BatchState.SUBMITTED, BatchState.ENDED} and not batch.operation:
            key, heading = "draft", _("Not sent")
            hint = _("They are drafts still: open one to see why, or to send it.")
            query: dict[str, str] = {"status": _S.DRAFT}
        elif not group.needs_attention:
            continue
        elif group.needs_decision:
            key, heading = "unconfirmed", _("Unconfirmed")
            hint = _("We do not know whether EvoLink accepted it.")
            query = {"status": _S.UNCONFIRMED}
        else:
            advice = advice_for(group.error_code)
            key, heading, hint = str(advice.heading), str(advice.heading), str(advice.whose_move)
            query = {"status": _S.FAILED, "failure": first_code.get(group.error_code, group.error_code)}
        cause = causes.setdefault(key, Cause(heading, hint, f"{listed}&{urlencode(query)}" if listed else "", ""))
        cause.count += group.count
        cause.charges[group.charge] += group.count
        cause.helps = cause.helps or (group.status == _S.FAILED and group.error_code in helping)
    for key, cause in causes.items():
        words = ngettext("Show this one", "Show these %(n)s", cause.count) % {"n": cause.count}
        cause.label = _("Decide…") if key == "unconfirmed" else words
    return sorted(causes.values(), key=lambda cause: (not cause.helps, -cause.count))


def _takes_url(model_admin: BatchPagesMixin, batch: Batch, shown: list[Tile]) -> str:
    """Where the takes stand beside each other; empty where the batch is none of takes, or none is shown."""
    first = next((tile.task for tile in shown if tile.task.take_group == batch.pk), None)
    if first is None or model_admin.task_admin is None:
        return ""
    return f"{model_admin.task_admin.get_page_url('takes', first.pk)}?page=1"


# Facts and tiles -----------------------------------------------------------------------------------------------------


def _facts(batch: Batch) -> list[tuple[str, str]]:
    counted: Any = batch
    found = []
    rows_given = ngettext("%(n)s row", "%(n)s rows", counted.rows) % {"n": counted.rows}
    found.append(
        (_("File") if batch.source_name else _("Given"), ", ".join(filter(None, [batch.source_name, rows_given])))
    )
    if counted.repeats and not batch.settings.get("again"):
        words = ngettext("%(n)s row, left out", "%(n)s rows, left out", counted.repeats)
        found.append((_("Made before"), words % {"n": counted.repeats}))
    if batch.preset is not None:
        found.append((_("Preset"), str(batch.preset)))
    models = batch.settings.get("models") or filter(None, [batch.settings.get("model")])
    if names := ", ".join(markup.model_label(model) for model in models):
        found.append((_("Model"), names))
    if batch.owner is not None:
        found.append((_("Owner"), people.name_of(batch.owner)))
    found.append((_("Created"), formats.clock(batch.created_at)))
    return found


@dataclass(frozen=True)
class Tile:
    """One video of a batch, as a picture with a name."""

    task: VideoTask
    name: str
    url: str
    thumbnail: SafeString
    state: SafeString


def _tiles(
    model_admin: BatchPagesMixin, request: HttpRequest, batch: Batch, tasks: QuerySet[VideoTask], total: int
) -> list[Tile]:
    """Return what needs attention first, then what is on its way, then the newest; or those that are asked for."""
    task_admin = model_admin.task_admin
    if task_admin is None or not total:
        return []
    chosen = [pk for value in request.GET.getlist("tile")[:SHOWN] if (pk := as_uuid(value)) is not None]
    attention = Q(status=_S.FAILED, dismissed_at=None) | Q(status=_S.UNCONFIRMED, next_action_at=None)
    rank = Case(
        When(attention, then=Value(0)),
        When(IS_MOVING & ~Q(status=_S.QUEUED), then=Value(1)),
        When(status=_S.QUEUED, then=Value(2)),
        When(status=_S.COMPLETED, then=Value(3)),
        default=Value(4),
    )
    given = BatchItem.objects.filter(batch=batch, number=OuterRef("row_number")).values("data")
    frames = MediaInput.objects.filter(task=OuterRef("pk"), role=InputRole.FIRST_FRAME, position=0).order_by()
    shown: Any = (tasks.filter(pk__in=chosen) if chosen else tasks).annotate(
        given=Subquery(given[:1]), frame=Subquery(frames.values("thumbnail")[:1])
    )
    shown = list(shown.order_by(rank, "-finished_at", "row_number")[:SHOWN])
    if chosen:
        # Tiles never change places while somebody looks.
        shown.sort(key=lambda task: chosen.index(task.pk))
    holds.label(task_admin, request, shown)
    return [
        Tile(
            task,
            download.name_of(task),
            task_admin.get_page_url("change", task.pk),
            markup.thumbnail(task, MediaInput(thumbnail=task.frame) if task.frame is not None else None),
            markup.state(task),
        )
        for task in shown
    ]
