"""The keywords that a task is made and changed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.catalog.text import nearest, printable
from django_wanvideo.catalog.validation import BESIDE_PARAMETERS, FAMILY_PARAMETERS
from django_wanvideo.choices import InputRole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_wanvideo.catalog import ModelSpec

#: What stands beside a model's parameters and inputs.
COLUMNS = ("prompt", "model", "owner", "metadata", "notes", "parent", "by", "idempotency_key", "fix_inputs")


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


def misspelled(spec: ModelSpec, names: Iterable[str]) -> dict[str, list[ValidationError]]:
    """Return an error for each name that is nothing, but nearly a keyword beside the parameters: ``metadta``."""
    known = {item.name for item in spec.parameters} | FAMILY_PARAMETERS | BESIDE_PARAMETERS | set(InputRole.values)
    candidates = [*(item.name for item in spec.parameters), *(item.role.value for item in spec.inputs), *COLUMNS]
    errors = {}
    for name in names:
        meant = nearest(name, candidates)
        if name not in known and meant in COLUMNS:
            message = _("There is no option “%(name)s”. Did you mean “%(meant)s”?")
            params = {"name": printable(name), "meant": meant}
            errors[name] = [ValidationError(message, "unknown_option", params)]
    return errors
