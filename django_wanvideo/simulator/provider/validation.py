"""Judges creation requests by the documentation of their model (see rules)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import addresses
from .errors import ApiError, create_error
from .rules import MODELS, Field, Model

if TYPE_CHECKING:
    from collections.abc import Callable

#: The documented form of an `Idempotency-Key`.
IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._-]{16,96}")
_BINDING = re.compile(r"(image|video)([1-9]\d*)")


@dataclass(frozen=True)
class Wish:
    """A valid request: what is needed of it to price and to draw. `seconds` is what is reserved."""

    model: Model
    seconds: int
    quality: str
    audio: bool
    callback_url: str | None


class Refusal(Exception):  # noqa: N818  (it is turned into the documented error, whatever its name)
    """A field that is not as documented."""

    def __init__(self, param: str, reason: str) -> None:
        super().__init__(param, reason)
        self.param = param
        self.reason = reason


def judge(body: Any, *, allow_loopback: bool, reject_unknown: bool) -> Wish:
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
        _judge_fields(model.fields, body, "", also={"model", "callback_url", "model_params"}, strict=reject_unknown)
        params = body.get("model_params")
        if params is not None:
            if not isinstance(params, dict):
                raise Refusal("model_params", "must be an object")
            _judge_fields(model.params, params, "model_params.", also=set(), strict=reject_unknown)
        for check in model.checks:
            CHECKS[check](body)
        _judge_callback(body.get("callback_url"), allow_loopback)
    except Refusal as refusal:
        raise _refused(refusal, model) from None
    seconds = body.get("duration")
    seconds = model.default_seconds if seconds is None else int(seconds)
    if seconds <= 0 and model.smart_seconds:
        seconds = model.smart_seconds
    return Wish(
        model=model,
        seconds=seconds,
        quality=body.get("quality") or "720p",
        audio=body.get("generate_audio", True) is not False,
        callback_url=body.get("callback_url"),
    )


def _refused(refusal: Refusal, model: Model) -> ApiError:
    # The pages of wan3.0 spell the code in another way than those of wan2.x.
    code = "invalid_parameter" if model.id.startswith("wan3.0") else None
    message = f"Invalid request parameters: {refusal.param} {refusal.reason}"
    return create_error(400, message, code=code, param=refusal.param)


def _judge_fields(fields: dict[str, Field], body: dict[str, Any], prefix: str, *, also: set[str], strict: bool) -> None:
    for name, rule in fields.items():
        value = body.get(name)
        if value is None:
            if rule.required:
                raise Refusal(prefix + name, "is required")
            continue
        _JUDGES[rule.kind](prefix + name, value, rule)
    if strict:
        for name in body:
            if name not in fields and name not in also:
                known = ", ".join(sorted(fields)) or "none"
                raise Refusal(prefix + name, f"is not a documented parameter of this model (documented: {known})")


def _string(name: str, value: Any, rule: Field) -> None:
    if not isinstance(value, str):
        raise Refusal(name, "must be a string")
    if rule.required and not value.strip():
        raise Refusal(name, "is required")
    if rule.max_length and len(value) > rule.max_length and not rule.truncates:
        raise Refusal(name, f"must not be longer than {rule.max_length} characters ({len(value)} given)")


def _integer(name: str, value: Any, rule: Field) -> None:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        raise Refusal(name, "must be an integer")
    if value in rule.also:
        return
    if rule.minimum is None or rule.maximum is None:
        raise Refusal(name, f"must be one of {', '.join(map(str, rule.also))}")
    if not rule.minimum <= value <= rule.maximum:
        raise Refusal(name, f"must be between {rule.minimum} and {rule.maximum}")


def _boolean(name: str, value: Any, _rule: Field) -> None:
    if not isinstance(value, bool):
        raise Refusal(name, "must be a boolean")


def _choice(name: str, value: Any, rule: Field) -> None:
    if value not in rule.choices:
        raise Refusal(name, f"must be one of {', '.join(rule.choices)}")


def _url(name: str, value: Any, _rule: Field) -> None:
    if not isinstance(value, str) or addresses.split_url(value) is None:
        raise Refusal(name, "must be an http or https URL")
    if len(value) > addresses.MAX_URL_LENGTH:
        raise Refusal(name, f"must not be longer than {addresses.MAX_URL_LENGTH} characters")


def _urls(name: str, value: Any, rule: Field) -> None:
    if not isinstance(value, list):
        raise Refusal(name, "must be an array of URLs")
    if len(value) < rule.min_items:
        raise Refusal(name, f"must contain at least {rule.min_items} URL(s)")
    if rule.max_items is not None and len(value) > rule.max_items:
        raise Refusal(name, f"must not contain more than {rule.max_items} URL(s)")
    for index, item in enumerate(value):
        _url(f"{name}[{index}]", item, rule)


def _anything(_name: str, _value: Any, _rule: Field) -> None:
    return


_JUDGES: dict[str, Callable[[str, Any, Field], None]] = {
    "string": _string,
    "integer": _integer,
    "boolean": _boolean,
    "choice": _choice,
    "url": _url,
    "urls": _urls,
    "object": _anything,
}


def _judge_callback(url: Any, allow_loopback: bool) -> None:
    """Https, public, at most 2048 characters; plain http and loopback only where the simulator allows it."""
    if url is None:
        return
    name = "callback_url"
    parts = addresses.split_url(url) if isinstance(url, str) else None
    if parts is None or parts.hostname is None:
        raise Refusal(name, "must be an HTTPS URL")
    if len(url) > addresses.MAX_URL_LENGTH:
        raise Refusal(name, f"must not be longer than {addresses.MAX_URL_LENGTH} characters")
    if allow_loopback and addresses.is_loopback(parts.hostname):
        return
    if parts.scheme != "https":
        raise Refusal(name, "must use the HTTPS protocol")
    if addresses.is_private(parts.hostname):
        raise Refusal(name, "must not point to an internal address")


def _some_material(body: dict[str, Any]) -> None:
    params = body.get("model_params") or {}
    fields = ("prompt", "image_urls", "video_urls", "audio_urls")
    if not any(body.get(name) for name in fields) and not any(params.values()):
        raise Refusal("prompt", "or at least one material is required")


def _file_or_link(body: dict[str, Any]) -> None:
    params = body.get("model_params") or {}
    if params.get("file_url") and params.get("link_url"):
        raise Refusal("model_params.file_url", "and model_params.link_url exclude each other")


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
        raise Refusal("image_start", "image_end, video_urls and audio_urls are not a valid combination")
    if body.get("generation_mode", mode) != mode:
        raise Refusal("generation_mode", f"does not fit the materials, which make it {mode}")


def _wan27_references(body: dict[str, Any]) -> None:
    images, videos = body.get("image_urls") or [], body.get("video_urls") or []
    if not images and not videos:
        raise Refusal("image_urls", "or video_urls is required")
    if len(images) + len(videos) > 5:
        raise Refusal("image_urls", "and video_urls must not be more than 5 together")
    if videos and (body.get("duration") or 0) > 10:
        raise Refusal("duration", "must be between 2 and 10 with video_urls")


def _voice_bindings(body: dict[str, Any]) -> None:
    bindings = (body.get("model_params") or {}).get("voice_bindings")
    if bindings is None:
        return
    name = "model_params.voice_bindings"
    if not isinstance(bindings, dict) or not 1 <= len(bindings) <= 5:
        raise Refusal(name, "must be an object of 1 to 5 voices")
    for key, url in bindings.items():
        match = _BINDING.fullmatch(key)
        if match is None:
            raise Refusal(name, f'key "{key}" invalid')
        if int(match[2]) > len(body.get(f"{match[1]}_urls") or []):
            raise Refusal(f"voice_bindings.{key}", "out of range")
        _url(f"{name}.{key}", url, Field("url"))


CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "some_material": _some_material,
    "file_or_link": _file_or_link,
    "wan27_combination": _wan27_combination,
    "wan27_references": _wan27_references,
    "voice_bindings": _voice_bindings,
}
