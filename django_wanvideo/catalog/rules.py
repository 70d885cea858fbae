"""What parameters and inputs have to do with each other: whether a model's rules are kept, and what follows from them."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_wanvideo.catalog.inputs import InputSpec
    from django_wanvideo.catalog.parameters import ParameterSpec, Scalar
    from django_wanvideo.catalog.spec import ModelSpec

Problems = defaultdict[str, list[ValidationError]]

#: A word and a number from 1 on without zeros before it, such as ``image1``.
_KEY = re.compile(r"([a-z]+)([1-9]\d{0,2})")


def check(
    spec: ModelSpec, given: Mapping[str, Scalar], counts: Mapping[str, int], problems: Problems, *, has_prompt: bool
) -> None:
    """Add to ``problems`` what breaks a rule of the model, ``counts`` being the numbers of inputs by role."""
    there = {role: count > 0 for role, count in counts.items()}
    effective = spec.effective_values(given) | {item.role.value: False for item in spec.inputs} | there
    named = {**given, **{role: True for role, is_there in there.items() if is_there}}
    for rule in spec.rules:
        if rule.is_broken(named, effective):
            problems[rule.parameter].append(ValidationError(rule.message, rule.kind, {"rule": rule}))
    for one in spec.one_of:
        if not any(there.get(name) or (name == "prompt" and has_prompt) for name in one.names):
            problems[one.names[0]].append(ValidationError(one.message, code="one_of"))
    for together in spec.counted_together:
        if sum(counts.get(role, 0) for role in together.roles) > together.max_items:
            problems[together.roles[0].value].append(ValidationError(together.message, code="max_items"))
    for wanted in spec.inputs:
        if wanted.keys_parameter:
            _check_keys(wanted, given.get(wanted.keys_parameter), counts, problems)


def _check_keys(wanted: InputSpec, given: object, counts: Mapping[str, int], problems: Problems) -> None:
    """Find what is wrong with saying to which other input each of ``wanted`` belongs."""
    count, name = counts.get(wanted.role, 0), wanted.keys_parameter
    keys, known = keys_of(wanted, given, counts), keys_of(wanted, None, counts)
    words = dict(wanted.key_roles)
    if given and not count:
        message = _("This says whose the voices are, but there are none. Add them, or empty it.")
        problems[name].append(ValidationError(message, "requires"))
        return
    for key in keys if given else ():
        match = _KEY.fullmatch(key)
        params = {"key": printable(key), "known": ", ".join(known) or "–"}
        if match is None or match[1] not in words:
            message = _("“%(key)s” names no input. Write names such as image1 and video2, with commas between them.")
        elif int(match[2]) > counts.get(words[match[1]], 0):
            message = _("There is no “%(key)s”. The inputs are %(known)s.")
        elif keys.count(key) > 1:
            message = _("“%(key)s” stands there twice. Each can have one voice.")
        else:
            continue
        problems[name].append(ValidationError(message, "invalid_key", params))
        return
    if count and (count > len(keys) or (given and count != len(keys))):
        message = _("There are %(count)s voices for %(keys)s names. Give one voice for each.")
        field = name if given else wanted.role.value
        problems[field].append(ValidationError(message, "keys", {"count": count, "keys": len(keys)}))


def following_inputs(
    spec: ModelSpec, parameter: ParameterSpec, inputs: Mapping[str, Sequence[object]]
) -> Scalar | None:
    """Return the choice that the rules leave beside ``inputs``, for a parameter that nobody has set; None for no one."""
    effective = {item.role.value: bool(inputs.get(item.role)) for item in spec.inputs}
    left = [
        option.value
        for option in parameter.options
        if not any(rule.is_broken({parameter.name: option.value}, effective) for rule in spec.rules)
    ]
    return left[0] if len(left) == 1 else None


def keys_of(wanted: InputSpec, given: object, counts: Mapping[str, int]) -> list[str]:
    """Return to which other input each one of ``wanted`` belongs: as given, else in the order of ``key_roles``."""
    if isinstance(given, str) and given:
        return [key.strip() for key in given.split(",")]
    return [f"{word}{n}" for word, role in wanted.key_roles for n in range(1, counts.get(role, 0) + 1)]
