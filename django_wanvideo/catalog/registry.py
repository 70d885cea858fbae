"""All models that are known here, in the order in which people see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog import wan25, wan26
from django_wanvideo.catalog.words import nearest, printable, shown

if TYPE_CHECKING:
    from django_wanvideo.catalog.spec import ModelSpec

_MODELS: tuple[ModelSpec, ...] = (
    wan26.IMAGE_TO_VIDEO_FLASH,
    wan26.IMAGE_TO_VIDEO,
    wan26.TEXT_TO_VIDEO,
    wan25.IMAGE_TO_VIDEO,
    wan25.TEXT_TO_VIDEO,
)
_BY_ID = {model.id: model for model in _MODELS}


def models() -> tuple[ModelSpec, ...]:
    """Return all known models, the one to begin with first."""
    return _MODELS


def get(model_id: object) -> ModelSpec:
    """Return the model called ``model_id``. Raises ValidationError at "model", with the nearest known one."""
    if not isinstance(model_id, str):
        message = _("Give the model's name as text, such as %(first)s; got %(value)s.")
        params = {"first": _MODELS[0].id, "value": shown(model_id)}
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
