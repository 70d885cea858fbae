"""The columns of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_wanvideo.admin import figures, markup

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from django_wanvideo.models import MediaInput, VideoTask


def listed_frame(task: VideoTask) -> MediaInput | None:
    """The first frame that the list has fetched with all others, or the task's own."""
    frames = getattr(task, "listed_frames", None)
    if frames is None:
        return task.first_frame
    return frames[0] if frames else None


class ColumnsMixin:
    """Picture, words, state, credits and age; ``owner`` is the model's own field."""

    admin_site: Any

    @admin.display(description=_("Picture"))
    def picture(self, task: VideoTask) -> SafeString:
        """The first frame, small; it repeats the link of the title, so keyboards and readers pass it by."""
        return format_html(
            '<a href="{}" tabindex="-1" aria-hidden="true">{}</a>',
            self.change_url(task),
            markup.thumbnail(task, listed_frame(task)),
        )

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

    @admin.display(description=_("Age"), ordering="created_at")
    def age(self, task: VideoTask) -> SafeString:
        """How long ago it was made."""
        return markup.time_tag(task.created_at, figures.age(task.created_at, timezone.now()))

    def change_url(self, task: VideoTask) -> str:
        """Return the address of a task's page."""
        return reverse("admin:wanvideo_videotask_change", args=[task.pk], current_app=self.admin_site.name)
