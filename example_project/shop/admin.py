"""Products in the admin, each beside its video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils.html import format_html

from .models import Product

if TYPE_CHECKING:
    ProductModelAdmin = admin.ModelAdmin[Product]
else:
    ProductModelAdmin = admin.ModelAdmin


@admin.register(Product)
class ProductAdmin(ProductModelAdmin):
    """Products with the video that the receiver has attached to them."""

    list_display = ["name", "has_video"]
    list_select_related = ["video"]
    search_fields = ["name"]
    raw_id_fields = ["video"]
    readonly_fields = ["player"]

    @admin.display(boolean=True, description="video")
    def has_video(self, product: Product) -> bool:
        return product.video is not None and bool(product.video.video)

    @admin.display(description="player")
    def player(self, product: Product) -> str:
        if product.video is None or not product.video.video:
            return f'No video yet. Make one whose metadata is {{"product": {product.pk or "…"}}}.'
        return format_html('<video src="{}" controls width="640"></video>', product.video.video.url)
