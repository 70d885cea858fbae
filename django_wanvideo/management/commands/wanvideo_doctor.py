"""``manage.py wanvideo_doctor``: prove that this site can make videos."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand
from django.db import Error

from django_wanvideo.health import CHECKS, CheckResult, Level, holds, replay, run_checks

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "Proves settings, database, Pillow, storage, queue, workers, sweep, EvoLink's key, credits, the clock and the "
        "callback address, each by using it; costs nothing. Exits with 1 when something does not work. With --replay it "
        "checks stored histories instead."
    )
    # What the system checks say is one of the lines.
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--callback", action="store_true", help="also call CALLBACK_BASE_URL over HTTP, as EvoLink would"
        )
        parser.add_argument(
            "--skip", action="append", choices=sorted(CHECKS), default=[], help="leave a part out; repeatable"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--replay",
            action="store_true",
            help="instead of all that, replay every task's stored history and say where it breaks the rules of its life",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["replay"]:
            self._replay(as_json=options["json"])
            return
        results: list[CheckResult] = []
        for result in run_checks(skip=options["skip"], call_back=options["callback"]):
            results.append(result)
            if not options["json"]:
                self._print(result)
        bad = any(result.level == Level.ERROR for result in results)
        if options["json"]:
            report = {
                "ok": not bad,
                "checks": [asdict(result) for result in results],
                "holds": [] if "sending" in options["skip"] else self._holds(),
            }
            self.stdout.write(json.dumps(report, indent=2))
        if bad:
            sys.exit(1)

    def _replay(self, *, as_json: bool) -> None:
        """Write each problem as it is found, so that any number of tasks fits into memory."""
        counts = replay.Counts()
        if as_json:
            self.stdout.write('{"problems": [')
        for found in replay.stored_problems(counts):
            if as_json:
                self.stdout.write(f"{', ' if counts.problems > 1 else ''}{json.dumps(found.as_dict())}")
            else:
                self.stdout.write(self.style.ERROR(str(found)))
            self.stdout.flush()
        ok = not counts.problems
        if as_json:
            self.stdout.write(f'], "tasks": {counts.tasks}, "events": {counts.events}, "ok": {json.dumps(ok)}}}')
        else:
            paint = self.style.SUCCESS if ok else self.style.ERROR
            self.stdout.write(
                paint(f"{counts.events} events of {counts.tasks} tasks replayed, {counts.problems} problems found.")
            )
        if not ok:
            sys.exit(1)

    def _holds(self) -> list[dict[str, Any]]:
        try:
            return [report.as_dict() for report in holds.reports()]
        except Error:
            # The database has a check of its own.
            return []

    def _print(self, result: CheckResult) -> None:
        paint = {Level.OK: self.style.SUCCESS, Level.WARNING: self.style.WARNING, Level.ERROR: self.style.ERROR}
        self.stdout.write(f"{paint[result.level](f'{result.level.value:<4}')}  {result.name:<9} {result.message}")
        if result.hint:
            self.stdout.write(f"{'':16}{result.hint}")
        self.stdout.flush()
