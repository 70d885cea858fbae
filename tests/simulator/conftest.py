"""A simulator per test, and a client that knows HTTP and nothing of this package."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import requests

from django_wanvideo.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FLASH = "wan2.6-image-to-video-flash"


@dataclass
class Client:
    """EvoLink by plain HTTP calls."""

    sim: Simulator
    session: requests.Session = field(default_factory=requests.Session)
    key: str | None = None
    timeout: float = 10.0

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key or self.sim.api_key}"} | options.pop("headers", {})
        options = {"timeout": self.timeout, "allow_redirects": False} | options
        return self.session.request(method, self.sim.url + path, headers=headers, **options)

    def body(self, **values: Any) -> dict[str, Any]:
        """A valid request, changed by `values`; a value of `...` leaves a field out."""
        body = {
            "model": FLASH,
            "prompt": "A cat plays the piano",
            "image_urls": ["https://pictures.example.com/cat.jpg"],
            "duration": 5,
        } | values
        return {name: value for name, value in body.items() if value is not ...}

    def post(self, key: str | None = None, **values: Any) -> requests.Response:
        headers = {"Idempotency-Key": key} if key is not None else {}
        return self.call("POST", "/v1/videos/generations", json=self.body(**values), headers=headers)

    def create(self, key: str | None = None, **values: Any) -> str:
        """Create a task and return its id."""
        answer = self.post(key, **values)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def get(self, task_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"/v1/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def upload(self, data: bytes, name: str = "cat.jpg", **form: str) -> requests.Response:
        return self.call("POST", "/api/v1/files/upload/stream", files={"file": (name, data)}, data=form)

    def uploaded(self, data: bytes, **form: str) -> str:
        """Upload a picture and return its URL."""
        answer = self.upload(data, **form)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["file_url"]


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Starts simulators with the given options; all are stopped after the test."""
    with ExitStack() as stack:

        def run(**options: Any) -> Client:
            options = {"small_videos": True, "callback_time_scale": 0.01} | options
            client = Client(stack.enter_context(Simulator(**options)))
            stack.callback(client.session.close)
            return client

        yield run


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    """A client of a simulator whose tasks end immediately."""
    return start()


class Receiver:
    """A site that gets callbacks: answers with the statuses in `statuses`, then with 200."""

    def __init__(self) -> None:
        self.statuses: deque[int] = deque()
        self.bodies: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.location: str | None = None
        self.before_answer: Callable[[], None] = lambda: None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    body = json.loads(data)
                except ValueError:
                    body = data
                receiver.headers.append(dict(self.headers.items()) | {":path": self.path})
                receiver.bodies.append(body)
                receiver.before_answer()
                self.send_response(receiver.statuses.popleft() if receiver.statuses else 200)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path: str = "/done") -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running receiver of callbacks."""
    running = Receiver()
    yield running
    running.close()
