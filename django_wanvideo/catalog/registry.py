"""All models that are known here, in the order in which people see them, and what can be asked of each."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog import rules, validation, wan
from django_wanvideo.catalog.spec import ModelSpec
from django_wanvideo.catalog.text import describe_value, nearest, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from django_wanvideo.catalog.inputs import InputSpec
    from django_wanvideo.catalog.parameters import Scalar


_setting: Callable[[], str | None] = lambda: None  # noqa: E731 - stands for a setting until there is one


def models() -> tuple[ModelSpec, ...]:
    """Return the models that this site offers, the one to begin with first."""
    return tuple(model for model in _of_site() if model.withdrawn is None)


def known() -> tuple[ModelSpec, ...]:
    """Return all models that tasks may have, also those that are not offered any more; those that are come first."""
    found: dict[str, ModelSpec] = {}
    for model in (*models(), *_of_site(), *wan.MODELS):
        found.setdefault(model.id, model)
    return tuple(found.values())


def find(model_id: object) -> ModelSpec | None:
    """Return the model called ``model_id``, offered or not, or None."""
    return next((model for model in known() if model.id == model_id), None)


def get(model_id: object) -> ModelSpec:
    """Return the model called ``model_id``, offered or not. Raises ValidationError at "model", with the nearest one."""
    if isinstance(model_id, str) and (found := find(model_id)) is not None:
        return found
    offered = [model.id for model in models()]
    if not isinstance(model_id, str):
        message = _("Give the model's name as text, such as %(first)s; got %(value)s.")
        params = {"first": offered[0], "value": describe_value(model_id)}
        raise ValidationError({"model": ValidationError(message, "invalid", params)})
    if meant := nearest(model_id, offered):
        message = _("There is no model “%(name)s”. Did you mean “%(meant)s”?")
    else:
        message = _("There is no model “%(name)s”. Choose one of %(known)s.")
    params = {"name": printable(model_id), "meant": meant or "", "known": ", ".join(offered)}
    raise ValidationError({"model": ValidationError(message, "unknown_model", params)})


def follow(setting: Callable[[], str | None]) -> None:
    """Let ``setting`` say from now on which function makes this site's models of EvoLink's (``WANVIDEO["MODELS"]``)."""
    global _setting  # noqa: PLW0603 - the catalogue knows no settings; who does says so once, when the app is ready
    _setting = setting


def _of_site() -> tuple[ModelSpec, ...]:
    path = _setting()
    return wan.MODELS if path is None else _made_by(str(path), wan.MODELS)


@lru_cache(maxsize=8)
def _made_by(path: str, known: tuple[ModelSpec, ...]) -> tuple[ModelSpec, ...]:
    try:
        found = tuple(import_string(path)(known))
    except (ImportError, TypeError, AttributeError) as error:
        message = "WANVIDEO['MODELS'] must be the dotted path of a function that takes and returns models"
        raise ImproperlyConfigured(f"{message}: {error}") from error
    if not all(isinstance(model, ModelSpec) for model in found) or all(model.withdrawn for model in found):
        raise ImproperlyConfigured(f"WANVIDEO['MODELS']: {path} must return ModelSpecs, at least one that can be used.")
    return found


def media_type_for(role: str) -> str:
    """Return the kind of media that inputs of a role are (``image``, ``audio`` …); empty when no model takes any."""
    return next((item.media for spec in known() for item in spec.inputs if item.role == role), "")


def clean(spec: ModelSpec, *, prompt: object, parameters: object = None, inputs: object = None) -> dict[str, Scalar]:
    """Return the parameters that were set, checked, and those that are always sent.

    ``parameters`` maps names to values, None standing for unset; ``inputs`` maps roles to lists of anything, of
    which only the number counts. Raises ValidationError with every problem, keyed by field; at ``model`` where it is not
    offered.
    """
    offered = models()
    problems: dict[str, list[ValidationError]] = {}
    cleaned: dict[str, Scalar] = {}
    if not any(model.id == spec.id for model in offered):
        others = ", ".join(model.id for model in offered)
        message = _("%(model)s is not offered any more. Choose one of %(others)s.")
        params = {"model": spec.short_label, "others": others}
        problems["model"] = [ValidationError(message, "not_offered", params)]
    try:
        cleaned = validation.clean(spec, prompt, parameters, inputs, alternatives=offered)
    except ValidationError as error:
        error.update_error_dict(problems)
    if problems:
        raise ValidationError(dict(problems))
    return cleaned


def estimate(
    spec: ModelSpec, parameters: Mapping[str, object], inputs: Mapping[str, Sequence[object]] | None = None
) -> Decimal:
    """Return what is reserved in credits, with four decimals. Raises ValidationError for values that have no price.

    Args:
        inputs: by role, lists of anything, of which the number counts, and the length of what is ``MediaFacts``. A clip
            whose length is not known counts as a long one.
    """
    effective = spec.effective_values(parameters)
    problems: dict[str, ValidationError] = {}
    for name in spec.price.parameters:
        try:
            effective[name] = spec.parameter(name).clean(effective[name])
        except ValidationError as error:
            problems[name] = error
    if problems:
        raise ValidationError(dict(problems))
    return spec.price.credits(effective, validation.non_empty(inputs))


def build_request(
    spec: ModelSpec,
    *,
    prompt: str,
    parameters: Mapping[str, object] | None = None,
    inputs: Mapping[Any, Sequence[str]] | None = None,
    callback_url: str | None = None,
) -> dict[str, Any]:
    """Return the JSON body of the request to a model, with nothing in it that nobody chose, but for what is always sent.

    ``inputs`` maps roles to addresses. A choice that follows the inputs is said aloud. Raises ValidationError like
    ``clean``, but not for a model that this site only has ceased to offer: what is sent may be billed, so it is checked
    once more.
    """
    if spec.withdrawn is not None:
        clean(spec, prompt=prompt, parameters=parameters, inputs=inputs)
    cleaned = validation.clean(spec, prompt, parameters, inputs, alternatives=models())
    addresses = validation.non_empty(inputs)
    body: dict[str, Any] = {"model": spec.id}
    if prompt or spec.prompt.required:
        body["prompt"] = prompt
    for item in spec.inputs:
        if urls := addresses.get(item.role):
            _put_input(body, item, urls, cleaned, {role: len(found) for role, found in addresses.items()})
    for parameter in spec.parameters:
        value = cleaned.get(parameter.name)
        if value is None and parameter.follows_inputs:
            value = rules.following_inputs(spec, parameter, addresses)
        if value is not None and parameter.request_field:
            _put(body, parameter.request_field, value)
    if callback_url:
        body["callback_url"] = callback_url
    return body


def _put_input(
    body: dict[str, Any], item: InputSpec, urls: Sequence[str], cleaned: Mapping[str, Scalar], counts: Mapping[str, int]
) -> None:
    field = item.request_field
    value: object = list(urls) if item.as_list else urls[0]
    if item.keys_parameter:
        keys = rules.keys_of(item, cleaned.get(item.keys_parameter), counts)
        value = dict(zip(keys, urls, strict=False))
    elif item.page_field and urlsplit(urls[0]).path.rpartition(".")[2].upper() not in item.formats:
        field = item.page_field
    _put(body, field, value)


def _put(body: dict[str, Any], request_field: str, value: object) -> None:
    """Set ``value`` at the dotted path ``request_field``."""
    *parents, name = request_field.split(".")
    for parent in parents:
        body = body.setdefault(parent, {})
    body[name] = value
