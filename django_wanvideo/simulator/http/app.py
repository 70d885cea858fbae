"""The WSGI application: finds the endpoint of a request, checks its key, and writes the journal."""

from __future__ import annotations

import secrets
import selectors
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from django_wanvideo.simulator import urls
from django_wanvideo.simulator.journal import logger
from django_wanvideo.simulator.provider.errors import (
    ApiError,
    create_error,
    credits_error,
    envelope,
    file_error,
    task_error,
)

from . import fault_responses
from .control import Control
from .files import FileApi
from .messages import CLIENT_LEFT, Answer, ApiRequest, Disconnect, error_response, json_response
from .tasks import TaskApi

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from _typeshed.wsgi import StartResponse

    from django_wanvideo.simulator.provider.engine import Engine
    from django_wanvideo.simulator.provider.state import State

#: How often a waiting connection looks whether it should still wait, seconds.
_STEP = 0.05
#: What counts as a read for the limit on reads.
_READS = frozenset({"get", "batch", "list", "credits", "models"})
_CONTROL = "control"


@dataclass(frozen=True)
class Endpoint:
    """What answers a request: one of the application's parts. `refuse` makes its 401 (None: public).

    is_simple: its faults need nothing of it, so that they are made before it is asked.
    """

    name: str
    handler: Callable[[App], Callable[..., Answer]]
    refuse: Callable[[int], ApiError] | None = None
    is_simple: bool = False


class App:
    """All endpoints of one simulator."""

    def __init__(self, state: State, engine: Engine) -> None:
        self._state = state
        self.tasks = TaskApi(state, engine)
        self.files = FileApi(state)
        self.control = Control(state, engine)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Generator[bytes]:
        """Serve one request.

        What the client can see of an exchange comes last: once it has its answer, the journal has the request, and its
        `Idempotency-Key` is no longer busy.
        """
        started, request = time.perf_counter(), ApiRequest(environ)
        answer: Answer | None = None
        try:
            answer = self._answer(request)
            self._wait(request)
            if isinstance(answer, Disconnect) or answer.is_sequence:
                self._log(request, answer, started)
            yield from answer(environ, start_response)
        except (GeneratorExit, *CLIENT_LEFT):
            request.note = f"{request.note or ''} client left".strip()
            raise
        finally:
            request.close()
            if isinstance(answer, Response):
                answer.close()
            self._log(request, answer, started)
            if request.after_answer is not None:
                request.after_answer()

    def _answer(self, request: ApiRequest) -> Answer:
        """The answer to a request, whose body has been read by then; documented errors are answers too."""
        try:
            answer = self._dispatch(request)
        except ApiError as error:
            answer = error_response(error)
        except CLIENT_LEFT:
            raise
        except RequestEntityTooLarge:
            answer = error_response(file_error(413))
        except HTTPException as error:
            answer = error.get_response(request.environ)
        except Exception as error:
            # A defect of the simulator must not look like EvoLink's own 500.
            logger.exception("The simulator failed at %s %s", request.method, request.path)
            request.note = f"simulator defect: {type(error).__name__}: {error}"
            answer = json_response({"simulator_defect": f"{type(error).__name__}: {error}"}, 599)
        if isinstance(answer, Response):
            answer.headers["X-Request-Id"] = secrets.token_hex(16)
            # The server says it of every answer.
            answer.headers.pop("Date", None)
            try:
                # Closing on unread bytes would reset the connection before the client has read its answer.
                request.get_data()
            except RequestEntityTooLarge:
                answer.headers["Connection"] = "close"
        return answer

    def _dispatch(self, request: ApiRequest) -> Answer:
        endpoint: Endpoint
        if request.path.startswith("/_simulator/"):
            request.endpoint = _CONTROL
        try:
            endpoint, values = _URLS.match(request.path, request.method)
        except MethodNotAllowed as error:
            body = envelope("method_not_allowed", "Method not allowed", "invalid_request_error")
            return json_response(body, 405, {"Allow": ", ".join(sorted(error.valid_methods or ()))})
        except NotFound:
            text = f"Invalid URL ({request.method} {request.path})"
            return json_response(envelope("not_found", text, "invalid_request_error"), 404)
        request.endpoint = endpoint.name
        if endpoint.name == _CONTROL and not self._is_local(request):
            return json_response({"error": {"message": "Only from this machine."}}, 403)
        if endpoint.refuse is not None:
            self._check_key(request, endpoint.refuse)
        handler = endpoint.handler(self)
        fault = self._state.faults.take(endpoint.name, {}) if endpoint.is_simple else None
        if fault is not None:
            request.fault = str(fault)
            broken = fault_responses.broken(request, fault, lambda: handler(request, **values))
            if broken is not None:
                return broken
        return handler(request, **values)

    def _check_key(self, request: ApiRequest, refuse: Callable[[int], ApiError]) -> None:
        """Say whose request it is; ApiError for an unknown key, and for a read too many."""
        found = self._state.accounts.find(request.header("Authorization"))
        if found is None:
            raise refuse(401)
        request.account, request.api_key = found
        options, now = self._state.options, self._state.now()
        request.delay = options.answer_seconds
        if request.account.is_ignoring_limit(options, now):
            self._state.ledger.violations.append((request.endpoint, now))
        if request.endpoint in _READS:
            request.account.check_reads(options, now)

    def _is_local(self, request: ApiRequest) -> bool:
        """Whether it comes neither from another machine, nor from a page of another site in a browser here."""
        parts = urls.split_url(f"http://{request.header('Host')}")
        return self._state.options.allow_remote or (parts is not None and urls.is_loopback(parts.hostname or ""))

    def _wait(self, request: ApiRequest) -> None:
        """Let the client wait, no longer than it does."""
        if not request.delay:
            return
        connection: socket.socket = request.environ["werkzeug.socket"]
        deadline = time.monotonic() + request.delay
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0 and not self._state.stopping.wait(min(_STEP, left)):
                if selector.select(0) and not connection.recv(1, socket.MSG_PEEK):
                    return

    def _log(self, request: ApiRequest, answer: Answer | None, started: float) -> None:
        if request.is_logged:
            return
        request.is_logged = True
        if request.before_answer is not None:
            request.before_answer()
        if request.endpoint == _CONTROL:
            return
        status, text, note = 0, None, request.note
        if isinstance(answer, Disconnect):
            note = f"{note or ''} no answer, connection {'reset' if answer.reset else 'closed'}".strip()
        elif answer is not None:
            status = answer.status_code
            if answer.is_sequence and (answer.mimetype or "").startswith(("application/json", "text/")):
                text = answer.get_data()[: self._state.options.body_limit].decode("utf-8", "replace")
        self._state.journal.add(
            kind="request",
            at=self._state.now(),
            method=request.method,
            path=request.target,
            endpoint=request.endpoint,
            status=status,
            ms=round((time.perf_counter() - started) * 1000, 1),
            headers=dict(request.headers.items()),
            body=request.seen_body,
            answer=text,
            fault=request.fault,
            note=note,
        )


