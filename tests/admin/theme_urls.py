"""The test site's addresses, with video tasks registered as the recipe for themes says."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin

from django_wanvideo.admin import VideoTaskAdminMixin
from django_wanvideo.models import VideoTask

if settings.THEME == "unfold":
    from unfold.admin import ModelAdmin

    admin.site.unregister(VideoTask)

    @admin.register(VideoTask)
    class ThemedTaskAdmin(VideoTaskAdminMixin, ModelAdmin):
        """Video tasks in Unfold."""


# The admin's addresses are made of what is registered when this is imported.
from tests.urls import urlpatterns

__all__ = ["urlpatterns"]
