"""One look of ours beside ``requests``: ``python -m benchmarks.look``.

Both ask the same loopback server for the same task over a pooled connection, round by round in turn. The floor is
``requests.Session.get`` with the key as a header, and its ``json()``. Ours is ``EvoLinkClient.get_task``: sent at most once,
bounded in time and size, no secret in any frame, the answer read into a snapshot. Best rounds are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from benchmarks.tables import Verdict, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOAL = 1.15
KEY = "sk-simulator"
TASK: dict[str, Any] = {
    "id": "task-unified-1757169743-7cvnl5zw",
    "object": "video.generation.task",
    "created": 1_757_169_743,
    "model": "wan2.6-image-to-video-flash",
    "status": "processing",
    "progress": 42,
    "type": "video",
    "task_info": {"can_cancel": True, "estimated_time": 120, "video_duration": 5},
    "usage": {"billing_rule": "per_second", "credits_reserved": 11.9, "user_group": "default"},
}


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.look", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=100, help="calls of each way in one round")
    parser.add_argument("--no-goal", action="store_true", help="print only; always leave with 0")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.serve:
        _serve()
        return 0
    with _server() as url:
        ways = {"requests.Session.get": _requests(url), "EvoLinkClient.get_task": _ours(url)}
        wall: dict[str, list[float]] = {name: [] for name in ways}
        cpu: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(-2, options.rounds):
            for name in ways if turn % 2 else reversed(ways):
                started, began = time.perf_counter(), time.thread_time()
                for _call in range(options.calls):
                    ways[name]()
                if turn >= 0:
                    wall[name].append(1e6 * (time.perf_counter() - started) / options.calls)
                    cpu[name].append(1e6 * (time.thread_time() - began) / options.calls)
    floor, own = ways
    ratio = min(wall[own]) / min(wall[floor])
    rows = [
        (
            name,
            f"{min(wall[name]):.0f}",
            f"{min(cpu[name]):.0f}",
            f"{min(wall[name]) / min(wall[floor]):.2f}",
            f"{min(cpu[name]) / min(cpu[floor]):.2f}",
        )
        for name in ways
    ]
    print(f"{options.rounds} rounds of {options.calls} calls each, the best of them\n")
    print(table(["one look", "µs", "of them CPU", "ratio", "ratio of CPU"], rows), "\n")
    verdict = Verdict(binding=not options.no_goal)
    verdict.no_more_than("a look by requests.Session.get", ratio, GOAL)
    return verdict.exit_code()


def _requests(url: str) -> Callable[[], object]:
    import requests

    session = requests.Session()
    headers = {"Authorization": f"Bearer {KEY}"}
    return lambda: session.get(f"{url}/v1/tasks/{TASK['id']}", headers=headers, timeout=(10, 60)).json()


def _ours(url: str) -> Callable[[], object]:
    from django_wanvideo.evolink.client import EvoLinkClient

    client = EvoLinkClient(KEY, base_url=url, files_url=url, allow_private_hosts=True)
    return lambda: client.get_task(TASK["id"])


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.look", "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError("The server did not start.")
            yield url
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _serve() -> None:
    """Answer every request on a connection with the same task, until the process's input ends."""
    body = json.dumps(TASK).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = head.encode() + body

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = b""
            while part := connection.recv(65536):
                request += part
                if request.endswith(b"\r\n\r\n"):
                    connection.sendall(answer)
                    request = b""

    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
