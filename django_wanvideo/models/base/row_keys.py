"""Foreign keys that ask no router whether two rows may refer to each other."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor


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