def _rule(path: str, methods: str, endpoint: Endpoint) -> Rule:
    rule = Rule(path, endpoint=endpoint)
    # Without the HEAD that Werkzeug adds to each GET: a task that is only looked at has not been read.
    rule.methods = set(methods.split())
    return rule


_UPLOAD = "/api/v1/files/upload"
#: Made once: that takes longer than to start a simulator. A slash too many is another path, not one to redirect from.
_URLS = Map(
    [
        _rule("/v1/videos/generations", "POST", Endpoint("create", lambda app: app.tasks.create, create_error)),
        _rule("/v1/tasks/batch", "POST", Endpoint("batch", lambda app: app.tasks.batch, task_error, is_simple=True)),
        _rule("/v1/tasks", "GET", Endpoint("list", lambda app: app.tasks.list_tasks, task_error, is_simple=True)),
        _rule("/v1/tasks/<task_id>", "GET", Endpoint("get", lambda app: app.tasks.get, task_error)),
        _rule("/v1/credits", "GET", Endpoint("credits", lambda app: app.tasks.credits, credits_error, is_simple=True)),
        _rule("/v1/models", "GET", Endpoint("models", lambda app: app.tasks.models, create_error, is_simple=True)),
        _rule(f"{_UPLOAD}/stream", "POST", Endpoint("upload", lambda app: app.files.upload_stream, file_error)),
        _rule(f"{_UPLOAD}/base64", "POST", Endpoint("upload", lambda app: app.files.upload_base64, file_error)),
        _rule(f"{_UPLOAD}/url", "POST", Endpoint("upload", lambda app: app.files.upload_url, file_error)),
        _rule("/api/v1/files/quota", "GET", Endpoint("quota", lambda app: app.files.quota, file_error)),
        _rule("/api/v1/files/download/<name>", "GET HEAD", Endpoint("file", lambda app: app.files.file)),
        _rule("/files/<path:name>", "GET HEAD", Endpoint("file", lambda app: app.files.file)),
        _rule("/results/<path:name>", "GET HEAD", Endpoint("result", lambda app: app.files.result)),
        _rule("/", "GET", Endpoint(_CONTROL, lambda app: app.control.dashboard)),
        _rule("/_simulator/<path:name>", "GET POST DELETE", Endpoint(_CONTROL, lambda app: app.control.handle)),
    ],
    merge_slashes=False,
).bind("simulator")
