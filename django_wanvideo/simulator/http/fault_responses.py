"""What a fault does to an answer."""

from __future__ import annotations

import gzip
import http
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import PROXY_PAGE, ApiError, create_error, credits_error, file_error, task_error
from .wire import Drop, Response, html_response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from .faults import Fault

Answer = Response | Drop

#: Longer than any client waits, in seconds; `seconds=` of a fault replaces it.
HANG = 600.0
SLOW = 2.0


def proxy_page(status: int) -> Response:
    """A proxy's HTML page."""
    return html_response(PROXY_PAGE.format(status=status, reason=http.HTTPStatus(status).phrase), status)


def garbage() -> Response:
    """A 200 that says JSON and is none."""
    return Response(200, b'{"id":"task-unified-\xff\xfe', {"Content-Type": "application/json"})


def with_bad_byte(good: Response) -> Response:
    """An answer with one more text, of which one byte is not UTF-8."""
    assert isinstance(good.body, bytes)  # noqa: S101 - for the type checker
    good.body = good.body[:1] + b'"note":"caf\xe9",' + good.body[1:]
    return good


def redirect(fault: Fault, default: str) -> Response:
    """A redirect, by default to the same place again."""
    status = int(fault.options.get("status", 302))
    return Response(status, b"", {"Location": str(fault.options.get("location", default))})


def failing(fault: Fault, model: str = "") -> Response:
    """The documented error body of a fault whose name is a status, for its point."""
    status = int(fault.name)
    options = fault.options
    if status in (502, 504) or (status == 410 and fault.point == "result"):
        return proxy_page(status)
    if fault.point == "create":
        error = create_error(status, options.get("message"), code=options.get("code"), model=model)
    elif fault.point == "upload":
        error = file_error(status, code=options.get("code"), message=options.get("message"))
    elif fault.point == "result":
        return proxy_page(status)
    elif fault.point == "credits":
        error = credits_error(status)
    else:
        error = task_error(status)
    answer = from_error(error)
    answer.headers |= _retry_after(options.get("retry_after"))
    return answer


def from_error(error: ApiError) -> Response:
    """An error as an answer."""
    return json_response(error.body, error.status, error.headers)


def rate_limited(wait: int, form: str) -> ApiError:
    """A 429 of the creation call; `wait` in seconds; form: `seconds`, `date`, or `none` for no header."""
    value = {"seconds": str(wait), "date": f"date:{wait}"}.get(form)
    error = create_error(429)
    error.headers.update(_retry_after(value))
    return error


def _retry_after(value: Any) -> dict[str, str]:
    """Nothing, seconds, or with `date:30` an HTTP date in that many seconds (of real time: HTTP knows no other)."""
    if value is None:
        return {}
    text = str(value)
    if text.startswith("date"):
        seconds = float(text.partition(":")[2] or 30)
        text = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    return {"Retry-After": text}


def broken(fault: Fault, answer: Callable[[], Answer]) -> Answer | None:
    """The answer of a fault that every point knows; None when this fault is not one of them."""
    seconds = fault.options.get("seconds")
    match fault.name:
        case "close":
            return Drop()
        case "reset":
            return Drop(reset=True)
        case "hang":
            return Drop(seconds=float(HANG if seconds is None else seconds))
        case "slow":
            good = answer()
            if isinstance(good, Response):
                good.delay = float(SLOW if seconds is None else seconds)
            return good
        case "garbage":
            return garbage()
        case "html":
            return html_response("<!doctype html><title>Just a moment…</title><p>Checking your browser.</p>")
        case name if name.isdigit():
            return failing(fault)
    return None


def on_create(fault: Fault, path: str, model: str, accept: Callable[[], Response], end: Callable[[], None]) -> Answer:
    """The answer to a creation request under `fault`. `accept` makes the task, `end` ends it and sends its callback.

    Where the client is kept waiting the task starts at once, so that its callback can come before the answer does.
    """
    name, seconds = fault.name, fault.options.get("seconds")
    if name == "callback_before_answer":
        good = accept()
        if good.status == http.HTTPStatus.OK:
            end()
        return good
    if name.startswith("accept_"):
        good = accept()
        if good.status != http.HTTPStatus.OK:
            return good
        match name.removeprefix("accept_then_"):
            case "close":
                return Drop(after=good.after)
            case "reset":
                return Drop(reset=True, after=good.after)
            case "hang":
                _in_background(good.after)
                return Drop(seconds=float(HANG if seconds is None else seconds))
            case "slow":
                _in_background(good.after)
                good.delay, good.after = float(SLOW if seconds is None else seconds), None
                return good
            case "garbage":
                bad = garbage()
            case "truncated":
                good.cut = good.size // 2
                return good
            case "accept_without_id":
                bad = json_response({"created": 0, "object": "video.generation.task", "status": "pending"})
            case status:
                bad = proxy_page(int(status)) if status in ("502", "504") else from_error(create_error(int(status)))
        bad.after = good.after
        return bad
    match name:
        case "refuse":
            return Drop()
        case "redirect":
            return redirect(fault, path)
        case "no_available_channel":
            message = f"No available channel for the requested model: {model}"
            return from_error(create_error(400, message, code="no_available_channel"))
        case status if status.isdigit():
            return failing(fault, model)
    return broken(fault, accept) or accept()


def _in_background(work: Callable[[], None] | None) -> None:
    if work is not None:
        threading.Thread(target=work, daemon=True).start()


def on_result(fault: Fault, answer: Callable[[], Answer], path: str) -> Answer:
    """The answer to a download under `fault`."""
    if fault.name == "redirect":
        return redirect(fault, path)
    if fault.name == "gzip_bomb":
        megabytes = int(fault.options.get("megabytes", 64))
        data = gzip.compress(bytes(megabytes * 1024 * 1024), compresslevel=9)
        return Response(200, data, {"Content-Type": "video/mp4", "Content-Encoding": "gzip"})
    other = broken(fault, answer)
    if other is not None:
        return other
    good = answer()
    if not isinstance(good, Response) or good.status not in (200, 206):
        return good
    match fault.name:
        case "gzip":
            whole = good.body.read_bytes() if isinstance(good.body, Path) else good.body
            data = gzip.compress(whole, compresslevel=1)
            return Response(200, data, {"Content-Type": "video/mp4", "Content-Encoding": "gzip"})
        case "partial":
            good.status = 206
            good.headers["Content-Range"] = f"bytes 0-{good.size - 1}/{good.size}"
        case "truncated":
            good.cut = good.size // 2
        case "short":
            first, after = good.span or (0, good.size)
            good.span = (first, first + (after - first) // 2)
        case "wrong_length":
            good.declared = good.size // 2
        case "drip":
            good.drip = (int(fault.options.get("chunk", 1024)), float(fault.options.get("seconds", 0.5)))
        case "endless":
            good.endless = True
    return good
