"""What our list stands beside: Django's own ``ModelAdmin`` over the same rows.

``bare`` is ``site.register(VideoTask)`` and nothing else: one column, which shows far less than ours. ``usual`` has
the columns, filters and search that a project writes first.
"""

from __future__ import annotations

from django.contrib import admin

from django_wanvideo.models import VideoTask


class UsualAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # the class takes none at run time
    """The same facts as our list, each by the option that Django documents for it."""

    list_display = ("thumbnail", "prompt", "status", "progress", "model", "credits_used", "owner", "created_at")
    list_filter = ("status", "model", "owner")
    search_fields = ("prompt", "=attempts__provider_task_id")

    def thumbnail(self, task: VideoTask) -> str:
        """The first frame's small picture, read from the row's own inputs."""
        frame = task.first_frame
        return frame.thumbnail.url if frame and frame.thumbnail else ""


bare_site = admin.AdminSite("bare")
bare_site.register(VideoTask)
usual_site = admin.AdminSite("usual")
usual_site.register(VideoTask, UsualAdmin)
