"""Requests as the endpoints see them, and answers beyond Werkzeug's own."""

from __future__ import annotations

import json
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_wanvideo.simulator.provider.accounts import Account
    from django_wanvideo.simulator.provider.errors import ApiError

#: What comes out of a connection that its client has left.
CLIENT_LEFT = (ConnectionError, TimeoutError, ClientDisconnected)


class ApiRequest(Request):
    """A request, and what is found out about it while it is answered."""

    #: Bytes of a body at most; EvoLink documents no limit, its clients keep under 100 MB.
    max_content_length = 110 * 1024 * 1024

    #: Set once the key is known; endpoints without one do not look.
    account: Account
    api_key: str
    endpoint = "unknown"
    #: Seconds before the answer begins.
    delay = 0.0
    #: For the journal.
    fault: str | None = None
    note: str | None = None
    seen_body: Any = None
    is_logged = False
    #: Called when the exchange is over and the client does not know yet, and when the answer is out.
    before_answer: Callable[[], None] | None = None
    after_answer: Callable[[], None] | None = None

    @property
    def target(self) -> str:
        return str(self.environ["REQUEST_URI"])

    def header(self, name: str) -> str:
        return self.headers.get(name, "").strip()

    def read_json(self) -> Any:
        """The body as JSON; ValueError (also for invalid UTF-8 and endless nesting) when it is none."""
        try:
            return json.loads(self.get_data().decode("utf-8"))
        except RecursionError as error:
            raise ValueError("The JSON is nested too deeply.") from error


class Disconnect:
    """No answer: the connection is closed, or `reset`."""

    def __init__(self, *, reset: bool = False) -> None:
        self.reset = reset

    def __call__(self, environ: Mapping[str, Any], _start_response: object) -> NoReturn:
        connection: socket.socket = environ["werkzeug.socket"]
        if self.reset:
            # Closing with a linger time of zero sends RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        else:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("The simulator has ended the connection on purpose.")


Answer = Response | Disconnect


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    text = json.dumps(body, default=str)
    return Response(text, status, headers, content_type="application/json; charset=utf-8")


def html_response(text: str, status: int = 200) -> Response:
    return Response(text, status, mimetype="text/html")


def error_response(error: ApiError) -> Response:
    return json_response(error.body, error.status, error.headers)
