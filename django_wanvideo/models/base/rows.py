"""What this app's rows have in common: they are read from the primary, and refer to rows that were read elsewhere."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor

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


class UnaskedDescriptor(ForwardManyToOneDescriptor):  # type: ignore[type-arg]
    """Takes any row of the right model, wherever it was read.

    A router that says nothing of relations forbids those between two aliases, also where one is a replica of the other.
    """

    def __set__(self, instance: models.Model, value: Any) -> None:
        if isinstance(value, self.field.remote_field.model._meta.concrete_model):  # noqa: SLF001 - documented model API
            setattr(instance, self.field.attname, getattr(value, self.field.target_field.attname))
            self.field.set_cached_value(instance, value)
            return
        super().__set__(instance, value)


class RowKey(models.ForeignKey):  # type: ignore[type-arg]
    """Another row of this app, which may have been read from a replica."""

    forward_related_accessor_class = UnaskedDescriptor

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """Stand in migrations as the foreign key that it is."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, options
