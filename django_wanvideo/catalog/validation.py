"""Checks of what somebody asks a model for. Reads the catalogue's data, changes nothing, names every problem at once."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog import rules
from django_wanvideo.catalog.text import SURROGATE, describe_value, nearest, normalised, plain, printable, wrong_kind
from django_wanvideo.choices import InputRole

if TYPE_CHECKING:
    from django_wanvideo.catalog.inputs import InputSpec
    from django_wanvideo.catalog.parameters import Scalar
    from django_wanvideo.catalog.spec import ModelSpec, PromptSpec

#: Parameters that some Wan model at EvoLink takes, so that a wish for the wrong model is not called a slip of the pen.
FAMILY_PARAMETERS = frozenset(
    {
        "aspect_ratio",
        "duration",
        "generate_audio",
        "generation_mode",
        "keep_original_sound",
        "negative_prompt",
        "prompt_extend",
        "quality",
        "seed",
        "shot_type",
        "voice_bindings",
    },
)

#: Fields of EvoLink's request that are no parameters here.
BESIDE_PARAMETERS = frozenset({"model", "prompt", "callback_url"})

Problems = defaultdict[str, list[ValidationError]]


def clean(
    spec: ModelSpec, prompt: object, parameters: object, inputs: object, *, alternatives: Sequence[ModelSpec] = ()
) -> dict[str, Scalar]:
    """Do what ``catalog.clean`` promises. ``alternatives`` are the models that a message may propose instead."""
    problems: Problems = defaultdict(list)
    problems["prompt"] += prompt_problems(spec.prompt, prompt)
    given = _clean_parameters(spec, parameters, problems, alternatives)
    counts = _clean_inputs(spec, inputs, problems)
    rules.check(spec, given, counts, problems, has_prompt=bool(isinstance(prompt, str) and normalised(prompt)))
    found = {field: errors for field, errors in problems.items() if errors}
    if found:
        raise ValidationError(found)
    chosen: dict[str, Scalar] = {}
    for parameter in spec.parameters:
        if parameter.name in given:
            chosen[parameter.name] = given[parameter.name]
        elif parameter.always_sent and parameter.default is not None:
            chosen[parameter.name] = parameter.default
    return chosen


def prompt_problems(spec: PromptSpec, prompt: object) -> list[ValidationError]:
    """Return what is wrong with a prompt, measured as it is kept and sent (``text.normalised``)."""
    prompt = plain(prompt)
    if prompt is not None and not isinstance(prompt, str):
        return [wrong_kind(_("Write the prompt as text; got %(value)s."), prompt)]
    text = normalised(prompt or "")
    problems = []
    if len(text) > spec.max_length:
        message = _("The prompt has %(length)s characters; this model takes %(limit)s. Shorten it by %(excess)s.")
        params = {"length": len(text), "limit": spec.max_length, "excess": len(text) - spec.max_length}
        problems.append(ValidationError(message, "max_length", params))
    elif spec.required and not any(_is_visible(character) for character in text):
        problems.append(ValidationError(_("Write a prompt: what moves, how the camera moves, the mood."), "required"))
    if "\x00" in text or SURROGATE.search(text):
        message = _("The prompt contains characters that cannot be sent. Type the text again instead of pasting it.")
        problems.append(ValidationError(message, "invalid_characters"))
    return problems


def non_empty(inputs: object) -> dict[str, list[Any]]:
    """Return the inputs that are there, by role; None stands for nothing, alone or in a list."""
    if not isinstance(inputs, Mapping):
        return {}
    return {
        str(role): [item for item in items if item is not None]
        for role, items in inputs.items()
        if isinstance(role, str) and isinstance(items, (list, tuple))
    }


def _clean_parameters(
    spec: ModelSpec, parameters: object, problems: Problems, alternatives: Sequence[ModelSpec]
) -> dict[str, Scalar]:
    """Return the parameters that were set and are right, in the catalogue's order."""
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        message = _("Give the parameters by name, such as duration; got %(value)s.")
        problems["parameters"].append(wrong_kind(message, parameters))
        return {}
    known = {parameter.name: parameter for parameter in spec.parameters}
    cleaned: dict[str, Scalar] = {}
    for name, value in parameters.items():
        if value is None and (name in known or name in FAMILY_PARAMETERS):
            continue
        if not isinstance(name, str):
            problems["parameters"].append(wrong_kind(_("Names of parameters are text; got %(value)s."), name))
        elif name not in known:
            problems[printable(name)].append(_unknown_parameter(spec, name, alternatives))
        else:
            try:
                # An empty text is nothing.
                if (found := known[name].clean(plain(value))) != "":
                    cleaned[name] = found
            except ValidationError as error:
                problems[name].append(error)
    return {name: cleaned[name] for name in known if name in cleaned}


