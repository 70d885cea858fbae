"""``manage.py wanvideo_pause``: send nothing new to EvoLink until somebody resumes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from django_wanvideo.health import holds
from django_wanvideo.services.holds import pause

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "Pauses sending: nothing new goes to EvoLink until wanvideo_resume, whatever is queued meanwhile. Videos that "
        "EvoLink has accepted are followed, stored and told as ever."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", default="", help="what people are shown beside the pause")

    def handle(self, *args: Any, **options: Any) -> None:
        made = pause.pause(reason=options["reason"])
        self.stdout.write("Sending is paused." if made else "Sending was paused already.")
        for report in holds.reports():
            if report.hold.kind == "person":
                self.stdout.write(f"{report.waiting} tasks wait. Resume with: python manage.py wanvideo_resume")
