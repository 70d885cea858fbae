"""Checks and prices creation requests by the documentation of their model (see specs)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django_wanvideo.simulator import urls

from .errors import create_error
from .specs import MODELS, Field, Model

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

#: The documented form of an `Idempotency-Key`.
IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._-]{16,96}")
_BINDING = re.compile(r"(image|video)([1-9]\d*)")


@dataclass(frozen=True)
class ValidRequest:
    """What is needed of a valid request to make its task.

    seconds: the video's length. reserved_seconds: the length that is paid for first. price: credits that are reserved; final_price: those that its video costs.
    """

    model: Model
    seconds: int
    reserved_seconds: int
    quality: str
    audio: bool
    callback_url: str | None
    price: Decimal
    final_price: Decimal


class InvalidField(Exception):  # noqa: N818  (it is turned into the documented error, whatever its name)
    """A field that is not as documented: its name, and what it must be."""


def validate(body: Any, *, allow_loopback: bool, reject_unknown: bool) -> ValidRequest:
    """Check a creation request's body; ApiError with the documented envelope, naming the field in `param`."""
    if not isinstance(body, dict):
        raise create_error(400, "Invalid request parameters: the body must be a JSON object")
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise create_error(400, "Invalid request parameters: model is required", param="model")
    model = MODELS.get(name)
    if model is None:
        raise create_error(403, model=name)
    try:
        _check_fields(model.fields, body, "", also={"model", "callback_url", "model_params"}, strict=reject_unknown)
        params = body.get("model_params")
        if params is not None:
            if not isinstance(params, dict):
                raise InvalidField("model_params", "must be an object")
            _check_fields(model.params, params, "model_params.", also=set(), strict=reject_unknown)
        for check in model.checks:
            CHECKS[check](body)
        _check_callback(body.get("callback_url"), allow_loopback)
    except InvalidField as error:
        param, reason = error.args
        # The pages of wan3.0 spell the code in another way than those of wan2.x.
        code = "invalid_parameter" if model.id.startswith("wan3.0") else None
        raise create_error(400, f"Invalid request parameters: {param} {reason}", code=code, param=param) from None
    seconds = body.get("duration")
    seconds = reserved = model.default_seconds if seconds is None else int(seconds)
    if seconds <= 0 and model.smart_seconds:
        reserved, seconds = model.smart_seconds, model.chosen_seconds or model.smart_seconds
    quality, audio = body.get("quality") or "720p", body.get("generate_audio", True) is not False
    videos: list[Decimal | None] = [None for _url in body.get("video_urls") or ()]
    price, final = (model.price.credits(length, quality, audio=audio, videos=videos) for length in (reserved, seconds))
    return ValidRequest(model, seconds, reserved, quality, audio, body.get("callback_url"), price, final)


def _check_fields(fields: dict[str, Field], body: dict[str, Any], prefix: str, *, also: set[str], strict: bool) -> None:
    for name, rule in fields.items():
        value = body.get(name)
        if value is not None:
            _check_field(prefix + name, value, rule)
        elif rule.required:
            raise InvalidField(prefix + name, "is required")
    for name in body if strict else ():
        if name not in fields and name not in also:
            known = ", ".join(sorted(fields)) or "none"
            raise InvalidField(prefix + name, f"is not a documented parameter of this model (documented: {known})")


def _check_field(name: str, value: Any, rule: Field) -> None:
    match rule.kind:
        case "string":
            _check_string(name, value, rule)
        case "integer":
            _check_integer(name, value, rule)
        case "boolean" if not isinstance(value, bool):
            raise InvalidField(name, "must be a boolean")
        case "choice" if value not in rule.choices:
            raise InvalidField(name, f"must be one of {', '.join(rule.choices)}")
        case "url":
            _check_url(name, value)
        case "urls":
            _check_urls(name, value, rule)


def _check_string(name: str, value: Any, rule: Field) -> None:
    if not isinstance(value, str):
        raise InvalidField(name, "must be a string")
    if rule.required and not value.strip():
        raise InvalidField(name, "is required")
    if rule.max_length and len(value) > rule.max_length and not rule.truncates:
        raise InvalidField(name, f"must not be longer than {rule.max_length} characters ({len(value)} given)")


def _check_integer(name: str, value: Any, rule: Field) -> None:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        raise InvalidField(name, "must be an integer")
    if value in rule.also:
        return
    if rule.minimum is None or rule.maximum is None:
        raise InvalidField(name, f"must be one of {', '.join(map(str, rule.also))}")
    if not rule.minimum <= value <= rule.maximum:
        raise InvalidField(name, f"must be between {rule.minimum} and {rule.maximum}")


