"""The shop, a host app of the videos."""

from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Products that show themselves in a video."""

    name = "example_project.shop"
    label = "shop"
    verbose_name = "Shop"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import receivers

        receivers.connect()
