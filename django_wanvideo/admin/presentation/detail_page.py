"""What the page of a sent task shows, and which buttons it has now."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.db.models import Q, prefetch_related_objects
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin import holds
from django_wanvideo.admin.presentation import formats, history, markup, names, status_text, used_by
from django_wanvideo.catalog.media import limits
from django_wanvideo.choices import TaskStatus
from django_wanvideo.failures import advice_for, charge_words, quotation
from django_wanvideo.models.base import people
from django_wanvideo.models.creation import files
from django_wanvideo.services.storing import posters

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import Attempt, MediaInput, VideoTask

_S = TaskStatus
#: How many tasks made from this one are shown.
SHOWN_CHILDREN = 12


def context(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> dict[str, Any]:
    """Return everything that the template of a sent task reads."""
    attempts = sorted(task.attempts.all(), key=lambda attempt: attempt.number)
    events = list(people.fetched_with(task.events.select_related("attempt"), "actor"))
    prefetch_related_objects([task], "inputs")
    frame = task.first_frame
    holds.label(model_admin, request, [task])
    return {
        "task": task,
        "status_url": model_admin.get_page_url("status"),
        **live_parts(model_admin, task),
        "frame": frame,
        "still_url": markup.still_url(task, frame),
        # A link that somebody gave is not loaded, since it would tell that site who looks.
        "frame_url": files.url_of(frame.shown_file) if frame is not None else "",
        "frame_caption": frame_caption(frame),
        "inputs": other_inputs(task, frame),
        "facts": [*facts(task), *_batch(model_admin, task)],
        "credits": credits_known(task),
        "lines": history.lines(events),
        "requests": [request_shown(attempt, task) for attempt in attempts],
        "related": related(model_admin, request, task),
        "used_by": used_by.users_of(model_admin.admin_site, request, task),
        "purpose": used_by.purpose_of(model_admin.admin_site, request, task),
        "can_change": model_admin.has_change_permission(request, task),
        "poster_url": model_admin.get_page_url("poster", task.pk) if posters.can_choose(task) else "",
    }


def related(model_admin: TaskAdminBase, request: HttpRequest, task: VideoTask) -> dict[str, Any]:
    """Return what the task was made from and what was made from it, as far as this person may see it."""
    seen = model_admin.get_queryset(request).filter(Q(parent_id=task.pk) | Q(pk=task.parent_id))
    # What it was made from is the oldest, so it is not cut off.
    found: list[dict[str, Any]] = [
        {
            "task": other,
            "url": model_admin.get_page_url("change", other.pk),
            "thumbnail": markup.thumbnail(other, other.first_frame),
            "line": status_text.status_summary(other),
        }
        for other in seen.order_by("created_at").prefetch_related("inputs")[: SHOWN_CHILDREN + 1]
    ]
    return {
        "parent": next((row for row in found if row["task"].pk == task.parent_id), None),
        "children": [row for row in found if row["task"].pk != task.parent_id][:SHOWN_CHILDREN],
    }


def live_parts(model_admin: TaskAdminBase, task: VideoTask) -> dict[str, Any]:
    """Return what changes while one watches: the status, the bar, the steps."""
    is_being_made = task.status == _S.PROCESSING
    # Being copied counts as made.
    value = 100 if task.status in {_S.STORING, _S.COMPLETED} else task.progress
    return {
        "chip": markup.chip(task.status),
        "head": status_text.status_headline(task),
        "is_live": not task.is_finished and task.status != _S.DRAFT,
        "steps": steps(task),
        "now": status_text.percent(task.progress) if is_being_made else status_text.status_summary(task),
        "left": status_text.remaining(task, exact=True) if is_being_made or task.status == _S.PENDING else "",
        "leaving": status_text.leaving_words(task),
        "value": value,
        "bar": markup.progress(value, _("Progress"), large=True),
        "video": video(model_admin, task),
        "outcome": outcome(task) if task.status in {_S.FAILED, _S.CANCELLED} else None,
        "expires": expiry(task),
    }


def steps(task: VideoTask) -> list[dict[str, Any]]:
    names = [
        (_("Queued"), "queued"),
        (_("Sent"), "submitting"),
        (_("Accepted"), "pending"),
        (_("Being made"), "processing"),
        (_("Stored here"), "storing"),
    ]
    order = {_S.QUEUED: 0, _S.SUBMITTING: 1, _S.UNCONFIRMED: 1, _S.PENDING: 2, _S.PROCESSING: 3, _S.STORING: 4}
    at = order.get(_S(task.status), 5 if task.status == _S.COMPLETED else -1)
    return [
        {"name": name, "icon": "completed" if i < at else icon, "is_done": i < at, "is_current": i == at}
        for i, (name, icon) in enumerate(names)
    ]


def video(model_admin: TaskAdminBase, task: VideoTask) -> dict[str, Any] | None:
    """Where the stored video is; no address where its storage gives none."""
    if not task.video:
        return None
    url = files.url_of(task.video)
    player = files.player_url(task.video) or model_admin.get_page_url("video", task.pk)
    return {
        "url": url,
        "name": task.video.name,
        "download": names.of_video(task),
        "download_url": f"{model_admin.get_page_url('video', task.pk)}?download=1",
        "player": player,
        "size": formats.megabytes(task.video_size),
    }


def outcome(task: VideoTask) -> dict[str, Any]:
    advice = advice_for(task.error_code)
    found = {
        "heading": advice.heading,
        "what": advice.explanation,
        "quote": quotation(task.error_message),
        "charge": charge_words(task),
        "move": advice.whose_move,
        "hint": advice.hint,
    }
    if task.status == _S.CANCELLED and not task.error_code:
        found["heading"], found["what"] = _("Cancelled"), _("It was cancelled before it was sent.")
        found["move"] = _("Retry if you still want the video.")
    return found


def expiry(task: VideoTask) -> str:
    """How long EvoLink's link lives, while that matters."""
    if task.result_expires_at is None or task.video or not task.result_url:
        return ""
    left = (task.result_expires_at - timezone.now()).total_seconds()
    if left <= 0 and task.status == TaskStatus.STORING:
        # The end is computed, and the link is tried beyond it.
        return _("EvoLink keeps files for a day, which is over; copying is still tried.")
    if left <= 0:
        return _("EvoLink’s link has ended.")
    return _("EvoLink keeps the file for %(time)s more.") % {"time": formats.seconds_in_words(left)}