def _check_url(name: str, value: Any) -> None:
    if urls.split_url(value) is None:
        raise InvalidField(name, "must be an http or https URL")
    if len(value) > urls.MAX_LENGTH:
        raise InvalidField(name, f"must not be longer than {urls.MAX_LENGTH} characters")


def _check_urls(name: str, value: Any, rule: Field) -> None:
    if not isinstance(value, list):
        raise InvalidField(name, "must be an array of URLs")
    if len(value) < rule.min_items:
        raise InvalidField(name, f"must contain at least {rule.min_items} URL(s)")
    if rule.max_items is not None and len(value) > rule.max_items:
        raise InvalidField(name, f"must not contain more than {rule.max_items} URL(s)")
    for index, item in enumerate(value):
        _check_url(f"{name}[{index}]", item)


def _check_callback(url: Any, allow_loopback: bool) -> None:
    """Https, public, at most 2048 characters; plain http and loopback only where the simulator allows it."""
    if url is None:
        return
    _check_url("callback_url", url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    if allow_loopback and urls.is_loopback(host):
        return
    if parts.scheme != "https":
        raise InvalidField("callback_url", "must use the HTTPS protocol")
    if urls.is_private(host):
        raise InvalidField("callback_url", "must not point to an internal address")


def _wan25_ratio(body: dict[str, Any]) -> None:
    if body.get("quality") == "480p" and body.get("aspect_ratio") in {"4:3", "3:4"}:
        raise InvalidField("aspect_ratio", "must be 16:9, 9:16 or 1:1 with 480p")


def _wan30_references(body: dict[str, Any]) -> None:
    params = body.get("model_params") or {}
    fields = ("prompt", "image_urls", "video_urls", "audio_urls")
    if not any(body.get(name) for name in fields) and not any(params.values()):
        raise InvalidField("prompt", "or at least one material is required")
    if params.get("file_url") and params.get("link_url"):
        raise InvalidField("model_params.file_url", "and model_params.link_url exclude each other")


#: The only combinations of materials that wan2.7-image-to-video takes.
_COMBINATIONS = {
    frozenset({"image_start"}): "first_frame",
    frozenset({"image_start", "audio_urls"}): "first_frame",
    frozenset({"image_start", "image_end"}): "first_last_frame",
    frozenset({"image_start", "image_end", "audio_urls"}): "first_last_frame",
    frozenset({"video_urls"}): "video_continuation",
    frozenset({"video_urls", "image_end"}): "video_continuation",
}


def _wan27_combination(body: dict[str, Any]) -> None:
    given = frozenset(name for name in ("image_start", "image_end", "audio_urls", "video_urls") if body.get(name))
    mode = _COMBINATIONS.get(given)
    if mode is None:
        raise InvalidField("image_start", "image_end, video_urls and audio_urls are not a valid combination")
    if body.get("generation_mode", mode) != mode:
        raise InvalidField("generation_mode", f"does not fit the materials, which make it {mode}")


def _wan27_references(body: dict[str, Any]) -> None:
    images, videos = body.get("image_urls") or [], body.get("video_urls") or []
    if not images and not videos:
        raise InvalidField("image_urls", "or video_urls is required")
    if len(images) + len(videos) > 5:
        raise InvalidField("image_urls", "and video_urls must not be more than 5 together")
    if videos and (body.get("duration") or 0) > 10:
        raise InvalidField("duration", "must be between 2 and 10 with video_urls")


def _voice_bindings(body: dict[str, Any]) -> None:
    bindings = (body.get("model_params") or {}).get("voice_bindings")
    if bindings is None:
        return
    name = "model_params.voice_bindings"
    if not isinstance(bindings, dict) or not 1 <= len(bindings) <= 5:
        raise InvalidField(name, "must be an object of 1 to 5 voices")
    for key, url in bindings.items():
        match = _BINDING.fullmatch(key)
        if match is None:
            raise InvalidField(name, f'key "{key}" invalid')
        if int(match[2]) > len(body.get(f"{match[1]}_urls") or []):
            raise InvalidField(f"voice_bindings.{key}", "out of range")
        _check_url(f"{name}.{key}", url)


CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "wan25_ratio": _wan25_ratio,
    "wan30_references": _wan30_references,
    "wan27_combination": _wan27_combination,
    "wan27_references": _wan27_references,
    "voice_bindings": _voice_bindings,
}
