"""What is wrong with an entry of the catalogue itself, for those that a site has written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError

from django_wanvideo.catalog.inputs import MEDIA_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.catalog.spec import ModelSpec

#: Characters of ``VideoTask.model``.
LONGEST_ID = 80


def problems(spec: ModelSpec) -> Iterator[str]:
    """Yield sentences about what contradicts itself in an entry; nothing for a right one."""
    parameters = [item.name for item in spec.parameters]
    roles = [item.role.value for item in spec.inputs]
    if not spec.id or len(spec.id) > LONGEST_ID:
        yield f"its id must have 1 to {LONGEST_ID} characters"
    for kind, names in (("parameter", parameters), ("input", roles)):
        yield from (f"it has the {kind} {name!r} twice" for name in sorted(set(names)) if names.count(name) > 1)
    for item in spec.parameters:
        if item.default is not None:
            try:
                item.clean(item.default)
            except ValidationError as error:
                yield f"the default of {item.name!r} is refused: {' '.join(error.messages)}"
    for wanted in spec.inputs:
        yield from (f"nothing is known of the format {name!r}" for name in wanted.formats if name not in MEDIA_TYPES)
        if wanted.max_items > 1 and not (wanted.as_list or wanted.keys_parameter):
            yield f"several {wanted.role.value!r} do not fit into one address"
    yield from _unknown_names(spec, {*parameters, *roles})
    yield from _unpriced(spec, parameters)


def _unknown_names(spec: ModelSpec, known: set[str]) -> Iterator[str]:
    named = [rule.parameter for rule in spec.rules] + [name for rule in spec.rules for name, _value in rule.others]
    named += [name for one in spec.one_of for name in one.names if name != "prompt"]
    named += [role.value for together in spec.counted_together for role in together.roles]
    named += [item.keys_parameter for item in spec.inputs if item.keys_parameter]
    named += [item.role.value for item in spec.price.input_seconds]
    yield from (f"it speaks of {name!r}, which it does not take" for name in sorted({*named} - known))


def _unpriced(spec: ModelSpec, parameters: list[str]) -> Iterator[str]:
    yield from (f"its price needs the parameter {name!r}" for name in spec.price.parameters if name not in parameters)
    for multiplier in spec.price.multipliers:
        options = [item.options for item in spec.parameters if item.name == multiplier.parameter]
        values = [option.value for found in options for option in found] or [True, False]
        priced = {value for value, _factor in multiplier.values}
        yield from (f"{multiplier.parameter}={value!r} has no price" for value in values if value not in priced)
