"""The run itself: everything started, tasks asked for, processes struck, then quiet, then a person's decisions."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.soak import plan
from benchmarks.soak.processes import Service
from benchmarks.soak.remote import Remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TICK = 0.1
#: No more is asked for while this many tasks are on their way: a slow machine gets fewer tasks, not an endless queue.
MOST_UNDER_WAY = 250
#: Seconds before a dead process is started again, as a supervisor would.
RESTART_PAUSE = 0.5
#: A small picture that EvoLink accepts, pixels.
PICTURE = (400, 400)


@dataclass
class Soak:
    """One run, and what is remembered of it."""

    seed: int
    seconds: float
    tasks: int
    settle: float
    intents: int = 0
    blows: dict[str, int] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    settled_after: list[float] = field(default_factory=list)

    def run(self, site: Site) -> bool:
        """Storm, quiet, decisions, quiet; returns whether everything came to rest in time.

        EvoLink goes on failing until all is quiet; only then does it work, for the person.
        """
        from benchmarks.soak import person

        self._storm(site)
        rested = self._rest(site)
        site.remote.no_more_faults()
        self.decided = person.decide(site.remote)
        return self._rest(site) and rested

    def _storm(self, site: Site) -> None:
        wishes = plan.wishes(self.seed, self.seconds, self.tasks)
        blows = plan.blows(self.seed, self.seconds)
        started = shown = time.monotonic()
        while (now := time.monotonic() - started) < self.seconds:
            while wishes and wishes[0].at <= now and _moving().count() < MOST_UNDER_WAY:
                _ask_for(wishes.pop(0))
                self.intents += 1
            while blows and blows[0].at <= now:
                self._strike(site, blows.pop(0))
            site.keep_alive()
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"{now:6.0f} s  {_standing()}", flush=True)
            time.sleep(TICK)

    def _strike(self, site: Site, blow: plan.Blow) -> None:
        if blow.victim == "valkey":
            site.restart_valkey()
        else:
            site.services[blow.victim].strike(blow.how)
        name = blow.victim.partition("-")[0]
        self.blows[name] = self.blows.get(name, 0) + 1

    def _rest(self, site: Site) -> bool:
        """Wait until nothing is under way any more; returns whether that was within ``settle`` seconds."""
        started = shown = time.monotonic()
        quiet = 0
        while quiet < 5 and time.monotonic() - started < self.settle:
            site.keep_alive()
            left = _under_way()
            quiet = 0 if left else quiet + 1
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f" quiet    {', '.join(f'{number} {name}' for name, number in left.items())}", flush=True)
            time.sleep(0.5)
        self.settled_after.append(time.monotonic() - started)
        return quiet >= 5


class Site:
    """Every process of the soaked site, and the simulator's controls."""

    def __init__(self, remote: Remote, folder: Path, port: int) -> None:
        from tests import engines, settings

        self.remote = remote
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

    def keep_alive(self) -> None:
        """Start again what has died."""
        for service in self.services.values():
            service.keep_alive(RESTART_PAUSE)

    def stop(self) -> None:
        """End everything."""
        for service in self.services.values():
            service.stop()
        self._engine.close()


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
        yield Remote(url)
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
    from benchmarks.site import running_site
    from tests.settings import free_port

    port = free_port()
    with evolink(seed, folder / "evolink") as remote:
        os.environ["WANVIDEO_SOAK_EVOLINK"] = remote.url
        os.environ["WANVIDEO_SOAK_SITE"] = f"http://127.0.0.1:{port}"
        with running_site("postgres", "benchmarks.soak.settings", valkey=False):
            site = Site(remote, folder, port)
            try:
                site.start()
                yield site
            finally:
                site.stop()


def _ask_for(wish: plan.Wish) -> None:
    from django_wanvideo.models import VideoTask

    frame = _picture() if wish.upload else "https://pictures.example/cat.png"
    task = VideoTask.objects.create_task(prompt=wish.prompt, first_frame=frame, duration=2, quality="720p")
    task.submit()


def _picture() -> Any:
    import io

    from django.core.files.base import ContentFile
    from PIL import Image

    target = io.BytesIO()
    Image.new("RGB", PICTURE, "teal").save(target, "JPEG")
    return ContentFile(target.getvalue(), name="picture.jpg")


def _moving() -> Any:
    from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
    from django_wanvideo.models import VideoTask

    return VideoTask.objects.filter(status__in=ACTIVE_STATUSES - {TaskStatus.UNCONFIRMED})


def _under_way() -> dict[str, int]:
    """What is still going on by itself, or waits to be told."""
    from django_wanvideo.choices import TaskStatus
    from django_wanvideo.models import CallbackReceipt, TaskEvent, VideoTask

    # An unconfirmed task rests once a person has been asked.
    waiting = VideoTask.objects.filter(status=TaskStatus.UNCONFIRMED, next_action_at__isnull=False)
    numbers = {
        "moving": _moving().count(),
        "to be asked about": waiting.count(),
        "callbacks to be read": CallbackReceipt.objects.filter(due_at__isnull=False).count(),
        "events to be told": TaskEvent.objects.filter(notify_at__isnull=False).count(),
    }
    return {name: number for name, number in numbers.items() if number}


def _standing() -> str:
    from django.db.models import Count

    from django_wanvideo.models import VideoTask

    rows = VideoTask.objects.order_by().values_list("status").annotate(n=Count("pk")).order_by("status")
    return ", ".join(f"{number} {status}" for status, number in rows)
