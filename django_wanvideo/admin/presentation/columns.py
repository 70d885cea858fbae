"""The columns of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_wanvideo.admin.presentation import formats, markup

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from django_wanvideo.models import MediaInput, VideoTask


def listed_frame(task: VideoTask) -> MediaInput | None:
    """The first frame that the list has fetched with all others, or the task's own."""
    frames = getattr(task, "listed_frames", None)
    if frames is None:
        return task.first_frame
    return frames[0] if frames else None


def linked_picture(task: VideoTask) -> SafeString:
    """The small picture as the content of a link."""
    return format_html(
        '{}<span class="visually-hidden">{}</span>', markup.thumbnail(task, listed_frame(task)), str(task)
    )


class ColumnsMixin:
    """Picture, words, state, credits, owner and date."""

    @admin.display(description=_("Picture"))
    def picture(self, task: VideoTask) -> SafeString:
        """The first frame, small, with the words that name its link."""
        return linked_picture(task)

    @admin.display(description=_("Task"))
    def task(self, task: VideoTask) -> SafeString:
        """The first words of the prompt and the main settings."""
        words = task.prompt[:200] or str(task.pk)
        return format_html(
            '<span class="wv-clip" dir="auto">{}</span> <span class="wv-sub">{}</span>',
            words,
            markup.settings_line(task),
        )

    @admin.display(description=_("Status"), ordering="status")
    def state(self, task: VideoTask) -> SafeString:
        """The status and what it means right now; rows that move carry what the live module needs."""
        return format_html(
            '<div class="wv-status" data-wanvideo-task="{}" data-status="{}"{}>{}</div>',
            task.pk,
            task.status,
            "" if task.is_finished or task.status == "draft" else format_html(' data-live="{}"', "1"),
            markup.state(task),
        )

    @admin.display(description=_("Credits"))
    def credits(self, task: VideoTask) -> SafeString:
        """Used, or estimated."""
        return markup.credits_cell(task)

    @admin.display(description=_("Owner"), ordering="owner_id")
    def owned_by(self, task: VideoTask) -> SafeString | str:
        """The owner, who leads to all of their tasks in this list."""
        if task.owner is None:
            return "–"
        url = getattr(task, "owner_url", "")
        return format_html('<a href="{}">{}</a>', url, task.owner) if url else str(task.owner)

    @admin.display(description=_("Created"), ordering="created_at")
    def created(self, task: VideoTask) -> SafeString:
        """When it was made, and how long ago that is."""
        now = timezone.now()
        return format_html(
            '{}<span class="wv-sub">{}</span>',
            markup.time_tag(task.created_at, formats.clock(task.created_at, now)),
            formats.age(task.created_at, now),
        )
