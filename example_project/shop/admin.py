"""Products in the admin, each beside its video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils.html import format_html

from django_wanvideo.chooser import VideoChooserMixin

from .models import Product

if TYPE_CHECKING:
    from django.http import HttpRequest

    ProductModelAdmin = admin.ModelAdmin[Product]
else:
    ProductModelAdmin = admin.ModelAdmin


@admin.register(Product)
class ProductAdmin(VideoChooserMixin, ProductModelAdmin):
    """Products, each with a video that is chosen by its picture, or attached by the receiver when it is made."""

    list_display = ["name", "has_video"]
    list_select_related = ["video"]
    search_fields = ["name"]
    readonly_fields = ["player"]
    video_sources = {"video": "photo", "loop": "photo"}
    video_files = ["loop"]

    def get_video_metadata(self, request: HttpRequest, obj: Product, name: str) -> dict[str, object]:
        """Let the receiver attach the video that is made for the product."""
        return {"product": obj.pk} if name == "video" else {}

    @admin.display(boolean=True, description="video")
    def has_video(self, product: Product) -> bool:
        return product.video is not None and bool(product.video.video)

    @admin.display(description="player")
    def player(self, product: Product) -> str:
        if product.video is None or not product.video.video:
            return "No video yet."
        return format_html('<video src="{}" controls width="640"></video>', product.video.video.url)
