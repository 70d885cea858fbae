"""A video as a card: in the list that one chooses from, and in a form where one is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_wanvideo.admin.presentation import formats, markup, status_text
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models.base import people

if TYPE_CHECKING:
    from typing import Any

    from django_wanvideo.models import VideoTask


@dataclass(frozen=True)
class Card:
    """What is shown of a task."""

    pk: str
    title: str
    #: Its main settings, when it was made, and by whom.
    line: str = ""
    #: By whom and how long ago, where there is little room.
    sub: str = ""
    poster: str = ""
    length: str = ""
    url: str = ""
    #: What stands in the way of playing it.
    note: str = ""
    status: str = ""
    is_picked: bool = False
    #: Whether the person may know more of it than that it is there.
    is_known: bool = True


def card_of(task: VideoTask, url: str = "") -> Card:
    """Return what is shown of a task that the person may know of; ``url`` is its page."""
    who = people.name_of(task.owner) if task.owner is not None else ""
    settings = markup.settings_line(task, with_model=False)
    return Card(
        pk=str(task.pk),
        title=task.prompt[:200] or str(task.pk),
        line=" · ".join(filter(None, [settings, formats.clock(task.created_at), who])),
        sub=" · ".join(filter(None, [who, formats.age(task.created_at)])),
        poster=markup.still_url(task, markup.listed_frame(task), small=True),
        length=length_of(task),
        url=url,
        note=note_of(task),
        status=task.status,
        is_picked=bool(task.picked),
    )


def unknown_card(pk: Any) -> Card:
    """Return what is shown of a chosen task of which this person may know nothing, not even whether it is there."""
    return Card(str(pk), _("A video that you may not see. It stays as long as you choose no other."), is_known=False)


def length_of(task: VideoTask) -> str:
    """Return the length of a finished video: "0:05"."""
    seconds = task.parameters.get("duration")
    if task.status != TaskStatus.COMPLETED or not isinstance(seconds, int):
        return ""
    return f"{seconds // 60}:{seconds % 60:02d}"


def note_of(task: VideoTask) -> str:
    """Return how far a task is that is no video yet; empty for one that is."""
    if task.status == TaskStatus.COMPLETED:
        return ""
    if task.status == TaskStatus.PROCESSING:
        text = _("Being made: %(percent)s.") % {"percent": status_text.percent(task.progress)}
    else:
        state, summary = capfirst(TaskStatus(task.status).label), status_text.status_summary(task)
        text = f"{state}: {summary}." if summary else f"{state}."
    return text if task.is_finished else f"{text} " + _("It is shown here when it is ready.")
