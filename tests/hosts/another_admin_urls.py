"""The addresses of the site's own admin: only there are videos, and what shows them."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from django_wanvideo.admin import VideoTaskAdminMixin
from django_wanvideo.chooser import VideoChooserMixin
from django_wanvideo.models import VideoTask
from tests.hosts.shelves.models import Playlist, Shelf, Slot, Teaser

backoffice = admin.AdminSite(name="backoffice")


@admin.register(VideoTask, site=backoffice)
class OwnTaskAdmin(VideoTaskAdminMixin, admin.ModelAdmin):
    """Video tasks on the site's own admin."""


class SlotInline(VideoChooserMixin, admin.TabularInline):
    model = Slot
    extra = 1
    video_files = ("clip",)

    def get_queryset(self, request):
        # Its name is that of its shelf.
        return super().get_queryset(request).select_related("shelf")


@admin.register(Shelf, site=backoffice)
class ShelfAdmin(VideoChooserMixin, admin.ModelAdmin):
    inlines = (SlotInline,)


@admin.register(Slot, site=backoffice)
class SlotAdmin(VideoChooserMixin, admin.ModelAdmin):
    list_select_related = ("shelf",)


@admin.register(Teaser, site=backoffice)
class TeaserAdmin(VideoChooserMixin, admin.ModelAdmin):
    pass


@admin.register(Playlist, site=backoffice)
class PlaylistAdmin(VideoChooserMixin, admin.ModelAdmin):
    autocomplete_fields = ("videos",)


urlpatterns = [
    path("backoffice/", backoffice.urls),
    path("wanvideo/", include("django_wanvideo.urls")),
]
