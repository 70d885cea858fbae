"""The app's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from typing import Any


class WanVideoConfig(AppConfig):
    """Registers checks and the cleaning up of files."""

    name = "django_wanvideo"
    label = "wanvideo"
    verbose_name = _("Videos")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_wanvideo import checks
        from django_wanvideo.models import deletion
        from django_wanvideo.models.base import people

        checks.register_all()
        deletion.connect()
        people.connect()
        post_migrate.connect(_make_rows, sender=self, dispatch_uid="wanvideo.make_rows")


def _make_rows(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Give a database the rows that it has from the start as soon as it has the tables."""
    from django_wanvideo.models import Installation
    from django_wanvideo.services.installation import installation

    connection = connections[using]
    with connection.cursor() as cursor:
        # They are gone after a migration back to nothing.
        there = Installation._meta.db_table in connection.introspection.table_names(cursor)  # noqa: SLF001 - documented API
    if there:
        installation.make_rows(using)
