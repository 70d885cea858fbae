"""The test site's addresses, with video tasks registered as the recipe for themes says."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin

from django_wanvideo.admin import VideoTaskAdminMixin
from django_wanvideo.models import VideoTask
from example_project.shop.admin import ProductAdmin
from example_project.shop.models import Product

if settings.THEME == "unfold":
    from unfold.admin import ModelAdmin

    admin.site.unregister(VideoTask)

    @admin.register(VideoTask)
    class ThemedTaskAdmin(VideoTaskAdminMixin, ModelAdmin):
        """Video tasks in Unfold."""

    admin.site.unregister(Product)

    @admin.register(Product)
    class ThemedProductAdmin(ProductAdmin, ModelAdmin):
        """Products, of which each chooses a video, in Unfold."""


# The admin's addresses are made of what is registered when this is imported.
from tests.urls import urlpatterns

__all__ = ["urlpatterns"]
