"""A task held against the catalogue: what is wrong with it, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from django_wanvideo import catalog
from django_wanvideo.choices import InputRole, TaskStatus

if TYPE_CHECKING:
    from decimal import Decimal

    from django_wanvideo.models.input import MediaInput
    from django_wanvideo.models.task import VideoTask

#: The columns that the price follows.
PRICED = frozenset({"model", "parameters"})


def price_of(task: VideoTask) -> Decimal:
    """Return the credits that are reserved for a task by today's price list. Raises ValidationError where it has none."""
    spec = catalog.get(task.model)
    # Most prices have nothing to do with inputs, which are not fetched then.
    if not spec.price.input_seconds:
        return catalog.estimate(spec, task.parameters)
    clips = {role: [item.facts for item in items] for role, items in _inputs(task).items()}
    return catalog.estimate(spec, task.parameters, clips)


def errors_of(task: VideoTask) -> dict[str, list[ValidationError]]:
    """Return what is wrong with a draft, by its columns; what is wrong with inputs belongs to none of them."""
    errors: dict[str, list[ValidationError]] = {}
    if task.status != TaskStatus.DRAFT:
        return errors
    try:
        spec = catalog.get(task.model)
        catalog.clean(spec, prompt=task.prompt, parameters=task.parameters, inputs=_inputs(task))
    except ValidationError as error:
        for name, problems in error.error_dict.items():
            if name in {"model", "prompt", "parameters"}:
                errors.setdefault(name, []).extend(problems)
            elif name in InputRole.values:
                if not task._state.adding:  # noqa: SLF001 - Django's way to ask
                    errors.setdefault(NON_FIELD_ERRORS, []).extend(problems)
            else:
                named = (ValidationError(f"{name}: {text}", found.code) for found in problems for text in found)
                errors.setdefault("parameters", []).extend(named)
    return errors


def set_price(task: VideoTask) -> None:
    """Put today's price into a draft. Raises ValidationError where it was changed to what the catalogue refuses."""
    errors = {name: found for name, found in errors_of(task).items() if name in PRICED}
    # What was stored before the catalogue changed does not keep anybody from writing a note.
    same = type(task).objects.filter(pk=task.pk, model=task.model).values_list("parameters", flat=True)
    if not errors:
        task.credits_estimated = price_of(task)
    elif list(same) != [task.parameters]:
        raise ValidationError(errors)


def _inputs(task: VideoTask) -> dict[str, list[MediaInput]]:
    # A new row has its inputs only after it is saved.
    inputs: dict[str, list[MediaInput]] = {}
    for item in [] if task._state.adding else task.inputs.all():  # noqa: SLF001 - Django's way to ask
        inputs.setdefault(item.role, []).append(item)
    return inputs
