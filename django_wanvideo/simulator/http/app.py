"""Finds the handler of a request, and checks its key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import mischief, overview
from .addresses import is_loopback
from .api import CREATE, TaskApi
from .control import PREFIX, Control
from .errors import ApiError, create_error, credits_error, file_error, task_error
from .media_api import MediaApi
from .rates import ReadLimit
from .wire import Request, Response, html_response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from .core import Simulator
    from .mischief import Answer

_FILES = "/api/v1/files"


@dataclass(frozen=True)
class Route:
    """One endpoint. `refuse` makes its 401 (None: public). generic: simple faults are made by the router."""

    name: str
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    handler: Callable[..., Answer]
    refuse: Callable[[int], ApiError] | None = None
    generic: bool = False


class Router:
    """All endpoints of one simulator."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        api, media = TaskApi(sim), MediaApi(sim)
        self._control = Control(sim)
        self._reads = ReadLimit(sim)
        self._routes = (
            _route("create", "POST", re.escape(CREATE), api.create, create_error),
            _route("batch", "POST", "/v1/tasks/batch", api.batch, task_error, generic=True),
            _route("list", "GET", "/v1/tasks", api.list_tasks, task_error, generic=True),
            _route("get", "GET", r"/v1/tasks/([^/]+)", api.get, task_error),
            _route("credits", "GET", "/v1/credits", api.credits, credits_error, generic=True),
            _route("models", "GET", "/v1/models", api.models, create_error, generic=True),
            _route("upload", "POST", f"{_FILES}/upload/stream", media.upload_stream, file_error),
            _route("upload", "POST", f"{_FILES}/upload/base64", media.upload_base64, file_error),
            _route("upload", "POST", f"{_FILES}/upload/url", media.upload_url, file_error),
            _route("quota", "GET", f"{_FILES}/quota", media.quota, file_error),
            _route("file", "GET HEAD", f"{_FILES}/download/([^/]+)", media.download),
            _route("file", "GET HEAD", "/files/.+", media.file),
            _route("result", "GET HEAD", "/results/.+", media.result),
        )

    def handle(self, request: Request) -> Answer:
        """The answer to a request; documented errors are answers too."""
        try:
            return self._handle(request)
        except ApiError as error:
            return mischief.from_error(error)

    def _handle(self, request: Request) -> Answer:
        path = request.path
        if path == "/" or path.startswith(PREFIX):
            return self._own(request, path)
        allowed: set[str] = set()
        for route in self._routes:
            match = route.pattern.fullmatch(path)
            if match is None:
                continue
            if request.method not in route.methods:
                allowed.update(route.methods)
                continue
            request.endpoint = route.name
            if route.refuse is not None:
                self._check_key(request, route.refuse)
            limited = self._reads.check(request)
            answer = (
                self._with_faults(route, request, *match.groups()) if limited is None else mischief.from_error(limited)
            )
            if route.refuse is not None and isinstance(answer, Response):
                answer.delay = max(answer.delay, self._sim.options.answer_seconds)
            return answer
        if allowed:
            body = {
                "error": {
                    "code": "method_not_allowed",
                    "message": "Method not allowed",
                    "type": "invalid_request_error",
                }
            }
            return json_response(body, 405, {"Allow": ", ".join(sorted(allowed))})
        text = f"Invalid URL ({request.method} {path})"
        return json_response({"error": {"code": "not_found", "message": text, "type": "invalid_request_error"}}, 404)

    def _check_key(self, request: Request, refuse: Callable[[int], ApiError]) -> None:
        found = self._sim.accounts.find(request.header("Authorization"))
        if found is None:
            raise refuse(401)
        request.account, request.api_key = found

    def _with_faults(self, route: Route, request: Request, *groups: str) -> Answer:
        fault = self._sim.faults.take(route.name, {}) if route.generic else None
        if fault is None:
            return route.handler(request, *groups)
        request.fault = str(fault)
        return mischief.broken(fault, lambda: route.handler(request, *groups)) or route.handler(request, *groups)

    def _own(self, request: Request, path: str) -> Response:
        """The overview and the controls: not for other machines, nor for pages of other sites in a browser here."""
        request.endpoint = "control"
        host = re.sub(r":\d+$", "", request.header("Host")).strip("[]")
        if not (self._sim.options.allow_remote or is_loopback(host)):
            return json_response({"error": {"message": "Only from this machine."}}, 403)
        if path == "/":
            return html_response(overview.render(self._sim))
        return self._control.handle(request)


def _route(name: str, methods: str, pattern: str, handler: Any, refuse: Any = None, *, generic: bool = False) -> Route:
    return Route(name, tuple(methods.split()), re.compile(pattern), handler, refuse, generic)
