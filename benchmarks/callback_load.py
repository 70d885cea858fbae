"""A storm of callbacks at a real server: ``python -m benchmarks.callback_load``.

10,000 callbacks over 16 connections that are kept alive, to gunicorn with two processes on PostgreSQL. Each must be
answered with 200 and be there as a row afterwards; then one job, the one that a callback wakes, reads them all, each task
with a GET from the simulator. Time is what the client waits for an answer.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.looks import make_rows, wanvideo_settings
from benchmarks.provider import provider
from benchmarks.site import running_site
from benchmarks.tables import Verdict, table

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS, CLIENTS, SERVERS = 16, 2, 2
#: EvoLink calls back at most so often about one task.
CALLS_PER_TASK = 4
P99_GOAL = 250.0


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.callback_load", description=__doc__)
    parser.add_argument("--callbacks", type=int, default=10_000)
    parser.add_argument("--no-goal", action="store_true", help="print only; always leave with 0")
    parser.add_argument("--client", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.client:
        print(json.dumps(_call(options.client, json.load(sys.stdin))))
        return 0
    if importlib.util.find_spec("gunicorn") is None:
        print("gunicorn is not installed here: pip install --group bench")
        return 1
    with running_site("postgres"), provider(-(-options.callbacks // CALLS_PER_TASK)) as evolink:
        from django.test.utils import override_settings

        with override_settings(WANVIDEO={**wanvideo_settings(evolink), "CALLBACK_BASE_URL": "https://site.example"}):
            make_rows(evolink.task_ids)
            messages = _messages(options.callbacks)
            with _server() as port:
                _warm_up(port)
                began = time.perf_counter()
                waits, refused = _storm(port, messages)
                seconds = time.perf_counter() - began
            return _report(waits, refused, seconds, options)


def _messages(count: int) -> list[tuple[str, str]]:
    """Path and body of each callback, those about one task after each other."""
    from benchmarks.callback import message
    from django_wanvideo import callback_tokens
    from django_wanvideo.models import Attempt

    found = []
    for attempt in Attempt.objects.all():
        path = urlsplit(callback_tokens.url_for(attempt.pk)).path
        found += [(path, json.dumps({**message(), "id": attempt.provider_task_id}))] * CALLS_PER_TASK
    return found[:count]


@contextmanager
def _server() -> Iterator[int]:
    """Run gunicorn on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    threads = str(CONNECTIONS // SERVERS)
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "benchmarks.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--log-level",
        "warning",
    ]
    command += ["--workers", str(SERVERS), "--threads", str(2 * int(threads)), "--keep-alive", "60", "--timeout", "60"]
    # A control socket, where this version has one, would be kept outside of the run's own directory.
    with subprocess.Popen(command, env={**os.environ, "HOME": os.environ["WANVIDEO_TEST_DIR"]}) as process:
        try:
            yield port
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _warm_up(port: int) -> None:
    """Wait until the server answers, whatever it says."""
    deadline = time.monotonic() + 60
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("OPTIONS", "/", headers={"Host": "site.example"})
            connection.getresponse().read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _storm(port: int, messages: list[tuple[str, str]]) -> tuple[list[float], int]:
    """Let the clients send all; return milliseconds of each answer, and how many were not 200."""
    command = [sys.executable, "-m", "benchmarks.callback_load", "--client", str(port)]
    pipe = subprocess.PIPE
    clients = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _number in range(CLIENTS)]
    found: list[dict[str, Any]] = [{} for _client in clients]

    def run(number: int) -> None:
        output, _errors = clients[number].communicate(json.dumps(messages[number::CLIENTS]), timeout=600)
        found[number] = json.loads(output)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [wait for part in found for wait in part["waits"]], sum(part["refused"] for part in found)


def _call(port: int, messages: list[tuple[str, str]]) -> dict[str, Any]:
    waits: list[float] = []
    refused: list[int] = []
    left = iter(messages)
    line = threading.Lock()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Host": "site.example", "Content-Type": "application/json"}
        while True:
            with line:
                path, body = next(left, ("", ""))
            if not path:
                return
            began = time.perf_counter()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            waits.append(1000 * (time.perf_counter() - began))
            if answer.status != 200:
                refused.append(answer.status)

    threads = [threading.Thread(target=work) for _number in range(CONNECTIONS // CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"waits": waits, "refused": len(refused)}


def _report(waits: list[float], refused: int, seconds: float, options: argparse.Namespace) -> int:
    import django_rq

    from django_wanvideo import jobs
    from django_wanvideo.models import CallbackReceipt

    kept = CallbackReceipt.objects.count()
    woken = django_rq.get_queue("wanvideo").count
    began = time.perf_counter()
    jobs.sync()
    reading = time.perf_counter() - began
    unread = CallbackReceipt.objects.filter(process_at__isnull=False).count()
    shares = statistics.quantiles(waits, n=100)
    rows = [
        ("callbacks a second", f"{len(waits) / seconds:.0f}"),
        ("p50, ms", f"{shares[49]:.1f}"),
        ("p99, ms", f"{shares[98]:.1f}"),
        ("longest, ms", f"{max(waits):.1f}"),
        ("jobs woken by them", woken),
        ("seconds in which one job read them", f"{reading:.1f}"),
    ]
    print(f"{options.callbacks:,} callbacks, {CONNECTIONS} connections, {SERVERS} server processes\n")
    print(table(["", "measured"], rows), "\n")
    verdict = Verdict(binding=not options.no_goal)
    verdict.exactly("callbacks that were not answered with 200", refused, 0)
    verdict.exactly("callbacks kept", kept, options.callbacks)
    verdict.exactly("callbacks that the job left unread", unread, 0)
    verdict.below("p99", shares[98], P99_GOAL, "ms")
    return verdict.exit_code()


if __name__ == "__main__":
    sys.exit(main())
