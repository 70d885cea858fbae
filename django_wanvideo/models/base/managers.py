"""Managers and querysets of this app's rows."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

from django_wanvideo.db import database

M = TypeVar("M", bound=models.Model)


class PrimaryQuerySet(models.QuerySet[M]):
    """Reads from the database that the rows are written to, unless told otherwise with ``using()``.

    What is decided here is decided on what was committed; a replica that a site's router reads from may lag behind.
    """

    @property
    def db(self) -> str:
        """The alias that is asked. As part of a query of another model the rows are read where that one is."""
        return getattr(self, "_db", None) or database.alias()


class PrimaryManager(models.Manager[M]):
    """All rows, of the primary."""

    _queryset_class = PrimaryQuerySet


class Row(models.Model):
    """A row of this app, which is read from the primary also where it is reached from another row."""

    objects = PrimaryManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