def _unknown_parameter(spec: ModelSpec, name: str, alternatives: Sequence[ModelSpec]) -> ValidationError:
    known = ", ".join(item.name for item in spec.parameters)
    params = {"name": printable(name), "model": spec.short_label, "known": known}
    takers = [str(other.short_label) for other in alternatives if any(item.name == name for item in other.parameters)]
    # Somebody who reads EvoLink's documentation uses its names.
    documented = {field: item.role.value for item in spec.inputs for field in item.request_fields}
    documented |= {field.rsplit(".", 1)[-1]: role for field, role in documented.items()}
    documented |= {item.request_field.split(".")[0]: item.name for item in spec.parameters if "." in item.request_field}
    if name in FAMILY_PARAMETERS and takers:
        params["others"] = ", ".join(takers)
        message = _("%(model)s does not take “%(name)s”. Leave it out, or choose a model that does: %(others)s.")
    elif name in FAMILY_PARAMETERS:
        message = _("%(model)s does not take “%(name)s”. Leave it out.")
    elif name in InputRole.values:
        message = _("Give “%(name)s” as an input, not as a parameter.")
    elif name in BESIDE_PARAMETERS:
        message = _(
            "“%(name)s” does not belong among the parameters: model and prompt stand beside them, and the site sets the "
            "callback address."
        )
    elif meant := documented.get(name) or nearest(name, (item.name for item in spec.parameters)):
        params["meant"] = meant
        message = _("There is no parameter “%(name)s”. Did you mean “%(meant)s”?")
    else:
        message = _("There is no parameter “%(name)s”. %(model)s takes %(known)s.")
    return ValidationError(message, "unknown_parameter", params)


def _clean_inputs(spec: ModelSpec, inputs: object, problems: Problems) -> dict[str, int]:
    """Return how many inputs there are in each role that the model takes."""
    if inputs is None:
        inputs = {}
    elif not isinstance(inputs, Mapping):
        problems["inputs"].append(wrong_kind(_("Give the inputs by role, such as first_frame; got %(value)s."), inputs))
        inputs = {}
    unreadable = set()
    for role, items in inputs.items():
        if items is None:
            continue
        if not isinstance(role, str) or not spec.has_role(role):
            name = printable(role) if isinstance(role, str) else describe_value(role)
            problems[name].append(_unknown_role(spec, name))
        elif not isinstance(items, (list, tuple)):
            unreadable.add(str(role))
            problems[str(role)].append(wrong_kind(_("Give a list, even of one; got %(value)s."), items))
    counts = {role: len(items) for role, items in non_empty(inputs).items() if spec.has_role(role)}
    for item in spec.inputs:
        if item.role.value not in unreadable:
            problems[item.role.value] += _count_problems(spec, item, counts.get(item.role.value, 0))
    return counts


def _count_problems(spec: ModelSpec, item: InputSpec, count: int) -> list[ValidationError]:
    params = {"model": spec.short_label, "role": item.role.label, "count": count, "limit": item.max_items}
    if item.required and not count:
        return [ValidationError(_("Add the %(role)s: a file or a link. %(model)s needs it."), "required", params)]
    if count > item.max_items:
        message = _("%(model)s takes at most %(limit)s %(role)s; %(count)s were given. Remove the others.")
        return [ValidationError(message, "max_items", params)]
    return []


def _unknown_role(spec: ModelSpec, name: str) -> ValidationError:
    params = {"name": name, "model": spec.short_label, "known": ", ".join(item.role.value for item in spec.inputs)}
    if name in InputRole.values:
        message = _("%(model)s does not take “%(name)s”. Remove it.")
    elif meant := nearest(name, (item.role.value for item in spec.inputs)):
        params["meant"] = meant
        message = _("There is no input “%(name)s”. Did you mean “%(meant)s”?")
    else:
        message = _("There is no input “%(name)s”. %(model)s takes %(known)s.")
    return ValidationError(message, "unknown_input", params)


def _is_visible(character: str) -> bool:
    """Tell whether a character is more than space, control or format."""
    return unicodedata.category(character)[0] not in "ZC"
