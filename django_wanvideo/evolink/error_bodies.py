"""EvoLink's error bodies. Four shapes occur; only some of them are unmistakably EvoLink's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django_wanvideo.http.text import Secret, clean_text, one_line


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """An error as EvoLink worded it.

    ``recognised`` is False for what some proxy on the way may have written just as well.
    """

    recognised: bool
    code: str = ""
    message: str = ""
    request_id: str = ""
    #: Of a key with a limit for a day: the time zone whose midnight ends that day.
    reset_timezone: str = ""


def decode(body: bytes, *, whole: bool = False) -> Any:
    """Return the decoded JSON of an answer. Raises ValueError if it is none, whatever the cause.

    A byte that is not of its encoding is replaced, and what follows the JSON left out, unless it must be the ``whole``.
    """
    try:
        words = body.decode(json.detect_encoding(body), "replace").strip("\ufeff\x00 \t\r\n")
        content, end = _DECODER.raw_decode(words)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if whole and end < len(words):
        raise ValueError("something follows the JSON")
    return content


def _last_word(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a name that occurs twice the last value counts, as everywhere, but nothing does not take something back."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found or value not in (None, "", [], {}):
            found[name] = value
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_last_word)


def read_error(body: bytes, secret: Secret) -> ErrorBody:
    """Read an error body of any shape; ``secret`` is taken out of all texts. Never raises."""
    try:
        # A refusal is concluded from this, so nothing else may stand in the answer.
        content = decode(body, whole=True)
    except ValueError:
        return ErrorBody(recognised=False, message=_words(body.decode("utf-8", "replace"), secret))
    if not isinstance(content, Mapping):
        return ErrorBody(recognised=False, message=_words(json.dumps(content)[:400], secret))
    error = content.get("error")
    if isinstance(error, Mapping):
        # {"error": {"code": "x" or 400, "message": "…"}}; some gateways nest it once more.
        inner = error.get("error")
        facts = inner if isinstance(inner, Mapping) else error
        return _build(facts, content, secret, recognised=facts.get("code") is not None or bool(facts.get("message")))
    if isinstance(error, str) and error:
        # {"error": "x", "error_description": "…"}; a bare {"error": "x"} is anybody's.
        description = clean_text(content.get("error_description"))
        facts = {**content, "code": error, "message": description or content.get("message")}
        return _build(facts, content, secret, recognised=bool(description))
    if content.get("success") is False:
        # {"success": false, "code": 40001, "msg": "…"}
        message = content.get("msg") or content.get("message")
        recognised = content.get("code") is not None or bool(clean_text(message))
        return _build({**content, "message": message}, content, secret, recognised=recognised)
    return _build(content, content, secret, recognised=False)


def _build(facts: Mapping[str, Any], whole: Mapping[str, Any], secret: Secret, *, recognised: bool) -> ErrorBody:
    return ErrorBody(
        recognised=recognised,
        code=secret.redact_all(one_line(facts.get("code"), 100, secret=secret)),
        message=_words(facts.get("message") or "", secret),
        request_id=one_line(facts.get("request_id") or whole.get("request_id"), 200, secret=secret),
        reset_timezone=one_line(facts.get("reset_timezone"), 60, secret=secret),
    )


def _words(value: object, secret: Secret) -> str:
    return secret.redact_all(one_line(value, secret=secret))[:1_000]
