"""The admin of batches, put together from its pages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.urls import path

from django_wanvideo.admin.batches import check, downloads, make_many, prices, uploads
from django_wanvideo.admin.batches.base import ModelAdmin
from django_wanvideo.admin.batches.change import BatchPagesMixin
from django_wanvideo.admin.batches.forms import preview

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


class BatchAdmin(BatchPagesMixin, ModelAdmin):
    """Batches on Django's own admin."""

    class Media:
        css = {"all": ("wanvideo/wanvideo.css", "wanvideo/batches.css")}

    def get_urls(self) -> list[URLPattern]:
        """Put our addresses before the admin's catch-all."""
        own: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("price/", prices.price_view, "price"),
            ("preview/", preview.preview_view, "preview"),
            ("template/", downloads.template_view, "template"),
            ("<uuid:object_id>/files/", uploads.files_view, "files"),
            ("<uuid:object_id>/check/", check.check_view, "check"),
            ("<uuid:object_id>/bad-rows/", downloads.bad_rows_view, "bad_rows"),
        ]
        wrap = self.admin_site.admin_view
        wrapped = [path(route, wrap(partial(view, self)), name=f"wanvideo_batch_{name}") for route, view, name in own]
        return [*wrapped, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Show the page *Make many videos*."""
        return make_many.make_many_view(self, request)
