"""What a preset gives a task: the model, the prompt and the parameters that the caller has not given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_wanvideo.models import MediaInput, Preset
from django_wanvideo.models.batches import placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser


@dataclass(frozen=True, slots=True)
class Given:
    """What a task is made of. ``of_preset`` names the fields that the caller has left to the preset."""

    model: str | None
    prompt: Any
    parameters: Mapping[str, Any]
    of_preset: frozenset[str] = frozenset()


def find_preset(preset: Preset | str | None, user: AbstractBaseUser | None) -> Preset | None:
    """Return a preset by its short name. Raises ValidationError where ``user`` has none of that name."""
    if preset is None or isinstance(preset, Preset):
        return preset
    found = Preset.objects.named(preset, user)
    if found is None:
        message = _("There is no preset “%(name)s” that you may use.") % {"name": preset}
        raise ValidationError({"preset": ValidationError(message, code="unknown_preset")})
    return found


def fill_in(
    preset: Preset | None,
    model: str | None,
    prompt: Any,
    parameters: Mapping[str, Any],
    sources: Mapping[str, list[Any]],
) -> Given:
    """Return what the caller has given, and the preset's where that is nothing.

    Raises:
        ValidationError: the preset's prompt names what is not known here; keyed by ``prompt``.
    """
    if preset is None:
        return Given(model, prompt, parameters)
    left = {name for name in preset.parameters if name not in parameters}
    if not model:
        model = preset.model
        left.add("model")
    if prompt is None or prompt == "":
        prompt = fill_names(preset.prompt, sources)
        left.add("prompt")
    return Given(model, prompt, {**preset.parameters, **parameters}, frozenset(left))


def fill_names(template: str, sources: Mapping[str, list[Any]]) -> str:
    """Return a prompt with ``{name}`` replaced by the name of the first file or link, without extension.

    Raises:
        ValidationError: it names what is not known of a single video; keyed by ``prompt``.
    """
    first = next((items[0] for items in sources.values() if items), None)
    name = placeholders.stem(first.url or first.file if isinstance(first, MediaInput) else first)
    try:
        return placeholders.fill(template, {"name": name, "number": 1})
    except ValidationError as error:
        words = {
            "unknown_placeholder": _("Only {name} and {number} are filled in; write something else for {%(name)s}."),
            "empty_placeholder": _("There is no file whose name could stand for {%(name)s}; write something else."),
        }
        errors = [
            ValidationError(words.get(str(one.code), one.message), one.code, one.params) for one in error.error_list
        ]
        raise ValidationError({"prompt": errors}) from error
