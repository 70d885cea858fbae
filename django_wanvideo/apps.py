"""The app's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.db import connections, router
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
        from django_wanvideo.catalog import registry
        from django_wanvideo.conf import conf
        from django_wanvideo.models import deletion
        from django_wanvideo.models.base import people

        registry.follow(lambda: conf.MODELS)
        checks.register_all()
        deletion.connect()
        people.connect()
        post_migrate.connect(make_rows, sender=self, dispatch_uid="wanvideo.make_rows")


def make_rows(using: str, **kwargs: Any) -> None:
    """Give a database the rows that it has from the start: its id, before anything is copied from it, and the locks.

    Of several first claims that made a lock themselves, MariaDB would end all but one as a deadlock.
    """
    from django_wanvideo.batches import making
    from django_wanvideo.models import Installation, SiteState
    from django_wanvideo.services.holds import lock

    connection = connections[using]
    with connection.cursor() as cursor:
        # They are gone after a migration back to nothing.
        there = Installation._meta.db_table in connection.introspection.table_names(cursor)  # noqa: SLF001 - documented API
    if there and router.allow_migrate_model(using, Installation):
        Installation.objects.using(using).get_or_create(pk=Installation.ONLY)
        for name in (lock.LOCK_NAME, making.LOCK_NAME):
            SiteState.objects.using(using).get_or_create(name=name)
