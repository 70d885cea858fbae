"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WanVideoConfig(AppConfig):
    """Registers checks and the cleaning up of files."""

    name = "django_wanvideo"
    label = "wanvideo"
    verbose_name = _("Videos")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_wanvideo import checks
        from django_wanvideo.services import deleting

        checks.register_all()
        deleting.connect()
