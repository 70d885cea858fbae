"""``manage.py wanvideo_doctor``: prove that this site can make videos."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand
from django.db import Error

from django_wanvideo.health import histories
from django_wanvideo.health import holds as hold_reports
from django_wanvideo.health.diagnosis import PROBES, Finding, Level, diagnose

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Look at every part of the site and say what to do about each that does not work."""

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
            "--skip", action="append", choices=sorted(PROBES), default=[], help="leave a part out; repeatable"
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
        findings: list[Finding] = []
        for finding in diagnose(skip=options["skip"], call_back=options["callback"]):
            findings.append(finding)
            if not options["json"]:
                self._print(finding)
        bad = any(finding.level == Level.FAIL for finding in findings)
        if options["json"]:
            holds = [] if "sending" in options["skip"] else self._holds()
            self.stdout.write(
                json.dumps(
                    {"ok": not bad, "findings": [finding.as_dict() for finding in findings], "holds": holds},
                    indent=2,
                )
            )
        if bad:
            sys.exit(1)

    def _replay(self, *, as_json: bool) -> None:
        """Write each problem as it is found, so that any number of tasks fits into memory."""
        counts = histories.Counts()
        if as_json:
            self.stdout.write('{"problems": [')
        for found in histories.problems(counts):
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
            return [report.as_dict() for report in hold_reports.reports()]
        except Error:
            # The database is a finding of its own.
            return []

    def _print(self, finding: Finding) -> None:
        paint = {Level.OK: self.style.SUCCESS, Level.WARN: self.style.WARNING, Level.FAIL: self.style.ERROR}
        self.stdout.write(f"{paint[finding.level](f'{finding.level.value:<4}')}  {finding.name:<9} {finding.message}")
        if finding.advice:
            self.stdout.write(f"{'':16}{finding.advice}")
        self.stdout.flush()
