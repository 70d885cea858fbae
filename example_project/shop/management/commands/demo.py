"""``manage.py demo``: a whole site with all its engines, for a look or, with ``--once``, as a proof."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from example_project.demo import places
from example_project.demo.output import Printer, Stages
from example_project.demo.processes import ProcessGroup

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from types import FrameType


class Stopped(BaseException):
    """Somebody wants the demo to end."""


class Command(BaseCommand):
    help = (
        "Start simulator, Valkey, worker, sweep and web server, and show what they do until Ctrl-C. With --once, "
        "make one video without a browser, check it, and exit with 0 only if all of it is right. Never costs anything: "
        "EvoLink is the local simulator, whatever key is in the environment. DATABASE_URL and REDIS_URL are used if set."
    )
    # The first pass only chooses the environment; the checks are those of the site that it then starts.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=int, help="the web server's port (default: 8000 or a free one; --once: a free one)"
        )
        parser.add_argument(
            "--progression", help="how the simulator's tasks proceed (default: seconds:10; --once: seconds:2)"
        )
        parser.add_argument(
            "--data", type=Path, help="where its data lives (default: .demo; --once: a temporary place)"
        )
        parser.add_argument("--once", action="store_true", help="make and check one video, then stop")
        parser.add_argument("--image", type=Path, help="with --once: the first frame (default: a picture of a lake)")
        parser.add_argument("--prompt", default="The sun sets behind the mountains, slow zoom", help="with --once")
        parser.add_argument("--duration", type=int, default=5, help="with --once: seconds of video (default: 5)")
        parser.add_argument("--timeout", type=float, default=180, help="with --once: seconds that the video may take")
        parser.add_argument("--keep", action="store_true", help="with --once: keep the run's directory and name it")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["image"] and not options["image"].is_file():
            raise CommandError(f"There is no image file {options['image']}.")
        place = os.environ.get(places.MARKER)
        if place is None:
            self._start_over(options)
        else:
            self._run(Path(place), options)

    def _start_over(self, options: dict[str, Any]) -> None:
        """Replace this process by one whose settings come from the run's environment."""
        port = places.web_port(options["port"], once=options["once"])
        place = places.directory(options["data"], once=options["once"])
        env = places.environment(place, port)
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], env)  # noqa: S606 - our own command line

    def _run(self, place: Path, options: dict[str, Any]) -> None:
        def stop(number: int, frame: FrameType | None) -> None:
            raise Stopped(signal.Signals(number).name)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
        printer = Printer(sys.stdout)
        group = ProcessGroup(printer, quiet=options["once"] and options["verbosity"] < 2)
        code = 0
        try:
            with (place / "lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise CommandError(f"A demo is already running in {place}. Stop that one first.") from None
                if options["once"]:
                    code = self._once(group, place, Stages(printer), options)
                else:
                    self._show(group, place, printer, options)
        except Stopped as reason:
            # Being asked to end is a good end of the demo, but not of a proof.
            code = 130 if options["once"] else 0
            printer.line("demo", f"{reason}: stopping …")
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            group.stop()
            if options["once"]:
                if options["keep"] or options["data"]:
                    self.stdout.write(f"Kept: {place}")
                else:
                    shutil.rmtree(place, ignore_errors=True)
        if code:
            sys.exit(code)
        if not options["once"]:
            printer.line("demo", "all stopped")

    def _start(self, group: ProcessGroup, place: Path, options: dict[str, Any], progression: str) -> str:
        """Start everything and return the site's address."""
        from example_project.demo import site

        if os.environ.get("WANVIDEO_DEMO_VALKEY"):
            site.start_valkey(group, place)
        address = settings.WANVIDEO["CALLBACK_BASE_URL"]
        port = int(address.rsplit(":", 1)[1])
        site.start_site(group, port=port, progression=options["progression"] or progression)
        return address

    def _show(self, group: ProcessGroup, place: Path, printer: Printer, options: dict[str, Any]) -> None:
        from example_project.demo import site

        printer.line("demo", "preparing the database and starting everything …")
        site.prepare_data()
        password = "admin" if site.ensure_superuser("admin", "admin") else "(the one that you gave it)"
        address = self._start(group, place, options, "seconds:10")
        printer.line("demo", "")
        printer.line("demo", printer.paint(f"Open {address}/admin/", "bold"))
        printer.line("demo", f"User admin, password {password}. Ctrl-C stops everything.")
        printer.line("demo", "")
        while True:
            group.check()
            time.sleep(0.2)

    def _once(self, group: ProcessGroup, place: Path, stages: Stages, options: dict[str, Any]) -> int:
        from example_project.demo import headless, site

        username, password = f"demo-{secrets.token_hex(3)}", secrets.token_urlsafe(12)
        try:
            site.prepare_data()
            stages.done("database ready", settings.DATABASES["default"]["ENGINE"].rsplit(".", 1)[1])
            address = self._start(group, place, options, "seconds:2")
            stages.done("site started", address)
            wish = headless.Wish(
                image=options["image"] or site.SAMPLE,
                prompt=options["prompt"],
                duration=options["duration"],
            )
            site.ensure_superuser(username, password)
            try:
                headless.Run(address, group, stages, timeout=options["timeout"]).make(wish, username, password)
            finally:
                site.remove_superuser(username)
        except (headless.ProofFailed, CommandError, DatabaseError) as error:
            stages.failed(str(error))
            if isinstance(error, headless.ProofFailed):
                for child in group.children:
                    self.stderr.write(group.tail(child).removeprefix("\n"))
            return 1
        stages.finished()
        return 0
