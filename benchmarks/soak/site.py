"""Every process of the soaked site: started, kept alive, and gone at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from benchmarks.soak import plan, trouble
from benchmarks.soak.database import Postgres
from benchmarks.soak.processes import Service
from benchmarks.soak.remote import Remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Seconds before a dead process is started again, as a supervisor would.
RESTART_PAUSE = 0.5


class Site:
    """The site's processes, its engines, and the simulator's controls."""

    def __init__(self, remote: Remote, database: Postgres, folder: Path, port: int) -> None:
        from tests import engines, settings

        self.remote = remote
        self.database = database
        self.folder = folder
        self._port = port
        self._valkey: Callable[[], Any] = lambda: engines.valkey_server(settings.VALKEY_PORT, folder / "valkey")
        self._engine = ExitStack()
        run = ["-m", "django"]
        commands = {
            "worker-1": [*run, "rqworker", "wanvideo", "-v", "0"],
            # The second one works without forking, so that killing it is killing the work as well.
            "worker-2": [*run, "rqworker", "wanvideo", "-v", "0", "--worker-class", "rq.worker.SimpleWorker"],
            "web": [*run, "runserver", "--noreload", "--skip-checks", f"127.0.0.1:{port}"],
            "sweep": [*run, "wanvideo_sweep", "--loop", "1", "-v", "0"],
        }
        self.services = {
            name: Service(name, command, folder / f"{name}.log", forks=name == "worker-1")
            for name, command in commands.items()
        }

    @property
    def struck(self) -> set[int]:
        """Ids of all processes that were ended or stopped in the middle of their work."""
        return set().union(*(service.struck for service in self.services.values()))

    def start(self) -> None:
        """Start everything and wait until it works. RuntimeError when it does not within a minute."""
        self._engine.enter_context(self._valkey())
        for service in self.services.values():
            service.start()
        deadline = time.monotonic() + 60
        while not self._works():
            if time.monotonic() > deadline:
                raise RuntimeError("The site did not start; run with --logs FOLDER to see why.")
            time.sleep(0.2)

    def _works(self) -> bool:
        import django_rq
        from rq import Worker

        from django_wanvideo.models import SiteState

        try:
            socket.create_connection(("127.0.0.1", self._port), 1).close()
        except OSError:
            return False
        return SiteState.objects.exists() and Worker.count(django_rq.get_connection("wanvideo")) == 2

    def restart_valkey(self) -> None:
        """Stop Valkey, with all that it held, and start an empty one."""
        self._engine.close()
        time.sleep(plan.VALKEY_AWAY)
        self._engine.enter_context(self._valkey())

    def restart_database(self) -> None:
        """Kill PostgreSQL and start it again."""
        self.database.kill()
        self.database.start()
        forget_connections()

    def keep_alive(self) -> None:
        """Start again what has died."""
        for service in self.services.values():
            service.keep_alive(RESTART_PAUSE)

    def stop(self) -> None:
        """End everything."""
        for service in self.services.values():
            service.stop()
        self._engine.close()


def forget_connections() -> None:
    """Close this process's connections to the database: what they lead to is gone."""
    from django.db import connections

    connections.close_all()


@contextmanager
def evolink(seed: int, folder: Path) -> Iterator[Remote]:
    """Run the simulator in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.soak.evolink", str(seed), str(folder)]
    with (folder / "evolink.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError("The simulator did not start.")
        yield Remote(url, seed)
    finally:
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        process.stdout.close()


@contextmanager
def running(seed: int, folder: Path) -> Iterator[Site]:
    """Run the whole site on PostgreSQL; its processes, its engines and its files end with the block."""
    # Before the settings are read for the first time.
    os.environ["WANVIDEO_TEST_DATABASE"] = "postgres"
    os.environ[trouble.FOLDER] = str(folder)
    from benchmarks.site import running_site
    from tests import settings

    port = settings.free_port()
    trouble.say({})
    with evolink(seed, folder / "evolink") as remote:
        os.environ["WANVIDEO_SOAK_EVOLINK"] = remote.url
        os.environ["WANVIDEO_SOAK_SITE"] = f"http://127.0.0.1:{port}"
        database = Postgres(settings.POSTGRES_DIR)
        with running_site("postgres", "benchmarks.soak.settings", valkey=False, server=database):
            site = Site(remote, database, folder, port)
            try:
                site.start()
                yield site
            finally:
                site.stop()
