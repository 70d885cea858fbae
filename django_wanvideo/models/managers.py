"""Managers of this app's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db import models

from django_wanvideo import database

if TYPE_CHECKING:
    M = TypeVar("M", bound=models.Model)
else:
    M = TypeVar("M")


class PrimaryManager(models.Manager[M]):
    """Reads from the database that the rows are written to, unless told otherwise with ``using()``.

    What is decided here is decided on what was committed; a replica that a site's router reads from may lag behind.
    """

    def get_queryset(self) -> models.QuerySet[M]:
        """Return all rows, of the primary."""
        rows = super().get_queryset()
        return rows if self._db else rows.using(database.alias())