def facts(task: VideoTask) -> list[tuple[str, str]]:
    spec = markup.spec_of(task.model)
    if spec is None:
        rows = [(name, str(value)) for name, value in task.parameters.items()]
    else:
        values = spec.effective_values(task.parameters)
        rows = [(str(item.label), formats.setting(item, values[item.name])) for item in spec.parameters]
    rows.append((_("Model"), markup.model_label(task.model)))
    if task.owner is not None:
        rows.append((_("Owner"), people.name_of(task.owner)))
    rows.append((_("Created"), formats.clock(task.created_at)))
    if task.video:
        rows.append((_("Video"), _("%(size)s, MP4") % {"size": formats.megabytes(task.video_size)}))
    if task.error_code:
        rows.append((_("Error code"), task.error_code))
    return rows


def _batch(model_admin: TaskAdminBase, task: VideoTask) -> list[tuple[str, str]]:
    if task.batch_id is None:
        return []
    return [(_("Batch"), markup.of_batch(task, model_admin.get_batch_url(task)))]


def credits_known(task: VideoTask) -> dict[str, Any]:
    """Estimated, reserved, used, and what that means."""
    charge = charge_words(task)
    used, estimated = task.credits_used, task.credits_estimated
    difference = ""
    if used is not None and estimated and used != 0 and abs(used - estimated) > estimated / 100:
        words = _("%(n)s more than estimated") if used > estimated else _("%(n)s less than estimated")
        difference = words % {"n": formats.credits_in_table(abs(used - estimated))}
    return {
        "estimated": formats.credits_in_table(estimated),
        "reserved": formats.credits_in_table(task.credits_reserved),
        "used": formats.credits_in_table(used),
        "difference": difference,
        "words": f"{charge.verdict} {charge.sentence}".strip(),
    }


def frame_caption(frame: MediaInput | None) -> str:
    if frame is None or not frame.width:
        return ""
    measured = formats.measured(frame.facts)
    if frame.sent_size is None:
        return measured
    return f"{measured}. " + _("It is sent as %(w)s × %(h)s JPEG.") % {"w": frame.sent_width, "h": frame.sent_height}


def other_inputs(task: VideoTask, frame: MediaInput | None) -> list[dict[str, Any]]:
    """Return the inputs beside the first frame: what is known of each, and what could not be checked before it is sent."""
    spec = catalog.find(task.model)
    rows = []
    for item in task.inputs.all():
        if item == frame:
            continue
        is_known = spec is not None and spec.has_role(item.role) and task.status != _S.COMPLETED
        remarks = limits.remarks(spec.input(item.role), item.facts, is_link=bool(item.url)) if spec and is_known else ()
        address, name = item.url or files.url_of(item.shown_file), item.url or PurePath(item.file.name or "").name
        about = {"label": capfirst(item.get_role_display()), "url": address, "name": name, "remarks": list(remarks)}
        rows.append(about | {"measured": formats.measured(item.facts)})
    return rows


def request_shown(attempt: Attempt, task: VideoTask) -> dict[str, Any]:
    """The request of an attempt as JSON; our own uploads are called so, and addresses of our own files lose what signs them."""
    inputs = task.inputs.all()
    uploads = {item.uploaded_url for item in inputs if item.uploaded_url}
    names = tuple(f"/{quote(item.file.name or '')}" for item in inputs if item.file)

    def shown(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shown(item) for key, item in value.items()}
        if isinstance(value, list):
            return [shown(item) for item in value]
        if isinstance(value, str) and (address := value.partition("?"))[1] and address[0].endswith(names):
            return f"{address[0]}?…"
        return _("(uploaded copy of the picture)") if value in uploads else value

    return {"number": attempt.number, "json": json.dumps(shown(attempt.request), indent=2, ensure_ascii=False)}
