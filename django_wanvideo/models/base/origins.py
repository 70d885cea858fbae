"""Which object of the site a video is made for, in a column of its own, so that it can be found by that."""

from __future__ import annotations

from typing import Any

from django.db import models

#: The key of a task's metadata that says so.
NAME = "made_for"
#: Characters that the column holds.
LONGEST = 200


def key_in(metadata: object) -> str:
    """Return what a task's metadata says; empty where it says nothing."""
    value = metadata.get(NAME) if isinstance(metadata, dict) else None
    return value[:LONGEST] if isinstance(value, str) else ""


class MadeForField(models.CharField):  # type: ignore[type-arg]
    """What ``metadata["made_for"]`` says, each time that a row is written; empty where it says nothing.

    A generated column would do the same, but with one every check of the site's settings needs its database.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Read it from the metadata."""
        text = key_in(getattr(model_instance, "metadata", None))
        setattr(model_instance, self.attname, text)
        return text

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """Stand in migrations as the column that it is."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options
