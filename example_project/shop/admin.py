"""Products in the admin, each beside its video."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html

from .models import Product


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    """Products with the video that the receiver has attached to them."""

    list_display = ["name", "has_video"]
    list_select_related = ["video"]
    search_fields = ["name"]
    raw_id_fields = ["video"]
    readonly_fields = ["player"]

    @admin.display(boolean=True, description="video")
    def has_video(self, product: Product) -> bool:
        return bool(product.video and product.video.video)

    @admin.display(description="player")
    def player(self, product: Product) -> str:
        if not self.has_video(product):
            return 'No video yet. Make one with this product\'s number as {"product": …} in its metadata.'
        return format_html('<video src="{}" controls width="640"></video>', product.video.video.url)
