"""Tasks as tiles: a picture with what matters laid over it, the words of the prompt, and one line below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_wanvideo.admin.presentation import detail_page, formats, markup, status_text
from django_wanvideo.choices import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.admin.views.main import ChangeList
    from django.utils.safestring import SafeString

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.models import VideoTask

_S = TaskStatus
#: Whose second line says whose they are and how old; the others say what their status means now.
_AT_REST = frozenset({_S.DRAFT, _S.COMPLETED, _S.CANCELLED})
_TONES = {_S.FAILED: " is-failed", _S.UNCONFIRMED: " is-warning"}
_OVER = '<span class="wv-over {}">{}{}</span>'
#: As many to a row as fit: a page of twelve, or a multiple of it, has no gap in its last row.
COLUMNS = 12


@dataclass(frozen=True, slots=True)
class Tile:
    """One task of the grid."""

    task: VideoTask
    url: str
    words: str
    poster: SafeString
    video: str
    line: SafeString
    #: The box that selects it for an action; empty where there are no actions.
    tick: SafeString | str
    is_live: bool


def of(changelist: ChangeList) -> Iterator[Tile]:
    """Yield the tiles of a page of the list."""
    model_admin: Any = changelist.model_admin
    frame: dict[str, Any] = {"preserved_filters": changelist.preserved_filters, "opts": changelist.opts}
    has_ticks = "action_checkbox" in changelist.list_display
    task: Any
    for task in changelist.result_list:
        yield Tile(
            task=task,
            url=add_preserved_filters(frame, changelist.url_for_result(task)),
            words=task.prompt[:200] or str(task.pk),
            tick=model_admin.action_checkbox(task) if has_ticks else "",
            is_live=not task.is_finished and task.status != _S.DRAFT,
            **parts(model_admin, task),
        )


def parts(model_admin: TaskAdminBase, task: VideoTask) -> dict[str, Any]:
    """Return what changes of a tile when its task moves on: ``poster``, ``video`` (an address) and ``line``."""
    video = detail_page.video(model_admin, task)
    return {"poster": _poster(task), "video": video["player"] if video is not None else "", "line": _line(task)}


def _poster(task: VideoTask) -> SafeString:
    frame = markup.listed_frame(task)
    if address := markup.still_url(task, frame, small=True):
        picture = format_html('<img src="{}" width="192" height="108" alt="" loading="lazy">', address)
    else:
        picture = markup.icon("image" if frame is not None else "processing")
    over = [
        format_html(
            _OVER, "is-picked at-top-end", markup.icon("star-full"), format_html("<span>{}</span>", _("Picked"))
        )
        if task.picked
        else "",
        format_html(_OVER, "at-bottom-start", "", price) if (price := markup.price_words(task)) else "",
        format_html(_OVER, "at-bottom-end", markup.icon("play"), length) if (length := markup.length(task)) else "",
        markup.progress(task.progress, _("Progress")) if task.status == _S.PROCESSING else "",
    ]
    return format_html("{}{}{}{}{}{}", picture, markup.chip(task.status), *over)


def _line(task: VideoTask) -> SafeString:
    """Return the line below the words, and for readers to whom the poster is hidden what is laid over it."""
    told = [str(capfirst(_S(task.status).label)), _("Picked") if task.picked else "", markup.price_words(task)]
    hidden = format_html('<span class="visually-hidden">{}</span>', ", ".join(filter(None, told)))
    if task.status in _AT_REST:
        take = _("take %(n)s") % {"n": task.take_number} if task.take_number else ""
        owner = str(task.owner) if task.owner is not None else ""
        words = " · ".join(filter(None, [owner, formats.age(task.created_at), formats.unbroken(take)]))
        return format_html('{}<span class="wv-sub">{}</span>', hidden, words)
    summary = status_text.status_summary(task)
    resolve_url = getattr(task, "resolve_url", "")
    if resolve_url and status_text.needs_decision(task):
        return format_html('{}<a class="wv-sub is-warning" href="{}">{}</a>', hidden, resolve_url, summary)
    return format_html('{}<span class="wv-sub{}">{}</span>', hidden, _TONES.get(_S(task.status), ""), summary)
