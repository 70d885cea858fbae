"""The site that a browser looks at: a web server in threads, an EvoLink, and on demand a worker and a sweep."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.test import override_settings

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.simulator import Simulator

ROOT = Path(__file__).resolve().parents[2]
#: The strictest policy that a site can have: nothing inline, nothing from elsewhere, no ``data:``, no ``blob:``.
POLICY = "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"


def strict_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that sends ``POLICY`` with every page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Content-Security-Policy"] = POLICY
        return response

    return middleware


class Site:
    """Where the site is, and the EvoLink that it talks to."""

    def __init__(self, url: str, simulator: Simulator) -> None:
        self.url = url
        self.simulator = simulator

    def assert_charged_once(self) -> None:
        """As the ledger's own check; two tests may well wish for the same video, so a task is what tells wishes apart."""
        self.simulator.ledger.assert_charged_once(intent=lambda entry: entry.callback_url)

    def be_forgotten(self) -> None:
        """Let EvoLink call back about nothing that it has now: in the next test these tasks would be strangers."""
        for task in list(self.simulator.tasks.values()):
            task.callback_url = None
        self.simulator.callbacks.wait_idle()


@contextmanager
def running_site() -> Iterator[Site]:
    """Serve the test site with a strict policy, beside a simulator that ends each task after half a second."""
    from pytest_django.live_server_helper import LiveServer

    from django_wanvideo.simulator import Simulator

    with ExitStack() as stack:
        # The handler reads the middleware when the server starts.
        with override_settings(MIDDLEWARE=["tests.browser.site.strict_policy", *settings.MIDDLEWARE]):
            server = LiveServer("127.0.0.1")
        stack.callback(server.stop)
        simulator = stack.enter_context(
            Simulator(api_key="sk-simulator", progression="seconds:0.5", small_videos=True, estimated_time=60)
        )
        wanvideo = {
            **settings.WANVIDEO,
            "API_KEY": "sk-simulator",
            "BASE_URL": simulator.api_url,
            "FILES_URL": simulator.files_url,
            "CALLBACK_BASE_URL": server.url,
            "ALLOW_PRIVATE_HOSTS": True,
        }
        stack.enter_context(override_settings(WANVIDEO=wanvideo, ALLOWED_HOSTS=["*"]))
        yield Site(server.url, simulator)


class Workers:
    """A worker and a sweep, as processes."""

    def __init__(self, start: Callable[..., subprocess.Popen[str]], log: IO[str]) -> None:
        self._start, self._log = start, log
        self.worker = start("rqworker", "wanvideo", "--skip-checks")
        self.sweep = start("wanvideo_sweep", "--loop", "1", "--skip-checks")

    def said(self) -> str:
        """Their last words."""
        self._log.seek(0)
        return self._log.read()[-4000:]

    def kill_worker(self) -> None:
        """Kill the worker and the process that does its job, and start another."""
        import django_rq
        from rq.registry import StartedJobRegistry

        children = Path(f"/proc/{self.worker.pid}/task/{self.worker.pid}/children").read_text().split()
        for pid in (self.worker.pid, *map(int, children)):
            os.kill(pid, signal.SIGKILL)
        self.worker.wait(10)
        # RQ would count its job as begun until the job's time is over.
        queue = django_rq.get_queue("wanvideo")
        queue.connection.delete(StartedJobRegistry(queue=queue).key)
        self.worker = self._start("rqworker", "wanvideo", "--skip-checks")


@contextmanager
def running_workers() -> Iterator[Workers]:
    """Run a worker and a sweep as processes, and wait until both are at work."""
    import django_rq
    from rq import Worker

    queue = django_rq.get_queue("wanvideo")
    queue.connection.flushdb()
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.browser.site_settings",
        "WANVIDEO_BROWSER_DATABASE": str(connection.settings_dict["NAME"]),
        "WANVIDEO_BROWSER_SITE": json.dumps(settings.WANVIDEO),
        "PYTHONPATH": str(ROOT),
    }
    env.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
    with ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile("w+"))
        workers = Workers(partial(_start, stack, log, env), log)

        def at_work() -> bool:
            ended = [child for child in (workers.worker, workers.sweep) if child.poll() is not None]
            assert not ended, f"A process ended by itself.\n{workers.said()}"
            return Worker.count(queue=queue) > 0

        wait_until(at_work, "a worker", detail=workers.said)
        yield workers


def wait_for_idle(seconds: float = 20) -> None:
    """Wait until no job is queued or being done, so that rows can be taken away."""
    import django_rq
    from rq.registry import StartedJobRegistry

    queue = django_rq.get_queue("wanvideo")
    started = StartedJobRegistry(queue=queue)
    wait_until(lambda: not queue.count and not started.get_job_ids(cleanup=False), "the end of all jobs", seconds)


def _start(stack: ExitStack, log: IO[str], env: dict[str, str], *command: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), *command],
        env=env,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def stop() -> None:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(10)

    stack.callback(stop)
    return child
