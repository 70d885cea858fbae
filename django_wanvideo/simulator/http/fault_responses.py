"""What a fault does to an answer."""

from __future__ import annotations

import gzip
import itertools
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from django_wanvideo.simulator.provider.errors import create_error, credits_error, file_error, retry_after, task_error

from .messages import Answer, Disconnect, error_response, html_response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_wanvideo.simulator.provider.faults import Fault

    from .messages import ApiRequest

#: Longer than any client waits, in seconds; `seconds=` of a fault replaces it.
HANG = 600.0
SLOW = 2.0

#: A proxy's own page: no JSON at all.
_PROXY_PAGE = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def proxy_page(status: int, reason: str | None = None) -> Response:
    return html_response(_PROXY_PAGE.format(title=f"{status} {reason or HTTPStatus(status).phrase}"), status)


def with_bad_byte(good: Response) -> Response:
    """An answer with one more text, of which one byte is not UTF-8."""
    data = good.get_data()
    good.set_data(data[:1] + b'"note":"caf\xe9",' + data[1:])
    return good


def redirect(fault: Fault, default: str) -> Response:
    """A redirect, by default to the same place again."""
    location = str(fault.options.get("location", default))
    return Response(status=int(fault.options.get("status", 302)), headers={"Location": location})


def failing(fault: Fault, model: str = "") -> Response:
    """The documented error body of a fault whose name is a status, for its point."""
    status, options = int(fault.name.removeprefix("accept_then_")), fault.options
    if status in (502, 504) or fault.point == "result":
        return proxy_page(status)
    if fault.point == "create":
        error = create_error(status, options.get("message"), code=options.get("code"), model=model)
    elif fault.point == "upload":
        error = file_error(status, code=options.get("code"), message=options.get("message"))
    elif fault.point == "credits":
        error = credits_error(status)
    else:
        error = task_error(status)
    error.headers |= retry_after(options.get("retry_after"))
    return error_response(error)


def broken(request: ApiRequest, fault: Fault, answer: Callable[[], Answer]) -> Answer | None:
    """The answer of a fault that every point knows; None when this fault is not one of them."""
    match fault.name.removeprefix("accept_then_"):
        case "close":
            return Disconnect()
        case "reset":
            return Disconnect(reset=True)
        case "hang":
            request.delay = _seconds(fault, HANG)
            return Disconnect()
        case "slow":
            request.delay = _seconds(fault, SLOW)
            return answer()
        case "garbage":
            return Response(b'{"id":"task-unified-\xff\xfe', content_type="application/json")
        case "html":
            return html_response("<!doctype html><title>Just a moment…</title><p>Checking your browser.</p>")
        case name if name.isdigit():
            return failing(fault)
    return None


def on_create(
    request: ApiRequest, fault: Fault, model: str, accept: Callable[[], Response], end: Callable[[], None]
) -> Answer:
    """The answer to a creation request under `fault`. `accept` makes the task, `end` ends it and sends its callback."""
    if fault.name.startswith("accept_") or fault.name == "callback_before_answer":
        good = accept()
        if good.status_code != HTTPStatus.OK:
            return good
        if fault.name == "callback_before_answer":
            end()
            return good
        return _accepted(request, fault, good)
    match fault.name:
        case "refuse":
            return Disconnect()
        case "redirect":
            return redirect(fault, request.target)
        case "no_available_channel":
            message = f"No available channel for the requested model: {model}"
            return error_response(create_error(400, message, code="no_available_channel"))
        case status if status.isdigit():
            return failing(fault, model)
    return broken(request, fault, accept) or accept()


def _accepted(request: ApiRequest, fault: Fault, good: Response) -> Answer:
    """What the client is told in place of `good`, although its task exists."""
    if fault.name == "accept_without_id":
        return json_response({"created": 0, "object": "video.generation.task", "status": "pending"})
    name = fault.name.removeprefix("accept_then_")
    if name == "truncated":
        return _truncated(good)
    if name in ("hang", "slow"):
        # While the client is kept waiting the task goes on, so that its callback can come before the answer does.
        threading.Thread(target=request.after_answer, daemon=True).start()
        request.after_answer = None
    return broken(request, fault, lambda: good) or good


def on_result(request: ApiRequest, fault: Fault, answer: Callable[[], Answer], stopping: threading.Event) -> Answer:
    """The answer to a download under `fault`; `stopping` ends what takes long."""
    if fault.name == "redirect":
        return redirect(fault, request.target)
    if fault.name == "gzip_bomb":
        return _gzipped(bytes(int(fault.options.get("megabytes", 64)) * 1024 * 1024), level=9)
    other = broken(request, fault, answer)
    if other is not None:
        return other
    good = answer()
    if not isinstance(good, Response) or good.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return good
    good.direct_passthrough = False
    data = good.get_data()
    match fault.name:
        case "gzip":
            return _gzipped(data, level=1)
        case "partial":
            good.status_code = HTTPStatus.PARTIAL_CONTENT
            good.headers["Content-Range"] = f"bytes 0-{len(data) - 1}/{len(data)}"
        case "truncated":
            return _truncated(good)
        case "short":
            good.set_data(data[: len(data) // 2])
        case "wrong_length":
            good.headers["Content-Length"] = str(len(data) // 2)
            good.headers["Connection"] = "close"
        case "drip":
            step, pause = int(fault.options.get("chunk", 1024)), _seconds(fault, 0.5)
            good.response = _drip(data, step, pause, stopping)
        case "endless":
            del good.headers["Content-Length"]
            good.headers["Connection"] = "close"
            good.response = itertools.repeat(data)
    return good


def _truncated(good: Response) -> Response:
    data = good.get_data()
    good.response = [data[: len(data) // 2]]
    good.headers["Content-Length"] = str(len(data))
    good.headers["Connection"] = "close"
    return good


def _gzipped(data: bytes, *, level: int) -> Response:
    headers = {"Content-Encoding": "gzip"}
    return Response(gzip.compress(data, compresslevel=level), headers=headers, content_type="video/mp4")


def _drip(data: bytes, step: int, pause: float, stopping: threading.Event) -> Iterator[bytes]:
    for first in range(0, len(data), step):
        yield data[first : first + step]
        if stopping.wait(pause):
            return


def _seconds(fault: Fault, default: float) -> float:
    return float(fault.options.get("seconds", default))
