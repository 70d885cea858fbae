"""All models that are known here, in the order in which people see them, and what can be asked of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog import models_wan, validation
from django_wanvideo.catalog.text import describe_value, nearest, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from django_wanvideo.catalog.parameters import Scalar
    from django_wanvideo.catalog.spec import ModelSpec

_MODELS: tuple[ModelSpec, ...] = (
    models_wan.WAN26_FLASH_IMAGE_TO_VIDEO,
    models_wan.WAN26_IMAGE_TO_VIDEO,
    models_wan.WAN26_TEXT_TO_VIDEO,
    models_wan.WAN25_IMAGE_TO_VIDEO,
    models_wan.WAN25_TEXT_TO_VIDEO,
)
_BY_ID = {model.id: model for model in _MODELS}


def models() -> tuple[ModelSpec, ...]:
    """Return all known models, the one to begin with first."""
    return _MODELS


def get(model_id: object) -> ModelSpec:
    """Return the model called ``model_id``. Raises ValidationError at "model", with the nearest known one."""
    if not isinstance(model_id, str):
        message = _("Give the model's name as text, such as %(first)s; got %(value)s.")
        params = {"first": _MODELS[0].id, "value": describe_value(model_id)}
        raise ValidationError({"model": ValidationError(message, "invalid", params)})
    if model_id in _BY_ID:
        return _BY_ID[model_id]
    if meant := nearest(model_id, _BY_ID):
        message = _("There is no model “%(name)s”. Did you mean “%(meant)s”?")
    else:
        message = _("There is no model “%(name)s”. Choose one of %(known)s.")
    params = {"name": printable(model_id), "meant": meant or "", "known": ", ".join(_BY_ID)}
    raise ValidationError({"model": ValidationError(message, "unknown_model", params)})


def media_of(role: str) -> str:
    """Return the kind of media that inputs of a role are (``image``, ``audio`` …); empty when no model takes any."""
    return next((item.media for spec in models() for item in spec.inputs if item.role == role), "")


def clean(spec: ModelSpec, *, prompt: object, parameters: object = None, inputs: object = None) -> dict[str, Scalar]:
    """Return the parameters that were set, checked, and those that are always sent.

    ``parameters`` maps names to values, None standing for unset; ``inputs`` maps roles to lists of anything, of
    which only the number counts. Raises ValidationError with every problem, keyed by field.
    """
    return validation.clean(spec, prompt, parameters, inputs, alternatives=_MODELS)


def estimate(spec: ModelSpec, parameters: Mapping[str, object]) -> Decimal:
    """Return the price in credits, with four decimals. Raises ValidationError for values that have no price."""
    effective = spec.effective_values(parameters)
    problems: dict[str, ValidationError] = {}
    for name in spec.price.parameters:
        try:
            effective[name] = spec.parameter(name).clean(effective[name])
        except ValidationError as error:
            problems[name] = error
    if problems:
        raise ValidationError(dict(problems))
    return spec.price.credits(effective)


def build_request(
    spec: ModelSpec,
    *,
    prompt: str,
    parameters: Mapping[str, object] | None = None,
    inputs: Mapping[Any, Sequence[str]] | None = None,
    callback_url: str | None = None,
) -> dict[str, Any]:
    """Return the JSON body of the request to a model, with nothing in it that nobody chose, but for what is always sent.

    ``inputs`` maps roles to addresses. Raises ValidationError like ``clean``: what is sent may be billed, so it is
    checked once more.
    """
    cleaned = clean(spec, prompt=prompt, parameters=parameters, inputs=inputs)
    addresses = validation.non_empty(inputs)
    body: dict[str, Any] = {"model": spec.id, "prompt": prompt}
    for item in spec.inputs:
        if urls := addresses.get(item.role):
            _put(body, item.request_field, list(urls) if item.as_list else urls[0])
    for parameter in spec.parameters:
        if parameter.name in cleaned:
            _put(body, parameter.request_field, cleaned[parameter.name])
    if callback_url:
        body["callback_url"] = callback_url
    return body


def _put(body: dict[str, Any], request_field: str, value: object) -> None:
    """Set ``value`` at the dotted path ``request_field``."""
    *parents, name = request_field.split(".")
    for parent in parents:
        body = body.setdefault(parent, {})
    body[name] = value
