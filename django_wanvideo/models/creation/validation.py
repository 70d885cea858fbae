"""What was written and given for a task, brought into the form that is kept; all that is wrong with it is said at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.catalog import json_values, text
from django_wanvideo.models.creation import inspection, options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import MediaInput, VideoTask

#: What PostgreSQL refuses in a text.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Written:
    """What people and programs wrote, in the form in which it is kept; ``errors`` are by field."""

    prompt: Any
    notes: str
    metadata: dict[str, Any]
    errors: dict[str, list[Any]]

    @classmethod
    def of(cls, prompt: Any, notes: Any, metadata: Any) -> Written:
        """Take what was given; line ends become LF, blank ends go."""
        errors: dict[str, list[Any]] = {}
        prompt, notes = text.plain(prompt), text.plain(notes)
        if notes is not None and not isinstance(notes, str):
            errors["notes"] = [text.wrong_kind(_("Write the notes as text; got %(value)s."), notes)]
            notes = ""
        notes = text.normalised(notes or "")
        if _UNSTORABLE.search(notes):
            message = _(
                "The notes contain characters that cannot be stored. Type the text again instead of pasting it."
            )
            errors["notes"] = [ValidationError(message, code="invalid_characters")]
        try:
            metadata = json_values.clean(metadata)
        except ValidationError as error:
            errors["metadata"] = error.error_list
            metadata = {}
        return cls(text.normalised(prompt) if isinstance(prompt, str) else prompt, notes, metadata, errors)


def validate(
    spec: ModelSpec,
    written: Written,
    parameters: Mapping[str, Any],
    sources: Mapping[str, list[Any]],
    *,
    keep_of: VideoTask | None = None,
    key_problem: ValidationError | None = None,
    fix: bool = False,
) -> tuple[dict[str, Any], list[MediaInput]]:
    """Return the parameters as the model takes them, and unsaved inputs.

    Args:
        sources: by role, lists of links, files, paths or stored inputs.
        keep_of, fix: as for ``inspection.inspect``.
        key_problem: what is wrong with the caller's key, to be said beside the rest.

    Raises:
        ValidationError: keyed by field, all problems at once.
    """
    errors: dict[str, list[Any]] = {"idempotency_key": [key_problem]} if key_problem else {}
    cleaned: dict[str, Any] = {}
    inputs: list[MediaInput] = []
    try:
        cleaned = catalog.clean(spec, prompt=written.prompt, parameters=dict(parameters), inputs=dict(sources))
    except ValidationError as error:
        error.update_error_dict(errors)
    try:
        judged = {role: items for role, items in sources.items() if role not in errors}
        inputs = inspection.inspect(spec, judged, keep_of=keep_of, fix=fix)
    except ValidationError as error:
        error.update_error_dict(errors)
    errors |= written.errors | options.misspelled(spec, parameters)
    if errors:
        raise ValidationError(errors)
    return cleaned, inputs


def as_list(value: Any) -> list[Any]:
    """Return what was given for a role as a list; nothing, an empty text and an empty file are none."""
    value = text.plain(value)
    # A model's file field without a file is nothing, as an empty text is.
    if value is None or (isinstance(value, (str, FieldFile)) and not value):
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
