"""What was written and given for a task, brought into the form that is kept; all that is wrong with it is said at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from django.core.exceptions import ValidationError
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.catalog import json_values, media, text
from django_wanvideo.catalog.text import nearest, printable
from django_wanvideo.catalog.validation import BESIDE_PARAMETERS, FAMILY_PARAMETERS
from django_wanvideo.choices import InputRole
from django_wanvideo.models.creation import inspection
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_wanvideo.catalog import MediaFacts, ModelSpec
    from django_wanvideo.catalog.inputs import Fix
    from django_wanvideo.models import MediaInput, VideoTask

#: What PostgreSQL refuses in a text.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
#: What stands beside a model's parameters and inputs.
COLUMNS = ("prompt", "model", "owner", "metadata", "notes", "parent", "by", "idempotency_key", "fix_inputs", "preset")


class TaskOptions(TypedDict, total=False):
    """Inputs by role, and parameters under EvoLink's names; which of them a model takes stands in the catalogue.

    An input is a link, an open file, a ``pathlib.Path``, the file of a model's field or a stored input; ``None`` stands
    for nothing, and for a parameter's default.
    """

    last_frame: Any
    reference_images: Any
    reference_videos: Any
    source_video: Any
    audio: Any
    voices: Any
    document: Any
    #: Seconds.
    duration: int | None
    quality: str | None
    aspect_ratio: str | None
    prompt_extend: bool | None
    shot_type: str | None
    generate_audio: bool | None
    seed: int | None
    negative_prompt: str | None
    generation_mode: str | None
    keep_original_sound: bool | None
    #: To which inputs the voices belong, in their order: ``image1, video2``.
    voice_bindings: str | None


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
    fix: Fix = False,
) -> tuple[dict[str, Any], list[MediaInput]]:
    """Return what a draft's row says of all this, the price too, and unsaved inputs.

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
    for role, items in sources.items():
        if role in errors:
            continue
        try:
            inputs += inspection.inspect(spec, {role: items}, keep_of=keep_of, fix=fix)
        except ValidationError as error:
            error.update_error_dict(errors)
    facts = facts_of(inputs)
    try:
        # Limits that depend on a setting which is wrong itself have nothing to be held against.
        media.check(spec, facts, cleaned or {**parameters, **dict.fromkeys(errors, "")})
    except ValidationError as error:
        error.update_error_dict(errors)
    errors |= written.errors | misspelled(spec, parameters)
    if errors:
        raise ValidationError(errors)
    columns: dict[str, Any] = {
        "model": spec.id,
        "prompt": written.prompt,
        "parameters": cleaned,
        "credits_estimated": catalog.estimate(spec, cleaned, facts),
        "notes": written.notes,
        "metadata": written.metadata,
    }
    return columns, inputs


def facts_of(inputs: Iterable[MediaInput]) -> dict[str, list[MediaFacts]]:
    """Return what was measured of clips, sounds and documents, by role in their order; pictures are judged one by one."""
    return {
        role: [item.facts for item in items]
        for role, items in by_role(inputs).items()
        if catalog.media_type_for(role) != "image"
    }


def misspelled(spec: ModelSpec, names: Iterable[str]) -> dict[str, list[ValidationError]]:
    """Return an error for each name that is nothing, but nearly a keyword beside the parameters: ``metadta``."""
    parameters = [item.name for item in spec.parameters]
    known = FAMILY_PARAMETERS | BESIDE_PARAMETERS | {*parameters, *InputRole.values}
    candidates = [*parameters, *(item.role.value for item in spec.inputs), *COLUMNS]
    errors = {}
    for name in names:
        if name not in known and (meant := nearest(name, candidates)) in COLUMNS:
            message = _("There is no option “%(name)s”. Did you mean “%(meant)s”?")
            params = {"name": printable(name), "meant": meant}
            errors[name] = [ValidationError(message, "unknown_option", params)]
    return errors


def as_list(value: Any) -> list[Any]:
    """Return what was given for a role as a list; nothing, an empty text and an empty file are none."""
    value = text.plain(value)
    # A model's file field without a file is nothing, as an empty text is.
    if value is None or (isinstance(value, (str, FieldFile)) and not value):
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
