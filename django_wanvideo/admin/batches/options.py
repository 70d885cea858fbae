"""The admin of batches, put together from its pages."""

from __future__ import annotations

from django.contrib import admin

from django_wanvideo.admin.batches.change import BatchPagesMixin


class BatchAdmin(BatchPagesMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Batches on Django's own admin."""

    class Media:
        css = {"all": ("wanvideo/wanvideo.css",)}
